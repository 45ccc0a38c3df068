package lifecycle

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// isLive says whether the thing that an event tells of may still change what is counted.
func (s *state) isLive(e *canon.Event) bool {
	first, _, _ := strings.Cut(e.Type, ".")
	switch first {
	case "subscription":
		return s.subscriptions[e.Ref].isLive()
	case "invoice":
		return s.invoices[e.Ref].isLive()
	case "ticket":
		return s.tickets[e.Ref].isLive()
	case "deal":
		return s.deals[e.Ref].isLive()
	}
	return false
}

func (b *subscription) isLive() bool { return b != nil && !b.deleted && b.status != "ended" }
func (v *invoice) isLive() bool {
	return v != nil && !v.deleted && (v.overdueSince != 0 || !v.settled)
}
func (t *ticket) isLive() bool { return t != nil && !t.deleted && t.open }
func (d *deal) isLive() bool {
	return d != nil && !d.deleted && d.status != "won" && d.status != "lost"
}

// changes says whether an event of the type can change what is known of a thing that has come to its end.
func changes(first, what string) bool {
	effective := ""
	switch first {
	case "subscription":
		return true
	case "invoice":
		effective = "issued overdue reopened paid voided uncollectible deleted restored"
	case "ticket":
		effective = "opened escalated reopened solved deleted restored"
	case "deal":
		effective = "created reopened won lost stage_changed amount_changed deleted restored"
	}
	return slices.Contains(strings.Fields(effective), what)
}

// isOver says whether an event tells of a thing that is known to have come to its end.
func (s *state) isOver(e *canon.Event) bool {
	first, _, _ := strings.Cut(e.Type, ".")
	there := false
	switch first {
	case "subscription":
		_, there = s.subscriptions[e.Ref]
	case "invoice":
		_, there = s.invoices[e.Ref]
	case "ticket":
		_, there = s.tickets[e.Ref]
	case "deal":
		_, there = s.deals[e.Ref]
	}
	return there && !s.isLive(e)
}

// letGo forgets the things that came to their end, but for those that stay, and appends their sums to closed.
func (s *state) letGo(closed []byte, stays map[canon.Ref]bool) []byte {
	closed = forget(closed, "subscription", s.subscriptions, stays)
	closed = forget(closed, "invoice", s.invoices, stays)
	closed = forget(closed, "ticket", s.tickets, stays)
	return forget(closed, "deal", s.deals, stays)
}

func forget[T interface{ isLive() bool }](closed []byte, first string, things map[canon.Ref]T, stays map[canon.Ref]bool) []byte {
	for _, ref := range byRef(things) {
		if !things[ref].isLive() && !stays[ref] {
			sum := closedSum(first, ref)
			closed = append(closed, sum[:]...)
			delete(things, ref)
		}
	}
	return closed
}

func (s *scribe) state(st *state) {
	for _, n := range []int{st.running, st.trials, st.ending, st.pastDue, st.openTickets, st.urgent, st.openDeals, st.won, st.lost} {
		s.int(int64(n))
	}
	s.bool(st.hadSubscription)
	s.uint(uint64(len(st.mrr)))
	for i := range st.mrr {
		s.money(&st.mrr[i])
	}
	s.uint(uint64(len(st.overdue)))
	for _, at := range st.overdue {
		s.int(at)
	}
	s.uint(uint64(len(st.subscriptions)))
	for _, ref := range byRef(st.subscriptions) {
		b := st.subscriptions[ref]
		s.ref(ref)
		s.word(b.status)
		s.bool(b.notice)
		s.bool(b.deleted)
		s.money(b.mrr)
	}
	s.uint(uint64(len(st.invoices)))
	for _, ref := range byRef(st.invoices) {
		v := st.invoices[ref]
		s.ref(ref)
		s.int(v.overdueSince)
		s.int(v.fellDue)
		s.bool(v.settled)
		s.bool(v.deleted)
	}
	s.uint(uint64(len(st.tickets)))
	for _, ref := range byRef(st.tickets) {
		t := st.tickets[ref]
		s.ref(ref)
		s.bool(t.open)
		s.bool(t.urgent)
		s.bool(t.deleted)
	}
	s.uint(uint64(len(st.deals)))
	for _, ref := range byRef(st.deals) {
		d := st.deals[ref]
		s.ref(ref)
		s.word(d.status)
		s.bool(d.deleted)
	}
}

func (r *reader) state(st *state) {
	for _, n := range []*int{&st.running, &st.trials, &st.ending, &st.pastDue, &st.openTickets, &st.urgent, &st.openDeals, &st.won, &st.lost} {
		*n = int(r.int())
	}
	st.hadSubscription = r.bool()
	for range r.size() {
		if m := r.money(); m != nil {
			st.mrr = append(st.mrr, *m)
		}
	}
	for range r.size() {
		st.overdue = append(st.overdue, r.int())
	}
	for range r.size() {
		st.subscriptions[r.ref()] = &subscription{status: r.word(), notice: r.bool(), deleted: r.bool(), mrr: r.money()}
	}
	for range r.size() {
		st.invoices[r.ref()] = &invoice{overdueSince: r.int(), fellDue: r.int(), settled: r.bool(), deleted: r.bool()}
	}
	for range r.size() {
		st.tickets[r.ref()] = &ticket{open: r.bool(), urgent: r.bool(), deleted: r.bool()}
	}
	for range r.size() {
		st.deals[r.ref()] = &deal{status: r.word(), deleted: r.bool()}
	}
}

// walker writes where the walk stands.
func (s *scribe) walker(w *walker) {
	f := w.frame
	s.uint(uint64(w.stage))
	s.int(f.since)
	s.int(f.cycleSince)
	s.int(f.tenureSince)
	s.bool(f.isCustomer)
	s.uint(uint64(f.cycle))
	for _, r := range w.policy.leaving[w.stage] {
		s.bool(w.dirty[r])
		s.bool(w.spent[r])
		s.int(w.holding[r])
	}
	rule := 0
	if w.last.rule != nil {
		rule = w.last.at + 1
	}
	s.uint(uint64(rule))
	s.text(w.last.reason)
	s.uint(uint64(len(w.last.evidence)))
	for _, id := range w.last.evidence {
		s.text(id)
	}
	s.uint(uint64(len(w.path)))
	for _, e := range w.path {
		s.text(e.ID)
		s.int(e.OccurredAt.UnixMicro())
		s.text(e.Summary)
		s.data(e.Data)
	}
}

func (r *reader) walker(p *Policy, f *frame, customer string) *walker {
	w := &walker{policy: p, frame: f, customer: customer, dirty: make([]bool, len(p.rules)), spent: make([]bool, len(p.rules)), holding: make([]int64, len(p.rules))}
	for i := range w.holding {
		w.holding[i] = never
	}
	w.stage = int(min(r.uint(), uint64(len(p.stages))))
	if w.stage < len(p.stages) {
		f.stage = p.stages[w.stage].Key
	}
	f.since, f.cycleSince, f.tenureSince, f.isCustomer, f.cycle = r.int(), r.int(), r.int(), r.bool(), int(r.uint())
	for _, i := range p.leaving[w.stage] {
		w.dirty[i], w.spent[i], w.holding[i] = r.bool(), r.bool(), r.int()
	}
	if rule := r.uint(); rule > 0 && rule <= uint64(len(p.rules)) {
		w.last.at, w.last.rule = int(rule-1), &p.rules[rule-1]
	}
	w.last.reason = r.text()
	for range r.size() {
		w.last.evidence = append(w.last.evidence, r.text())
	}
	for range r.size() {
		w.path = append(w.path, canon.Event{ID: r.text(), Type: "stage.changed", Customer: customer, OccurredAt: time.UnixMicro(r.int()).UTC(), Summary: r.text(), Data: r.data()})
	}
	w.applied = len(f.ledger.entries)
	return w
}

// stamp makes a sum of what a policy's file says, by which its books are known.
func stamp(src []byte) uint64 {
	sum := canon.Hash(src)
	return binary.LittleEndian.Uint64([]byte(sum[:8]))
}
