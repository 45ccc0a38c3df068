package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// now is the end of the period in tests, begin its beginning.
var (
	begin = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	now   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// stages are those of the tests' policy.
func stages() []Stage {
	return []Stage{{Key: "reach", Label: "Reach"}, {Key: "acquisition", Label: "Acquisition"}, {Key: "conversion", Label: "Conversion", Customer: true}, {Key: "retention", Label: "Retention", Customer: true},
		{Key: "loyalty", Label: "Loyalty", Customer: true}, {Key: "churned", Label: "Churned", Exit: true}}
}

func ask() Ask { return Ask{From: begin, To: now, Stages: stages()} }

// at is a moment some days after the beginning.
func on(days float64) time.Time {
	return begin.Add(time.Duration(days * float64(day))).Truncate(time.Microsecond)
}

// past builds a history.
type past struct {
	h canon.History
}

func customer(id string) *past {
	return &past{canon.History{Profile: canon.Profile{ID: id, Type: "company", Name: strings.ToUpper(id)}}}
}

func (p *past) field(name, v string) *past {
	p.h.Profile.Fields = append(p.h.Profile.Fields, canon.Field{Name: name, Value: v})
	return p
}

// tell adds an event of an entity, with data as pairs.
func (p *past) tell(days float64, typ, entity string, more ...any) *past {
	e := canon.Event{ID: fmt.Sprintf("ev_%s_%03d", p.h.Profile.ID, len(p.h.Events)), Type: typ, OccurredAt: on(days), Ref: canon.Ref{Connection: "c", Stream: "s", ID: entity}}
	family, _, _ := strings.Cut(typ, ".")
	for _, k := range canon.Kinds() {
		if string(k) == family {
			e.Kind = k
		}
	}
	for _, m := range more {
		switch v := m.(type) {
		case canon.Money:
			e.Amount = &v
		case float64:
			e.Value = &v
		case map[string]any:
			e.Data = v
		}
	}
	p.h.Events = append(p.h.Events, e)
	return p
}

func (p *past) enter(days float64, from, to, way string) *past {
	return p.tell(days, "stage.changed", "", map[string]any{"from": from, "to": to, "direction": way})
}

func (p *past) done() canon.History {
	slices.SortStableFunc(p.h.Events, func(a, b canon.Event) int { return a.OccurredAt.Compare(b.OccurredAt) })
	return p.h
}

func eur(minor int64) canon.Money { return canon.Money{Minor: minor, Currency: "EUR"} }

// run works one report out over histories, in one batch.
func run(t interface{ Fatal(...any) }, a Ask, report string, hs ...canon.History) Result {
	return runAll(t, a, []string{report}, hs)[0]
}

func runAll(t interface{ Fatal(...any) }, a Ask, reports []string, batches ...[]canon.History) []Result {
	s, err := New(reports, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := s.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	rs, err := s.Results()
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

// figure finds a key figure.
func (r Result) figure(def string) Number {
	for _, x := range r.Figures {
		if x.Definition == def {
			return x
		}
	}
	return Number{Definition: "no " + def}
}

// histories draws the pasts of several customers, who do whatever vendors may tell.
func histories() *rapid.Generator[[]canon.History] {
	return rapid.Custom(func(t *rapid.T) []canon.History {
		var out []canon.History
		for i := range rapid.IntRange(1, 6).Draw(t, "customers") {
			p := customer(fmt.Sprintf("cus%d", i))
			for _, f := range []string{"plan", "source", "owner", "employees", "seats"} {
				if rapid.Bool().Draw(t, "has") {
					p.field(f, rapid.SampledFrom([]string{"pro", "referral", "40", "7", "=cmd()", ""}).Draw(t, "value"))
				}
			}
			drawContracts(t, p)
			drawStages(t, p)
			drawRest(t, p)
			h := p.done()
			if rapid.Bool().Draw(t, "assessed") {
				v := rapid.Float64Range(0, 100).Draw(t, "health")
				m := eur(rapid.Int64Range(0, 9999).Draw(t, "mrr"))
				h.Assessment = &canon.Assessment{At: on(364), Health: canon.Score{Name: "health", Value: &v, Band: rapid.SampledFrom(bands).Draw(t, "band")}, MRR: &m,
					Flags: rapid.SampledFrom([][]string{nil, {"at_risk"}, {"reference_ready", "dormant"}}).Draw(t, "flags"), Segments: []string{"a", "b"}}
			}
			out = append(out, h)
		}
		return out
	})
}

func drawContracts(t *rapid.T, p *past) {
	types := []string{"subscription.started", "subscription.started", "subscription.changed", "subscription.changed", "subscription.paused", "subscription.resumed", "subscription.past_due", "subscription.ended", "subscription.trial_started",
		"subscription.trial_ended", "subscription.renewed", "subscription.cancel_scheduled", "subscription.cancel_revoked", "subscription.deleted", "subscription.restored"}
	last := -400.0
	for range rapid.IntRange(0, 14).Draw(t, "contracts") {
		// Changes at one moment, within the hour, far apart, and at the very beginning of a month.
		last += rapid.SampledFrom([]float64{0, 0.01, 0.03, 3, 28, 31, 120, 400}).Draw(t, "gap")
		data := map[string]any{"reason": rapid.SampledFrom([]string{"", "too_expensive", "budget cut", "x"}).Draw(t, "reason"), "movement": rapid.SampledFrom([]string{"", "expansion"}).Draw(t, "movement"),
			"renews_at": on(last + 365).Format(time.RFC3339), "ends_at": on(last + 30).Format(time.RFC3339)}
		amount := canon.Money{Minor: rapid.SampledFrom([]int64{0, 500, 1000, 1000, 2500}).Draw(t, "amount"), Currency: rapid.SampledFrom([]string{"EUR", "EUR", "USD"}).Draw(t, "currency")}
		typ, entity := rapid.SampledFrom(types).Draw(t, "type"), rapid.SampledFrom([]string{"s1", "s2", "s3"}).Draw(t, "entity")
		if rapid.IntRange(0, 9).Draw(t, "amountless") == 0 {
			p.tell(last, typ, entity, data)
		} else {
			p.tell(last, typ, entity, data, amount)
		}
	}
}

func drawStages(t *rapid.T, p *past) {
	at, from := rapid.Float64Range(-100, 300).Draw(t, "first"), ""
	for range rapid.IntRange(0, 7).Draw(t, "moves") {
		to := rapid.SampledFrom(stages()).Draw(t, "stage").Key
		if to == from {
			continue
		}
		p.enter(at, from, to, rapid.SampledFrom([]string{"forward", "back", "exit", "reentry"}).Draw(t, "way"))
		from, at = to, at+rapid.SampledFrom([]float64{0, 0.5, 12, 40, 95}).Draw(t, "stay")
	}
}

func drawRest(t *rapid.T, p *past) {
	types := []string{"deal.created", "deal.won", "deal.lost", "deal.reopened", "deal.amount_changed", "deal.close_date_changed", "invoice.issued", "invoice.paid", "invoice.overdue", "invoice.voided", "credit.issued", "invoice.uncollectible",
		"invoice.reopened", "ticket.opened", "ticket.replied", "ticket.solved", "ticket.reopened", "ticket.escalated", "ticket.rated", "survey.nps", "survey.csat", "survey.ces", "usage.recorded", "touch.email", "touch.form", "contact.created",
		"company.created", "quote.accepted", "quote.expired", "score.changed", "owner.changed", "milestone.first_use"}
	for range rapid.IntRange(0, 25).Draw(t, "events") {
		data := map[string]any{"direction": rapid.SampledFrom([]string{"in", "out", "later"}).Draw(t, "direction"), "feature": rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "feature"),
			"score": "health", "to_band": rapid.SampledFrom(bands).Draw(t, "to")}
		p.tell(rapid.Float64Range(-50, 400).Draw(t, "day"), rapid.SampledFrom(types).Draw(t, "type"), rapid.SampledFrom([]string{"e1", "e2"}).Draw(t, "entity"), data,
			eur(rapid.Int64Range(-500, 5000).Draw(t, "amount")), float64(rapid.IntRange(-1, 10).Draw(t, "value")))
	}
}
