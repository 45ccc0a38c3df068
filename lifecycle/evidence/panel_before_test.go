package evidence

import (
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// beforePlays make the world's policy know by which day customers decide.
const beforePlays = `plays:
  - key: renew
    title: Renew
    category: risk
    trigger: {before: {event: subscription.renewed, data: renews_at, anniversary: {of: subscription.started, every: 365d}, days: [90]}}
`

func beforeOptions(t *testing.T, policy string, days ...int) Options {
	t.Helper()
	o := worldOptions(t, policy)
	o.From, o.To, o.Before, o.Horizon, o.Gap = time.Time{}, time.Time{}, days, 0, -1
	return o.WithDefaults()
}

func looksOf(t *testing.T, o Options, tell func(c *worldCustomer)) ([]snapshot, map[string]bool) {
	t.Helper()
	c := &worldCustomer{id: "cus_1"}
	tell(c)
	s := newSubject(&o, &canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events}, nil)
	return newDeadlines(deadlineSource(o.Policy), s.told).looks(&o, s.final[0].OccurredAt)
}

func started(c *worldCustomer) {
	c.tell("subscription.started", canon.KindSubscription, worldAt.Add(5*time.Hour), paid(1000))
}

func renewedUntil(day int) func(*canon.Event) {
	return func(e *canon.Event) {
		e.Data = map[string]any{"renews_at": worldAt.AddDate(0, 0, day).Format(time.RFC3339)}
	}
}

// TestLooksLieBeforeTheDeadlineAsKnownThen: what a later renewal names is not known before it.
func TestLooksLieBeforeTheDeadlineAsKnownThen(t *testing.T) {
	o := beforeOptions(t, worldPolicy+beforePlays, 90, 30)
	days := func(looks []snapshot) (out []int) {
		for _, l := range looks {
			out = append(out, int(l.at.Sub(worldAt).Hours()/24), l.days)
		}
		return out
	}
	same := func(got []snapshot, want ...int) {
		t.Helper()
		g := days(got)
		if len(g) != len(want) {
			t.Fatalf("looks at %v, want %v", g, want)
		}
		for i := range g {
			if g[i] != want[i] {
				t.Fatalf("looks at %v, want %v", g, want)
			}
		}
	}
	// Nothing but the begin is known: the anniversary is reckoned.
	looks, how := looksOf(t, o, started)
	same(looks, 275, 90, 335, 30)
	if !how[deadlineReckoned] || how[deadlineTold] {
		t.Errorf("known by %v", how)
	}
	if s := looks[0].scope; !s.open.Equal(looks[0].at) || !s.close.Equal(worldAt.AddDate(0, 0, 395)) {
		t.Errorf("the span is %+v", s)
	}
	// On day 200 a renewal until day 250 is told: 90 days before it nobody knew.
	looks, how = looksOf(t, o, func(c *worldCustomer) {
		started(c)
		c.tell("subscription.renewed", canon.KindSubscription, worldAt.AddDate(0, 0, 200), renewedUntil(250))
	})
	same(looks, 220, 30, 275, 90, 335, 30)
	if !how[deadlineTold] || !how[deadlineReckoned] {
		t.Errorf("known by %v", how)
	}
	// A day that nobody can read tells nothing, and without plays there is no anniversary.
	o = beforeOptions(t, worldPolicy, 30)
	looks, how = looksOf(t, o, func(c *worldCustomer) {
		started(c)
		c.tell("subscription.renewed", canon.KindSubscription, worldAt.AddDate(0, 0, 10), func(e *canon.Event) { e.Data = map[string]any{"renews_at": "soon"} })
	})
	if len(looks) != 0 || len(how) != 0 {
		t.Errorf("looks at %v by %v", days(looks), how)
	}
}

// TestBeforeFindsWhatTellsLate: use tells who leaves 30 days before the deadline, and nothing 180 days before.
func TestBeforeFindsWhatTellsLate(t *testing.T) {
	o := beforeOptions(t, worldPolicy+beforePlays, 180, 30)
	var hs []canon.History
	for i := range 200 {
		c := &worldCustomer{id: "cus_" + strings.Repeat("i", i)}
		c.tell("subscription.started", canon.KindSubscription, worldAt.AddDate(0, 0, -60), paid(1000))
		leaves := i%2 == 0
		stop := 365
		if leaves {
			stop = 265
		}
		for d := i % 7; d < stop; d += 4 + i%3 {
			c.tell("usage.recorded", canon.KindUsage, worldAt.AddDate(0, 0, d-60).Add(time.Hour), valued(1))
		}
		if leaves {
			c.tell("subscription.ended", canon.KindSubscription, worldAt.AddDate(0, 0, 305))
		}
		hs = append(hs, canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events})
	}
	hs = append(hs, canon.History{Profile: canon.Profile{ID: "none", Type: "company"}, Events: []canon.Event{{ID: "x", Type: "email.received", OccurredAt: worldAt, RecordedAt: worldAt}}})
	r := tryOn(t, o, hs, false)
	d := r.Deadlines
	if d == nil || d.Reckoned != 200 || d.Unknown != 1 || len(d.Days) != 2 || d.Days[0].Days != 180 {
		t.Fatalf("%+v", d)
	}
	far, near := d.Days[0], d.Days[1]
	if far.N != 200 || near.N != 200 || near.Positives != 100 || far.Positives != 100 {
		t.Errorf("rows: %+v and %+v", far, near)
	}
	if far.AUC.Value.Value > 0.6 || near.AUC.Value.Value < 0.99 || near.Red.Value.Value != 1 {
		t.Errorf("AUC %v far ahead, %v near, red %v", far.AUC.Value, near.AUC.Value, near.Red.Value)
	}
	var text strings.Builder
	r.WriteText(&text)
	if !strings.Contains(text.String(), "before the deadline") || !strings.Contains(strings.Join(r.Warnings, "\n"), "of 1 of 201 customers") {
		t.Errorf("the report does not say for how many no day was known: %v", r.Warnings)
	}
}
