package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestCandidatesFollowTheRecords: companies of one name and country are candidates while they live, are of one name, and
// stand apart.
func TestCandidatesFollowTheRecords(t *testing.T) {
	h := newFleet(t)
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), h.open()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	firm, account := of("crm/firms/1", 1, `,"name":"Acme Widgets","country":"DE"`), of("bill/accounts/9", 1, `,"name":"ACME Widgets GmbH","country":"DE"`)
	both := "bill/accounts/9 crm/firms/1"
	h.takeEach(firm, account)
	expect("of one name", both)
	h.takeEach(of("bill/accounts/9", 2, `,"name":"Bolt Bikes","country":"DE"`))
	expect("of other names")
	h.takeEach(of("bill/accounts/9", 3, `,"name":"ACME Widgets GmbH","country":"DE","crm":"1"`))
	expect("of one customer")
	h.takeEach(of("bill/accounts/9", 4, `,"name":"ACME Widgets GmbH","country":"DE"`))
	expect("apart again", both)
	unlink := canon.Decision{Kind: canon.DecideUnlink, A: company("crm/firms/1"), B: company("bill/accounts/9"), At: start}
	h.decide(unlink)
	expect("decided to be two")
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(unlink), At: start})
	expect("undecided", both)
	h.decide(canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("bill/accounts/9"), At: start})
	expect("decided to be one")
	gone := of("crm/firms/1", 5, "")
	gone.Raw, gone.Deleted = nil, true
	h.takeEach(gone)
	expect("one is gone")
}

// TestContestedEvidence: where several records of a source claim one domain, it links none, and each pair that it could
// have linked waits for a decision, until the claim is given up.
func TestContestedEvidence(t *testing.T) {
	h := newFleet(t)
	h.takeEach(of("crm/firms/1", 1, `,"name":"Acme","domain":"acme.com"`), of("crm/firms/2", 1, `,"name":"Bolt","domain":"acme.com"`),
		of("bill/accounts/9", 1, `,"name":"Cube","domain":"acme.com"`))
	open := h.open()
	slices.Sort(open)
	want := []string{"bill/accounts/9 crm/firms/1 !", "bill/accounts/9 crm/firms/2 !", "crm/firms/1 crm/firms/2 !"}
	if diff := cmp.Diff(want, open); diff != "" {
		t.Errorf("contested (-want +got):\n%s", diff)
	}
	page, _, err := h.db.Candidates(t.Context(), store.CandidateFilter{})
	if err != nil || !strings.Contains(page[0].Why[0], "domain acme.com") || !strings.Contains(page[0].Why[0], "crm/firms") || page[0].Rank != 6 || page[0].Score <= 0 {
		t.Errorf("a contested pair is %+v, %v", page[0], err)
	}
	h.takeEach(of("crm/firms/2", 2, `,"name":"Bolt","domain":"bolt.io"`))
	if open := h.open(); len(open) > 0 {
		t.Errorf("nothing is contested, and there are %v", open)
	}
	if h.customer("crm/firms/1") != h.customer("bill/accounts/9") {
		t.Error("the domain does not link, though one claims it")
	}
}

// TestContestedUntilDecided: a decision that takes contested evidence out of account moves nobody, and ends the contest.
func TestContestedUntilDecided(t *testing.T) {
	h := newFleet(t)
	h.takeEach(
		of("crm/people/1", 1, `,"name":"Ann Lee","email":"ann@bolt.io"`),
		of("crm/people/3", 1, `,"name":"Ann Lee","email":"ann@bolt.io"`))
	contested := func() (n int) {
		page, _, err := h.db.Candidates(t.Context(), store.CandidateFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			if c.Contested {
				n++
			}
		}
		return n
	}
	if n := contested(); n != 1 {
		t.Fatalf("%d pairs are contested", n)
	}
	h.decide(canon.Decision{Kind: canon.DecideGeneric, Key: "mail:ann@bolt.io", Author: "ann", Reason: "a shared mailbox", At: start})
	if n := contested(); n != 0 {
		t.Errorf("%d pairs are contested by what counts for nothing", n)
	}
}

// TestANameOfMany finds nobody from the moment on at which more have it than the rules allow, and again when fewer do.
func TestANameOfMany(t *testing.T) {
	rules := companies()
	rules.GenericLimit = 3
	h, done := fleet(t, t.TempDir()+"/hub.db", rules)
	defer done()
	for i := range 3 {
		h.takeEach(of(fmt.Sprintf("crm/firms/%d", i), 1, `,"name":"Acme Widgets","country":"DE"`))
	}
	if open := h.open(); len(open) != 3 {
		t.Errorf("three of one name give %v", open)
	}
	h.takeEach(of("crm/firms/3", 1, `,"name":"Acme Widgets","country":"DE"`))
	if open := h.open(); len(open) != 0 {
		t.Errorf("four of one name give %v", open)
	}
	h.takeEach(of("crm/firms/0", 2, `,"name":"Bolt Bikes","country":"DE"`))
	if open := h.open(); len(open) != 3 || strings.Contains(strings.Join(open, " "), "firms/0") {
		t.Errorf("three that are left of one name give %v", open)
	}
	gone := of("crm/firms/1", 2, "")
	gone.Raw, gone.Deleted = nil, true
	h.takeEach(gone)
	if open := h.open(); len(open) != 1 {
		t.Errorf("two that are left of one name give %v", open)
	}
}

// TestCandidatesAreThoseOfAFreshHub: whatever records become, the pairs kept are those that a hub keeps which has seen
// only how they ended; with keys that come to be held by too many, and stop.
func TestCandidatesAreThoseOfAFreshHub(t *testing.T) {
	most := checks(t, 12, 2)
	n, failed := 0, false
	dir := t.TempDir()
	rules := companies()
	rules.GenericLimit = 2
	rapid.Check(t, func(rt *rapid.T) {
		if n >= 2*most && !failed {
			return
		}
		n += 2
		recs := anyWorld(rt)
		h, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n), rules)
		for _, s := range anySteps(rt, recs, nil) {
			if !s.reopened {
				h.do(s)
			}
		}
		got := h.open()
		done()
		fresh, done := fleet(t, fmt.Sprintf("%s/%d.db", dir, n+1), rules)
		newest := map[canon.Ref]canon.Record{}
		for _, r := range recs {
			if r.Version >= newest[r.Ref].Version {
				newest[r.Ref] = r
			}
		}
		for _, r := range newest {
			fresh.takeEach(r)
		}
		want := fresh.open()
		done()
		if diff := cmp.Diff(want, got); diff != "" {
			failed = true
			rt.Fatalf("records %v (-want +got):\n%s", show(recs), diff)
		}
	})
}
