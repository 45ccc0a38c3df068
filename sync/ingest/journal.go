package ingest

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// The types of the changes that tell of customers that became one, and that came apart.
const (
	MergedType = "customer.merged"
	SplitType  = "customer.split"
)

// movement is an entity's change of customer in one transaction.
type movement struct {
	entity *canon.StoredEntity
	// from is the customer before the transaction, because the evidence for it.
	from, because string
}

// leaving notes that an entity that was there before the transaction gets another customer than it has.
func (w *work) leaving(e *canon.StoredEntity) {
	if w.born[e.Row] != nil {
		w.born[e.Row] = e
		return
	}
	if _, there := w.moves[e.Row]; !there {
		w.moves[e.Row] = movement{e, e.Customer, e.Why}
	}
	// The entity may be read again by a later part of the transaction.
	m := w.moves[e.Row]
	m.entity = e
	w.moves[e.Row] = m
}

// journal writes down who moved, and tells of the customers that became one and that came apart.
func (w *work) journal(ctx context.Context) error {
	var rows []int64
	var moves []canon.Move
	var nodes []movement
	for _, row := range slices.Sorted(maps.Keys(w.moves)) {
		m := w.moves[row]
		if m.from == m.entity.Customer {
			continue
		}
		rows = append(rows, row)
		moves = append(moves, canon.Move{From: m.from, To: m.entity.Customer, Why: m.entity.Why})
		if isNode(m.entity.Entity.Kind) && m.from != "" {
			nodes = append(nodes, m)
		}
	}
	clear(w.moves)
	if len(rows) == 0 {
		return nil
	}
	if err := w.tx.AddMoves(ctx, rows, moves); err != nil {
		return err
	}
	return w.reorder(ctx, nodes)
}

// reorder tells of customers that lost all their members to another, and of customers that got members of another
// without having had any: as far as the outside has heard of them.
func (w *work) reorder(ctx context.Context, nodes []movement) error {
	if len(nodes) == 0 {
		return nil
	}
	gained, lost := map[string]int{}, map[string]int{}
	for _, m := range nodes {
		gained[m.entity.Customer]++
		lost[m.from]++
	}
	for _, e := range w.born {
		if isNode(e.Entity.Kind) && gained[e.Customer] > 0 {
			gained[e.Customer]++
		}
	}
	ids := slices.Sorted(maps.Keys(lost))
	known, err := w.tx.Known(ctx, ids)
	if err != nil || len(known) == 0 {
		return err
	}
	manned, err := w.tx.Manned(ctx, distinct(append(ids, slices.Collect(maps.Keys(gained))...)))
	if err != nil {
		return err
	}
	merged, split := map[string]*shift{}, map[string]*shift{}
	for _, m := range nodes {
		from, to := m.from, m.entity.Customer
		switch {
		case !known[from]:
		case manned[from] == 0:
			shifted(merged, from).add(m)
		case manned[to]-gained[to]+lost[to] == 0:
			shifted(split, from).add(m)
		}
	}
	w.tellShifts(merged, split)
	return nil
}

// shift is whom the members of a customer went to, the evidence for that, and that which held them before; in words.
type shift struct{ to, now, before []string }

func shifted(by map[string]*shift, id string) *shift {
	if by[id] == nil {
		by[id] = &shift{}
	}
	return by[id]
}

func (s *shift) add(m movement) {
	telling := func(words string) string {
		if words == "source" {
			return ""
		}
		return words
	}
	s.to, s.now, s.before = append(s.to, m.entity.Customer), append(s.now, telling(m.entity.Why)), append(s.before, telling(m.because))
}

// tellShifts tells of customers whose members all went: to one, which absorbed them, or to several. And of those that
// stayed, but lost members to customers that had none.
func (w *work) tellShifts(gone, left map[string]*shift) {
	absorbed, words := map[string][]string{}, map[string][]string{}
	for from, s := range gone {
		to := distinct(s.to)
		if len(to) > 1 {
			left[from] = s
			continue
		}
		absorbed[to[0]] = append(absorbed[to[0]], from)
		words[to[0]] = append(words[to[0]], s.now...)
	}
	for _, id := range slices.Sorted(maps.Keys(absorbed)) {
		w.shift(MergedType, id, &data{Survivor: id, Absorbed: distinct(absorbed[id]), Evidence: distinct(words[id])})
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		w.shift(SplitType, id, &data{From: id, Into: distinct(left[id].to), Evidence: distinct(left[id].before)})
	}
}

// shift tells of a customer that became one with others, or came apart. Its id is derived when its number is drawn: the
// same may happen again.
func (w *work) shift(typ, customer string, d *data) {
	d.Customer.ID = customer
	w.changes = append(w.changes, canon.Change{Type: typ, Customer: customer, OccurredAt: w.now.UTC(), RecordedAt: w.tx.Now(), Backfill: w.p.history.Load(), Data: encode(d)})
}

// distinct sorts what is not empty, once each.
func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.TrimSpace(s) == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
