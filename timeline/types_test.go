package timeline

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// by51 is what a contact did.
func by51(s State) State {
	s.Entity.Owners = []canon.Owner{
		{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: "9"}},
		{Kind: canon.KindContact, Ref: canon.Ref{Connection: "crm", Stream: "contacts", ID: "51"}},
	}
	return s
}

// Whose doing it was is told by an id that is the same for all that they did, and that tells neither record nor address.
func TestWhoseDoingItWas(t *testing.T) {
	told := func(s State) string {
		id, _ := Derive(nil, s)[0].Data["person"].(string)
		return id
	}
	use, answer := state(1, &canon.Usage{At: day(1)}), state(1, &canon.Survey{Type: "nps", At: day(1)})
	if told(use) != "" || told(by51(use)) == "" || told(by51(use)) != told(by51(answer)) {
		t.Errorf("persons %q %q %q", told(use), told(by51(use)), told(by51(answer)))
	}
	use.Entity.Owners = []canon.Owner{{Kind: canon.KindContact, Email: " Ana@acme.com"}}
	answer.Entity.Owners = []canon.Owner{{Kind: canon.KindContact, Email: "ana@acme.com"}}
	if told(use) != told(answer) || strings.Contains(told(use), "ana") {
		t.Errorf("persons %q %q", told(use), told(answer))
	}
}

// corpus is every event that the histories of these tests tell, and those that none of them does.
func corpus() []canon.Event {
	var events []canon.Event
	tell := func(states ...State) {
		es, _ := History(states, day(28))
		events = append(events, es...)
	}
	for _, h := range histories() {
		tell(h.states...)
	}
	for _, k := range canon.Kinds() {
		body, err := canon.NewBody(k)
		if err != nil {
			panic(err)
		}
		there := state(1, body)
		tell(there, goneFor(2, "merged", "7", body), state(3, body))
	}
	for _, typ := range []string{"email", "call", "meeting", "note", "task", "form", "webinar", "visit", "other"} {
		tell(by51(state(1, &canon.Activity{Type: typ, Direction: "in", By: "human", At: day(1)})))
	}
	for _, typ := range []string{"nps", "csat", "ces"} {
		tell(by51(state(1, &canon.Survey{Type: typ, Score: 3, At: day(1)})))
	}
	tell(by51(state(1, &canon.Usage{Quantity: 3, At: day(1)})))
	tell(goneFor(2, "archived", "", &canon.Company{}))
	tell(state(1, &canon.Company{Parent: canon.Ref{Connection: "a", Stream: "b", ID: "1"}}), state(2, &canon.Company{}))
	tell(state(1, &canon.Quote{Status: "approved", Amount: eur(5)}), state(2, &canon.Quote{Status: "rejected", Amount: eur(5)}))
	tell(state(1, &canon.Invoice{Status: "void", Credit: true, Total: *eur(-5)}))
	tell(state(1, &canon.Deal{Pipeline: "a", Stage: "x"}), state(2, &canon.Deal{Pipeline: "b", Stage: "y"}))
	return append(events, Milestones("cus_1", events)...)
}

// TestTheCatalogueIsComplete drives every type of the catalogue, with every name that its data may hold.
func TestTheCatalogueIsComplete(t *testing.T) {
	want, got := map[string]string{}, map[string]string{}
	types := map[string]Type{}
	for _, typ := range Types() {
		if _, twice := types[typ.Type]; twice {
			t.Errorf("%s stands twice", typ.Type)
		}
		types[typ.Type] = typ
		if !strings.HasSuffix(typ.Sentence, ".") || typ.PII == "" || !slices.IsSorted(typ.Data) {
			t.Errorf("%s: %q is no sentence, %q no class, or the data are not sorted", typ.Type, typ.Sentence, typ.PII)
		}
		want[typ.Type] = shape(typ.Kind, typ.Data, typ.Amount != "", typ.Value != "")
	}
	data, kinds := map[string]map[string]bool{}, map[string]canon.Kind{}
	amounts, values := map[string]bool{}, map[string]bool{}
	for _, e := range corpus() {
		if data[e.Type] == nil {
			data[e.Type] = map[string]bool{}
		}
		for k := range e.Data {
			data[e.Type][k] = true
		}
		kinds[e.Type] = e.Kind
		amounts[e.Type] = amounts[e.Type] || e.Amount != nil
		values[e.Type] = values[e.Type] || e.Value != nil
	}
	for typ, names := range data {
		kind := kinds[typ]
		if typ == "owner.changed" {
			kind = ""
		}
		got[typ] = shape(kind, slices.Sorted(maps.Keys(names)), amounts[typ], values[typ])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types (-catalogue +told):\n%s", diff)
	}
}

func shape(k canon.Kind, data []string, amount, value bool) string {
	s := string(k) + " " + strings.Join(data, ",")
	if amount {
		s += " amount"
	}
	if value {
		s += " value"
	}
	return s
}

// TestNothingIsToldOutsideTheCatalogue draws lives and looks every event up.
func TestNothingIsToldOutsideTheCatalogue(t *testing.T) {
	types := map[string]Type{}
	for _, typ := range Types() {
		types[typ.Type] = typ
	}
	rapid.Check(t, func(t *rapid.T) {
		events, _ := History(anyStates(t), anyNow(t))
		for _, e := range events {
			typ, ok := types[e.Type]
			if !ok {
				t.Fatalf("%s is in no catalogue", e.Type)
			}
			for k := range e.Data {
				if !slices.Contains(typ.Data, k) {
					t.Fatalf("%s: the catalogue does not know data %s", e.Type, k)
				}
			}
			if e.Amount != nil && typ.Amount == "" || e.Value != nil && typ.Value == "" || typ.Kind != "" && typ.Kind != e.Kind {
				t.Fatalf("%s: the catalogue has other amounts, values or kinds", e.Type)
			}
		}
	})
}

// TestPersonsAreToldWithoutWhatTellsThemApart looks for addresses, numbers and titles in what is told of a contact.
func TestPersonsAreToldWithoutWhatTellsThemApart(t *testing.T) {
	secret := func(s string) *canon.Contact {
		return &canon.Contact{Name: "Ana " + s + "@acme.com", Emails: []string{s + "@acme.com"}, Phone: "+351" + s, Title: "Head " + s, Street: s + " Road", BirthDate: s, NationalID: s}
	}
	events, _ := History([]State{state(1, secret("111")), state(2, secret("222")), goneFor(3, "merged", "4", secret("222"))}, day(9))
	for _, e := range events {
		text := e.Summary
		for _, v := range e.Data {
			if s, ok := v.(string); ok {
				text += " " + s
			}
		}
		if strings.Contains(text, "111") || strings.Contains(text, "222") {
			t.Errorf("%s tells %q", e.Type, text)
		}
	}
}

func TestMilestones(t *testing.T) {
	use := func(n int, feature string, quantity float64) canon.Event {
		events, _ := History([]State{state(n, &canon.Usage{Feature: feature, Quantity: quantity, At: day(n)})}, day(28))
		return events[0]
	}
	events := []canon.Event{use(5, "api", 1), use(3, "api", 2), use(2, "export", 0), use(4, "export", 1), use(6, "", 1)}
	want := []string{"3 milestone.first_feature_use feature:api", "3 milestone.first_use", "4 milestone.first_feature_use feature:export"}
	rapid.Check(t, func(t *rapid.T) {
		got := Milestones("cus_1", rapid.Permutation(events).Draw(t, "arrival"))
		if diff := cmp.Diff(want, lines(got)); diff != "" {
			t.Fatalf("milestones (-want +got):\n%s", diff)
		}
	})
	if a, b := Milestones("cus_1", events[:1]), Milestones("cus_1", events); a[0].ID != b[0].ID && a[0].ID != b[1].ID {
		t.Error("an earlier use gives the milestone another id")
	}
}
