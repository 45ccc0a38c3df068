package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// world is a little of everything: a firm with its account, one with a person, one that stands alone.
func world() []canon.Record {
	return []canon.Record{
		of("crm/firms/1", 1, `,"name":"Acme","domain":"acme.com"`), of("bill/accounts/1", 1, `,"name":"Acme Inc","domain":"acme.com"`),
		of("crm/firms/2", 1, `,"name":"Bolt","domain":"bolt.io"`), of("crm/people/p", 1, `,"name":"Ann Lee","email":"ann@bolt.io","firm":"2"`),
		of("bill/accounts/3", 1, `,"name":"Cube","domain":"cube.org"`), of("bill/bills/b", 1, `,"account":"3","number":"7","total":12,"cur":"EUR"`),
		of("crm/deals/d", 1, `,"name":"Deal","status":"open","firm":"1"`), of("bill/payers/q", 1, `,"name":"Bo Fox","email":"bo@cube.org"`),
	}
}

// TestALinkAndItsRevocation: a link makes one customer of two, with all that belongs to them, at once; taken back, it
// leaves nothing behind. Taking decisions in again changes nothing.
func TestALinkAndItsRevocation(t *testing.T) {
	h := newFleet(t)
	h.takeEach(world()...)
	apart := h.whole()
	link := canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("bill/accounts/3"), At: start}
	if n := h.decide(link); n != 1 {
		t.Errorf("%d decisions were taken in, want 1", n)
	}
	one := h.customer("crm/firms/1")
	for _, ref := range []string{"bill/accounts/3", "bill/accounts/1", "bill/payers/q"} {
		if got := h.customer(ref); got != one {
			t.Errorf("%s is of %s, want %s", ref, got, one)
		}
	}
	c, err := h.db.Customer(t.Context(), one)
	if err != nil || len(h.timeline(one)) != len(h.timeline(""))-len(h.timeline(h.customer("crm/firms/2"))) {
		t.Errorf("the timeline of %+v is not that of both: %v", c, err)
	}
	together := h.whole()
	if n := h.decide(); n != 0 {
		t.Errorf("%d decisions were taken in again", n)
	}
	sameState(t, "decided twice", together, h.whole())
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(link), At: start})
	sameState(t, "after the revocation", apart, h.whole())
}

// idOf is the id that a decision gets in the log.
func idOf(d canon.Decision) string {
	if d.Author == "" {
		d.Author = "ann"
	}
	return d.WithID().ID
}

// TestChainedMergesComeApart: what decisions and evidence made one comes apart in any order as though it had never been
// one.
func TestChainedMergesComeApart(t *testing.T) {
	links := []canon.Decision{
		{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("crm/firms/2"), At: start},
		{Kind: canon.DecideLink, A: company("crm/firms/2"), B: company("bill/accounts/3"), At: start},
	}
	h := newFleet(t)
	h.takeEach(world()...)
	apart := h.whole()
	moved := of("bill/accounts/3", 5, `,"name":"Cube","domain":"bolt.io"`)
	back := of("bill/accounts/3", 6, `,"name":"Cube","domain":"cube.org"`)
	for round, first := range []int{0, 1, 0} {
		h.decide(links...)
		if a, b := h.customer("crm/firms/1"), h.customer("bill/accounts/3"); a != b {
			t.Fatalf("round %d: the chain made %s and %s", round, a, b)
		}
		h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(links[first]), At: start.Add(time.Duration(round) * time.Second)})
		if a, b := h.customer("crm/firms/1"), h.customer("bill/accounts/3"); a == b {
			t.Fatalf("round %d: half of the chain holds it", round)
		}
		h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(links[1-first]), At: start.Add(time.Duration(round) * time.Second)})
		sameState(t, fmt.Sprintf("after round %d", round), apart, h.whole())
		// The same link made again is another decision.
		for i := range links {
			links[i].At = links[i].At.Add(time.Minute)
		}
	}
	h.takeEach(moved)
	if a, b := h.customer("crm/firms/2"), h.customer("bill/accounts/3"); a != b {
		t.Fatalf("a domain in common makes %s and %s", a, b)
	}
	h.takeEach(back)
	fresh := newFleet(t)
	fresh.takeEach(append(world(), moved, back)...)
	sameState(t, "after evidence came and went", fresh.whole(), h.whole())
	if a, b := h.customer("crm/firms/2"), h.customer("bill/accounts/3"); a == b {
		t.Error("evidence that went still links")
	}
}

// TestADecisionExpires by the clock alone, a pin of a value like a link.
func TestADecisionExpires(t *testing.T) {
	h := newFleet(t)
	h.takeEach(world()...)
	apart := h.whole()
	h.decide(canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("crm/firms/2"), At: start, ExpiresAt: start.Add(time.Hour)},
		canon.Decision{Kind: canon.DecidePin, A: company("bill/accounts/3"), Field: "name", Value: "Cube & Sons", At: start, ExpiresAt: start.Add(2 * time.Hour)})
	h.state()
	name := func() string {
		c, err := h.db.Customer(t.Context(), "bill/accounts/3")
		if err != nil {
			t.Fatal(err)
		}
		return c.Name
	}
	together := func() bool { return h.customer("crm/firms/1") == h.customer("crm/firms/2") }
	tick := func(after time.Duration) {
		h.now = start.Add(after)
		if _, err := h.pipe.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !together() || name() != "Cube & Sons" {
		t.Errorf("the decisions do not hold: %v, %q", together(), name())
	}
	tick(time.Hour - time.Microsecond)
	if !together() || name() != "Cube & Sons" {
		t.Errorf("the decisions hold no longer, before they expire: %v, %q", together(), name())
	}
	tick(time.Hour)
	if together() || name() != "Cube & Sons" {
		t.Errorf("when the link expired there are %v, %q", together(), name())
	}
	tick(2 * time.Hour)
	if name() != "Cube" {
		t.Errorf("when the pin expired the name is %q", name())
	}
	h.now = start
	sameState(t, "after all has expired", apart, h.whole())
}

// TestAPersonOfADecidedCompany: a contact belongs to the company that a decision says, and never to one that a decision
// keeps it from, also where that company becomes part of another.
func TestAPersonOfADecidedCompany(t *testing.T) {
	h := newFleet(t)
	h.takeEach(world()...)
	unlink := canon.Decision{Kind: canon.DecideUnlink, A: contact("crm/people/p"), B: company("crm/firms/2"), At: start}
	h.decide(unlink)
	if h.customer("crm/people/p") == h.customer("crm/firms/2") {
		t.Error("a person belongs to the company that they were unlinked from")
	}
	link := canon.Decision{Kind: canon.DecideLink, A: contact("crm/people/p"), B: company("bill/accounts/3"), At: start}
	h.decide(link)
	if h.customer("crm/people/p") != h.customer("bill/accounts/3") {
		t.Error("a person does not belong to the company that they were linked with")
	}
	// The one company becomes part of the other.
	h.takeEach(of("bill/accounts/3", 2, `,"name":"Cube","crm":"2"`))
	if h.customer("bill/accounts/3") != h.customer("crm/firms/2") {
		t.Fatal("the companies are not one")
	}
	if h.customer("crm/people/p") == h.customer("crm/firms/2") {
		t.Error("a person belongs to the company that they were unlinked from, by another record of it")
	}
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(unlink), At: start})
	if h.customer("crm/people/p") != h.customer("crm/firms/2") {
		t.Error("a person does not belong to the company that they were linked with, by another record of it")
	}
}

// TestAPersonOfACompanyThatOthersName: a decision finds the customer of a company whose own record was never seen, whenever
// the records come that are the same as it.
func TestAPersonOfACompanyThatOthersName(t *testing.T) {
	h := newFleet(t)
	h.takeEach(of("crm/people/p", 1, `,"name":"Ann Lee","email":"ann@bolt.io"`))
	h.decide(canon.Decision{Kind: canon.DecideLink, A: contact("crm/people/p"), B: company("crm/firms/3"), At: start})
	alone := h.customer("crm/people/p")
	for version, crm := range []string{"3", "", "3"} {
		h.takeEach(of("bill/accounts/1", version+1, fmt.Sprintf(`,"name":"Acme","crm":%q`, crm)))
		want := alone
		if crm == "3" {
			want = h.customer("bill/accounts/1")
		}
		if got := h.customer("crm/people/p"); got != want {
			t.Errorf("version %d: she is of %s, want %s", version+1, got, want)
		}
	}
}

// TestKeysThatTellNobodyApart link no companies and find none for people.
func TestKeysThatTellNobodyApart(t *testing.T) {
	h := newFleet(t)
	h.takeEach(append(world(), of("bill/payers/r", 1, `,"name":"Cy Gray","email":"cy@acme.com"`))...)
	before := h.whole()
	one := h.customer("crm/firms/1")
	if h.customer("bill/accounts/1") != one || h.customer("bill/payers/r") != one {
		t.Fatal("a domain does not link")
	}
	generic := canon.Decision{Kind: canon.DecideGeneric, Key: "dom:acme.com", At: start}
	h.decide(generic)
	if h.customer("bill/accounts/1") == h.customer("crm/firms/1") {
		t.Error("a domain that tells nobody apart links companies")
	}
	if got := h.customer("bill/payers/r"); got == h.customer("bill/accounts/1") || got == h.customer("crm/firms/1") {
		t.Error("a domain that tells nobody apart finds a company")
	}
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(generic), At: start})
	sameState(t, "after the revocation", before, h.whole())
}

// anyWorld draws records of few companies and people that share domains, addresses, names and references.
func anyWorld(t *rapid.T) []canon.Record {
	domains, names := []string{"", "acme.com", "bolt.io"}, []string{"Acme Widgets", "Acme Widgets Inc", "Bolt"}
	seen := map[string]bool{}
	var out []canon.Record
	for range rapid.IntRange(2, 14).Draw(t, "records") {
		id, version := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "id"), rapid.IntRange(1, 4).Draw(t, "version")
		domain, name := rapid.SampledFrom(domains).Draw(t, "domain"), rapid.SampledFrom(names).Draw(t, "name")
		other := rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "other")
		var r canon.Record
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 0, 1:
			r = of("crm/firms/"+id, version, fmt.Sprintf(`,"name":%q,"domain":%q,"country":"DE","parent":%q`, name, domain, other))
			if rapid.IntRange(0, 6).Draw(t, "gone") == 0 {
				r.Raw, r.Deleted, r.Reason, r.Into = nil, true, "merged", other
			}
		case 2, 3:
			r = of("bill/accounts/"+id, version, fmt.Sprintf(`,"name":%q,"domain":%q,"country":"DE","crm":%q`, name, domain, other))
		case 4:
			r = of("crm/people/"+id, version, fmt.Sprintf(`,"name":"Ann Lee","email":"ann@%s","phone":"+49 30 1234%s","firm":%q`, domain, other, other))
		case 5:
			r = of("bill/payers/"+id, version, fmt.Sprintf(`,"name":"Ann Lee","email":"%s@%s","phone":"+49 30 1234%s"`, rapid.SampledFrom([]string{"ann", "bo"}).Draw(t, "mailbox"), domain, other))
		default:
			r = of("crm/deals/"+id, version, fmt.Sprintf(`,"name":"D","status":"open","firm":%q,"person":%q`, other, id))
		}
		if key := fmt.Sprint(r.Ref, version); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}

// anyDecisions draws decisions about the records of anyWorld, some of which expire or are taken back.
func anyDecisions(t *rapid.T) []canon.Decision {
	var out []canon.Decision
	firm := func(label string) string {
		return company(rapid.SampledFrom([]string{"crm/firms/", "bill/accounts/"}).Draw(t, label) + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, label+"#"))
	}
	person := func(label string) string {
		return contact(rapid.SampledFrom([]string{"crm/people/", "bill/payers/"}).Draw(t, label) + rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, label+"#"))
	}
	for n := range rapid.IntRange(0, 6).Draw(t, "decisions") {
		d := canon.Decision{Author: "ann", At: start.Add(time.Duration(n) * time.Second)}
		d.Kind = rapid.SampledFrom([]string{canon.DecideLink, canon.DecideLink, canon.DecideUnlink, canon.DecideDetach, canon.DecideGeneric, canon.DecidePin, canon.DecideRevoke}).Draw(t, "kind")
		switch d.Kind {
		case canon.DecideLink, canon.DecideUnlink:
			switch rapid.IntRange(0, 2).Draw(t, "whom") {
			case 0:
				d.A, d.B = firm("a"), firm("b")
			case 1:
				d.A, d.B = person("a"), person("b")
			default:
				d.A, d.B = person("a"), firm("b")
			}
		case canon.DecideDetach:
			d.A = rapid.SampledFrom([]string{firm("a"), person("b")}).Draw(t, "detached")
		case canon.DecideGeneric:
			d.Key = rapid.SampledFrom([]string{"dom:acme.com", "mail:ann@bolt.io"}).Draw(t, "generic")
		case canon.DecidePin:
			d.A, d.Field, d.Value = firm("a"), "name", fmt.Sprintf("Pinned %d", n)
		default:
			if len(out) == 0 {
				continue
			}
			d.Revokes = rapid.SampledFrom(out).Draw(t, "revokes").ID
		}
		if rapid.IntRange(0, 4).Draw(t, "expires") == 0 {
			d.ExpiresAt = start.Add(time.Minute)
		}
		out = append(out, d.WithID())
	}
	return out
}

// step is a page of records, a decision, or that decisions are taken in.
type step struct {
	records  []canon.Record
	decision *canon.Decision
	reopened bool
}

// anySteps deals records and decisions out anew: in any order, in pages of any size, some of them twice.
func anySteps(t *rapid.T, recs []canon.Record, ds []canon.Decision) []step {
	var steps []step
	recs = append(rapid.Permutation(recs).Draw(t, "order"), rapid.SliceOfN(rapid.SampledFrom(recs), 0, 3).Draw(t, "again")...)
	for len(recs) > 0 {
		n := rapid.IntRange(1, len(recs)).Draw(t, "page")
		steps = append(steps, step{records: recs[:n]})
		recs = recs[n:]
	}
	for i := range ds {
		steps = append(steps, step{decision: &ds[i]}, step{})
	}
	steps = append(steps, step{reopened: true})
	return rapid.Permutation(steps).Draw(t, "steps")
}

func (s step) String() string {
	switch {
	case s.reopened:
		return "reopened"
	case s.decision != nil:
		return s.decision.ID
	case len(s.records) == 0:
		return "decide"
	}
	return fmt.Sprint(show(s.records))
}

func (h *hub) do(s step) {
	h.tb.Helper()
	if s.reopened {
		h.rule(companies())
		h.state()
	}
	if s.decision != nil {
		h.log(*s.decision)
		return
	}
	if len(s.records) == 0 {
		h.decide()
		return
	}
	byStream := map[[2]string]int{}
	var pages []canon.Batch
	for _, r := range s.records {
		at, there := byStream[[2]string{r.Connection, r.Stream}]
		if !there {
			at = len(pages)
			byStream[[2]string{r.Connection, r.Stream}] = at
			pages = append(pages, canon.Batch{Connection: r.Connection, Connector: "file", Stream: r.Stream, From: "x", Next: "x", ReadAt: h.now})
		}
		pages[at].Records = append(pages[at].Records, r)
	}
	for _, p := range pages {
		h.take(p)
	}
}

// ended is the state when all that expires has expired.
func (h *hub) ended() string {
	h.tb.Helper()
	h.state()
	h.now = start.Add(time.Hour)
	if _, err := h.pipe.Tick(h.tb.Context()); err != nil {
		h.tb.Fatal(err)
	}
	return h.whole()
}

// TestRecordsAndDecisionsInAnyOrder give the same customers, golden records, timelines and candidates, however they come
// and are cut.
func TestRecordsAndDecisionsInAnyOrder(t *testing.T) {
	most := checks(t, 16, 4)
	n, failed := 0, false
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		if n >= 2*most && !failed {
			return
		}
		recs, ds := anyWorld(rt), anyDecisions(rt)
		steps := anySteps(rt, recs, ds)
		n += 2
		plain, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n), companies())
		plain.takeEach(recs...)
		plain.decide(ds...)
		want := plain.ended()
		done()
		other, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n+1), companies())
		for _, s := range steps {
			other.do(s)
		}
		got := other.ended()
		done()
		if want != got {
			failed = true
		}
		sameState(rt, fmt.Sprintf("records %v\ndecisions %+v\nsteps %v", show(recs), ds, steps), want, got)
	})
}
