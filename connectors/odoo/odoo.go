// Package odoo connects Odoo 19 by its JSON-2 API: companies and contacts, leads and opportunities, quotations and
// customer invoices, and writes own fields of the first two.
//
// It does not map records, calls no other methods than those that read, write and describe, and knows nothing of the
// older XML-RPC.
package odoo

import (
	"context"
	_ "embed"
	"slices"
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
		Name:     "odoo",
		Title:    "Odoo",
		Category: "crm",
		Doc: "Companies, contacts, leads, opportunities, quotations and customer invoices of one Odoo 19 database, hosted by " +
			"whomever. Needs an API key of a user who may read Contacts, CRM, Sales and Invoicing; writing back needs the right " +
			"to change contacts and opportunities, and creating the fields the right Administration: Settings.",
		Settings: []connectors.Setting{
			{Name: "base_url", Title: "Address", Required: true, Doc: "As in https://acme.odoo.com or https://odoo.example.com."},
			{Name: "api_key", Title: "API key", Secret: true, Required: true,
				Doc: "In Odoo: Preferences, Account Security, New API Key, best of a user of its own. It ends after three months at the latest."},
			{Name: "database", Title: "Database", Doc: "Only needed where one server has several."},
			{Name: "requests_per_second", Title: "Requests per second", Default: "2", Doc: "How many requests Hub may make in a second."},
			{Name: "page_size", Title: "Records per page", Default: "200", Doc: "1 to 2000. Smaller ones where the server is slow or breaks off."},
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, nil)
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		inner, err := open(ctx, s, env)
		if err != nil {
			return nil, err
		}
		base, ok := inner.(*rest.Conn)
		if !ok {
			return nil, canon.Errorf("internal", "odoo is not opened by the engine")
		}
		c := &conn{Conn: base, connection: env.Connection, now: env.Now, known: map[string]described{}}
		if c.now == nil {
			c.now = time.Now
		}
		size := s["page_size"]
		if size == "" {
			size = "200"
		}
		if c.pageSize, err = strconv.Atoi(size); err != nil || c.pageSize < 1 || c.pageSize > 2000 {
			return nil, canon.Errorf("settings.page_size", "page_size of connection %s is %q", env.Connection, size).
				WithHint("Write a number from 1 to 2000.")
		}
		return c, nil
	}
	return def
}

// conn is one database.
type conn struct {
	*rest.Conn
	connection string
	now        func() time.Time
	pageSize   int

	mu    sync.Mutex
	known map[string]described
}

var (
	_ connectors.Describer = (*conn)(nil)
	_ connectors.Readable  = (*conn)(nil)
	_ connectors.Pusher    = (*conn)(nil)
	_ connectors.Preparer  = (*conn)(nil)
)

// object is what a stream is in Odoo.
type object struct {
	model  string
	domain []any
	// fields are read where the database has them; own fields of the database are read besides.
	fields []string
}

// objectOf finds the object of a stream.
func objectOf(stream string) (object, error) {
	all := map[string]object{
		"partners": {"res.partner", nil, []string{"name", "display_name", "active", "is_company", "partner_share", "type", "parent_id", "commercial_partner_id",
			"email", "phone", "mobile", "function", "website", "vat", "company_registry", "ref", "city", "zip", "state_id", "country_id", "lang", "industry_id", "user_id",
			"customer_rank", "create_date", "write_date"}},
		"leads": {"crm.lead", nil, []string{"name", "active", "type", "partner_id", "partner_name", "contact_name", "email_from", "phone", "stage_id", "team_id",
			"user_id", "won_status", "probability", "expected_revenue", "recurring_revenue", "company_currency", "date_open", "date_closed", "date_deadline",
			"lost_reason_id", "source_id", "create_date", "write_date"}},
		"orders": {"sale.order", nil, []string{"name", "state", "partner_id", "opportunity_id", "amount_untaxed", "amount_total", "currency_id", "date_order",
			"validity_date", "signed_on", "user_id", "create_date", "write_date"}},
		"invoices": {"account.move", []any{[]any{"move_type", "in", []string{"out_invoice", "out_refund"}}}, []string{"name", "move_type", "state",
			"payment_state", "partner_id", "commercial_partner_id", "amount_total", "amount_residual", "currency_id", "invoice_date", "invoice_date_due",
			"invoice_origin", "reversed_entry_id", "ref", "create_date", "write_date"}},
	}
	o, ok := all[stream]
	if !ok {
		return o, canon.Errorf("stream.unknown", "connector odoo has no stream %q", stream).
			WithHint("The streams are listed on the connector's page.")
	}
	return o, nil
}

// Reading tells how a stream is read.
func (c *conn) Reading(stream string) connectors.Reading {
	if _, err := objectOf(stream); err != nil {
		return connectors.Reading{}
	}
	r := connectors.Reading{Incremental: true, Fields: true, Deletes: []string{"what a full list no longer holds"}}
	if stream == "partners" || stream == "leads" {
		r.Deletes = slices.Insert(r.Deletes, 0, "marked in the list")
	}
	return r
}
