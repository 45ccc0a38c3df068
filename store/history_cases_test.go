package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// types asks for a timeline and returns the types of its events.
func types(t *testing.T, db *store.DB, customer string, win canon.Window) string {
	t.Helper()
	var out []string
	for _, e := range must[canon.EventPage](t)(db.Timeline(t.Context(), customer, win)).Events {
		out = append(out, e.Type)
	}
	return strings.Join(out, " ")
}

// TestACorrectionIsANewRevision: a late version says that a deal was won in other words. It is the same event, stated
// twice, and each statement is found by when it was known.
func TestACorrectionIsANewRevision(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		won := `{"name":%q,"status":"won","firm":"1","closed":"2026-03-01T10:00:00Z","created":"2026-03-01T08:00:00Z"}`
		o.take(t, paper("crm", "firms", "1", 1, `{"name":"A","created":"2026-03-01T08:00:00Z"}`), paper("crm", "deals", "1", 9, fmt.Sprintf(won, "Big")))
		first := o.now
		o.now = o.now.Add(48 * time.Hour)
		o.take(t, paper("crm", "deals", "1", 4, fmt.Sprintf(won, "Small")))
		win := canon.Window{Types: []string{"deal.won"}, Revisions: true}
		page := must[canon.EventPage](t)(db.Timeline(t.Context(), "crm/firms/1", win))
		if len(page.Events) != 2 || page.Events[0].ID != page.Events[1].ID {
			t.Fatalf("want one event stated twice, got %+v", page.Events)
		}
		old, now := page.Events[0], page.Events[1]
		if old.Revision != 1 || !old.RecordedAt.Equal(first) || !old.SupersededAt.Equal(o.now) || old.Summary != "Deal 'Big' was won." {
			t.Errorf("the first statement is %+v", old)
		}
		if now.Revision != 2 || !now.RecordedAt.Equal(o.now) || !now.SupersededAt.IsZero() || now.Summary != "Deal 'Small' was won." {
			t.Errorf("the second statement is %+v", now)
		}
		win.KnownAt = first.Add(time.Hour)
		page = must[canon.EventPage](t)(db.Timeline(t.Context(), "crm/firms/1", win))
		if len(page.Events) != 1 || page.Events[0].Summary != old.Summary || !page.Events[0].SupersededAt.IsZero() {
			t.Errorf("before the correction it was known as %+v", page.Events)
		}
	})
}

// TestLateRecordsStandInTheirPlace: what is learnt late stands where it happened, and is missing from what was known.
func TestLateRecordsStandInTheirPlace(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.take(t, paper("crm", "firms", "1", 1, `{"name":"A","created":"2026-03-01T08:00:00Z"}`), paper("crm", "people", "1", 1, `{"name":"Ann","firm":"1","created":"2026-03-01T09:00:00Z"}`))
		before := o.now
		o.now = o.now.Add(72 * time.Hour)
		o.take(t, paper("crm", "deals", "1", 1, `{"name":"Late","status":"open","firm":"1","created":"2026-03-01T08:30:00Z"}`))
		same(t, "now", "company.created deal.created contact.created", types(t, db, "crm/firms/1", canon.Window{}))
		same(t, "as known before", "company.created contact.created", types(t, db, "crm/firms/1", canon.Window{KnownAt: before}))
		same(t, "what had happened by half past eight", "company.created deal.created", types(t, db, "crm/firms/1", canon.Window{At: day.Add(-30 * time.Minute)}))
		same(t, "both", "company.created", types(t, db, "crm/firms/1", canon.Window{At: day.Add(-30 * time.Minute), KnownAt: before}))
		same(t, "the person's", "contact.created", types(t, db, "crm/firms/1", canon.Window{Person: "crm/people/1"}))
	})
}

// TestAPersonsTimeline: a person is all records that are the same one, and has what belongs to any of them.
func TestAPersonsTimeline(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.take(t, paper("crm", "firms", "1", 1, `{"name":"A","created":"2026-03-01T05:00:00Z"}`),
			paper("crm", "people", "1", 1, `{"name":"Ann","firm":"1","created":"2026-03-01T06:00:00Z"}`),
			paper("crm", "people", "2", 1, `{"name":"Bo","firm":"1","created":"2026-03-01T06:30:00Z"}`),
			paper("crm", "deals", "1", 1, `{"name":"Hers","status":"open","firm":"1","person":"1","created":"2026-03-01T07:00:00Z"}`),
			paper("crm", "notes", "1", 1, `{"type":"call","person":"1","at":"2026-03-01T08:00:00Z","by":"human"}`),
			paper("crm", "notes", "2", 1, `{"type":"email","person":"2","at":"2026-03-01T08:30:00Z","by":"auto"}`))
		want := "contact.created deal.created touch.call"
		for _, person := range []string{"crm/people/1", "crm/people/1#contact"} {
			same(t, person, want, types(t, db, "", canon.Window{Person: person}))
			same(t, person+" at the firm", want, types(t, db, "crm/firms/1", canon.Window{Person: person}))
		}
		same(t, "kinds", "touch.email", types(t, db, "", canon.Window{Person: "crm/people/2", Kinds: []canon.Kind{canon.KindActivity}}))
		merged := paper("crm", "people", "2", 3, "")
		merged.Raw, merged.Deleted, merged.Reason, merged.Into = nil, true, "merged", "1"
		o.now = o.now.Add(time.Hour)
		o.take(t, merged)
		all := "contact.created contact.created deal.created touch.call touch.email contact.deleted person.merged"
		same(t, "after the merge", all, sorted(types(t, db, "", canon.Window{Person: "crm/people/1"}), all))
		page := must[canon.EventPage](t)(db.Timeline(t.Context(), "", canon.Window{Types: []string{"touch."}}))
		if page.Events[0].Data["by"] != "human" || page.Events[1].Data["by"] != "auto" {
			t.Errorf("who acted is not told: %+v", page.Events)
		}
	})
}

// sorted puts the two last types, which are of one moment, into the order of want.
func sorted(got, want string) string {
	if strings.HasSuffix(got, "person.merged contact.deleted") {
		return strings.TrimSuffix(got, "person.merged contact.deleted") + "contact.deleted person.merged"
	}
	return got
}

// TestACustomerThatWasAbsorbedKeepsItsPast: by what was known before, two firms that became one are two.
func TestACustomerThatWasAbsorbedKeepsItsPast(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		o := newOffice(t, db)
		o.take(t, paper("crm", "firms", "1", 1, `{"name":"A","domain":"one-firm.com","created":"2026-03-01T05:00:00Z"}`),
			paper("bill", "firms", "1", 1, `{"name":"A Inc","created":"2026-03-01T06:00:00Z"}`),
			paper("bill", "deals", "1", 1, `{"name":"D","status":"open","firm":"1","created":"2026-03-01T07:00:00Z"}`))
		apart := o.now
		crm, bill := must[string](t)(db.Resolve(t.Context(), "crm/firms/1")), must[string](t)(db.Resolve(t.Context(), "bill/firms/1"))
		o.now = o.now.Add(time.Hour)
		o.take(t, paper("bill", "firms", "1", 2, `{"name":"A Inc","domain":"one-firm.com","created":"2026-03-01T06:00:00Z"}`))
		must[int](t)(o.pipe.Settle(t.Context()))
		told := canon.Window{Types: []string{"company.", "deal."}}
		one := "company.created company.created deal.created company.changed"
		for _, id := range []string{crm, bill, "crm/firms/1", "bill/firms/1"} {
			same(t, id+" now", one, types(t, db, id, told))
		}
		before := told
		before.KnownAt = apart
		for id, want := range map[string]string{crm: "company.created", bill: "company.created deal.created", "crm/firms/1": "company.created", "bill/firms/1": "company.created deal.created"} {
			same(t, id+" as known before", want, types(t, db, id, before))
		}
		for _, e := range must[canon.EventPage](t)(db.Timeline(t.Context(), bill, before)).Events {
			if e.Customer != bill {
				t.Errorf("%s is told of %s, not of %s", e.Type, e.Customer, bill)
			}
		}
	})
}
