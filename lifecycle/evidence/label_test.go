package evidence

import (
	"errors"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

func label(t *testing.T, text string) Label {
	t.Helper()
	l, err := ParseLabel(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLabelsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{
		"", "churn:now", "contraction:0%", "contraction:200%", "contraction:x", "silence", "silence:invoice.paid", "silence:invoice.paid:0",
		"silence:nothing.known:90", "event:", "event:invoice", "enter:", "count(\"invoice.paid\"", "no_such_function() > 1", "contraction:NaN",
		"silence:invoice.paid:999999", "event:usage.*\" or true", string(make([]byte, 5000)),
	} {
		_, err := ParseLabel(text)
		var e *canon.Error
		if !errors.As(err, &e) || e.Code != "request.label" || e.Hint == "" {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, s := range []string{"churn", "contraction:10%", "silence:invoice.paid|usage.*:90", "event:ticket.escalated", "enter:retention", `exists("ticket.escalated", 90)`, "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		// Whatever it is, it is read or refused.
		_, _ = ParseLabel(s)
	})
}

// past is a customer of the test's world with what happened, as days after the moment asked about.
func past(t *testing.T, o Options, tell func(c *worldCustomer)) *subject {
	t.Helper()
	c := &worldCustomer{id: "cus_1"}
	tell(c)
	s := newSubject(&o, &canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events}, nil)
	s.walk()
	return s
}

func onDay(n int) time.Time { return worldAt.AddDate(0, 0, n).Add(time.Hour) }

func paid(minor int64) func(*canon.Event) {
	return func(e *canon.Event) { e.Amount = &canon.Money{Minor: minor, Currency: "EUR"} }
}

func TestWhatALabelSays(t *testing.T) {
	began := func(c *worldCustomer) {
		c.tell("subscription.started", canon.KindSubscription, onDay(-200), paid(1000))
	}
	with := func(more ...func(c *worldCustomer)) func(c *worldCustomer) {
		return func(c *worldCustomer) {
			began(c)
			for _, f := range more {
				f(c)
			}
		}
	}
	on := func(typ string, day int, with ...func(*canon.Event)) func(c *worldCustomer) {
		return func(c *worldCustomer) { c.tell(typ, canon.KindSubscription, onDay(day), with...) }
	}
	invoice := func(day int) func(c *worldCustomer) {
		return func(c *worldCustomer) { c.tell("invoice.paid", canon.KindInvoice, onDay(day)) }
	}
	for name, c := range map[string]struct {
		label string
		past  func(c *worldCustomer)
		want  standing
		end   int
	}{
		"stays":                            {"churn", began, negative, 365},
		"leaves within the horizon":        {"churn", with(on("subscription.ended", 60)), positive, 365},
		"leaves within the gap":            {"churn", with(on("subscription.ended", 10)), inGap, 365},
		"leaves after the horizon":         {"churn", with(on("subscription.ended", 200)), negative, 365},
		"notice was given before":          {"churn", with(on("subscription.cancel_scheduled", -5), on("subscription.ended", 60)), decided, 365},
		"notice within, end after":         {"churn", with(on("subscription.cancel_scheduled", 60), on("subscription.ended", 150)), positive, 365},
		"a notice taken back":              {"churn", with(on("subscription.cancel_scheduled", -5), on("subscription.cancel_revoked", -2), on("subscription.ended", 60)), positive, 365},
		"observation ends too early":       {"churn", began, censored, 100},
		"left and observation ends early":  {"churn", with(on("subscription.ended", 60)), censored, 100},
		"left before and came back":        {"churn", with(on("subscription.ended", -50), on("subscription.started", -20, paid(1000))), negative, 365},
		"silent":                           {"silence:invoice.paid:90", with(invoice(-10)), positive, 365},
		"heard of":                         {"silence:invoice.paid:90", with(invoice(-10), invoice(70)), negative, 365},
		"silent long before":               {"silence:invoice.paid:90", with(invoice(-100)), unfit, 365},
		"silence not observed to its end":  {"silence:invoice.paid:90", with(invoice(-10)), censored, 80},
		"pays less":                        {"contraction:10%", with(on("subscription.changed", 60, paid(850))), positive, 365},
		"pays a little less":               {"contraction:10%", with(on("subscription.changed", 60, paid(950))), negative, 365},
		"pays more":                        {"expansion", with(on("subscription.changed", 60, paid(1500))), positive, 365},
		"pays nothing to begin with":       {"contraction:10%", with(on("subscription.ended", -3)), unfit, 365},
		"an event within":                  {"event:subscription.past_due", with(on("subscription.past_due", 60)), positive, 365},
		"an event that goes down":          {"event:subscription.changed:down", with(on("subscription.changed", 60, func(e *canon.Event) { e.Data = map[string]any{"direction": "down"} })), positive, 365},
		"an event that goes up":            {"event:subscription.changed:down", with(on("subscription.changed", 60, func(e *canon.Event) { e.Data = map[string]any{"direction": "up"} })), negative, 365},
		"a rule that holds in the end":     {`count("invoice.paid", 90) == 0`, with(invoice(-10)), positive, 365},
		"a rule that does not hold":        {`count("invoice.paid", 90) == 0`, with(invoice(100)), negative, 365},
		"enters the stage after its leave": {"enter:left", with(on("subscription.ended", 60)), positive, 365},
	} {
		t.Run(name, func(t *testing.T) {
			o := worldOptions(t, worldPolicy)
			o.Label, o.Gap = label(t, c.label), -1
			o.End = onDay(c.end)
			o = o.WithDefaults()
			s := past(t, o, c.past)
			if got, _ := o.Label.outcome(s, o.scope(worldAt), o.End); got != c.want {
				t.Errorf("got %d, want %d; decisions %v", got, c.want, s.decisions(&o.Label))
			}
		})
	}
}

func TestTheDecisionIsTheNotice(t *testing.T) {
	o := worldOptions(t, worldPolicy)
	s := past(t, o, func(c *worldCustomer) {
		c.tell("subscription.started", canon.KindSubscription, onDay(-200), paid(1000))
		c.tell("subscription.cancel_scheduled", canon.KindSubscription, onDay(40))
		c.tell("subscription.ended", canon.KindSubscription, onDay(100))
	})
	ds := s.decisions(&o.Label)
	if len(ds) != 1 || !ds[0].decided.Equal(onDay(40)) || !ds[0].came.Equal(onDay(100)) {
		t.Errorf("decisions: %v", ds)
	}
}

func TestWhatWasKnown(t *testing.T) {
	history := canon.History{Profile: canon.Profile{ID: "cus_1", Type: "company"}}
	add := func(id string, occurred, recorded, superseded int) {
		e := canon.Event{ID: id, Type: "usage.recorded", Kind: canon.KindUsage, Ref: canon.Ref{Connection: "world", Stream: "usage", ID: id}, OccurredAt: onDay(occurred), RecordedAt: onDay(recorded)}
		if superseded != 0 {
			e.SupersededAt = onDay(superseded)
		}
		history.Events = append(history.Events, e)
	}
	add("prompt", -20, -20, 0)
	add("late", -20, 20, 0)
	add("corrected", -20, -19, 5)
	add("imported", -150, -90, 0)
	add("corrected while imported", -150, -95, -92)
	add("ahead", 3, -20, 0)
	o := worldOptions(t, worldPolicy)
	o.Backfilled = map[string]time.Time{"world/usage": onDay(-90)}
	for known, want := range map[Knowledge]map[int][]string{
		KnownStrict:   {-100: {}, -93: {"corrected while imported"}, 0: {"imported", "corrected", "prompt"}, 10: {"imported", "prompt", "ahead"}, 30: {"imported", "late", "prompt", "ahead"}},
		KnownImported: {-100: {"imported"}, 0: {"imported", "corrected", "prompt"}, 10: {"imported", "prompt", "ahead"}, 30: {"imported", "late", "prompt", "ahead"}},
		KnownOccurred: {-100: {"imported"}, 0: {"imported", "late", "prompt"}, 10: {"imported", "late", "prompt", "ahead"}},
	} {
		o.Known = known
		s := newSubject(&o, &history, nil)
		for day, ids := range want {
			got := map[string]bool{}
			for _, e := range s.known(onDay(day).Add(time.Minute)) {
				got[e.ID] = true
			}
			ok := len(got) == len(ids)
			for _, id := range ids {
				ok = ok && got[id]
			}
			if !ok {
				t.Errorf("%s, day %d: knew %v, want %v", known, day, got, ids)
			}
		}
	}
}
