package api

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// connection is one account at a vendor with all of its streams.
type connection struct {
	Name      string `json:"name" doc:"The name in hub.yaml"`
	Connector string `json:"connector"`
	Title     string `json:"title" doc:"What people call the vendor"`
	Category  string `json:"category,omitempty" doc:"crm, billing, support, usage or file"`
	Status    string `json:"status" doc:"The worst of its streams: failed, pulling, never or ok"`
	// Held, Changed and DeadLetters are sums over the streams.
	Held        int64               `json:"held" doc:"Distinct records held"`
	Changed     int64               `json:"changed" doc:"Records that differed from what was known"`
	DeadLetters int64               `json:"dead_letters"`
	Streams     []canon.StreamState `json:"streams"`
	Budgets     []Budget            `json:"budgets,omitempty" doc:"What the vendor allows, and what waits for it"`
	TokenEnds   time.Time           `json:"token_ends,omitzero" doc:"When the token in use ends; it is renewed before where it can be"`
}

type connectionsAnswer struct {
	Connections []connection `json:"connections"`
}

type deadLettersInput struct {
	Connection string `query:"connection" maxLength:"200" doc:"Only those of this connection"`
	After      string `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most dead letters to return"`
}

type deadLettersAnswer struct {
	DeadLetters []canon.DeadLetter `json:"dead_letters" doc:"Newest first"`
	Next        string             `json:"next,omitempty" doc:"Token of the next page; absent on the last one"`
}

func (s *server) sourceRoutes(api huma.API) {
	huma.Register(api, route("list-connections", "/connections", "Sources", "List connections and the state of their streams", ""), s.connections)
	huma.Register(api, route("list-deadletters", "/deadletters", "Sources", "List inputs that could not be used",
		"Each with its reason and what to do. They are kept until a replay succeeds."), s.deadLetters)
}

func (s *server) connections(ctx context.Context, _ *struct{}) (*body[connectionsAnswer], error) {
	states, err := s.Reader.Streams(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	byName := map[string]*connection{}
	for _, st := range states {
		c := byName[st.Connection]
		if c == nil {
			d := s.titles[st.Connector]
			c = &connection{Name: st.Connection, Connector: st.Connector, Title: cmp.Or(d.Title, st.Connector), Category: d.Category, Status: "ok"}
			byName[st.Connection] = c
		}
		c.Streams = append(c.Streams, st)
		c.Held, c.Changed, c.DeadLetters = c.Held+st.Held, c.Changed+st.Changed, c.DeadLetters+st.DeadLetters
		c.Status = worse(c.Status, st.Status)
	}
	out := make([]connection, 0, len(byName))
	var flows map[string]Flow
	if s.Flows != nil {
		flows = s.Flows(ctx)
	}
	for _, c := range byName {
		c.Budgets, c.TokenEnds = flows[c.Name].Budgets, flows[c.Name].TokenEnds
		slices.SortFunc(c.Streams, func(a, b canon.StreamState) int { return strings.Compare(a.Stream, b.Stream) })
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b connection) int { return strings.Compare(a.Name, b.Name) })
	return answer(connectionsAnswer{Connections: out}), nil
}

// worse returns the status that a person should hear of first.
func worse(a, b string) string {
	order := []string{"failed", "pulling", "never", "ok"}
	if slices.Index(order, b) < slices.Index(order, a) {
		return b
	}
	return a
}

func (s *server) deadLetters(ctx context.Context, in *deadLettersInput) (*body[deadLettersAnswer], error) {
	letters, next, err := s.Reader.DeadLetters(ctx, in.Connection, in.After, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(deadLettersAnswer{DeadLetters: list(letters), Next: next}), nil
}
