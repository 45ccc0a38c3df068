package evidence

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// worldPolicy scores customers by the days on which they used the product, and by their last survey.
const worldPolicy = `policy: world
version: 1.0.0
stages:
  - key: customer
    label: Customer
    customer: true
    enter:
      - {rule: began, from: [start, left], when: 'active_subscriptions() > 0', reason: It pays, allow_backward: true}
  - key: left
    label: Left
    exit: true
    enter:
      - {rule: ended, from: customer, when: 'active_subscriptions() == 0 and had_subscription()', reason: The contract ended}
scorecards:
  - name: health
    version: 1.0.0
    intent: Do they use it?
    outcome: They stay.
    bands: {green: 70, yellow: 40}
    sufficiency: 0.1
    groups:
      - key: use
        title: Use
        weight: 100
        measures:
          - {key: days, title: Days with use, weight: 100, value: 'active_days("usage.*", 30)', missing: structural_zero, curve: {linear: {worst: 0, best: 10}}, reason: 'Used on {value} days'}
`

// secondPolicy rests on the last survey as well.
func secondPolicy() string {
	return withMeasure(`{key: nps, title: Last NPS, weight: 50, value: 'last_value("survey.nps")', missing: redistribute, curve: {linear: {worst: 0, best: 10}}, reason: 'NPS {value}'}`)
}

// withMeasure gives half of the weight to another measure.
func withMeasure(measure string) string {
	return strings.Replace(worldPolicy, "with use, weight: 100,", "with use, weight: 50,", 1) + "          - " + measure + "\n"
}

var (
	worldAt  = time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	worldEnd = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
)

// world draws customers of whom each uses the product on some days a month, by which its chance to leave is known.
type world struct {
	customers int
	// chance is that of leaving within the horizon, by days of use.
	chance func(days int) float64
	seed   uint64
	// leak adds events to a customer, leaving at a moment that is zero for those who stay.
	leak func(c *worldCustomer, rnd *rand.Rand)
}

type worldCustomer struct {
	id     string
	left   time.Time
	events []canon.Event
}

func (c *worldCustomer) tell(typ string, kind canon.Kind, at time.Time, with ...func(*canon.Event)) {
	e := canon.Event{
		ID: fmt.Sprintf("ev_%s_%d", c.id, len(c.events)), Type: typ, Customer: c.id, Kind: kind,
		Ref: canon.Ref{Connection: "world", Stream: string(kind), ID: c.id}, OccurredAt: at, RecordedAt: at, Summary: typ,
	}
	for _, f := range with {
		f(&e)
	}
	c.events = append(c.events, e)
}

func recorded(at time.Time) func(*canon.Event) { return func(e *canon.Event) { e.RecordedAt = at } }
func valued(v float64) func(*canon.Event)      { return func(e *canon.Event) { e.Value = &v } }
func feature(name string) func(*canon.Event) {
	return func(e *canon.Event) { e.Data = map[string]any{"feature": name} }
}

const mostDays = 10

// draw returns the histories and the AUC of whoever knows every customer's chance.
func (w world) draw() ([]canon.History, float64) {
	rnd := rand.New(rand.NewPCG(w.seed, 1))
	var hs []canon.History
	counts := make([]float64, mostDays+1)
	for i := range w.customers {
		c := &worldCustomer{id: fmt.Sprintf("cus_%05d", i)}
		days := rnd.IntN(mostDays + 1)
		counts[days]++
		c.tell("subscription.started", canon.KindSubscription, worldAt.AddDate(0, -8, -rnd.IntN(60)), func(e *canon.Event) { e.Amount = &canon.Money{Minor: 10000, Currency: "EUR"} })
		for d := range days {
			c.tell("usage.recorded", canon.KindUsage, worldAt.AddDate(0, 0, -1-2*d).Add(time.Hour), valued(1), feature("editor"))
		}
		if rnd.Float64() < w.chance(days) {
			c.left = worldAt.AddDate(0, 0, 31).Add(time.Duration(rnd.Float64() * float64(88*24*time.Hour)))
			c.tell("subscription.ended", canon.KindSubscription, c.left)
		}
		if w.leak != nil {
			w.leak(c, rnd)
		}
		hs = append(hs, canon.History{Profile: canon.Profile{ID: c.id, Type: "company"}, Events: c.events})
	}
	return hs, w.bayes(counts)
}

// bayes is the AUC of the true chances: over all pairs of a leaver and a stayer, how often the leaver's chance is higher.
func (w world) bayes(counts []float64) float64 {
	var right, pairs float64
	for a, na := range counts {
		for b, nb := range counts {
			pa, pb := w.chance(a), w.chance(b)
			pair := na * pa * nb * (1 - pb)
			pairs += pair
			switch {
			case pa > pb:
				right += pair
			case pa == pb:
				right += pair / 2
			}
		}
	}
	return right / pairs
}

func worldOptions(t *testing.T, policy string) Options {
	t.Helper()
	p, err := lifecycle.Parse("world.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	l, err := ParseLabel("churn")
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Policy: p, Label: l, From: worldAt, To: worldAt, End: worldEnd, Horizon: 90, Gap: 30, Seed: 1, Replicates: 60,
		Sources: canon.Sources{canon.KindSubscription: true, canon.KindUsage: true, canon.KindSurvey: true, canon.KindTicket: true},
	}.WithDefaults()
}

// tryOn runs a study over histories in batches.
func tryOn(t *testing.T, o Options, hs []canon.History, fit bool) *Report {
	t.Helper()
	r, err := studyOf(o, hs).Run(fit)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func studyOf(o Options, hs []canon.History) *Study {
	v := NewSurvey(o)
	s := (*Study)(nil)
	feed(hs, v.Add)
	s = NewStudy(o, v)
	feed(hs, s.Add)
	return s
}

func feed(hs []canon.History, add func([]canon.History)) {
	for len(hs) > 0 {
		n := min(len(hs), 700)
		add(hs[:n])
		hs = hs[n:]
	}
}

// falling is a chance that falls with use.
func falling(days int) float64 { return 0.6 / (1 + math.Exp(float64(days)-4)) }

func about(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %.4f, want %.4f within %.3f", what, got, want, within)
	}
}

func TestPlantedSignalIsFound(t *testing.T) {
	for name, chance := range map[string]func(int) float64{
		"strong": falling,
		"weak":   func(days int) float64 { return 0.25 - 0.012*float64(days) },
	} {
		t.Run(name, func(t *testing.T) {
			hs, bayes := world{customers: 5000, chance: chance, seed: 7}.draw()
			r := tryOn(t, worldOptions(t, worldPolicy), hs, false)
			about(t, "AUC of the card", r.Card.AUC().Value, bayes, 0.02)
			if r.Verdict != Evidence || len(r.Leaks) != 0 {
				t.Errorf("verdict %q (%s), rejected %+v", r.Verdict, r.Sentence, r.Leaks)
			}
			if r.Counts.Rows != 5000 || r.Counts.Positives == 0 {
				t.Errorf("counts: %+v", r.Counts)
			}
		})
	}
}

func TestNothingPlantedIsNoEvidence(t *testing.T) {
	hs, _ := world{customers: 1500, chance: func(int) float64 { return 0.2 }, seed: 3}.draw()
	r := tryOn(t, worldOptions(t, worldPolicy), hs, true)
	about(t, "AUC of the card", r.Card.AUC().Value, 0.5, 0.06)
	if r.Verdict != NoEvidence {
		t.Errorf("verdict %q: %s", r.Verdict, r.Sentence)
	}
	if r.Fitted == nil || r.Fitted.Held.Verdict != NoEvidence {
		t.Errorf("the fitted model claims %+v", r.Fitted)
	}
}

func TestTheRestOfTheReportAgreesWithTheWorld(t *testing.T) {
	hs, bayes := world{customers: 2500, chance: falling, seed: 5}.draw()
	r := tryOn(t, worldOptions(t, worldPolicy), hs, true)
	red, green := bandRow(r.Bands, bandRed), bandRow(r.Bands, bandGreen)
	// Red is up to 3 of 10 days, green 7 and more.
	about(t, "rate in red", red.Rate.Value.Value, (falling(0)+falling(1)+falling(2)+falling(3))/4, 0.05)
	about(t, "rate in green", green.Rate.Value.Value, (falling(7)+falling(8)+falling(9)+falling(10))/4, 0.03)
	about(t, "AUC of the fitted model", r.Fitted.Held.AUC().Value, bayes, 0.03)
	if r.Lead.Decisions != r.Counts.Positives {
		t.Errorf("%d decisions for %d outcomes", r.Lead.Decisions, r.Counts.Positives)
	}
	n := 0
	for _, b := range r.Bands {
		n += b.N
	}
	if n != r.Counts.Rows {
		t.Errorf("bands hold %d of %d rows", n, r.Counts.Rows)
	}
	for _, b := range r.Baselines {
		if b.Name == "random" || b.Name == "constant" {
			about(t, "AUC of "+b.Name, b.AUC().Value, 0.5, 0.05)
		}
	}
	if len(r.Autopsy.FalseGreens) == 0 || len(r.Autopsy.FalseReds) != mostSuspects {
		t.Errorf("autopsy holds %d and %d rows", len(r.Autopsy.FalseGreens), len(r.Autopsy.FalseReds))
	}
	for _, f := range r.Figures {
		if f.ID == "" || f.Title == "" {
			t.Errorf("a figure without definition: %+v", f)
		}
	}
}
