// Package attio connects Attio: companies, people and deals, read only.
//
// It does not map records, and reads no lists, notes, tasks or objects that a workspace made itself.
package attio

import (
	"context"
	_ "embed"
	"slices"
	"strconv"
	"strings"
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
		Name:     "attio",
		Title:    "Attio",
		Category: "crm",
		Doc: "Companies, people and deals of one Attio workspace, with the attributes that it added. Needs an access token with the " +
			"scopes record_permission:read and object_configuration:read.",
		Settings: settings(),
		Hook: &connectors.Hook{
			Scheme: "attio", Secret: "hook_secret",
			Doc: "In Attio: Workspace settings, Developers, Webhooks, or by the API. One for each object, with the events record.created, record.updated, " +
				"record.deleted and record.merged, filtered by id.object_id; the address ends in /companies, /people or /deals.",
		},
		Mapping:  mapping,
		Behavior: behavior,
	}, spec, func(c *rest.Conn) connectors.Conn { return &conn{Conn: c} })
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		opened, err := open(ctx, s, env)
		if err != nil {
			return nil, err
		}
		if c, ok := opened.(*conn); ok {
			err = c.configure(s, env)
		}
		return opened, err
	}
	return def
}

func settings() []connectors.Setting {
	return []connectors.Setting{
		{Name: "token", Title: "Access token", Secret: true,
			Doc: "In Attio: Workspace settings, Developers, Access tokens. Leave it empty with an app."},
		{Name: "client_id", Title: "Client ID", Doc: "Of the app in Attio's developer settings; then run hub connect."},
		{Name: "client_secret", Title: "Client secret", Secret: true, Doc: "Of the app."},
		{Name: "won_stages", Title: "Stages of won deals", Default: "Won, Won 🎉", Doc: "Their titles, with commas between."},
		{Name: "lost_stages", Title: "Stages of lost deals", Default: "Lost", Doc: "Their titles, with commas between."},
		{Name: "requests_per_second", Title: "Requests per second", Default: "20",
			Doc: "How many requests Hub may make in a second. Attio allows 100 that read."},
		{Name: "page_size", Title: "Records per page", Default: "500", Doc: "1 to 500."},
		{Name: "base_url", Title: "API address", Default: "https://api.attio.com", Doc: "Leave as it is, unless requests go through a gateway."},
		{Name: "token_url", Title: "Token address", Default: "https://app.attio.com/oauth/token", Doc: "Leave as it is, unless requests go through a gateway."},
		{Name: "hook_secret", Title: "Webhook secret", Secret: true,
			Doc: "Attio shows it with each webhook. Several, with spaces between, where each object has its own webhook."},
	}
}

// conn is one workspace.
type conn struct {
	*rest.Conn
	connection string
	now        func() time.Time
	pageSize   int
	// meaning is what a stage's title stands for.
	meaning map[string]string

	mu    sync.Mutex
	known map[string]attributes
}

var (
	_ connectors.Fetcher   = (*conn)(nil)
	_ connectors.Receiver  = (*conn)(nil)
	_ connectors.Describer = (*conn)(nil)
	_ connectors.Readable  = (*conn)(nil)
)

func (c *conn) configure(s connectors.Settings, env connectors.Env) error {
	c.connection, c.now, c.meaning, c.pageSize = env.Connection, env.Now, map[string]string{}, maxPage
	if text := s["page_size"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return canon.Errorf("settings.page_size", "connection %s has %q records per page", env.Connection, text).WithHint("Set page_size to a number from 1 to 500.")
		}
		c.pageSize = n
	}
	if c.now == nil {
		c.now = time.Now
	}
	for _, d := range settings() {
		status, ok := map[string]string{"won_stages": "won", "lost_stages": "lost"}[d.Name]
		if !ok {
			continue
		}
		titles := s[d.Name]
		if titles == "" {
			titles = d.Default
		}
		for title := range strings.SplitSeq(titles, ",") {
			c.meaning[strings.TrimSpace(title)] = status
		}
	}
	return nil
}

// Reading tells how a stream is read.
func (c *conn) Reading(stream string) connectors.Reading {
	r := c.Conn.Reading(stream)
	r.Incremental, r.Deletes, r.Merges = true, []string{"what a full list no longer holds", "webhooks"}, true
	return r
}

// Fetch reads single records, as rest.Conn does, and adds what Hub makes of them.
func (c *conn) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	page, err := c.Conn.Fetch(ctx, stream, ids)
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.explain(ctx, stream, page.Records)
}

// Pull reads the page at from. Its errors are those of rest.Conn.
func (c *conn) Pull(ctx context.Context, stream string, from canon.Cursor) (connectors.Page, error) {
	if !slices.ContainsFunc(c.Streams(), func(st connectors.Stream) bool { return st.Name == stream }) {
		return connectors.Page{}, canon.Errorf("stream.unknown", "connector attio has no stream %q", stream).
			WithHint("The streams are listed on the connector's page.")
	}
	page, err := c.pull(ctx, stream, from)
	if err != nil {
		return connectors.Page{}, err
	}
	return page, c.explain(ctx, stream, page.Records)
}
