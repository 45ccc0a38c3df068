package timeline

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// anyDay draws a moment of a small calendar, often none.
func anyDay(t *rapid.T, label string) time.Time {
	n := rapid.IntRange(-3, 12).Draw(t, label)
	if n <= 0 {
		return time.Time{}
	}
	return day(n)
}

func anyMoney(t *rapid.T, label string) *canon.Money {
	n := rapid.Int64Range(-1, 2).Draw(t, label)
	if n < 0 {
		return nil
	}
	return eur(n)
}

func pick(t *rapid.T, label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, label)
}

func anyBody(t *rapid.T, kind canon.Kind) any {
	switch kind {
	case canon.KindCompany:
		return &canon.Company{Name: pick(t, "name", "", "A", "B"), Owner: pick(t, "owner", "", "1"), Plan: pick(t, "plan", "", "p"), Seats: rapid.Int64Range(0, 2).Draw(t, "seats")}
	case canon.KindContact:
		return &canon.Contact{
			Name: pick(t, "name", "", "A"), OptedOut: rapid.Bool().Draw(t, "out"), DoNotContact: rapid.Bool().Draw(t, "never"), ConsentAt: anyDay(t, "consent"),
			Emails: rapid.SliceOfN(rapid.SampledFrom([]string{"a@x.org", "A@x.org", "b@x.org"}), 0, 2).Draw(t, "emails"), Title: pick(t, "title", "", "CEO"),
		}
	case canon.KindDeal:
		return &canon.Deal{Status: pick(t, "status", "open", "won", "lost"), Stage: pick(t, "stage", "", "x", "y"), Amount: anyMoney(t, "amount"), ClosedAt: anyDay(t, "closed"), ExpectedAt: anyDay(t, "expected")}
	case canon.KindQuote:
		return &canon.Quote{Status: pick(t, "status", "draft", "sent", "approved", "accepted", "rejected", "expired"), Amount: anyMoney(t, "amount"), SentAt: anyDay(t, "sent"), ExpiresAt: anyDay(t, "expires"), AcceptedAt: anyDay(t, "accepted")}
	case canon.KindInvoice:
		return &canon.Invoice{
			Status: pick(t, "status", "draft", "open", "open", "paid", "void", "uncollectible"), Total: *eur(9), Due: anyMoney(t, "due"),
			Credit: rapid.IntRange(0, 9).Draw(t, "credit") == 0, IssuedAt: anyDay(t, "issued"), DueAt: anyDay(t, "due at"), PaidAt: anyDay(t, "paid"), VoidedAt: anyDay(t, "voided"),
		}
	case canon.KindSubscription:
		return &canon.Subscription{
			Status: pick(t, "status", "trialing", "active", "active", "past_due", "unpaid", "paused", "incomplete", "ended", "scheduled"), Plan: pick(t, "plan", "", "p", "q"),
			MRR: anyMoney(t, "mrr"), StartedAt: anyDay(t, "started"), TrialEndsAt: anyDay(t, "trial"), RenewsAt: anyDay(t, "renews"),
			EndsAt: anyDay(t, "ends"), CancelRequestedAt: anyDay(t, "requested"), EndedAt: anyDay(t, "ended"),
		}
	case canon.KindTicket:
		return &canon.Ticket{
			Status: pick(t, "status", "new", "open", "pending", "hold", "solved", "closed"), OpenedAt: anyDay(t, "opened"), FirstReplyAt: anyDay(t, "reply"), SolvedAt: anyDay(t, "solved"),
			Replies: rapid.Int64Range(0, 3).Draw(t, "replies"), Reopens: rapid.Int64Range(0, 2).Draw(t, "reopens"), Escalated: rapid.Bool().Draw(t, "escalated"),
			Priority: pick(t, "priority", "", "low", "urgent"), Assignee: pick(t, "assignee", "", "7"),
			Rating: pick(t, "rating", "", "good", "bad"), RatedAt: anyDay(t, "rated"),
		}
	case canon.KindUsage:
		return &canon.Usage{Quantity: rapid.Float64Range(0, 2).Draw(t, "quantity"), At: day(rapid.IntRange(1, 12).Draw(t, "at"))}
	case canon.KindSurvey:
		return &canon.Survey{Type: pick(t, "type", "nps", "csat"), Score: rapid.Float64Range(0, 2).Draw(t, "score"), At: day(rapid.IntRange(1, 12).Draw(t, "at"))}
	}
	return &canon.Activity{Type: pick(t, "type", "call", "email"), By: pick(t, "by", "", "auto"), At: day(rapid.IntRange(1, 12).Draw(t, "at"))}
}

// anyStates draws states of one entity, equal and unordered ones among them.
func anyStates(t *rapid.T) []State {
	kind := rapid.SampledFrom(canon.Kinds()).Draw(t, "kind")
	var states []State
	for range rapid.IntRange(1, 6).Draw(t, "states") {
		s := state(rapid.IntRange(1, 12).Draw(t, "day"), anyBody(t, kind))
		s.Entity.CreatedAt = anyDay(t, "created")
		s.Entity.Deleted = rapid.IntRange(0, 7).Draw(t, "deleted") == 0
		if s.Entity.Deleted {
			s.Entity.Reason = pick(t, "reason", "", "merged", "archived")
		}
		if kind == canon.KindContact {
			s.Entity.Owners = working(1, "", rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2"}), 0, 2).Draw(t, "companies")...).Entity.Owners
		}
		states = append(states, s)
		if rapid.IntRange(0, 5).Draw(t, "twice") == 0 {
			states = append(states, s)
		}
	}
	return states
}

func anyNow(t *rapid.T) time.Time { return day(12 + rapid.IntRange(0, 3).Draw(t, "now")) }

// TestArrival keeps the events of each pair of neighbours, derives anew only the pairs that an arrival
// changes, and must end where the reference does.
func TestArrival(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := anyStates(t)
		now := anyNow(t)
		want, wantNext := History(states, now)

		var seen []State
		pairs := map[string][]canon.Event{}
		derived := func(before *State, after State) []canon.Event {
			key := fmtState(before) + " > " + fmtState(&after)
			if _, ok := pairs[key]; !ok {
				pairs[key] = Derive(before, after)
			}
			return pairs[key]
		}
		var got []canon.Event
		var next time.Time
		for _, s := range rapid.Permutation(states).Draw(t, "arrival") {
			seen = append(seen, s)
			ordered := Order(seen)
			told := newTelling()
			var before *State
			for i := range ordered {
				told.add(derived(before, ordered[i]))
				before = &ordered[i]
			}
			var ticked []canon.Event
			ticked, next = Clock(*before, now)
			told.add(ticked)
			got = told.sorted()
		}
		if diff := cmp.Diff(want, got); diff != "" || !next.Equal(wantNext) {
			t.Fatalf("next %v, want %v; events (-want +got):\n%s", next, wantNext, diff)
		}
	})
}

func fmtState(s *State) string {
	if s == nil {
		return "-"
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestFeed hands over states in order with the clock ticking between them. What the clock told stands until
// the next state takes it back; the end is the reference.
func TestFeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := Order(anyStates(t))
		now := anyNow(t)
		lasting := newTelling()
		var live []canon.Event
		var before *State
		for i, s := range states {
			lasting.add(Derive(before, s))
			before = &states[i]
			until := now
			if i+1 < len(states) {
				until = states[i+1].At
			}
			// Every tick in between, as a scheduler that follows next would make them.
			live = live[:0]
			for at := s.At; ; {
				events, next := Clock(s, at)
				live = append(live[:0], events...)
				if next.IsZero() || next.After(until) {
					break
				}
				if !next.After(at) {
					t.Fatalf("the clock stands: next %v at %v", next, at)
				}
				at = next
			}
		}
		lasting.add(live)
		want, _ := History(states, now)
		if diff := cmp.Diff(want, lasting.sorted()); diff != "" {
			t.Fatalf("events (-want +got):\n%s", diff)
		}
	})
}

func TestEventsAreSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		states := anyStates(t)
		now := anyNow(t)
		events, next := History(states, now)
		ids := map[string]bool{}
		for i, e := range events {
			if ids[e.ID] {
				t.Fatalf("%s twice", e.ID)
			}
			ids[e.ID] = true
			if e.OccurredAt.IsZero() || e.OccurredAt.After(now) {
				t.Fatalf("%s at %v, now is %v", e.Type, e.OccurredAt, now)
			}
			if i > 0 && e.OccurredAt.Before(events[i-1].OccurredAt) {
				t.Fatal("events are not sorted")
			}
			for k, v := range e.Data {
				switch v.(type) {
				case string, float64, bool:
				default:
					t.Fatalf("%s: data %s is a %T", e.Type, k, v)
				}
			}
			if e.Summary == "" {
				t.Fatalf("%s says nothing", e.Type)
			}
		}
		if !next.IsZero() && !next.After(now) {
			t.Fatalf("next %v is not after %v", next, now)
		}
		for _, s := range states {
			if told := Derive(&s, s); len(told) != 0 {
				t.Fatalf("a state differs from itself: %v", lines(told))
			}
		}
	})
}

// TestClockAgrees checks that what the clock told of a plan comes back under the same id where the next state
// repeats the plan.
func TestClockAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := anyStates(t)[0]
		later := first
		later.At = first.At.Add(time.Duration(rapid.IntRange(0, 200).Draw(t, "hours")) * time.Hour)
		later.Version++
		told, _ := Clock(first, later.At)
		if diff := cmp.Diff(told, Derive(&first, later), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the clock and the pair differ (-clock +pair):\n%s", diff)
		}
	})
}

// TestMissedStates plays one life of an invoice and looks at it now and then: which looks were taken changes
// neither the dated events nor their ids.
func TestMissedStates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dueDay := rapid.IntRange(3, 10).Draw(t, "due")
		paidDay := rapid.IntRange(3, 14).Draw(t, "paid")
		at := func(n int) State {
			b := &canon.Invoice{Status: "open", Total: *eur(900), Due: eur(900), IssuedAt: day(1), DueAt: day(dueDay)}
			if n >= paidDay {
				b.Status, b.PaidAt, b.Due = "paid", day(paidDay), eur(0)
			}
			return state(n, b)
		}
		last := at(14)
		var some []State
		for _, n := range rapid.SliceOfDistinct(rapid.IntRange(1, 13), rapid.ID[int]).Draw(t, "looks") {
			some = append(some, at(n))
		}
		ids := func(states []State) []string {
			events, _ := History(states, day(20))
			var out []string
			for _, e := range events {
				out = append(out, e.Type+" "+e.ID)
			}
			slices.Sort(out)
			return out
		}
		if diff := cmp.Diff(ids([]State{last}), ids(append(some, last))); diff != "" {
			t.Fatalf("looks change the story (-one +many):\n%s", diff)
		}
	})
}

func TestClockNext(t *testing.T) {
	latest := state(2, &canon.Subscription{Status: "trialing", TrialEndsAt: day(5), EndsAt: day(9)})
	for _, c := range []struct {
		now  int
		want time.Time
	}{{1, day(5)}, {4, day(5)}, {5, day(9)}, {9, time.Time{}}} {
		if _, next := Clock(latest, day(c.now)); !next.Equal(c.want) {
			t.Errorf("on day %d: next %v, want %v", c.now, next, c.want)
		}
	}
}

func TestVersionsThatDoNotTellApart(t *testing.T) {
	at := func(version int64, n int, stage string) State {
		s := state(n, &canon.Deal{Status: "open", Stage: stage})
		s.Version = version
		return s
	}
	for name, states := range map[string][]State{
		"no versions":           {at(0, 1, "a"), at(0, 2, "b"), at(0, 3, "c")},
		"one version for three": {at(7, 1, "a"), at(7, 1, "b"), at(7, 1, "c")},
	} {
		moves := 0
		events, _ := History(states, day(9))
		for _, e := range events {
			if e.Type == "deal.stage_changed" {
				moves++
			}
		}
		if moves != 2 {
			t.Errorf("%s: %d moves told, want 2", name, moves)
		}
	}
}

func TestNumbersThatJSONLacks(t *testing.T) {
	nan := math.NaN()
	for _, bodies := range [][2]any{
		{&canon.Usage{Quantity: nan, At: day(1)}, &canon.Usage{Quantity: 1, At: day(1)}},
		{&canon.Survey{Type: "nps", Score: 1, At: day(1)}, &canon.Survey{Type: "nps", Score: math.Inf(1), At: day(1)}},
		{&canon.Subscription{Status: "active", Quantity: nan}, &canon.Subscription{Status: "active", Quantity: 2, Plan: "x"}},
	} {
		events, _ := History([]State{state(2, bodies[0]), state(3, bodies[1])}, day(9))
		for _, e := range events {
			if _, err := json.Marshal(e); err != nil {
				t.Errorf("%s: %v", e.Type, err)
			}
		}
	}
}
