package sandbox

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

// item is one object of a vendor. Its doc is never changed in place: a change puts another one.
type item struct {
	id               string
	doc              doc
	created, updated time.Time
	// gone is when it was deleted or archived, zero while it lives; into is the id of the object that it was
	// merged into.
	gone time.Time
	into string
	// seq counts the shelf's changes, so that what has the same time has an order.
	seq int64
	// Until shown, lists give the state before, for vendors whose index lags behind.
	shown  time.Time
	before *item
}

// shelf is one list of a vendor's objects.
type shelf struct {
	rows []*item
	byID map[string]*item
	seq  *int64
	// stamp writes an object's times into a doc of the vendor's shape.
	stamp func(d doc, created, updated time.Time)
}

// shelf returns a vendor's list, empty at first.
func (w *World) shelf(vendor, stream string) *shelf {
	key := vendor + "/" + stream
	if w.shelves[key] == nil {
		w.shelves[key] = &shelf{byID: map[string]*item{}, seq: new(int64)}
	}
	return w.shelves[key]
}

// stock fills a vendor's lists the first time that its server is asked for.
func (w *World) stock(vendor string, fill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stocked[vendor] {
		w.stocked[vendor] = true
		fill()
	}
}

// put adds an object or changes it, and returns it.
func (s *shelf) put(id string, at time.Time, d doc) *item {
	it := s.byID[id]
	if it == nil {
		it = &item{id: id, created: at}
		s.byID[id] = it
		s.rows = append(s.rows, it)
	}
	was := *it
	if was.doc != nil && it.shown.IsZero() {
		it.before = &was
	}
	*s.seq++
	it.doc, it.updated, it.seq = d, at, *s.seq
	if s.stamp != nil {
		s.stamp(it.doc, it.created, at)
	}
	return it
}

// change puts a copy of the object with some members set.
func (s *shelf) change(it *item, at time.Time, members doc) {
	d := maps.Clone(it.doc)
	maps.Copy(d, members)
	s.put(it.id, at, d)
}

// remove deletes or archives an object. Its doc stays, for vendors that show what is gone.
func (s *shelf) remove(it *item, at time.Time) {
	s.put(it.id, at, maps.Clone(it.doc))
	it.gone = at
}

// merge makes one object part of another, as vendors do: the loser is gone, the winner changes.
func (s *shelf) merge(loser, winner *item, at time.Time) {
	s.remove(loser, at)
	loser.into = winner.id
	s.put(winner.id, at, maps.Clone(winner.doc))
}

// list returns the objects as a list shows them at now, by time of change and order of it. Deleted ones are
// among them; the caller leaves them out where its vendor does.
func (s *shelf) list(now time.Time) []*item {
	var out []*item
	for _, it := range s.rows {
		if it.shown.After(now) {
			if it.before == nil {
				continue
			}
			it = it.before
		}
		out = append(out, it)
	}
	slices.SortFunc(out, func(a, b *item) int { return cmp.Or(a.updated.Compare(b.updated), cmp.Compare(a.seq, b.seq)) })
	return out
}

// live leaves out what is gone.
func live(items []*item) []*item {
	return slices.DeleteFunc(items, func(it *item) bool { return !it.gone.IsZero() })
}

// byIDOrder sorts by id, numbers by value.
func byIDOrder(items []*item) []*item {
	slices.SortFunc(items, func(a, b *item) int {
		x, xerr := strconv.ParseInt(a.id, 10, 64)
		y, yerr := strconv.ParseInt(b.id, 10, 64)
		if xerr == nil && yerr == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(a.id, b.id)
	})
	return items
}
