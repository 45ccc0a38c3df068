package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// drawMembers draws a customer's members: companies of several systems, or persons, some deleted or merged.
func drawMembers(t *rapid.T) []canon.StoredEntity {
	text := rapid.SampledFrom([]string{"", "", "n/a", "a", "A", "b ", "c c", "longer text"})
	kind := rapid.SampledFrom([]canon.Kind{canon.KindCompany, canon.KindContact}).Draw(t, "kind")
	n := rapid.IntRange(1, 6).Draw(t, "members")
	var out []canon.StoredEntity
	for i := range n {
		connection := rapid.SampledFrom([]string{"crm", "books", "stripe", "desk", "file"}).Draw(t, "connection")
		e := canon.Entity{Kind: kind, Ref: canon.Ref{Connection: connection, Stream: "s", ID: fmt.Sprint(i)}, Deleted: rapid.IntRange(0, 4).Draw(t, "deleted") == 0}
		e.CreatedAt = day(rapid.IntRange(1, 3).Draw(t, "created"))
		e.Custom = map[string]any{"x": text.Draw(t, "custom")}
		if rapid.IntRange(0, 4).Draw(t, "absorbs") == 0 {
			e.Absorbed = []string{fmt.Sprint(rapid.IntRange(0, n).Draw(t, "absorbed"))}
		}
		if kind == canon.KindCompany {
			e.Body = &canon.Company{Name: text.Draw(t, "name"), City: text.Draw(t, "city"), Street: text.Draw(t, "street"), VATID: text.Draw(t, "vat"),
				Seats: int64(rapid.IntRange(0, 2).Draw(t, "seats"))}
		} else {
			e.Body = &canon.Contact{Name: text.Draw(t, "name"), LastName: text.Draw(t, "last"), Title: text.Draw(t, "title"), OptedOut: rapid.Bool().Draw(t, "opted"),
				ConsentAt: day(rapid.IntRange(1, 3).Draw(t, "consent"))}
		}
		out = append(out, kept(e, day(rapid.IntRange(1, 4).Draw(t, "modified"))))
	}
	return out
}

func drawRules(t *rapid.T) *Rules {
	r := &Rules{SourceOrder: []string{"desk", "crm"}, Survivorship: Survivorship{Systems: systems, Fields: map[string]Survival{}}}
	for _, name := range []string{"name", "city", "vat_id", "title", "x"} {
		if rapid.Bool().Draw(t, "ruled") {
			s := Survival{Policy: rapid.SampledFrom([]string{"", PolicySource, PolicyRecent, PolicyFrequent, PolicyLongest}).Draw(t, "policy"), Custom: map[string]string{"crm": "x", "zendesk": "x"}}
			if rapid.Bool().Draw(t, "sourced") {
				s.Sources = []string{"billing", "crm"}
			}
			r.Survivorship.Fields[name] = s
		}
	}
	return r
}

func drawPins(t *rapid.T, members []canon.StoredEntity) []canon.Decision {
	var pins []canon.Decision
	for range rapid.IntRange(0, 4).Draw(t, "pins") {
		d := canon.Decision{Kind: canon.DecidePin, A: rapid.SampledFrom(members).Draw(t, "on").Entity.Key(), Field: rapid.SampledFrom([]string{"name", "city", "opted_out", "x"}).Draw(t, "field"),
			Value: rapid.SampledFrom([]string{"P", "Q", "", "true"}).Draw(t, "value"), Author: "mia", At: day(rapid.IntRange(1, 3).Draw(t, "at"))}
		if rapid.Bool().Draw(t, "expires") {
			d.ExpiresAt = day(rapid.IntRange(4, 8).Draw(t, "expiry"))
		}
		// The log holds an id once.
		if d = d.WithID(); !slices.ContainsFunc(pins, func(p canon.Decision) bool { return p.ID == d.ID }) {
			pins = append(pins, d)
		}
	}
	return pins
}

// TestGoldenLaws: the order of members and pins does not matter; a pin wins until it expires; no value is without
// provenance; no blank beats a value; nobody's wish is lost; and until NextAt nothing changes with time.
func TestGoldenLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members, rules := drawMembers(t), drawRules(t)
		pins := drawPins(t, members)
		now := day(rapid.IntRange(3, 8).Draw(t, "now"))
		got := rules.Golden(members, pins, now)
		if diff := cmp.Diff(got, rules.Golden(rapid.Permutation(members).Draw(t, "members"), rapid.Permutation(pins).Draw(t, "pins"), now)); diff != "" {
			t.Fatalf("the order matters:\n%s", diff)
		}
		if !got.NextAt.IsZero() {
			if !got.NextAt.After(now) {
				t.Fatalf("next at %v is not after %v", got.NextAt, now)
			}
			if diff := cmp.Diff(got, rules.Golden(members, pins, got.NextAt.Add(-1))); diff != "" {
				t.Fatalf("it changed before its time:\n%s", diff)
			}
		}
		holdsFields(t, got, members, now)
		holdsPins(t, got, pins, members[0].Entity.Kind, now)
		holdsWishes(t, got, members)
	})
}

func holdsFields(t *rapid.T, got Gold, members []canon.StoredEntity, now time.Time) {
	if got.Name == "" {
		t.Fatal("no name")
	}
	seen := map[string]bool{}
	for _, f := range got.Fields {
		if seen[f.Name] || blank(f.Value) || f.Value != strings.TrimSpace(f.Value) || f.Rule == "" || f.Policy == "" || f.Source.IsZero() || f.ModifiedAt.IsZero() && f.ObservedAt.IsZero() {
			t.Fatalf("field %+v", f)
		}
		seen[f.Name] = true
		if f.Policy == PolicyPinned {
			if f.Author == "" || !f.ExpiresAt.IsZero() && !now.Before(f.ExpiresAt) {
				t.Fatalf("pinned %+v at %v", f, now)
			}
			continue
		}
		if !slices.ContainsFunc(members, func(m canon.StoredEntity) bool { return m.Entity.Ref == f.Source }) {
			t.Fatalf("%s comes from %v, which is no member", f.Name, f.Source)
		}
	}
	for _, m := range members {
		if b, ok := m.Entity.Body.(*canon.Company); ok && !m.Entity.Deleted && !blank(b.City) && !seen["city"] && !merged(members, m) {
			t.Fatalf("nobody's city, though %v has one", m.Entity.Ref)
		}
	}
}

// merged says whether a member is part of another one that lives.
func merged(members []canon.StoredEntity, m canon.StoredEntity) bool {
	return slices.ContainsFunc(members, func(o canon.StoredEntity) bool {
		return !o.Entity.Deleted && o.Entity.Ref.Connection == m.Entity.Ref.Connection && slices.Contains(o.Entity.Absorbed, m.Entity.Ref.ID)
	})
}

func holdsPins(t *rapid.T, got Gold, pins []canon.Decision, kind canon.Kind, now time.Time) {
	last := map[string]canon.Decision{}
	for _, p := range pins {
		if (p.ExpiresAt.IsZero() || now.Before(p.ExpiresAt)) && p.Value != "" && !p.At.Before(last[p.Field].At) {
			if was, there := last[p.Field]; !there || p.At.After(was.At) || p.ID > was.ID {
				last[p.Field] = p
			}
		}
	}
	if p, ok := last["name"]; ok && got.Name != p.Value {
		t.Fatalf("name %q, pinned to %q", got.Name, p.Value)
	}
	if p, ok := last["city"]; ok && kind == canon.KindCompany && values(got)["city"] != p.Value {
		t.Fatalf("city %q, pinned to %q", values(got)["city"], p.Value)
	}
}

func holdsWishes(t *rapid.T, got Gold, members []canon.StoredEntity) {
	for _, m := range members {
		if b, ok := m.Entity.Body.(*canon.Contact); ok && b.OptedOut && values(got)["opted_out"] != "true" {
			t.Fatalf("%v opted out, the golden record did not", m.Entity.Ref)
		}
	}
}
