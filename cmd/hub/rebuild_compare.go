package main

import (
	"context"
	"fmt"
	"io"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// comparedAtOnce is how many lines of each store are read together.
const comparedAtOnce = 1000

// comparison is what two stores differ in.
type comparison struct {
	Equal bool `json:"equal"`
	// Waiting counts what cannot be compared because the live store has not brought it up to date yet.
	Waiting     int      `json:"waiting"`
	Differences []*tally `json:"differences"`
	entities    int
	moved       int
}

// tally counts what differs in one respect.
type tally struct {
	What string `json:"what"`
	// Missing are only in what was derived, Extra only in the live store, Changed in both and not the same.
	Missing  int       `json:"missing"`
	Extra    int       `json:"extra"`
	Changed  int       `json:"changed"`
	Examples []example `json:"examples"`
}

type example struct {
	Name    string `json:"name"`
	Live    string `json:"live"`
	Derived string `json:"derived"`
}

// The respects in which stores are compared.
const (
	inEntities  = "entities"
	inMembers   = "members of customers"
	inEvents    = "events in force"
	inCustomers = "customers"
	inGolden    = "golden records"
	inStanding  = "standings"
)

// comparing collects differences: a few as examples, all of them beside.
type comparing struct {
	*rebuilding
	comparison
	by       map[string]*tally
	examples int
	found    []store.Difference
}

func (r *rebuilding) compare(ctx context.Context, examples int) (comparison, error) {
	c := &comparing{rebuilding: r, by: map[string]*tally{}, examples: examples}
	c.Differences = []*tally{}
	if err := r.side.ResetDifferences(ctx); err != nil {
		return c.comparison, err
	}
	for _, step := range []func(context.Context) error{c.entitiesDiffer, c.eventsDiffer, c.customersDiffer} {
		if err := step(ctx); err != nil {
			return c.comparison, err
		}
	}
	if err := c.keep(ctx, 1); err != nil {
		return c.comparison, err
	}
	c.Equal = len(c.Differences) == 0
	return c.comparison, nil
}

// differs notes a difference. live or derived is "" where there is none.
func (c *comparing) differs(what, name, live, derived string, ds ...store.Difference) {
	t := c.by[what]
	if t == nil {
		t = &tally{What: what, Examples: []example{}}
		c.by[what] = t
		c.Differences = append(c.Differences, t)
	}
	switch {
	case live == "":
		t.Missing++
	case derived == "":
		t.Extra++
	default:
		t.Changed++
	}
	if len(t.Examples) < c.examples {
		t.Examples = append(t.Examples, example{name, shorten(live, 300), shorten(derived, 300)})
	}
	c.found = append(c.found, ds...)
}

// shorten cuts a text to at most n bytes.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return fmt.Sprintf("%.*s…", n, s)
}

// keep notes what was found beside, once there are n.
func (c *comparing) keep(ctx context.Context, n int) error {
	if len(c.found) < n {
		return nil
	}
	err := c.side.AddDifferences(ctx, c.found)
	c.found = c.found[:0]
	return err
}

// both walks through two lists in the order of their keys, page by page.
func both[T any](ctx context.Context, live, derived func(context.Context, string, int) ([]T, error), key func(T) string, visit func(live, derived *T) error) error {
	l, d := lines[T]{list: live, key: key}, lines[T]{list: derived, key: key}
	for {
		x, err := l.peek(ctx)
		if err != nil {
			return err
		}
		y, err := d.peek(ctx)
		if err != nil {
			return err
		}
		switch {
		case x == nil && y == nil:
			return nil
		case y == nil || x != nil && key(*x) < key(*y):
			y = nil
			l.at++
		case x == nil || key(*y) < key(*x):
			x = nil
			d.at++
		default:
			l.at++
			d.at++
		}
		if err := visit(x, y); err != nil {
			return err
		}
	}
}

// lines reads a list page by page.
type lines[T any] struct {
	list  func(context.Context, string, int) ([]T, error)
	key   func(T) string
	page  []T
	at    int
	after string
	ended bool
}

func (p *lines[T]) peek(ctx context.Context) (*T, error) {
	if p.at == len(p.page) && !p.ended {
		page, err := p.list(ctx, p.after, comparedAtOnce)
		if err != nil {
			return nil, err
		}
		p.page, p.at, p.ended = page, 0, len(page) == 0
		if !p.ended {
			p.after = p.key(page[len(page)-1])
		}
	}
	if p.ended {
		return nil, nil
	}
	return &p.page[p.at], nil
}

// ofRecord is the difference that working a record out anew settles; name is the entity's, for those without record.
func ofRecord(ref canon.Ref, name string) store.Difference {
	if ref.ID == "" {
		return store.Difference{Kind: store.DifferentOrphan, Name: name}
	}
	return store.Difference{Kind: store.DifferentRecord, Ref: ref}
}

func ofCustomer(id string) store.Difference {
	return store.Difference{Kind: store.DifferentCustomer, Name: id}
}

func (c *comparing) entitiesDiffer(ctx context.Context) error {
	return both(ctx, c.a.db.EntityLines, c.side.EntityLines, func(l store.EntityLine) string { return l.Name }, func(live, derived *store.EntityLine) error {
		c.entities++
		switch {
		case live == nil:
			c.moved++
			c.differs(inEntities, derived.Name, "", "of "+derived.Customer, ofRecord(derived.Ref, derived.Name))
		case derived == nil:
			c.moved++
			c.differs(inEntities, live.Name, "of "+live.Customer, "", ofRecord(live.Ref, live.Name))
		case live.Ref.ID == "":
			c.differs(inEntities, live.Name, "of no record", "of "+derived.Ref.String(), ofRecord(derived.Ref, ""), ofRecord(live.Ref, live.Name))
		case live.Hash != derived.Hash:
			c.moved++
			c.differs(inEntities, live.Name, live.Hash, derived.Hash, ofRecord(live.Ref, ""))
		}
		if live != nil && derived != nil && (live.Customer != derived.Customer || live.Cluster != derived.Cluster) {
			c.moved++
			c.differs(inMembers, live.Name, "of "+live.Customer, "of "+derived.Customer, ofRecord(derived.Ref, ""))
		}
		return c.keep(ctx, comparedAtOnce)
	})
}

func (c *comparing) eventsDiffer(ctx context.Context) error {
	return both(ctx, c.a.db.EventLines, c.side.EventLines, func(l store.EventLine) string { return l.ID }, func(live, derived *store.EventLine) error {
		if live != nil && derived != nil && live.Content == derived.Content && live.Customer == derived.Customer && live.Entity == derived.Entity {
			return nil
		}
		one := derived
		if one == nil {
			one = live
		}
		waits, err := c.a.db.Waits(ctx, one.Customer, one.Entity, c.asOf)
		if err != nil {
			return err
		}
		if waits {
			c.Waiting++
			return nil
		}
		var ds []store.Difference
		for _, l := range []*store.EventLine{live, derived} {
			switch {
			case l == nil:
			case l.Ref.ID != "":
				ds = append(ds, ofRecord(l.Ref, ""))
			case l.Customer != "":
				ds = append(ds, ofCustomer(l.Customer))
			}
		}
		c.differs(inEvents, one.ID, statement(live), statement(derived), ds...)
		return c.keep(ctx, comparedAtOnce)
	})
}

func statement(l *store.EventLine) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf("%s of %s (%s), %.12s", l.Type, l.Customer, l.Entity, l.Content)
}

func (c *comparing) customersDiffer(ctx context.Context) error {
	return both(ctx, c.a.db.CustomerLines, c.side.CustomerLines, func(l store.CustomerLine) string { return l.ID }, func(live, derived *store.CustomerLine) error {
		switch {
		case live == nil:
			c.differs(inCustomers, derived.ID, "", derived.Golden, ofCustomer(derived.ID))
		case live.Pending || !live.NextAt.IsZero() && !live.NextAt.After(c.asOf):
			c.Waiting++
		case derived == nil:
			c.differs(inCustomers, live.ID, live.Golden, "", ofCustomer(live.ID))
		case live.Golden != derived.Golden:
			c.differs(inGolden, live.ID, live.Golden, derived.Golden, ofCustomer(live.ID))
		case live.Standing != derived.Standing:
			c.differs(inStanding, live.ID, live.Standing, derived.Standing, ofCustomer(live.ID))
		}
		return c.keep(ctx, comparedAtOnce)
	})
}

// write prints what was found for people.
func (s rebuilt) write(w io.Writer) {
	fmt.Fprintf(w, "%s and %s derived again, compared as of %s\n", plural(s.Versions, "version", "versions"), plural(int64(s.Decisions), "decision", "decisions"), s.AsOf.UTC().Format("2006-01-02 15:04:05"))
	if s.Settled != nil {
		fmt.Fprintf(w, "switched: %s worked out anew, %s forgotten, %s assessed again\n", plural(int64(s.Settled.Records), "record", "records"),
			plural(int64(s.Settled.Orphans), "entity", "entities"), plural(int64(s.Settled.Customers), "customer", "customers"))
	}
	for _, t := range s.Differences {
		fmt.Fprintf(w, "%s: %d missing, %d too many, %d different\n", t.What, t.Missing, t.Extra, t.Changed)
		for _, e := range t.Examples {
			fmt.Fprintf(w, "  %s\n    live     %s\n    derived  %s\n", e.Name, orNone(e.Live), orNone(e.Derived))
		}
	}
	if s.Waiting > 0 {
		fmt.Fprintf(w, "%s not compared: the live store brings them up to date at the next `hub sync` or `hub run`\n", plural(int64(s.Waiting), "answer", "answers"))
	}
	if s.Equal {
		fmt.Fprintln(w, "no difference")
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
