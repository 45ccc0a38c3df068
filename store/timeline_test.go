package store_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// told is one statement ever made, as the slow reference keeps it.
type told struct {
	id                   string
	revision             int
	entity               int
	row                  int64
	typ                  string
	at                   time.Time
	recorded, superseded time.Time
}

// shift is one entity's change of customer.
type shift struct {
	entity   int
	from, to string
	at       time.Time
}

// past is the slow reference: everything ever stated, and who was whose.
type past struct {
	// name keeps the connections of one history apart from those of others in the same store.
	name     string
	entities []*canon.StoredEntity
	owner    []string
	told     []told
	shifts   []shift
	// owned says which entities belong to which contact.
	owned map[int][]int
}

// whose is the customer of an entity as known at a moment.
func (p *past) whose(entity int, known time.Time) string {
	for _, s := range p.shifts {
		if s.entity == entity && !known.IsZero() && s.at.After(known) {
			return s.from
		}
	}
	return p.owner[entity]
}

// timeline filters all statements one by one.
func (p *past) timeline(customer string, win canon.Window) []string {
	var hits []told
	for _, s := range p.told {
		e := p.entities[s.entity].Entity
		known := win.KnownAt
		superseded := s.superseded
		if !known.IsZero() {
			if s.recorded.After(known) {
				continue
			}
			if superseded.After(known) {
				superseded = time.Time{}
			}
		}
		source := slices.Contains(win.Connections, e.Ref.Connection) || slices.Contains(win.Streams, e.Ref.Connection+"/"+e.Ref.Stream)
		switch {
		case !superseded.IsZero() && !win.Revisions,
			customer != "" && p.whose(s.entity, known) != customer,
			!win.From.IsZero() && s.at.Before(win.From), !win.To.IsZero() && !s.at.Before(win.To), !win.At.IsZero() && s.at.After(win.At),
			len(win.Kinds) > 0 && !slices.Contains(win.Kinds, e.Kind), len(win.Types) > 0 && !slices.Contains(win.Types, s.typ),
			len(win.Connections)+len(win.Streams) > 0 && !source,
			win.Person != "" && !p.personal(win.Person, s.entity):
			continue
		}
		hits = append(hits, s)
	}
	slices.SortFunc(hits, func(a, b told) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id), cmp.Compare(a.revision, b.revision))
	})
	if win.Newest {
		slices.Reverse(hits)
	}
	lines := []string{}
	for _, s := range hits {
		line := fmt.Sprintf("%s %s of %s", s.id, s.recorded.Format(time.RFC3339Nano), p.whose(s.entity, win.KnownAt))
		if win.Revisions {
			line += fmt.Sprintf(" #%d", s.revision)
			if !s.superseded.IsZero() && (win.KnownAt.IsZero() || !s.superseded.After(win.KnownAt)) {
				line += " until " + s.superseded.Format(time.RFC3339Nano)
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (p *past) personal(person string, entity int) bool {
	for i, e := range p.entities {
		if e.Entity.Ref.String() == person {
			return entity == i || slices.Contains(p.owned[i], entity)
		}
	}
	return false
}

// tell makes n statements, take-backs and moves at a moment.
func (p *past) tell(t *testing.T, rt *rapid.T, db *store.DB, now time.Time) {
	at(t, db, now, func(ctx context.Context, tx *store.Tx) error {
		if i := rapid.IntRange(-1, len(p.told)-1).Draw(rt, "take back"); i >= 0 && p.told[i].superseded.IsZero() {
			s := p.told[i]
			if err := tx.Supersede(ctx, []int64{s.row}); err != nil {
				return err
			}
			p.told[i].superseded = now
			if rapid.Bool().Draw(rt, "replace") {
				s.revision, s.recorded, s.at = s.revision+1, now, s.at.Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "correct"))*time.Hour)
				if err := p.add(ctx, tx, s); err != nil {
					return err
				}
			}
		}
		for range rapid.IntRange(0, 3).Draw(rt, "new") {
			i := rapid.IntRange(0, len(p.entities)-1).Draw(rt, "entity")
			s := told{id: canon.ID("ev", p.name, fmt.Sprint(len(p.told))), revision: 1, entity: i, recorded: now, at: day.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "at")) * time.Hour)}
			s.typ = string(p.entities[i].Entity.Kind) + ".created"
			if err := p.add(ctx, tx, s); err != nil {
				return err
			}
		}
		i := rapid.IntRange(0, 3*len(p.entities)).Draw(rt, "moved")
		if i >= len(p.entities) {
			return nil
		}
		s := shift{i, p.owner[i], p.name + rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "to"), now}
		if s.from == s.to {
			return nil
		}
		p.owner[i], p.shifts = s.to, append(p.shifts, s)
		e := p.entities[i]
		e.Customer = s.to
		if err := tx.SetOwners(ctx, []*canon.StoredEntity{e}); err != nil {
			return err
		}
		if err := tx.MoveEvents(ctx, []*canon.StoredEntity{e}); err != nil {
			return err
		}
		return tx.AddMoves(ctx, []int64{e.Row}, []canon.Move{{From: s.from, To: s.to}})
	})
}

func (p *past) add(ctx context.Context, tx *store.Tx, s told) error {
	e := p.entities[s.entity]
	ev := canon.StoredEvent{Event: canon.Event{ID: s.id, Type: s.typ, Customer: p.owner[s.entity], OccurredAt: s.at, Summary: `says "ref":{"connection":"x","stream":"y","id":"1"},"kind":"deal"`,
		Ref: e.Entity.Ref, Kind: e.Entity.Kind}, Entity: e.Row, Revision: s.revision}
	if err := tx.AddEvents(ctx, []canon.StoredEvent{ev}); err != nil {
		return err
	}
	rows, err := tx.EventsOf(ctx, []int64{e.Row})
	for _, r := range rows {
		if r.ID == s.id {
			s.row = r.Row
		}
	}
	p.told = append(p.told, s)
	return err
}

// newPast stores the entities of a history: two companies, two contacts, and what belongs to them.
func newPast(t *testing.T, db *store.DB, n int) *past {
	p := &past{name: fmt.Sprint("h", n), owned: map[int][]int{2: {4}, 3: {5}}}
	addCustomers(t, db, profile(p.name+"a", "A"), profile(p.name+"b", "B"))
	for i, k := range []canon.Kind{canon.KindCompany, canon.KindCompany, canon.KindContact, canon.KindContact, canon.KindDeal, canon.KindActivity, canon.KindInvoice} {
		ref := canon.Ref{Connection: p.name + []string{"crm", "CRM"}[i%2], Stream: string(k) + "s", ID: fmt.Sprint(i)}
		e := &canon.StoredEntity{Record: 1, Entity: canon.Entity{Kind: k, Ref: ref}, Customer: p.name + []string{"a", "b"}[i%2]}
		key := "ref:contact:" + ref.String()
		switch i {
		case 2, 3:
			e.Evidence, e.Cluster = []string{key}, "cl"+ref.String()
		case 4, 5:
			e.OwnerKeys = []string{"ref:contact:" + p.entities[i-2].Entity.Ref.String()}
		}
		p.entities, p.owner = append(p.entities, e), append(p.owner, e.Customer)
	}
	tx(t, db, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.PutEntities(ctx, slices.Clone(p.entities)); err != nil {
			return err
		}
		return tx.PutKeys(ctx, p.entities, nil)
	})
	return p
}

// ask draws a question about a history whose moments lie between day and now.
func (p *past) ask(rt *rapid.T, now time.Time) (string, canon.Window) {
	moment := func(label string, least int64) time.Time {
		return time.UnixMicro(rapid.Int64Range(least, now.UnixMicro()+1).Draw(rt, label)).UTC()
	}
	win := canon.Window{Newest: rapid.Bool().Draw(rt, "newest"), Revisions: rapid.IntRange(0, 3).Draw(rt, "revisions") == 0, Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
	if rapid.IntRange(0, 3).Draw(rt, "known") > 0 {
		win.KnownAt = moment("known at", day.UnixMicro()-1)
	}
	hour := func(label string) time.Time {
		h := rapid.IntRange(-3, 6).Draw(rt, label)
		if h < 0 {
			return time.Time{}
		}
		return day.Add(time.Duration(h) * time.Hour)
	}
	win.At, win.From = hour("at"), hour("from")
	if rapid.IntRange(0, 3).Draw(rt, "to") == 0 {
		win.To = hour("before")
	}
	if rapid.IntRange(0, 3).Draw(rt, "kinds") == 0 {
		win.Kinds = []canon.Kind{canon.KindDeal, canon.KindCompany}
	}
	if rapid.IntRange(0, 3).Draw(rt, "types") == 0 {
		win.Types = []string{"contact.created", "deal.created"}
	}
	if rapid.IntRange(0, 3).Draw(rt, "person") == 0 {
		win.Person = p.entities[rapid.IntRange(2, 3).Draw(rt, "who")].Entity.Ref.String()
	}
	customer := rapid.SampledFrom([]string{"", p.name + "a", p.name + "b"}).Draw(rt, "customer")
	switch rapid.IntRange(0, 2).Draw(rt, "source") {
	case 0:
		win.Streams = []string{p.name + "CRM/contacts", p.name + "crm/deals"}
	case 1:
		win.Connections = []string{p.name + "crm", p.name + "CRM"}[:rapid.IntRange(1, 2).Draw(rt, "connections")]
	default:
		if customer == "" {
			// Other histories live in the same store.
			win.Connections = []string{p.name + "crm", p.name + "CRM"}
		}
	}
	return customer, win
}

// TestTheTimelineIsWhatWasStated draws histories of statements, take-backs and moves and compares every answer of the
// store, walked page by page in both directions, with the reference.
func TestTheTimelineIsWhatWasStated(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			n++
			p := newPast(t, db, n)
			now := day
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				now = now.Add(time.Duration(rapid.SampledFrom([]int64{0, 1, 1_000_000, 86_400_000_000}).Draw(rt, "wait")) * time.Microsecond)
				p.tell(t, rt, db, now)
			}
			for range 8 {
				customer, win := p.ask(rt, now)
				want := p.timeline(customer, win)
				forth, back := strides(t, db, customer, win)
				if diff := gocmp.Diff(want, forth); diff != "" {
					rt.Fatalf("%q %+v (-want +got):\n%s", customer, win, diff)
				}
				if diff := gocmp.Diff(want, back); diff != "" {
					rt.Fatalf("%q %+v, walked back (-want +got):\n%s", customer, win, diff)
				}
			}
		})
	})
}

// strides walks a timeline to its end and back to its beginning.
func strides(t *testing.T, db *store.DB, customer string, win canon.Window) (forth, back []string) {
	t.Helper()
	forth, back = []string{}, []string{}
	lines := func(es []canon.Event) []string {
		var out []string
		for _, e := range es {
			line := fmt.Sprintf("%s %s of %s", e.ID, e.RecordedAt.Format(time.RFC3339Nano), e.Customer)
			if win.Revisions {
				line += fmt.Sprintf(" #%d", e.Revision)
				if !e.SupersededAt.IsZero() {
					line += " until " + e.SupersededAt.Format(time.RFC3339Nano)
				}
			}
			out = append(out, line)
		}
		return out
	}
	page := must[canon.EventPage](t)(db.Timeline(t.Context(), customer, win))
	if page.Prev != "" {
		t.Fatal("something lies before the first page")
	}
	for {
		if len(page.Events) > win.Limit {
			t.Fatalf("a page holds %d events", len(page.Events))
		}
		forth = append(forth, lines(page.Events)...)
		if page.Next == "" {
			break
		}
		win.After, win.Before = page.Next, ""
		page = must[canon.EventPage](t)(db.Timeline(t.Context(), customer, win))
	}
	for {
		back = append(lines(page.Events), back...)
		if page.Prev == "" {
			return forth, append([]string{}, back...)
		}
		win.After, win.Before = "", page.Prev
		page = must[canon.EventPage](t)(db.Timeline(t.Context(), customer, win))
	}
}
