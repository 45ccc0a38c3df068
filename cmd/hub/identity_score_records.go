package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
)

// scoreFiles reads the records of files.
func (c *cli) scoreFiles(s scoring, judge *identity.Truth) (measured, error) {
	m := measured{judge: judge, seen: map[canon.Ref]bool{}}
	how := identity.Reading{Columns: map[string]string{}}
	var err error
	if how.Kind, err = kindNamed(s.kind); err != nil {
		return m, err
	}
	for _, pair := range s.columns {
		field, column, ok := strings.Cut(pair, "=")
		if !ok {
			return m, canon.Errorf("usage", "--columns %s names no column", pair).WithHint("write field=column, as last_name=nom")
		}
		how.Columns[field] = column
	}
	if s.truthColumn != "" {
		how.Columns["truth"] = s.truthColumn
	}
	var systems []string
	for _, file := range s.records {
		how.System = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		systems = append(systems, how.System)
		if how.Kind, err = m.read(file, how); err != nil {
			return m, fmt.Errorf("%s: %w", file, err)
		}
	}
	m.kind = how.Kind
	if len(m.nodes) == 0 {
		return m, canon.Errorf("records.empty", "the files hold no records").WithHint("check --records")
	}
	if m.rules, err = c.scoreRules(s.rules, m.kind, systems); err != nil {
		return m, err
	}
	if !s.single && m.rules.Single == nil {
		m.rules.Single = map[string]bool{}
	}
	for i := range m.nodes {
		ref := m.nodes[i].Ref
		if source := ref.Connection + "/" + ref.Stream; !s.single {
			if _, told := m.rules.Single[source]; !told {
				m.rules.Single[source] = false
			}
		}
	}
	return m, nil
}

// read adds the records of a file and returns the kind that they are of.
func (m *measured) read(file string, how identity.Reading) (canon.Kind, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", canon.Errorf("records.unknown", "the records cannot be opened: %w", err).WithHint("check --records")
	}
	defer f.Close()
	return identity.ReadRecords(io.Reader(f), how, func(l identity.Labelled) error {
		if m.seen[l.Node.Ref] {
			return canon.Errorf("records.twice", "two records have the id %s", l.Node.Ref.ID).
				WithHint("a record's id stands once in a system; files of one name are one system, unless a column named system tells them apart")
		}
		m.seen[l.Node.Ref] = true
		if m.judge != nil {
			l.Truth, _ = m.judge.Cluster(l.Node.Names()...)
		}
		m.nodes, m.truth = append(m.nodes, l.Node), append(m.truth, l.Truth)
		return nil
	})
}

func kindNamed(name string) (canon.Kind, error) {
	switch name {
	case "":
		return "", nil
	case "person", "contact":
		return canon.KindContact, nil
	case "company":
		return canon.KindCompany, nil
	}
	return "", canon.Errorf("usage", "there is no kind %q", name).WithHint("write --kind person or --kind company")
}

// scoreRules returns the rules to measure: a pack's, or those of a file for the systems.
func (c *cli) scoreRules(name string, kind canon.Kind, systems []string) (*identity.Rules, error) {
	if name == "" {
		name = "company"
		if kind == canon.KindContact {
			name = "person"
		}
	}
	if r, ok := identity.Pack(name); ok {
		return &r, nil
	}
	base := config.Default()
	for _, system := range systems {
		base.Connections = append(base.Connections, config.Connection{Name: system, Connector: "file"})
	}
	cfg, err := config.LoadIdentity(name, &base, c.env)
	if errors.Is(err, os.ErrNotExist) {
		return nil, canon.Errorf("rules.unknown", "there is no pack and no file %s", name).WithHint("give --rules person, company, or a file with a section identity:")
	}
	if err != nil {
		return nil, err
	}
	return rules(cfg, nil), nil
}

// scoreStore takes the records that are in the store, of each kind that the truth tells of.
func (c *cli) scoreStore(ctx context.Context, s scoring, judge *identity.Truth) ([]measured, error) {
	only, err := kindNamed(s.kind)
	if err != nil {
		return nil, err
	}
	var out []measured
	err = c.withWho(ctx, func(w *who) error {
		companies, contacts, _, err := w.everybody(ctx)
		if err != nil {
			return err
		}
		r, err := w.scoreRules(s.rules)
		if err != nil {
			return err
		}
		for _, nodes := range [][]identity.Node{companies, contacts} {
			if len(nodes) == 0 || only != "" && nodes[0].Kind != only {
				continue
			}
			own := *r
			m := measured{kind: nodes[0].Kind, nodes: nodes, rules: &own, known: identity.Known{Decisions: w.decisions}, judge: judge, truth: make([]string, len(nodes))}
			told := false
			for i := range nodes {
				var ok bool
				m.truth[i], ok = judge.Cluster(nodes[i].Names()...)
				told = told || ok
			}
			if told {
				out = append(out, m)
			}
		}
		return nil
	})
	if err == nil && len(out) == 0 {
		err = canon.Errorf("truth.strange", "the truth tells of no company or contact in the store").WithHint("it must name them connection/stream/id, connection/id or by id; --records measures files instead")
	}
	return out, err
}

// scoreRules returns the store's own rules, or others for its connections.
func (w *who) scoreRules(name string) (*identity.Rules, error) {
	if name == "" {
		return w.rules, nil
	}
	if _, ok := identity.Pack(name); ok {
		cfg := *w.cfg
		cfg.Identity.Pack = name
		return rules(&cfg, w.vendors), nil
	}
	cfg, err := config.LoadIdentity(name, w.cfg, w.c.env)
	if errors.Is(err, os.ErrNotExist) {
		return nil, canon.Errorf("rules.unknown", "there is no pack and no file %s", name).WithHint("give --rules person, company, or a file with a section identity:")
	}
	if err != nil {
		return nil, err
	}
	return rules(cfg, w.vendors), nil
}
