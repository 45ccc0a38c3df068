package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
	"github.com/lifecyclehub/hub/sync/pull"
)

// vendor is one connection of hub.yaml, opened.
type vendor struct {
	cfg config.Connection
	def connectors.Definition
	// streams are those to pull.
	streams []string
	// settings are those of hub.yaml, of the vault and the connector's defaults.
	settings connectors.Settings
	conn     connectors.Conn
	mapping  *mapping.Map
	every    time.Duration
}

// surroundings is what connections are opened in.
type surroundings struct {
	cfg   *config.Config
	log   *slog.Logger
	known catalog
	// db and keys are nil where the store is not opened: connections then have no vault.
	db   *store.DB
	keys *store.Keys
	// budgets are shared by the connections of one account.
	budgets *connectors.Budgets
}

func (a *app) around() surroundings {
	return surroundings{cfg: a.cfg, log: a.log, known: a.known, db: a.db, keys: a.keys, budgets: &connectors.Budgets{}}
}

// vault returns a connection's vault, nil where there is none.
func (s surroundings) vault(connection string) connectors.Vault {
	if s.db == nil || s.keys == nil {
		return nil
	}
	return s.db.Vault(connection, *s.keys)
}

// openVendors opens the connections without calling the vendors.
func openVendors(ctx context.Context, s surroundings) ([]*vendor, error) {
	var out []*vendor
	for i := range s.cfg.Connections {
		v, err := openVendor(ctx, s, i)
		if v != nil {
			out = append(out, v)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// openVendor opens the connection at index i of hub.yaml. What is wrong in the file is told with its place.
func openVendor(ctx context.Context, s surroundings, i int) (*vendor, error) {
	cfg := s.cfg
	c, at := cfg.Connections[i], fmt.Sprintf("connections[%d]", i)
	def, err := s.definition(i)
	if err != nil {
		return nil, err
	}
	vault := s.vault(c.Name)
	kept, err := keptSettings(ctx, vault)
	if err != nil {
		return nil, err
	}
	v := &vendor{cfg: c, def: def, every: c.Every}
	if v.settings, err = settingsOf(cfg, at, def, c, kept); err != nil {
		return nil, err
	}
	if v.every == 0 {
		v.every = cfg.Sync.Every
	}
	env := connectors.Env{Connection: c.Name, Now: time.Now, Log: s.log, Dir: cfg.Dir, Vault: vault, Budgets: s.budgets}
	for _, st := range c.Streams {
		env.Streams = append(env.Streams, connectors.StreamConfig{Name: st.Name, Options: st.Options})
	}
	if v.conn, err = def.Open(ctx, v.settings, env); err != nil {
		return nil, openError(cfg, at, c, err)
	}
	if v.streams, err = streamsOf(cfg, at, c, v.conn.Streams()); err != nil {
		return v, err
	}
	v.mapping, err = mappingOf(cfg, at, c, def)
	return v, err
}

// openError tells what is wrong with a connection's settings, with its place in hub.yaml.
func openError(cfg *config.Config, at string, c config.Connection, err error) error {
	e := canon.AsError(err)
	hint := e.Hint
	if e.Code == "settings.auth" || e.Code == "settings.missing" {
		hint = strings.TrimSpace(hint + fmt.Sprintf(" `hub connectors show %s` lists the ways, and `hub connect %s` asks for what is missing.", c.Connector, c.Name))
	}
	return cfg.Complain(at, "connection "+c.Name+": "+e.Message, hint)
}

// definition returns the connector of the connection at index i of hub.yaml.
func (s surroundings) definition(i int) (connectors.Definition, error) {
	c := s.cfg.Connections[i]
	def, err := s.known.find(c.Connector)
	if err != nil {
		e := canon.AsError(err)
		return def, s.cfg.Complain(fmt.Sprintf("connections[%d].connector", i), "connection "+c.Name+": "+e.Message, e.Hint)
	}
	return def, nil
}

// settingsOf fills in what the vault keeps and defaults, and refuses what the connector does not know or lacks. at is
// the connection's path in hub.yaml.
func settingsOf(cfg *config.Config, at string, def connectors.Definition, c config.Connection, kept connectors.Settings) (connectors.Settings, error) {
	s := connectors.Settings{}
	var known []string
	for _, f := range def.Settings {
		known = append(known, f.Name)
		v := cmp.Or(c.Settings[f.Name].Reveal(), kept[f.Name], f.Default)
		if v == "" && f.Required {
			return nil, cfg.Complain(at+".settings["+f.Name+"]", fmt.Sprintf("connection %s: the setting %s is missing", c.Name, f.Name),
				fmt.Sprintf("%s Write it into hub.yaml, or run `hub connect %s`.", f.Doc, c.Name))
		}
		s[f.Name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		if !slices.Contains(known, name) {
			return nil, cfg.Complain(at+".settings["+name+"]", fmt.Sprintf("connection %s: %s has no setting %q", c.Name, def.Title, name),
				"it knows "+strings.Join(known, ", "))
		}
	}
	return s, nil
}

// streamsOf returns the streams to pull, in the connector's order.
func streamsOf(cfg *config.Config, at string, c config.Connection, there []connectors.Stream) ([]string, error) {
	want := map[string]bool{}
	for i, s := range c.Streams {
		if !slices.ContainsFunc(there, func(t connectors.Stream) bool { return t.Name == s.Name }) {
			return nil, cfg.Complain(fmt.Sprintf("%s.streams[%d]", at, i), fmt.Sprintf("connection %s: there is no stream %q", c.Name, s.Name),
				"`hub connectors show "+c.Connector+"` lists the streams")
		}
		want[s.Name] = s.On()
	}
	var out []string
	for _, t := range there {
		if on, named := want[t.Name]; on || len(c.Streams) == 0 || !named && onlyOff(c) {
			out = append(out, t.Name)
		}
	}
	return out, nil
}

// onlyOff says whether the streams of a connection are listed only to leave some out.
func onlyOff(c config.Connection) bool {
	return !slices.ContainsFunc(c.Streams, config.Stream.On)
}

func mappingOf(cfg *config.Config, at string, c config.Connection, def connectors.Definition) (*mapping.Map, error) {
	name, src := def.Name+"/mapping.yaml", def.Mapping
	if c.Mapping != "" {
		b, err := os.ReadFile(c.Mapping)
		if err != nil {
			return nil, canon.Errorf("mapping.read", "connection %s: the mapping cannot be read: %w", c.Name, err).WithHint("check `mapping` in hub.yaml")
		}
		name, src = c.Mapping, b
	}
	if len(src) == 0 {
		return nil, cfg.Complain(at, fmt.Sprintf("connection %s: %s brings no mapping of its own", c.Name, def.Title),
			"write one and name it by `mapping:`; examples/ has some to start from")
	}
	m, err := mapping.Parse(name, src, mapping.Options{Connection: func(connector string) string { return only(cfg, connector) }})
	if err != nil {
		return nil, canon.Errorf("mapping.bad", "%w", err)
	}
	return m, nil
}

// only returns the name of the connection of a connector, "" where there is none or several.
func only(cfg *config.Config, connector string) string {
	name := ""
	for _, c := range cfg.Connections {
		if c.Connector == connector {
			if name != "" {
				return ""
			}
			name = c.Name
		}
	}
	return name
}

func mappings(vs []*vendor) map[string]*mapping.Map {
	out := map[string]*mapping.Map{}
	for _, v := range vs {
		out[v.cfg.Name] = v.mapping
	}
	return out
}

// sources lists which stream delivers which kinds, and how long its word is good.
func sources(vs []*vendor) []ingest.Source {
	var out []ingest.Source
	for _, v := range vs {
		within := v.cfg.FreshWithin
		if within == 0 {
			within = max(24*time.Hour, 3*v.every)
		}
		for _, s := range v.streams {
			out = append(out, ingest.Source{Connection: v.cfg.Name, Stream: s, Kinds: v.mapping.Kinds(s), FreshWithin: within})
		}
	}
	return out
}

func pullSources(vs []*vendor) []pull.Source {
	var out []pull.Source
	for _, v := range vs {
		out = append(out, pull.Source{Connection: v.cfg.Name, Connector: v.def.Name, Conn: v.conn, Streams: v.streams})
	}
	return out
}
