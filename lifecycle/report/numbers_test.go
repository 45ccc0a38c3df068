package report

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

// The remission times of 21 patients under 6-MP (Freireich and others, 1963): ties, and censored ones of the length of
// ended ones.
func TestKaplanMeierEqualsTheTextbook(t *testing.T) {
	var s spread
	for _, d := range []int{6, 6, 6, 7, 10, 13, 16, 22, 23} {
		s.lasted(time.Duration(d)*day, true)
	}
	for _, d := range []int{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35} {
		s.lasted(time.Duration(d)*day, false)
	}
	want := []survival{
		{at: 0, share: 1, risk: 21},
		{at: 6, share: 18.0 / 21, risk: 21, over: 3},
		{at: 7, share: 18.0 / 21 * 16 / 17, risk: 17, over: 1},
		{at: 10, share: 18.0 / 21 * 16 / 17 * 14 / 15, risk: 15, over: 1},
		{at: 13, share: 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12, risk: 12, over: 1},
		{at: 16, share: 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12 * 10 / 11, risk: 11, over: 1},
		{at: 22, share: 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12 * 10 / 11 * 6 / 7, risk: 7, over: 1},
		{at: 23, share: 18.0 / 21 * 16 / 17 * 14 / 15 * 11 / 12 * 10 / 11 * 6 / 7 * 5 / 6, risk: 6, over: 1},
	}
	got := s.survive()
	bounds := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".low" || p.Last().String() == ".high" }, cmp.Ignore())
	if d := cmp.Diff(want, got, cmp.AllowUnexported(survival{}), cmpopts.EquateApprox(0, 1e-12), bounds); d != "" {
		t.Error(d)
	}
	near(t, "median", s.lasting(0.5), 23)
	// On the log(−log) scale, as R's survfit(conf.type = "log-log") gives it.
	if p := got[1]; math.Abs(p.low-0.6197180) > 1e-5 || math.Abs(p.high-0.9515517) > 1e-5 {
		t.Errorf("at 6: %.7f to %.7f", p.low, p.high)
	}
}

func TestQuantiles(t *testing.T) {
	var s spread
	for _, v := range []float64{1, 2, 2, 4, 10} {
		s.put(v, true)
	}
	s.put(99, false)
	near(t, "median", s.quantile(0.5), 2)
	near(t, "P90", s.quantile(0.9), 7.6)
	near(t, "lowest", s.quantile(0), 1)
	near(t, "highest", s.quantile(1), 10)
	near(t, "of nothing", (&spread{}).quantile(0.5), math.NaN())
	near(t, "minutes", exact(90*time.Second).Minutes(), 1)
	near(t, "backwards", exact(-time.Hour).Minutes(), 0)
}

func TestMovementsOfOneCustomer(t *testing.T) {
	amount := eur(1000)
	for name, c := range map[string]struct {
		events func(p *past)
		want   []movement
	}{
		"new, more, less, gone, back": {func(p *past) {
			p.tell(1, "subscription.started", "a", amount).tell(40, "subscription.changed", "a", eur(1500)).tell(80, "subscription.changed", "a", eur(700)).
				tell(120, "subscription.ended", "a", eur(700)).tell(200, "subscription.started", "a", eur(900))
		}, []movement{{on(1), moveNew, 1000}, {on(40), moveExpansion, 500}, {on(80), moveContraction, 800}, {on(120), moveChurn, 700}, {on(200), moveReactivation, 900}}},
		"losing one of two": {func(p *past) {
			p.tell(1, "subscription.started", "a", amount).tell(2, "subscription.started", "b", amount).tell(30, "subscription.ended", "b", amount)
		}, []movement{{on(1), moveNew, 1000}, {on(2), moveExpansion, 1000}, {on(30), moveContraction, 1000}}},
		"a swap within the hour": {func(p *past) {
			p.tell(1, "subscription.started", "a", amount).tell(30, "subscription.ended", "a", amount).tell(30.03, "subscription.started", "b", eur(1200))
		}, []movement{{on(1), moveNew, 1000}, {on(30), moveExpansion, 200}}},
		"a pause": {func(p *past) {
			p.tell(1, "subscription.started", "a", amount).tell(30, "subscription.paused", "a", amount).tell(60, "subscription.resumed", "a", amount)
		}, []movement{{on(1), moveNew, 1000}, {on(30), moveContraction, 1000}, {on(60), moveExpansion, 1000}}},
		"a trial and a free plan": {func(p *past) {
			p.tell(1, "subscription.trial_started", "a").tell(15, "subscription.trial_ended", "a").tell(15, "subscription.started", "a", eur(0)).tell(50, "subscription.changed", "a", eur(300))
		}, []movement{{on(50), moveNew, 300}}},
		"a late payment": {func(p *past) {
			p.tell(1, "subscription.started", "a", amount).tell(30, "subscription.past_due", "a", amount).tell(33, "subscription.resumed", "a", amount)
		}, []movement{{on(1), moveNew, 1000}}},
	} {
		p := customer("x")
		c.events(p)
		h := p.done()
		s := newStory(&h, now)
		if len(s.purses) != 1 {
			t.Errorf("%s: %d currencies", name, len(s.purses))
			continue
		}
		if d := cmp.Diff(c.want, s.purses[0].movements(), cmp.AllowUnexported(movement{})); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestRevenueRetentionByHand(t *testing.T) {
	// 1000 grows to 1500; 1000 falls to 600; 1000 leaves; 2000 comes and grows to 3000 within the year.
	hs := []canon.History{
		customer("a").tell(-10, "subscription.started", "s", eur(1000)).tell(50, "subscription.changed", "s", eur(1500)).done(),
		customer("b").tell(-10, "subscription.started", "s", eur(1000)).tell(60, "subscription.changed", "s", eur(600)).done(),
		customer("c").tell(-10, "subscription.started", "s", eur(1000)).tell(70, "subscription.ended", "s", eur(1000), map[string]any{"reason": "too_expensive"}).done(),
		customer("d").tell(80, "subscription.started", "s", eur(2000)).tell(90, "subscription.changed", "s", eur(3000)).done(),
	}
	r := run(t, ask(), "nrr", hs...)
	near(t, "NRR", r.figure("nrr.cohort.v1").float(), 2100.0/3000)
	near(t, "GRR", r.figure("grr.cohort.v1").float(), 1600.0/3000)
	near(t, "NRR by formula", r.figure("nrr.formula.v1").float(), (3000.0+1500-400-1000)/3000)
	near(t, "GRR by formula", r.figure("grr.formula.v1").float(), (3000.0-400-1000)/3000)
	if x := r.figure("nrr.cohort.v1"); x.N != 3 || x.Numerator != 2100 || x.Denominator != 3000 || x.Currency != "EUR" {
		t.Errorf("%+v", x)
	}
	m := run(t, ask(), "mrr", hs...)
	near(t, "quick ratio", m.figure("mrr.quick_ratio.v1").float(), 3500.0/1400)
	near(t, "gross churn", m.figure("mrr.churn_rate.gross.v1").float(), 1400.0/3000)
	l := run(t, ask(), "logos", hs...)
	near(t, "logo churn", l.figure("logo.churn.v1").float(), 1.0/3)
	near(t, "CRR", l.figure("crr.v1").float(), 2.0/3)
	c := run(t, ask(), "churn", hs...)
	near(t, "preventable", c.figure("churn.preventable.v1").float(), 1)
	near(t, "lost", c.figure("churn.mrr.v1").float(), 1000)
	if got := c.Tables[0].Rows[0].Labels; got[0] != "too_expensive" || got[1] != "price (preventable)" {
		t.Errorf("taken for %q", got)
	}
}

func TestPeriodsAreHalfOpen(t *testing.T) {
	r := run(t, ask(), "mrr", customer("a").tell(0, "subscription.started", "s", eur(1000)).tell(31, "subscription.changed", "s", eur(1300)).tell(365, "subscription.ended", "s", eur(1300)).done())
	near(t, "at the end", r.figure("mrr.v1").float(), 1300)
	rows := r.Tables[0].Rows
	near(t, "at the start", rows[0].Numbers[0].float(), 0)
	near(t, "new in January", rows[0].Numbers[1].float(), 1000)
	near(t, "at the start of February", rows[1].Numbers[0].float(), 1000)
	near(t, "expansion in February", rows[1].Numbers[3].float(), 300)
}

func TestCurrenciesAreNeverAdded(t *testing.T) {
	r := run(t, ask(), "mrr", customer("a").tell(10, "subscription.started", "s", eur(1000)).tell(10, "subscription.started", "t", canon.Money{Minor: 500, Currency: "USD"}).done())
	got := map[string]float64{}
	for _, x := range r.Figures {
		if x.Definition == "mrr.v1" {
			got[x.Currency] = x.float()
		}
	}
	if d := cmp.Diff(map[string]float64{"EUR": 1000, "USD": 500}, got); d != "" {
		t.Error(d)
	}
}

func TestNPSByHand(t *testing.T) {
	var hs []canon.History
	for i, v := range []float64{10, 9, 8, 7, 6, 0, 10, 9} {
		p := customer(string(rune('a'+i))).enter(1, "", "retention", "enter")
		// The earlier answer is replaced by the later one.
		hs = append(hs, p.tell(20, "survey.nps", "q", 0.0).tell(100, "survey.nps", "q2", v).done())
	}
	r := run(t, ask(), "satisfaction", hs...)
	x := r.figure("nps.customer_latest.v1")
	// 4 of 8 promoters, 2 of 8 detractors: 25; SE = √((0.5 + 0.25 − 0.0625) ÷ 8) = 0.29315.
	near(t, "NPS", x.float(), 25)
	if got := (*x.High - 25) / evidence.Z95; math.Abs(got-29.3151) > 1e-3 {
		t.Errorf("SE is %v", got)
	}
	near(t, "all answers", r.figure("nps.answers.v1").float(), 100*(4-10)/16.0)
	near(t, "answered", r.figure("nps.response.v1").float(), 1)
}

func TestFunnelByHand(t *testing.T) {
	hs := []canon.History{
		customer("a").enter(1, "", "reach", "enter").enter(11, "reach", "conversion", "forward").enter(100, "conversion", "churned", "exit").done(),
		customer("b").enter(1, "", "reach", "enter").enter(21, "reach", "acquisition", "forward").done(),
		customer("c").enter(300, "", "reach", "enter").done(),
		customer("d").enter(-1, "", "reach", "enter").enter(5, "reach", "loyalty", "forward").done(),
	}
	r := run(t, ask(), "funnel", hs...)
	var reached []float64
	for _, one := range r.Tables[0].Rows {
		reached = append(reached, one.Numbers[0].float())
	}
	if d := cmp.Diff([]float64{3, 2, 1, 0, 0}, reached); d != "" {
		t.Error(d)
	}
	near(t, "velocity to acquisition", r.Tables[0].Rows[1].Numbers[3].float(), 15)
	near(t, "leak after conversion", r.Tables[0].Rows[3].Numbers[2].float(), 1)
	// c entered less than 90 days before the end and is left aside; d entered before the period.
	if x := r.Tables[1].Rows[0].Numbers[0]; x.Numerator != 2 || x.Denominator != 2 {
		t.Errorf("conversion %v of %v", x.Numerator, x.Denominator)
	}
}

func TestLeadResponse(t *testing.T) {
	human, auto := map[string]any{"direction": "out", "by": "human"}, map[string]any{"direction": "out", "by": "auto"}
	hs := []canon.History{
		customer("a").tell(10, "contact.created", "p").tell(10.0001, "touch.email", "m", auto).tell(10.125, "touch.call", "c", human).done(), // 3 h
		customer("b").tell(20, "contact.created", "p").tell(20.5, "touch.call", "c", human).done(),                                           // 12 h
		customer("c").tell(30, "contact.created", "p").done(),                                                                                // never
		customer("d").tell(40, "contact.created", "p").tell(39, "touch.call", "c", human).done(),                                             // before: dropped
	}
	r := run(t, ask(), "lead-response", hs...)
	near(t, "median", r.figure("lead.response.median.v1").float(), 7.5)
	near(t, "median with the unanswered", r.figure("lead.response.km_median.v1").float(), 12)
	near(t, "unanswered", r.figure("lead.unanswered.v1").float(), 1.0/3)
}

func TestBusinessHours(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("NO TIME ZONES ON THIS MACHINE: business hours are not tested")
	}
	h := &Hours{Zone: zone, Open: 9 * time.Hour, Close: 17 * time.Hour}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Days[d] = true
	}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		from, to string
		want     time.Duration
	}{
		{"2026-03-27 16:30", "2026-03-30 09:30", time.Hour}, // over a weekend on which clocks go forward
		{"2026-03-28 10:00", "2026-03-29 20:00", 0},
		{"2026-03-30 08:00", "2026-03-30 18:00", 8 * time.Hour},
		{"2026-03-30 12:00", "2026-03-30 11:00", 0},
	} {
		if got := h.between(at(c.from), at(c.to)); got != c.want {
			t.Errorf("%s to %s: %v, not %v", c.from, c.to, got, c.want)
		}
	}
}

func TestManyForeignTextsStayBounded(t *testing.T) {
	fill := func(reverse bool) capped[int64] {
		c := newCapped(func(into, from *int64) { *into += *from })
		for i := range 3000 {
			if reverse {
				i = 2999 - i
			}
			*c.at(strings.Repeat("x", i%7) + time.Unix(int64(i), 0).UTC().String())++
		}
		return c
	}
	a, b := fill(false), fill(true)
	if len(a.rows) > maxRows+1 || *a.rows[others] != int64(3000-maxRows) {
		t.Errorf("%d rows, %d others", len(a.rows), *a.rows[others])
	}
	if d := cmp.Diff(a.rows, b.rows); d != "" {
		t.Error("the order matters")
	}
}

func TestWhatCannotBeAsked(t *testing.T) {
	for code, c := range map[string]struct {
		names []string
		ask   Ask
	}{
		"report.unknown": {[]string{"nothing"}, ask()},
		"request.period": {[]string{"all"}, Ask{From: now, To: begin}},
		"request.every":  {[]string{"all"}, Ask{From: begin, To: now, Every: "blink"}},
	} {
		var e *canon.Error
		if _, err := New(c.names, c.ask); !errors.As(err, &e) || e.Code != code || e.Hint == "" {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestTooFewCasesAreWithheld(t *testing.T) {
	a := ask()
	a.MinN = 5
	r := run(t, a, "logos", customer("a").tell(-10, "subscription.started", "s", eur(1000)).done())
	for _, x := range r.Figures {
		if x.Value != nil || x.Numerator != 0 || x.Denominator != 0 || x.Format() == "1" {
			t.Errorf("%+v", x)
		}
	}
	if len(r.Parts) > 0 {
		t.Error("the drawings tell what the numbers do not")
	}
}

func TestUnitEconomicsByHand(t *testing.T) {
	a := ask()
	a.Margin = 0.5
	a.Spend = []Spend{{Month: begin, Channel: "ads", Amount: eur(6000)}, {Month: now, Channel: "ads", Amount: eur(9999)}}
	var hs []canon.History
	for i := range 4 {
		p := customer(string(rune('a'+i))).tell(-30, "subscription.started", "s", eur(1000))
		if i == 0 {
			p.tell(100, "subscription.ended", "s", eur(1000))
		}
		hs = append(hs, p.done())
	}
	hs = append(hs, customer("new").tell(30, "subscription.started", "s", eur(3000)).done(), customer("newer").tell(40, "subscription.started", "s", eur(3000)).done())
	r := run(t, a, "unit-economics", hs...)
	near(t, "ARPA", r.figure("arpa.v1").float(), 9000.0/5)
	near(t, "CAC", r.figure("cac.v1").float(), 3000)
	near(t, "payback", r.figure("cac.payback.v1").float(), 3000/900.0)
	churn := 1 - math.Pow(0.75, 30.4375/365)
	near(t, "LTV", r.figure("ltv.v1").float(), 900/churn)
}

func TestOrdersByHand(t *testing.T) {
	r := run(t, ask(), "orders",
		customer("a").tell(1, "invoice.issued", "i1", eur(1000)).tell(5, "invoice.paid", "i1", eur(1000)).tell(6, "invoice.paid", "i2", eur(3000)).tell(9, "credit.issued", "c1", eur(-500)).done(),
		customer("b").tell(7, "invoice.paid", "i3", eur(2000)).tell(8, "invoice.paid", "i4", eur(0)).tell(9, "invoice.paid", "i5", eur(700)).tell(10, "invoice.voided", "i5", eur(700)).done())
	near(t, "AOV", r.figure("aov.v1").float(), 5500.0/3)
	near(t, "repeat", r.figure("orders.repeat.v1").float(), 0.5)
	near(t, "orders", r.figure("orders.paid.v1").float(), 3)
}
