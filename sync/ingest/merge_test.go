package ingest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// TestAMergedRecordLivesOnInAnother: what points to the loser belongs to the winner's customer, the loser is nobody of
// its own, its timeline is the winner's, each event once, and all of it comes apart when the loser lives again.
func TestAMergedRecordLivesOnInAnother(t *testing.T) {
	h := newHub(t, salesYAML)
	h.take(h.page("firms", firm("1", 1), firm("2", 1)))
	h.take(h.page("deals", deal("a", "1", 1), deal("b", "2", 1)))
	h.take(h.page("people", rec("people", "p", 1, `{"name":"Ann","firm":"2"}`)))
	apart := h.state()
	if h.customer("crm/firms/1") == h.customer("crm/firms/2") {
		t.Fatal("two firms are one before they were merged")
	}
	events := len(h.timeline(""))

	h.take(h.page("firms", merged("firms", "2", 5, "1")))
	h.state()
	one := h.customer("crm/firms/1")
	for _, ref := range []string{"crm/firms/2", "crm/people/p"} {
		if got := h.customer(ref); got != one {
			t.Errorf("%s belongs to %s, want %s", ref, got, one)
		}
	}
	told := h.timeline(one)
	if all := h.timeline(""); len(told) != len(all) {
		t.Errorf("%d of %d events are the one customer's", len(told), len(all))
	}
	i := slices.IndexFunc(told, func(e canon.Event) bool { return e.Type == "company.deleted" })
	if i < 0 || told[i].Data["reason"] != "merged" || told[i].Data["into"] != "1" {
		t.Errorf("the merge is not told: %+v", told)
	}
	c, err := h.db.Customer(t.Context(), one)
	if err != nil || len(c.Members) != 2 {
		t.Errorf("members: %+v, %v; want the firm and the person", c.Members, err)
	}
	page, err := h.db.Customers(t.Context(), canon.CustomerFilter{})
	if err != nil || page.Total != 1 {
		t.Errorf("%d customers, want 1 (%v)", page.Total, err)
	}

	h.take(h.page("firms", firm("2", 9)))
	if h.customer("crm/firms/1") == h.customer("crm/firms/2") {
		t.Error("the merge was not undone")
	}
	if now := h.state(); strings.Count(now, "\n") < strings.Count(apart, "\n") || len(h.timeline("")) <= events {
		t.Errorf("after undoing the merge something is lost:\n%s", now)
	}
}

// TestAChainOfMerges: the first loser's deals end with the last winner, also where the links come before the records
// and one of them was never seen alive.
func TestAChainOfMerges(t *testing.T) {
	h := newHub(t, salesYAML)
	h.take(h.page("deals", deal("a", "3", 1)))
	h.take(h.page("firms", merged("firms", "3", 5, "2")))
	h.take(h.page("firms", merged("firms", "2", 6, "1")))
	h.take(h.page("firms", firm("1", 1)))
	h.state()
	one := h.customer("crm/firms/1")
	told := h.timeline(one)
	if !slices.ContainsFunc(told, func(e canon.Event) bool { return e.Ref.Stream == "deals" }) {
		t.Errorf("the deal is not the winner's: %+v", told)
	}
	if slices.ContainsFunc(told, func(e canon.Event) bool { return strings.HasSuffix(e.Type, ".deleted") }) {
		t.Errorf("something is told of firms that were never seen: %+v", told)
	}
}

// anyRecords draws states of few records that point to and merge into each other, cycles included.
func anyRecords(t *rapid.T) []canon.Record {
	ids := []string{"1", "2", "3", "4"}
	seen := map[string]bool{}
	var out []canon.Record
	for range rapid.IntRange(1, 14).Draw(t, "records") {
		id, version := rapid.SampledFrom(ids).Draw(t, "id"), rapid.IntRange(1, 9).Draw(t, "version")
		other := rapid.SampledFrom(ids).Draw(t, "other")
		var r canon.Record
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0, 1:
			r = firm(id, version)
		case 2:
			r = merged("firms", id, version, other)
		case 3:
			r = merged("firms", id, version, "")
			r.Reason = "deleted"
		case 4:
			r = deal(id, other, version)
		default:
			r = rec("people", id, version, fmt.Sprintf(`{"name":"P%s","firm":%q,"rev":%d}`, id, other, version))
			if rapid.IntRange(0, 2).Draw(t, "gone") == 0 {
				r = merged("people", id, version, other)
			}
		}
		// A vendor gives one state per version.
		if key := fmt.Sprint(r.Stream, id, version); !seen[key] {
			seen[key] = true
			out = append(out, r)
		}
	}
	return out
}

// TestMergesInAnyOrder: any order and repetition of records with merges gives the same customers and timelines.
func TestMergesInAnyOrder(t *testing.T) {
	most := checks(t, 60, 4)
	n, failed := 0, false
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		if n >= 2*most && !failed {
			return
		}
		recs := anyRecords(rt)
		again := append(rapid.Permutation(recs).Draw(rt, "order"), rapid.SliceOfN(rapid.SampledFrom(recs), 0, 4).Draw(rt, "again")...)
		want := stateAfter(t, fmt.Sprintf("%s/%d.db", dir, n), recs)
		got := stateAfter(t, fmt.Sprintf("%s/%d.db", dir, n+1), again)
		n += 2
		if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
			failed = true
			rt.Fatalf("records %+v\nthen %+v (-first +second):\n%s", show(recs), show(again), diff)
		}
	})
}

func show(recs []canon.Record) []string {
	var out []string
	for _, r := range recs {
		out = append(out, fmt.Sprintf("%s@%d %v %s%s", r.Ref, r.VersionTime().Second(), r.Deleted, r.Into, r.Raw))
	}
	return out
}

// stateAfter takes records in, one by one.
func stateAfter(t *testing.T, path string, recs []canon.Record) string {
	h, done := briefHub(t, path)
	defer done()
	for _, r := range recs {
		if _, err := h.pipe.Ingest(context.Background(), h.page(r.Stream, r)); err != nil {
			t.Fatal(err)
		}
	}
	return h.state()
}
