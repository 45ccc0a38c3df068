package ingest_test

import (
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// otherRules are rules that differ from companies() in one thing each.
func otherRules() map[string]*identity.Rules {
	out := map[string]*identity.Rules{}
	edit := func(name string, fn func(r *identity.Rules)) {
		r := companies()
		fn(r)
		out[name] = r
	}
	edit("a domain of everybody", func(r *identity.Rules) { r.FreeMail = []string{"acme.com"} })
	edit("customers are persons", func(r *identity.Rules) { r.Grain = identity.GrainPerson })
	edit("customers are groups", func(r *identity.Rules) { r.Grain = identity.GrainGroup })
	edit("nothing is proposed", func(r *identity.Rules) { r.Matching.Propose = 0 })
	edit("accounts are single", func(r *identity.Rules) { r.Single = nil })
	edit("a key of few", func(r *identity.Rules) { r.GenericLimit = 1 })
	return out
}

// TestOtherRulesMakeAFreshHub: customers resolved again by other rules are those of a hub that has always had them, also
// where that was stopped in the middle again and again, and records came in meanwhile; and back.
func TestOtherRulesMakeAFreshHub(t *testing.T) {
	most := checks(t, 3, 1)
	dir := t.TempDir()
	n := 0
	for name, rules := range otherRules() {
		t.Run(name, func(t *testing.T) {
			checks, failed := 0, false
			rapid.Check(t, func(rt *rapid.T) {
				if checks >= most && !failed {
					return
				}
				checks++
				n += 2
				recs, ds := anyWorld(rt), anyDecisions(rt)
				early := rapid.IntRange(0, len(recs)).Draw(rt, "early")
				fresh, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n), rules)
				fresh.takeEach(recs...)
				fresh.decide(ds...)
				want := fresh.ended()
				done()
				h, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n+1), companies())
				h.takeEach(recs[:early]...)
				h.decide(ds...)
				if rapid.Bool().Draw(rt, "assessed") {
					h.state()
				}
				h.rule(rules)
				h.reresolveStopping(rapid.IntRange(1, 4).Draw(rt, "stopped"), func() { h.rule(rules) })
				h.takeEach(recs[early:]...)
				h.reresolveStopping(1000, nil)
				got := h.ended()
				done()
				failed = failed || want != got
				sameState(rt, fmt.Sprintf("records %v, %d early\ndecisions %+v", show(recs), early, ds), want, got)
			})
		})
	}
}

// errStopped ends a transaction as a kill would.
var errStopped = errors.New("stopped")

// reresolveStopping resolves everything again, and is stopped every so many transactions.
func (h *hub) reresolveStopping(every int, restart func()) {
	h.tb.Helper()
	for {
		left := every
		h.stop = func() error {
			if left--; left < 0 {
				return errStopped
			}
			return nil
		}
		_, err := h.pipe.Reresolve(h.tb.Context())
		h.stop = nil
		if err == nil {
			return
		}
		if !errors.Is(err, errStopped) {
			h.tb.Fatal(err)
		}
		restart()
	}
}

// TestReresolveOnlyWhereRulesChanged: the rules that customers were resolved by are known, and nothing is looked at.
func TestReresolveOnlyWhereRulesChanged(t *testing.T) {
	h := newFleet(t)
	again := func() int {
		n, err := h.pipe.Reresolve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := again(); n != 0 {
		t.Errorf("an empty hub looks at %d entities", n)
	}
	h.takeEach(world()...)
	h.state()
	if n := again(); n != 0 {
		t.Errorf("under the same rules %d entities are looked at", n)
	}
	before := h.whole()
	h.rule(otherRules()["a domain of everybody"])
	h.pipe.Resume(canon.Sources{}, true)
	if n := again(); n != len(world()) {
		t.Errorf("under other rules %d entities are looked at, want all %d", n, len(world()))
	}
	if h.customer("crm/firms/1") == h.customer("bill/accounts/1") {
		t.Error("the other rules do not hold")
	}
	if told := h.told("customer.split"); len(told) != 1 || told[0].Backfill {
		t.Errorf("that a customer came apart is told as %+v", told)
	}
	h.rule(companies())
	if n := again(); n != len(world()) {
		t.Errorf("under the first rules %d entities are looked at again, want all %d", n, len(world()))
	}
	sameState(t, "under the first rules again", before, h.whole())
}

// TestPersonsAndGroups: what a customer is follows the grain.
func TestPersonsAndGroups(t *testing.T) {
	records := append(world(), of("crm/firms/4", 1, `,"name":"Acme Sub","domain":"sub.org","parent":"1"`), of("crm/deals/e", 1, `,"name":"E","status":"open","firm":"2","person":"p"`),
		of("crm/deals/f", 1, `,"name":"F","status":"open","firm":"4"`))
	for grain, want := range map[string]map[string]string{
		identity.GrainCompany: {"crm/people/p": "crm/firms/2", "crm/deals/e": "crm/firms/2", "crm/firms/4": "crm/firms/4", "crm/deals/f": "crm/firms/4"},
		identity.GrainPerson:  {"crm/people/p": "crm/people/p", "crm/deals/e": "crm/people/p", "crm/firms/4": "crm/firms/4", "crm/deals/f": "crm/firms/4"},
		identity.GrainGroup:   {"crm/people/p": "crm/firms/2", "crm/deals/e": "crm/firms/2", "crm/firms/4": "crm/firms/1", "crm/deals/f": "crm/firms/1"},
	} {
		t.Run(grain, func(t *testing.T) {
			rules := companies()
			rules.Grain = grain
			h, done := fleet(t, t.TempDir()+"/hub.db", rules)
			defer done()
			h.takeEach(records...)
			h.state()
			for ref, owner := range want {
				if got := h.owner(ref); got != h.customer(owner) {
					t.Errorf("%s belongs to %s, want that of %s", ref, got, owner)
				}
			}
		})
	}
}

// owner returns whose any record is, by its events.
func (h *hub) owner(ref string) string {
	h.tb.Helper()
	for _, e := range h.timeline("") {
		if e.Ref.String() == ref {
			return e.Customer
		}
	}
	return ""
}

// TestParentsOfCustomers: a golden record names the customer of its parent, whichever record comes first, and follows it
// into a merge and out of it.
func TestParentsOfCustomers(t *testing.T) {
	h := newFleet(t)
	h.takeEach(of("crm/firms/4", 1, `,"name":"Acme Sub","domain":"sub.org","parent":"1"`))
	h.state()
	parent := func() string {
		c, err := h.db.Customer(t.Context(), "crm/firms/4")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Fields {
			if f.Name == "parent" {
				return f.Value
			}
		}
		return ""
	}
	children := func(of string) string {
		rows, err := h.db.Children(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, r := range rows {
			out += r.Name
		}
		return out
	}
	if p := parent(); p != "" {
		t.Errorf("a parent that nobody knows is %q", p)
	}
	h.takeEach(world()...)
	if p := parent(); p != h.customer("crm/firms/1") || children(p) != "Acme Sub" {
		t.Errorf("the parent is %q with children %q, want %s", p, children("crm/firms/1"), h.customer("crm/firms/1"))
	}
	// The parent becomes part of an older company.
	older := of("bill/accounts/1", 2, `,"name":"Acme Inc","domain":"acme.com"`)
	older.Raw = []byte(`{"created":"2025-01-01T00:00:00Z","name":"Acme Inc","domain":"acme.com"}`)
	h.takeEach(older)
	if p := parent(); p != h.customer("crm/firms/1") || p != (identity.Node{Ref: canon.Ref{Connection: "bill", Stream: "accounts", ID: "1"}, Kind: canon.KindCompany}).ID() {
		t.Errorf("the parent is %q, want %s", p, h.customer("crm/firms/1"))
	}
	h.takeEach(of("bill/accounts/1", 3, `,"name":"Acme Inc"`))
	if p := parent(); p != h.customer("crm/firms/1") || children(p) != "Acme Sub" {
		t.Errorf("the parent is %q, want %s", p, h.customer("crm/firms/1"))
	}
	link := canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("crm/firms/4"), At: start}
	h.decide(link)
	if p := parent(); p != "" {
		t.Errorf("a customer is its own parent: %q", p)
	}
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(link), At: start})
	if p := parent(); p != h.customer("crm/firms/1") {
		t.Errorf("the parent is %q, want %s", p, h.customer("crm/firms/1"))
	}
}

// TestParentsThatOthersName: the customer of a parent whose own record was never seen is that of the records that are the
// same as it, as long as there is one such customer.
func TestParentsThatOthersName(t *testing.T) {
	h := newFleet(t)
	h.state()
	expect := func(when, want string) {
		t.Helper()
		c, err := h.db.Customer(t.Context(), h.customer("crm/firms/2"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range c.Fields {
			if f.Name == "parent" {
				got = f.Value
			}
		}
		if got != want {
			t.Errorf("%s the parent is %q, want %q", when, got, want)
		}
	}
	account := func(id string, version int, crm string) {
		h.takeEach(of("bill/accounts/"+id, version, fmt.Sprintf(`,"name":"Acme %s","crm":%q`, id, crm)))
	}
	h.takeEach(of("crm/firms/2", 1, `,"name":"Acme Sub","parent":"3"`))
	expect("at first", "")
	account("1", 1, "3")
	expect("with one account", h.customer("bill/accounts/1"))
	account("2", 1, "3")
	expect("with two that are one", h.customer("bill/accounts/1"))
	unlink := canon.Decision{Kind: canon.DecideUnlink, A: company("bill/accounts/1"), B: company("bill/accounts/2"), At: start}
	h.decide(unlink)
	if h.customer("bill/accounts/1") == h.customer("bill/accounts/2") {
		t.Fatal("two that are kept apart are one")
	}
	expect("with two that are kept apart", "")
	account("1", 2, "")
	expect("when the first is the same as nobody", h.customer("bill/accounts/2"))
	h.takeEach(of("crm/firms/3", 1, `,"name":"Acme"`))
	expect("when it is seen itself", h.customer("crm/firms/3"))
	gone := of("bill/accounts/2", 2, "")
	gone.Raw, gone.Deleted = nil, true
	h.takeEach(gone)
	expect("when the second is gone", h.customer("crm/firms/3"))
}
