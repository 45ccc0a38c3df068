package sandbox

import (
	"encoding/json"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// books keep a billing vendor's lists in step with what happens to the accounts, whichever vendor's server
// the world was built around. They are brought up to date before every answer, so that a Step shows in them
// at the next request, with the world's time.
type books struct {
	world  *World
	vendor string
	// write enters all that the accounts hold, stir makes one change of the kind that the vendor's own users
	// make, stamp is that of the shelves.
	write func(*books)
	stir  func(b *books, n int, d dice)
	stamp func(stream string, d doc, created, updated time.Time)
	// filling is so while the lists get what happened before anybody asked.
	filling bool
}

// entry is one object of a vendor. Facts follow the accounts, and one of nil is a member that is not there;
// first is what it begins with besides, which the vendor's users may change.
type entry struct {
	stream, id       string
	created, updated time.Time
	facts, first     doc
}

// open fills the lists the first time.
func (b *books) open(streams ...string) *books {
	b.world.stock(b.vendor, func() {
		for _, name := range streams {
			b.list(name).stamp = func(d doc, created, updated time.Time) { b.stamp(name, d, created, updated) }
		}
		b.filling = true
		b.write(b)
		b.filling = false
		b.stirred()
	})
	return b
}

func (b *books) list(stream string) *shelf { return b.world.shelf(b.vendor, stream) }

// route adds a handler that finds the books up to date.
func (b *books) route(g *gate, pattern string, fn func(*call) reply) {
	g.route(pattern, func(c *call) reply {
		if steps := b.stirred(); len(steps) > 0 {
			b.write(b)
			for _, n := range steps {
				b.stir(b, n, b.world.dice("books of "+b.vendor, n))
			}
		}
		return fn(c)
	})
}

// stirred returns the steps of the world that the vendor's users have not followed yet, and notes that they
// now have.
func (b *books) stirred() []int {
	var open []int
	for n := b.world.steps - 1; n >= 0; n-- {
		key := b.vendor + "/step " + strconv.Itoa(n)
		if b.world.stocked[key] {
			break
		}
		b.world.stocked[key] = true
		open = append(open, n)
	}
	slices.Reverse(open)
	return open
}

// lateBy is how long every fifth change is hidden from lists.
const lateBy = 20 * time.Second

// enter adds an object, or brings its facts up to date. What is gone stays as it is.
func (b *books) enter(e entry) {
	s := b.list(e.stream)
	it := s.byID[e.id]
	switch {
	case it == nil:
		d := laidOver(e.first, e.facts)
		if !b.filling {
			e.created, e.updated = b.world.now, b.world.now
		}
		s.put(e.id, e.created, d)
		if e.updated.After(e.created) {
			s.put(e.id, e.updated, maps.Clone(d))
		}
	case it.gone.IsZero():
		for k, v := range e.facts {
			if !reflect.DeepEqual(it.doc[k], v) {
				b.change(s, it, e.facts)
				return
			}
		}
	}
}

// laidOver is a copy of a doc with members set, or taken out where they are nil.
func laidOver(d, members doc) doc {
	out := doc{}
	maps.Copy(out, d)
	maps.Copy(out, members)
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil })
	return out
}

// change sets members of an object now; those of nil are taken out.
func (b *books) change(s *shelf, it *item, members doc) {
	b.settleLate(it)
	s.put(it.id, b.world.now, laidOver(it.doc, members))
	if *s.seq%5 == 0 {
		it.shown = b.world.now.Add(lateBy)
	}
}

// settleLate forgets the state before, where the lists show the one after it by now.
func (b *books) settleLate(it *item) {
	if !it.shown.After(b.world.now) {
		it.shown, it.before = time.Time{}, nil
	}
}

// living returns what a list holds, without what is gone, by id.
func (b *books) living(stream string) []*item {
	return byIDOrder(live(slices.Clone(b.list(stream).rows)))
}

// bookID derives an opaque id from a truth's.
func (b *books) bookID(parts ...string) string {
	return canon.Hash([]byte(b.vendor + strconv.FormatInt(b.world.opts.Seed, 10) + strings.Join(parts, "\x00")))
}

// bookUUID is bookID in the form of a UUID.
func (b *books) bookUUID(parts ...string) string {
	h := b.bookID(parts...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

// payers are the accounts that ever bought, second departments included.
func (w *World) payers() []*account {
	return slices.DeleteFunc(slices.Concat(w.accounts, w.branches), func(a *account) bool { return a.customer == nil || a.sub == nil })
}

// demand is what an invoice of an account comes to.
type demand struct {
	*stripeObject
	number, currency, status string // status as in open, paid, void, uncollectible
	total                    int64
	quantity                 int64
	// issued always is; due is zero where a card is charged; ended is when it was paid, voided or written off.
	issued, due, ended time.Time
	// updated is the last of these moments up to now.
	updated time.Time
}

func (w *World) demands(a *account) []demand {
	out := make([]demand, 0, len(a.invoices))
	for _, o := range a.invoices {
		d := demand{stripeObject: o, number: as[string](o.doc["number"]), currency: strings.ToUpper(as[string](o.doc["currency"])),
			status: as[string](o.doc["status"]), total: as[int64](o.doc["total"]), issued: time.Unix(o.created, 0).UTC()}
		if lines := as[[]doc](as[doc](o.doc["lines"])["data"]); len(lines) > 0 {
			d.quantity = as[int64](lines[0]["quantity"])
		}
		d.due = unixOrZero(o.doc["due_date"])
		moments := as[doc](o.doc["status_transitions"])
		for _, name := range []string{"paid_at", "voided_at", "marked_uncollectible_at"} {
			if t := unixOrZero(moments[name]); !t.IsZero() {
				d.ended = t
			}
		}
		d.updated = d.issued
		for _, t := range []time.Time{d.ended, d.overdueAt(w.now)} {
			if t.After(d.updated) && !t.After(w.now) {
				d.updated = t
			}
		}
		out = append(out, d)
	}
	return out
}

// overdueAt is when an open invoice fell overdue, zero where it has not.
func (d demand) overdueAt(now time.Time) time.Time {
	if d.status == "open" && !d.due.IsZero() && d.due.Before(now) {
		return d.due.Add(time.Second)
	}
	return time.Time{}
}

// owed is what is still to be paid.
func (d demand) owed() int64 {
	if d.status == "open" {
		return d.total
	}
	return 0
}

func unixOrZero(v any) time.Time {
	if n, ok := v.(int64); ok && n > 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

// major writes minor units as a plain decimal number.
func major(minor int64, currency string) json.Number {
	digits := canon.Exponent(currency)
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
	return json.Number(new(big.Rat).SetFrac(big.NewInt(minor), scale).FloatString(digits))
}

// crmID is the company's id in the CRM where billing knows it.
func (a *account) crmID() string {
	return as[string](as[doc](a.customer.doc["metadata"])["hubspot_company_id"])
}
