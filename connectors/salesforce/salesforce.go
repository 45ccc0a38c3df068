// Package salesforce connects Salesforce: accounts, contacts, leads, opportunities with their contact roles and
// history, quotes, cases, users, tasks and events, with the fields that an org added.
//
// The engine of connectors/rest carries the calls; this package writes the SOQL, as fields are known only when an
// org is asked. It does not map records and writes nothing into an org.
package salesforce

import (
	"context"
	_ "embed"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
)

var (
	//go:embed connector.yaml
	spec []byte
	//go:embed mapping.yaml
	mapping []byte
	//go:embed BEHAVIOR.md
	behavior string
)

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	def := rest.Define(connectors.Definition{
		Name:     "salesforce",
		Title:    "Salesforce",
		Category: "crm",
		Doc: "Accounts, contacts, leads, opportunities, quotes, cases, users, tasks and events of one Salesforce org, with the " +
			"fields that the org added. Needs a user with API access who may read these objects, best one with the " +
			"permission View All Data, and a connected app (or a session id for a trial).",
		Settings: settings(),
		Mapping:  mapping,
		Behavior: behavior,
		Hook: &connectors.Hook{
			Scheme: "salesforce_outbound",
			Doc: "In Salesforce: Setup, Outbound Messages, one per object, sent by a record-triggered flow; the field Id is enough. " +
				"Leave Send Session ID off. Salesforce signs nothing: Hub takes a message as a hint and reads the record itself.",
		},
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		return connect(ctx, s, env, open)
	}
	return def
}

func settings() []connectors.Setting {
	return []connectors.Setting{
		{Name: "instance_url", Title: "Address of the org",
			Doc: "Such as https://acme.my.salesforce.com. Needed with a session id; with a connected app Salesforce tells it."},
		{Name: "login_url", Title: "Address for logging in", Default: "https://login.salesforce.com",
			Doc: "https://test.salesforce.com for sandboxes, or the org's own address."},
		{Name: "token", Title: "Session id or access token", Secret: true,
			Doc: "For trials: it ends with the session. Leave empty with a connected app."},
		{Name: "client_id", Title: "Consumer key", Doc: "Of the connected app: Setup, App Manager, View."},
		{Name: "client_secret", Title: "Consumer secret", Secret: true, Doc: "Of the connected app."},
		{Name: "username", Title: "User for the JWT flow", Doc: "The user whom the connected app acts for, where a private key is set."},
		{Name: "private_key", Title: "Private key for the JWT flow", Secret: true,
			Doc: "PEM, whose certificate was uploaded to the connected app. Without it, and with neither of the next two, the client credentials flow is used."},
		{Name: "refresh_token", Title: "Refresh token", Secret: true, Doc: "Of a login that was made elsewhere."},
		{Name: "authorize", Title: "Let a person log in", Doc: "yes: connect by hub connect, where a person logs in at Salesforce."},
		{Name: "organization_id", Title: "Organization ID",
			Doc: "Of Setup, Company Information, 15 or 18 characters. Outbound messages of another org are refused."},
		{Name: "api_version", Title: "API version", Default: "62.0", Doc: "Any from 53.0 on."},
		{Name: "currency", Title: "Currency of the org", Default: "USD",
			Doc: "For orgs with one currency, which do not tell it with their records."},
		{Name: "page_size", Title: "Records per page", Default: "2000", Doc: "200 to 2000."},
		{Name: "bulk_above", Title: "Bulk API from so many records", Default: "20000",
			Doc: "A first reading of more records uses a query job of Bulk API 2.0. 0 for always, never for never."},
		{Name: "full_every", Title: "Read everything again every", Default: "168h",
			Doc: "Finds what changed or vanished without a trace, such as by a change of sharing rules."},
		{Name: "formula_fields", Title: "Read formula fields", Default: "no",
			Doc: "yes: also fields that Salesforce computes. They change without their record changing, so they are as old as the record's last change."},
		{Name: "requests_per_second", Title: "Requests per second", Default: "10", Doc: "How many requests Hub may make in a second."},
		{Name: "daily_requests", Title: "Requests per day", Default: "100000",
			Doc: "The org's daily allowance until Salesforce has told it with its first answer."},
		{Name: "reserve", Title: "Share of the day's requests to leave", Default: "10%",
			Doc: "What of the daily allowance reading leaves to others in the org."},
	}
}

// conn is one org.
type conn struct {
	*rest.Conn
	base       string // of every path, "/services/data/v62.0"
	connection string
	org        string
	currency   string
	pageSize   string
	bulkAbove  int64 // -1 for never
	fullEvery  time.Duration
	formulas   bool
	now        func() time.Time
	log        *slog.Logger

	mu     sync.Mutex
	shapes map[string]shape
}

var (
	_ connectors.Fetcher   = (*conn)(nil)
	_ connectors.Receiver  = (*conn)(nil)
	_ connectors.Describer = (*conn)(nil)
)

type opener func(context.Context, connectors.Settings, connectors.Env) (connectors.Conn, error)

func connect(ctx context.Context, given connectors.Settings, env connectors.Env, open opener) (connectors.Conn, error) {
	s := connectors.Settings{}
	for _, d := range settings() {
		if s[d.Name] = given[d.Name]; s[d.Name] == "" {
			s[d.Name] = d.Default
		}
	}
	if s["instance_url"] == "" {
		if s["token"] != "" {
			return nil, canon.Errorf("settings.missing", "connection %s has no instance_url", env.Connection).
				WithHint("Set it to the address of the org, such as https://acme.my.salesforce.com.")
		}
		s["instance_url"] = s["login_url"]
	}
	c := &conn{
		base: "/services/data/v" + s["api_version"], connection: env.Connection, org: long(s["organization_id"]), currency: s["currency"],
		pageSize: s["page_size"], formulas: s["formula_fields"] == "yes", now: env.Now, log: env.Log, shapes: map[string]shape{},
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := c.read(s); err != nil {
		return nil, err
	}
	inner, err := open(ctx, s, env)
	if err != nil {
		return nil, err
	}
	carrier, ok := inner.(*rest.Conn)
	if !ok {
		return nil, canon.Errorf("internal", "the engine opened a %T", inner)
	}
	c.Conn = carrier
	return c, nil
}

// read takes in the settings that are no texts.
func (c *conn) read(s connectors.Settings) error {
	wrong := func(name, want string) error {
		return canon.Errorf("settings.invalid", "the setting %s of connection %s is %q", name, c.connection, s[name]).WithHint("Write %s.", want)
	}
	if v, err := strconv.ParseFloat(s["api_version"], 64); err != nil || v < 53 || v > 999 {
		return wrong("api_version", "a version from 53.0 on, such as 62.0")
	}
	if n, err := strconv.Atoi(s["page_size"]); err != nil || n < 200 || n > 2000 {
		return wrong("page_size", "a number from 200 to 2000")
	}
	c.bulkAbove = -1
	if s["bulk_above"] != "never" {
		n, err := strconv.ParseInt(s["bulk_above"], 10, 64)
		if err != nil || n < 0 {
			return wrong("bulk_above", "a number of records, or never")
		}
		c.bulkAbove = n
	}
	every, err := time.ParseDuration(s["full_every"])
	if err != nil || every < time.Hour {
		return wrong("full_every", "a duration of an hour or more, such as 168h")
	}
	c.fullEvery = every
	return nil
}

// object is what Salesforce calls the records of a stream.
type object struct {
	stream, name string
	// related are lists about the object's records that are read along.
	related []relation
}

// relation is a list of another object whose records belong to one of ours.
type relation struct {
	member, object, parent string
	columns                []column
	// touches says that its changes leave the parent's modification time alone; all reads its deleted records
	// too, for their modification times.
	touches bool
}

func objects() []object {
	return []object{
		{stream: "users", name: "User"},
		{stream: "accounts", name: "Account"},
		{stream: "contacts", name: "Contact"},
		{stream: "leads", name: "Lead"},
		{stream: "opportunities", name: "Opportunity", related: []relation{
			{member: "OpportunityContactRoles", object: "OpportunityContactRole", parent: "OpportunityId", touches: true, columns: []column{
				{name: "Id", kind: "id"}, {name: "OpportunityId", kind: "reference"}, {name: "ContactId", kind: "reference"}, {name: "Role", kind: "picklist"},
				{name: "IsPrimary", kind: "boolean"}, {name: "IsDeleted", kind: "boolean"}, {name: "SystemModstamp", kind: "datetime"}}},
			{member: "OpportunityHistories", object: "OpportunityHistory", parent: "OpportunityId", columns: []column{
				{name: "Id", kind: "id"}, {name: "OpportunityId", kind: "reference"}, {name: "StageName", kind: "picklist"}, {name: "Amount", kind: "currency"},
				{name: "CloseDate", kind: "date"}, {name: "Probability", kind: "percent"}, {name: "CreatedDate", kind: "datetime"},
				{name: "IsDeleted", kind: "boolean"}, {name: "SystemModstamp", kind: "datetime"}}},
		}},
		{stream: "quotes", name: "Quote"},
		{stream: "cases", name: "Case"},
		{stream: "tasks", name: "Task"},
		{stream: "events", name: "Event"},
	}
}

func objectOf(stream string) (object, error) {
	for _, o := range objects() {
		if o.stream == stream {
			return o, nil
		}
	}
	return object{}, canon.Errorf("stream.unknown", "connector salesforce has no stream %q", stream).
		WithHint("The streams are listed on the connector's page.")
}
