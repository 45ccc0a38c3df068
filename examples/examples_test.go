package examples_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/file"
	"github.com/lifecyclehub/hub/mapping"
)

// count reads an example as hub sync does, and counts records by stream and entities by kind.
func count(t *testing.T, example, data string) (map[string]int, []canon.Entity) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(example, "hub.yaml"), func(name string) (string, bool) { return data, name == "DATA" && data != "" })
	if err != nil {
		t.Fatal(err)
	}
	c := cfg.Connections[0]
	src, err := os.ReadFile(c.Mapping)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse(c.Mapping, src, mapping.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settings := connectors.Settings{}
	for name, value := range c.Settings {
		settings[name] = value.Reveal()
	}
	env := connectors.Env{Connection: c.Name, Dir: cfg.Dir}
	for _, s := range c.Streams {
		env.Streams = append(env.Streams, connectors.StreamConfig{Name: s.Name, Options: s.Options})
	}
	conn, err := file.Definition().Open(context.Background(), settings, env)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, ids := map[string]int{}, map[string]bool{}
	var entities []canon.Entity
	for _, s := range conn.Streams() {
		for page := (connectors.Page{More: true}); page.More; {
			if page, err = conn.Pull(t.Context(), s.Name, page.Next); err != nil {
				t.Fatal(err)
			}
			if len(page.Rejects) > 0 {
				t.Errorf("reject: %+v", page.Rejects[0])
			}
			for _, rec := range page.Records {
				if ids[rec.Ref.String()] {
					t.Errorf("%s stands twice", rec.Ref)
				}
				ids[rec.Ref.String()] = true
				counts[s.Name]++
				made, dead := m.Apply(rec)
				if len(dead) > 0 {
					t.Errorf("dead letter: %+v", dead[0])
				}
				for _, e := range made {
					counts["entity "+string(e.Kind)]++
				}
				entities = append(entities, made...)
			}
		}
	}
	known := map[canon.Ref]bool{}
	for _, e := range entities {
		if e.Kind == canon.KindCompany {
			known[e.Ref] = true
		}
	}
	for _, e := range entities {
		if e.Kind != canon.KindCompany && (len(e.Owners) != 1 || !known[e.Owners[0].Ref]) {
			t.Errorf("%s has no known owner: %+v", e.Key(), e.Owners)
		}
	}
	return counts, entities
}

func shared(t *testing.T, folder string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "shared", "data", "tables", folder))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("needs the shared folder with the full tables: %v", err)
	}
	return dir
}

func TestRavenstackExcerpt(t *testing.T) {
	got, _ := count(t, "ravenstack", "")
	want := map[string]int{
		"accounts": 20, "subscriptions": 205, "usage": 1085, "tickets": 77, "churn": 23,
		"entity company": 20, "entity subscription": 205, "entity usage": 1085, "entity ticket": 77,
		"entity survey": 40, "entity activity": 23,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRavenstackFull(t *testing.T) {
	got, _ := count(t, "ravenstack", shared(t, "ravenstack"))
	want := map[string]int{
		"accounts": 500, "subscriptions": 5000, "usage": 25000, "tickets": 2000, "churn": 600,
		"entity company": 500, "entity subscription": 5000, "entity usage": 25000, "entity ticket": 2000,
		"entity survey": 1175, "entity activity": 600,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlineRetailExcerpt(t *testing.T) {
	got, entities := count(t, "online-retail", "")
	var credits int
	for _, e := range entities {
		if invoice, ok := e.Body.(*canon.Invoice); ok && invoice.Credit != (invoice.Total.Minor < 0) {
			t.Errorf("%s: credit %v, total %v", e.Key(), invoice.Credit, invoice.Total)
		} else if ok && invoice.Credit {
			credits++
		}
	}
	got["credit notes"] = credits
	want := map[string]int{"customers": 30, "invoices": 306, "entity company": 30, "entity invoice": 306, "credit notes": 47}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOnlineRetailFull(t *testing.T) {
	got, entities := count(t, "online-retail", shared(t, "uci_online_retail"))
	want := map[string]int{"customers": 4338, "invoices": 18562, "entity company": 4338, "entity invoice": 18562}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var total int64
	for _, e := range entities {
		if invoice, ok := e.Body.(*canon.Invoice); ok {
			total += invoice.Total.Minor
		}
	}
	if total != 891_140_790 { // pence, as awk adds the column up
		t.Errorf("the invoices add up to %d pence", total)
	}
}
