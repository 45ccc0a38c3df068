package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/connectors"
)

// powers is what a connector can do, as far as it tells before it is connected.
type powers struct {
	Name     string `json:"name"`
	Title    string `json:"title"`
	Category string `json:"category"`
	// Own is the folder of a connector that does not come with Hub.
	Own string `json:"own,omitempty"`
	// Reads is "incremental", "full", "some incremental" or "as configured"; it is "calls" where records come by webhook alone.
	Reads   string   `json:"reads"`
	Deletes []string `json:"deletes"`
	Merges  bool     `json:"merges"`
	Push    bool     `json:"push"`
	// Webhooks is the signature scheme of the vendor's calls, "" where there are none.
	Webhooks string        `json:"webhooks,omitempty"`
	Fetch    bool          `json:"fetch"`
	Fields   bool          `json:"fields"`
	OAuth    bool          `json:"oauth"`
	Mapping  bool          `json:"mapping"`
	Streams  []streamPower `json:"streams"`
	// Error says why the connector's folder cannot be read.
	Error string `json:"error,omitempty"`
}

// streamPower is what a connector can do with one stream.
type streamPower struct {
	Name  string   `json:"name"`
	Title string   `json:"title"`
	Kinds []string `json:"kinds"`
	Push  bool     `json:"push"`
	connectors.Reading
}

// powersOf finds out what a connector can do. It opens a connection to nowhere, which calls nobody.
func powersOf(ctx context.Context, e entry) powers {
	p := powers{Name: e.Name, Title: e.Title, Category: e.Category, Own: e.Dir, Reads: "as configured", Deletes: []string{}, Mapping: len(e.Mapping) > 0, Streams: []streamPower{}}
	if e.Err != nil {
		p.Error, p.Reads = e.Err.Error(), ""
		return p
	}
	if e.Hook != nil {
		p.Webhooks = e.Hook.Scheme
		if p.Webhooks == "" {
			p.Webhooks = "by setting"
		}
	}
	conn, err := probe(ctx, e.Definition)
	var told connectors.Readable
	if err == nil {
		told, _ = conn.(connectors.Readable)
		if o, ok := conn.(connectors.Connectable); ok {
			_, p.OAuth = o.OAuth()
		}
	}
	for _, st := range e.Streams {
		s := streamPower{Name: st.Name, Title: st.Title, Push: st.PushFields, Kinds: []string{}}
		for _, k := range st.Kinds {
			s.Kinds = append(s.Kinds, string(k))
		}
		if told != nil {
			s.Reading = told.Reading(st.Name)
		}
		p.Push, p.Merges, p.Fetch, p.Fields = p.Push || s.Push, p.Merges || s.Merges, p.Fetch || s.Fetch, p.Fields || s.Fields
		for _, d := range s.Deletes {
			if !slices.Contains(p.Deletes, d) {
				p.Deletes = append(p.Deletes, d)
			}
		}
		p.Streams = append(p.Streams, s)
	}
	p.reads(told != nil)
	if conn != nil {
		// It called nobody, so nothing can fail on closing that anyone should know.
		_ = conn.Close()
	}
	return p
}

func (p *powers) reads(told bool) {
	if !told || len(p.Streams) == 0 {
		return
	}
	n := 0
	for _, s := range p.Streams {
		if s.Incremental {
			n++
		}
	}
	switch n {
	case 0:
		p.Reads = "full"
	case len(p.Streams):
		p.Reads = "incremental"
	default:
		p.Reads = "some incremental"
	}
}

// probe opens a connection whose settings are made up. Opening calls nobody.
func probe(ctx context.Context, def connectors.Definition) (connectors.Conn, error) {
	s := connectors.Settings{}
	for _, f := range def.Settings {
		switch {
		case f.Default != "":
			s[f.Name] = f.Default
		case strings.HasSuffix(f.Name, "url"):
			s[f.Name] = "https://vendor.example"
		case f.Name == "authorize":
			s[f.Name] = "yes"
		case f.Required || f.Name == "client_id" || f.Name == "client_secret":
			s[f.Name] = "placeholder"
		}
	}
	conn, err := def.Open(ctx, s, connectors.Env{Connection: "probe", Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		return conn, nil
	}
	for _, f := range def.Settings {
		if s[f.Name] == "" && f.Secret {
			s[f.Name] = "placeholder"
		}
	}
	return def.Open(ctx, s, connectors.Env{Connection: "probe", Log: slog.New(slog.DiscardHandler)})
}

// summary says in few words what a connector can do.
func (p powers) summary() string {
	words := []string{p.Reads}
	for _, w := range []struct {
		word string
		can  bool
	}{{"deletes", len(p.Deletes) > 0}, {"merges", p.Merges}, {"write-back", p.Push}, {"webhooks", p.Webhooks != ""}, {"refetch", p.Fetch}, {"fields", p.Fields}, {"oauth", p.OAuth}} {
		if w.can {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ", ")
}
