package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// list reads a full list of firms, page by page, beginning with the stream's cursor.
type list struct {
	*hub
	round string
	guard float64
	at    canon.Cursor
	// pages counts those taken.
	pages int
}

// begin starts a pull an hour later.
func (h *hub) begin(round string, guard float64) *list {
	h.tb.Helper()
	h.now = h.now.Add(time.Hour)
	if err := h.db.InTx(h.tb.Context(), h.now, func(tx *store.Tx) error { return tx.Begin(h.tb.Context(), "crm", "file", "firms") }); err != nil {
		h.tb.Fatal(err)
	}
	at, err := h.db.Checkpoint(h.tb.Context(), "crm", "firms")
	if err != nil {
		h.tb.Fatal(err)
	}
	return &list{hub: h, round: round, guard: guard, at: at}
}

// next returns the page with these firms, read a minute later.
func (l *list) next(last bool, ids ...string) canon.Batch {
	l.now = l.now.Add(time.Minute)
	l.pages++
	b := canon.Batch{Connection: "crm", Connector: "file", Stream: "firms", From: l.at, Next: canon.Cursor(fmt.Sprintf("%s-%d", l.round, l.pages)), Last: last,
		ReadAt: l.now, Sweep: &canon.Sweep{Round: l.round, Guard: l.guard}}
	for _, id := range ids {
		r := firm(id, 1)
		r.ObservedAt = l.now
		b.Records = append(b.Records, r)
	}
	l.at = b.Next
	return b
}

// living lists the firms that are not deleted.
func (h *hub) living() string {
	h.tb.Helper()
	h.state()
	page, err := h.db.Customers(h.tb.Context(), canon.CustomerFilter{Limit: 1000})
	if err != nil {
		h.tb.Fatal(err)
	}
	var names []string
	for _, c := range page.Customers {
		names = append(names, strings.TrimPrefix(c.Name, "Firm "))
	}
	return strings.Join(names, "")
}

func (h *hub) notice() *canon.Error {
	h.tb.Helper()
	ss, err := h.db.Streams(h.tb.Context())
	if err != nil || len(ss) != 1 {
		h.tb.Fatalf("streams: %+v, %v", ss, err)
	}
	return ss[0].Notice
}

func (h *hub) wantLiving(when, want string) {
	h.tb.Helper()
	if got := h.living(); got != want {
		h.tb.Errorf("%s the firms %q are alive, want %q", when, got, want)
	}
}

func TestAFullListFindsWhatIsGone(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 0.5)
	l.take(l.next(false, "1", "2"))
	l.take(l.next(true, "3", "4"))
	h.wantLiving("after the first list", "1234")

	l = h.begin("r2", 0.5)
	l.take(l.next(false, "1"))
	h.wantLiving("before the end of the second list", "1234")
	last := l.next(true, "4")
	if res := l.take(last); res.Missing != 2 {
		t.Errorf("%d are missing, want 2", res.Missing)
	}
	h.wantLiving("after the second list", "14")
	for _, e := range h.timeline("") {
		if e.Type == "company.deleted" && (e.Data["reason"] != "missing" || e.OccurredAt.Before(start)) {
			t.Errorf("told as %+v", e)
		}
	}
	before := h.state()
	l.take(last)
	if after := h.state(); after != before {
		t.Errorf("the last page again changed something:\n%s\n%s", before, after)
	}

	// The vendor shows one again, unchanged: it lives, whatever its own date.
	l = h.begin("r3", 0.5)
	b := l.next(true, "1", "2", "4")
	for i := range b.Records {
		b.Records[i].ObservedAt = start
	}
	l.take(b)
	h.wantLiving("after the third list", "124")
	h.begin("r4", 0.5)
	l = h.begin("r4", 0.5)
	l.take(l.next(true, "1", "4"))
	h.wantLiving("after it is missing a second time", "14")
	deleted := 0
	for _, e := range h.timeline("") {
		if e.Type == "company.deleted" && e.Ref.ID == "2" {
			deleted++
		}
	}
	if deleted != 2 {
		t.Errorf("firm 2 was deleted %d times, want 2", deleted)
	}
	// The whole history worked out again says the same.
	before = h.state()
	if _, err := h.pipe.Remap(t.Context(), "crm", "firms", []string{"1", "2", "3", "4"}); err != nil {
		t.Fatal(err)
	}
	if after := h.state(); after != before {
		t.Errorf("worked out again:\n%s\nbefore:\n%s", after, before)
	}
}

func TestTooManyMissingAreNotBelieved(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 0.25)
	l.take(l.next(true, "1", "2", "3", "4", "5", "6", "7", "8"))
	l = h.begin("r2", 0.25)
	l.take(l.next(true, "1", "2", "3", "4", "5"))
	h.wantLiving("after the guard", "12345678")
	n := h.notice()
	if n == nil || n.Code != "sweep.guard" || !strings.Contains(n.Message, "3 of 8") || !strings.Contains(n.Hint, "hub sync --accept-deletes crm/firms") {
		t.Errorf("the notice is %+v", n)
	}
	// What was seen since is not gone, whatever the list said.
	h.now = h.now.Add(time.Minute)
	h.take(canon.Batch{Connection: "crm", Connector: "file", Stream: "firms", From: "x", Next: "x", ReadAt: h.now, Records: []canon.Record{firm("6", 1)}})
	res, err := h.pipe.AcceptDeletes(t.Context(), "crm", "firms")
	if err != nil || res.Missing != 2 {
		t.Errorf("accepted %+v, %v", res, err)
	}
	h.wantLiving("after accepting", "123456")
	if h.notice() != nil {
		t.Error("the notice stays")
	}
	if _, err := h.pipe.AcceptDeletes(t.Context(), "crm", "firms"); canon.CodeOf(err) != "sweep.none" {
		t.Errorf("accepting twice: %v", err)
	}

	// A list that is refused is forgotten when a later one fits.
	l = h.begin("r3", 0.25)
	l.take(l.next(true, "1"))
	if h.notice() == nil {
		t.Error("no notice")
	}
	l = h.begin("r4", 0.25)
	l.take(l.next(true, "1", "2", "3", "4", "5"))
	h.wantLiving("after a list that fits", "12345")
	if h.notice() != nil {
		t.Error("the notice stays after a list that fits")
	}
}

// TestOneRecordMayAlwaysGo also where the guard's share is less than one.
func TestOneRecordMayAlwaysGo(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 0)
	l.take(l.next(true, "1", "2", "3"))
	l = h.begin("r2", 0)
	l.take(l.next(true, "1", "3"))
	h.wantLiving("after one is missing", "13")
	l = h.begin("r3", 0)
	l.take(l.next(true))
	h.wantLiving("after all are missing", "13")
}

// TestAListThatIsNotWholeDeletesNothing: one that was given up, one that lacks a page, one whose page comes late.
func TestAListThatIsNotWholeDeletesNothing(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 1)
	first := l.next(true, "1", "2", "3")
	l.take(first)

	given := h.begin("r2", 1)
	given.take(given.next(false, "1"))
	late := given.next(true)

	l = h.begin("r3", 1)
	l.take(l.next(false, "1"))
	l.next(false, "2", "3") // Lost on the way.
	l.take(l.next(true))
	h.wantLiving("after a list that lacks a page", "123")
	l.take(late)
	l.take(first)
	h.wantLiving("after pages that came late", "123")

	// A list goes on where it was interrupted, with another pull.
	l = h.begin("r4", 1)
	l.take(l.next(false, "1"))
	pages, at := l.pages, l.at
	l = h.begin("r4", 1)
	l.pages, l.at = pages, at
	l.take(l.next(true, "2"))
	h.wantLiving("after an interrupted list", "12")
}

// TestWhatChangesWhileAListIsReadIsNotMissing: created, changed or merely seen beside it.
func TestWhatChangesWhileAListIsReadIsNotMissing(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 1)
	l.take(l.next(true, "1", "2", "3", "5"))
	l = h.begin("r2", 1)
	l.take(l.next(false, "1"))
	beside := func(r canon.Record) {
		h.now = h.now.Add(time.Second)
		r.ObservedAt = h.now
		h.take(canon.Batch{Connection: "crm", Connector: "file", Stream: "firms", From: "hook", Next: "hook", ReadAt: h.now, Records: []canon.Record{r}})
	}
	beside(firm("2", 2))
	beside(firm("3", 1))
	beside(firm("4", 1))
	l.take(l.next(true))
	h.wantLiving("after the list", "1234")
}

// TestAMissingRecordThatChanged: a newer version wins over the tombstone, an older page does not.
func TestAMissingRecordThatChanged(t *testing.T) {
	h := newHub(t, salesYAML)
	l := h.begin("r1", 1)
	old := l.next(true, "1", "2")
	l.take(old)
	l = h.begin("r2", 1)
	l.take(l.next(true, "1"))
	h.take(old)
	h.wantLiving("after the old page again", "1")
	h.take(h.page("firms", firm("2", 7)))
	h.wantLiving("after a newer version", "12")
}
