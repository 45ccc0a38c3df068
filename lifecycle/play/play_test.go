package play_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

func event(id, typ string, when time.Time, data map[string]any) canon.Event {
	return canon.Event{ID: id, Type: typ, Kind: canon.KindInvoice, Ref: canon.Ref{Connection: "bill", Stream: "invoices", ID: id}, OccurredAt: when, Data: data}
}

func TestCrossing(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50, rearm: 58}}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "above", c.to(assessment(at(1), 51)), "")
	fs := c.to(assessment(at(2), 49))
	c.want(t, "below", fs, "rescue:fired")
	if f := fs[0]; f.Previous != "51" || f.Current != "49" || f.Cause.Rule != "health falls below 50" || !f.Cause.Since.Equal(at(2)) || f.Mode != canon.PlayShadow || f.Told() {
		t.Errorf("%+v", f)
	}
	c.want(t, "in between", c.to(assessment(at(3), 55)), "")
	c.want(t, "below again, never rearmed", c.to(assessment(at(4), 40)), "")
	c.want(t, "rearmed", c.to(assessment(at(5), 58)), "")
	c.want(t, "below for the second time", c.to(assessment(at(6), 20)), "rescue:fired")
}

func TestReachingIsEnough(t *testing.T) {
	p := policy(t, `  - {key: offer, category: expansion, trigger: {crosses_above: {metric: seats_used, value: 10}}}`)
	c := newPerson(p, assessment(at(0), 80, metric("seats_used", 9)))
	c.want(t, "reached", c.to(assessment(at(1), 80, metric("seats_used", 10))), "offer:fired")
}

func TestWhatIsNotKnownTriggersNothing(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}}
  - {key: red, category: admin, trigger: {band: {score: health, from: green, to: red}}}`)
	unknown := func(a *canon.Assessment) { a.Health = canon.Score{Name: "health", Band: "unknown"} }
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "unknown", c.to(assessment(at(1), 0, unknown)), "")
	c.want(t, "known again, below", c.to(assessment(at(2), 30)), "rescue:fired red:precedence")
	d := newPerson(p, assessment(at(0), 0, unknown))
	c.want(t, "first known below", d.to(assessment(at(1), 30)), "")
	held := func(a *canon.Assessment) { a.Health.Held = true }
	e := newPerson(p, assessment(at(0), 80))
	c.want(t, "held", e.to(assessment(at(1), 30, held, func(a *canon.Assessment) { a.Health.Band = "green" })), "")
}

func TestForAndTheLookBeforeSending(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50, rearm: 58}}, for: 24h}`)
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "below", c.to(assessment(at(1), 40)), "")
	if !c.next.Equal(at(2)) {
		t.Errorf("next %v", c.next)
	}
	c.want(t, "recovered", c.to(assessment(at(1.5), 60)), "rescue:not_held")
	c.want(t, "below again", c.to(assessment(at(3), 40)), "")
	c.want(t, "between, when it was due", c.to(assessment(at(4), 55)), "rescue:not_held")
	c.want(t, "well", c.to(assessment(at(5), 60)), "")
	c.to(assessment(at(6), 40))
	fs := c.to(assessment(at(8), 40))
	c.want(t, "lasted", fs, "rescue:fired")
	if !fs[0].At.Equal(at(7)) {
		t.Errorf("came at %v although the clock was late, want %v", fs[0].At, at(7))
	}
}

func TestConsecutiveReadings(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {enters: {segment: ailing}}, consecutive: 2}`)
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "first day", c.to(assessment(at(1), 30, segment("ailing"))), "")
	c.want(t, "the same day", c.to(assessment(at(1.2), 30, segment("ailing"))), "")
	c.want(t, "second day", c.to(assessment(at(1.6), 30, segment("ailing"))), "rescue:fired")
}

func TestSwings(t *testing.T) {
	p := policy(t, `  - {key: drop, category: risk, trigger: {drops_by: {score: health, by: 15, within: 10d}}}
  - {key: rise, category: expansion, trigger: {rises_by: {score: health, by: 20, within: 5d}}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "known", c.to(assessment(at(0.1), 80)), "")
	c.want(t, "a little", c.to(assessment(at(3), 70)), "")
	c.want(t, "enough", c.to(assessment(at(6), 64)), "drop:fired")
	c.want(t, "more of the same", c.to(assessment(at(7), 60)), "")
	c.want(t, "slowly", c.to(assessment(at(30), 52)), "")
	c.want(t, "up", c.to(assessment(at(33), 72)), "rise:fired")
}

func TestEventsDelaysAndWhatMakesThemVoid(t *testing.T) {
	p := policy(t, `  - {key: ask, category: advocacy, trigger: {event: {of: invoice.paid, delay: 3d}}, guards: {cooldown: 90d}}
  - {key: dun, category: commercial, trigger: {event: {of: invoice.overdue, delay: [7d, 30d], cancelled_by: invoice.paid}}, guards: {exclusive: false}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "paid", c.to(assessment(at(1), 80), event("i1", "invoice.paid", at(1), nil)), "")
	c.want(t, "three days on", c.to(assessment(at(4), 80)), "ask:fired")
	c.want(t, "overdue", c.to(assessment(at(5), 80), event("i2", "invoice.overdue", at(5), nil)), "")
	fs := c.to(assessment(at(13), 80))
	c.want(t, "a week overdue", fs, "dun:fired")
	if f := fs[0]; f.Cause.Event != "i2" || !f.Cause.Since.Equal(at(5)) || !f.At.Equal(at(12)) || !slices.Equal(f.Evidence, []string{"i2"}) {
		t.Errorf("%+v", f)
	}
	paid := event("i2p", "invoice.paid", at(14), nil)
	paid.Ref.ID = "i2"
	c.want(t, "paid at last", c.to(assessment(at(14), 80), paid), "dun:cancelled")
	c.want(t, "asked a short while ago", c.to(assessment(at(40), 80)), "ask:late")
	d := newPerson(p, assessment(at(0), 80))
	c.want(t, "an old event", d.to(assessment(at(100), 80), event("i9", "invoice.paid", at(50), nil)), "")
}

func TestDates(t *testing.T) {
	p := policy(t, `  - {key: renew, category: commercial, trigger: {before: {field: renewal, event: subscription.renewed, data: renews_at, days: [30, 10]}}}`)
	renewed := func(id, to string, when time.Time) canon.Event {
		return canon.Event{ID: id, Type: "subscription.renewed", OccurredAt: when, Data: map[string]any{"renews_at": to}}
	}
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "told", c.to(assessment(at(1), 80), renewed("r1", "2026-05-01", at(1))), "")
	if want := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC); !c.next.Equal(want) {
		t.Errorf("next %v, want %v", c.next, want)
	}
	fs := c.to(assessment(time.Date(2026, 4, 1, 0, 5, 0, 0, time.UTC), 80))
	c.want(t, "thirty days before", fs, "renew:fired")
	c.with = func(m *play.Moment) { m.Fields = map[string]string{"renewal": "2026-04-20"} }
	c.want(t, "another date", c.to(assessment(time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC), 80)), "")
	c.want(t, "ten days before that", c.to(assessment(time.Date(2026, 4, 10, 1, 0, 0, 0, time.UTC), 80)), "renew:fired")
	c.want(t, "over", c.to(assessment(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC), 80)), "")
}

func TestAnniversaries(t *testing.T) {
	p := policy(t, `  - {key: renew, category: commercial, trigger: {before: {anniversary: {of: subscription.started, every: 365d}, days: [30]}}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.to(assessment(at(1), 80), canon.Event{ID: "s", Type: "subscription.started", OccurredAt: at(1)})
	n := 0
	for d := 1.0; d < 1200; d++ {
		n += len(c.to(assessment(at(d), 80)))
	}
	if n != 3 {
		t.Errorf("came %d times in 1200 days, want 3", n)
	}
}

func TestBlackoutsDeferAndOffers(t *testing.T) {
	p := policy(t, `play_rules:
  offers: {most: 1}
  blackouts:
    - {key: owing, title: an invoice is overdue, when: metric("overdue_days") > 0, after: 48h}
plays:
  - {key: add, category: expansion, trigger: {crosses_above: {score: health, value: 80}}, guards: {blackouts: [owing], defer: 5d, exclusive: false}, offer: {id: addon, live: 20d}}
  - {key: more, category: expansion, trigger: {crosses_above: {score: health, value: 90}}, guards: {exclusive: false}, offer: {id: plus}}`)
	c := newPerson(p, assessment(at(0), 70, metric("overdue_days", 3)))
	fs := c.to(assessment(at(1), 85, metric("overdue_days", 4)))
	c.want(t, "owing", fs, "add:blackout")
	if !fs[0].Deferred.Equal(at(6)) {
		t.Errorf("deferred until %v", fs[0].Deferred)
	}
	c.want(t, "owing still", c.to(assessment(at(2), 85, metric("overdue_days", 5))), "")
	c.want(t, "paid", c.to(assessment(at(2.1), 85, metric("overdue_days", 0))), "")
	c.want(t, "a day beyond", c.to(assessment(at(3.6), 85, metric("overdue_days", 0))), "")
	c.want(t, "two days beyond", c.to(assessment(at(4.7), 85, metric("overdue_days", 0))), "add:fired")
	c.want(t, "another offer", c.to(assessment(at(6), 95, metric("overdue_days", 0))), "more:offers")
}

func TestPrecedenceOfADay(t *testing.T) {
	p := policy(t, `  - {key: praise, category: advocacy, trigger: {leaves: {stage: customer}}, guards: {defer: 3d}}
  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}}
  - {key: bill, category: commercial, trigger: {rule: flag("overdue")}, guards: {exclusive: false}}`)
	loyal := func(a *canon.Assessment) {
		a.Stage, a.StageSince, a.Flags = "loyal", at(1), []string{"overdue"}
	}
	c := newPerson(p, assessment(at(0), 80))
	c.want(t, "all at once", c.to(assessment(at(1), 40, loyal)), "bill:fired rescue:fired praise:precedence")
	c.want(t, "the day after", c.to(assessment(at(2), 40, loyal)), "praise:fired")
}

func TestModes(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}, guards: {reentry: never}}`)
	for mode, want := range map[string]string{"": "rescue:fired", canon.PlayLive: "rescue:fired", canon.PlaySuspended: "rescue:suspended", canon.PlayProposed: "", canon.PlayDeprecated: ""} {
		c := newPerson(p, assessment(at(0), 80))
		c.with = func(m *play.Moment) { m.Modes = map[string]string{"rescue": mode} }
		fs := c.to(assessment(at(1), 40))
		c.want(t, mode, fs, want)
		if len(fs) == 1 && fs[0].Told() != (mode == canon.PlayLive) {
			t.Errorf("%s: told %t", mode, fs[0].Told())
		}
	}
	c := newPerson(p, assessment(at(0), 80))
	c.to(assessment(at(1), 40))
	c.with = func(m *play.Moment) { m.Modes = map[string]string{"rescue": canon.PlayLive} }
	c.to(assessment(at(2), 60))
	c.want(t, "what came as a shadow does not count", c.to(assessment(at(3), 40)), "rescue:fired")
	c.to(assessment(at(4), 60))
	c.want(t, "never again", c.to(assessment(at(5), 40)), "rescue:reentry")
}

func TestBackfill(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {enters: {segment: ailing}}}
  - {key: greet, category: admin, trigger: {enters: {segment: ailing}}, backfill: enter_now, guards: {exclusive: false}}`)
	c := newPerson(p, assessment(at(0), 30, segment("ailing")))
	c.want(t, "who was in it already", c.to(assessment(at(1), 30, segment("ailing"))), "greet:fired")
	d := newPerson(p, assessment(at(0), 80))
	d.with = func(m *play.Moment) { m.Quiet = true }
	c.want(t, "history", d.to(assessment(at(1), 30, segment("ailing"))), "")
	d.with = nil
	c.want(t, "after history", d.to(assessment(at(2), 30, segment("ailing"))), "")
	d.last = nil
	e := newPerson(p, assessment(at(0), 80))
	e.last = nil
	e.with = func(m *play.Moment) { m.FirstSeen = at(-30) }
	c.want(t, "seen long ago, looked at for the first time", e.to(assessment(at(1), 30, segment("ailing"))), "")
	f := newPerson(p, assessment(at(0), 80))
	f.last = nil
	f.with = func(m *play.Moment) { m.FirstSeen = at(1) }
	c.want(t, "a new customer", f.to(assessment(at(1), 30, segment("ailing"))), "rescue:fired greet:fired")
}

func TestFleet(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.with = func(m *play.Moment) { m.Fleet = func(key string, when time.Time) bool { return key == "rescue" } }
	c.want(t, "all customers at once", c.to(assessment(at(1), 40)), "rescue:fleet")
}

func TestFlapping(t *testing.T) {
	p := policy(t, `play_rules: {flaps: {crossings: 3, within: 10d}}
plays:
  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}, guards: {cooldown: 1d}}`)
	c := newPerson(p, assessment(at(0), 80))
	for d := range 8 {
		c.to(assessment(at(float64(d)+1), 40))
		c.to(assessment(at(float64(d)+1.5), 60))
	}
	c.want(t, "eight times", c.log, "rescue:fired rescue:fired rescue:fired rescue:flapping")
}

func TestStatesSurviveTheStore(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}, for: 24h}
  - {key: drop, category: risk, trigger: {drops_by: {score: health, by: 15, within: 10d}}}`)
	c := newPerson(p, assessment(at(0), 80))
	c.to(assessment(at(1), 40))
	got, err := play.Decode(c.state.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(c.state.Encode()), string(got.Encode())); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"{", "[]", `{"plays":{"rescue":3}}`, "null\x00"} {
		if _, err := play.Decode([]byte(bad)); canon.CodeOf(err) != "play.state" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if s, err := play.Decode([]byte(`{"plays":{"rescue":null}}`)); err != nil || len(s.Plays) != 0 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestExplain(t *testing.T) {
	p := policy(t, `  - {key: rescue, category: risk, trigger: {crosses_below: {score: health, value: 50}}, when: metric("overdue_days") > 0}
  - {key: praise, category: advocacy, trigger: {crosses_above: {score: health, value: 80}}}`)
	a := assessment(at(0), 40, metric("overdue_days", 0))
	a.Customer = "cus_1"
	answers, fires := play.Explain(p, "rescue", play.State{}, play.Moment{After: &a})
	var no []string
	for _, x := range answers {
		if !x.Passes {
			no = append(no, x.Guard)
		}
		if x.Words == "" {
			t.Errorf("%s says nothing", x.Guard)
		}
	}
	if fires || !slices.Equal(no, []string{"condition"}) {
		t.Errorf("fires %t, in the way %v", fires, no)
	}
	a.Metrics["overdue_days"] = 3
	if _, fires := play.Explain(p, "rescue", play.State{}, play.Moment{After: &a}); !fires {
		t.Error("nothing is in the way, and yet it would not come")
	}
	if best, ok := play.Best(p, play.State{}, play.Moment{After: &a}); !ok || best.Key != "rescue" {
		t.Errorf("best is %q, %t", best.Key, ok)
	}
	if answers, _ := play.Explain(p, "nothing", play.State{}, play.Moment{After: &a}); answers != nil {
		t.Error(answers)
	}
}
