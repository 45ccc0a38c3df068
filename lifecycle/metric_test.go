package lifecycle

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// metricsOf parses a policy with nothing but metrics of interest, all of them shown.
func metricsOf(t interface{ Fatalf(string, ...any) }, metrics string) *Policy {
	src := "policy: p\nversion: 1.0.0\nparameters:\n  seats: {value: 4, by: [{when: 'field(\"plan\") == \"pro\"', value: 8}]}\nmetrics:\n" + metrics +
		"stages:\n  - {key: a, customer: true, enter: [{rule: r1, from: start, when: 'exists(\"*\")', reason: seen}]}\n" + soundCard
	p, err := Parse("p.yaml", []byte(src))
	if err != nil {
		t.Fatalf("%v\n%s", err, src)
	}
	return p.Thorough()
}

const metricEvents = `
2024-01-01 subscription.started s EUR1000
2024-03-01 usage.recorded u1 value=2 feature=export person=ana
2024-03-10 usage.recorded u2 value=4 feature=export person=bo
2024-03-10 usage.recorded u3 value=6 feature=api person=ana
2024-04-01 usage.recorded u4 value=8 feature=api person=ana
2024-04-01 usage.recorded u5 value=1 feature=chat person=cy
2024-04-02 usage.recorded u6 feature=chat
2024-04-03 ticket.opened t1 priority=urgent
2024-04-03 ticket.opened t2 priority=low
2024-04-04 subscription.changed s EUR1500 direction=up mrr_delta=500
2024-04-05 invoice.paid i1 EUR900
2024-04-05 invoice.paid i2 EUR300
2024-04-06 touch.call c1 direction=in
2024-04-06 touch.email c2 direction=out
2024-04-06 touch.email c3 direction=out
2024-04-07 survey.nps n1 value=9 person=ana
2024-04-08 survey.nps n2 value=5 person=ana
2024-04-08 survey.nps n3 value=10 person=bo
`

func metricCases() []struct{ metric, want string } {
	return []struct{ metric, want string }{
		{`of: count, events: usage.recorded, window: 30d`, "3"}, // the day of 2024-03-11 is the first that counts
		{`of: count, events: usage.recorded`, "6"},
		{`of: count, events: usage.recorded, where: 'value > 3 and feature in ["api", "chat"]'`, "2"},
		{`of: count, events: usage.recorded, where: 'person startsWith "a" or person contains "y"'`, "4"},
		{`of: count, events: 'ticket.*', where: 'data("priority") != "low"'`, "1"},
		{`of: count, events: 'ticket.*', where: 'data("nothing") != "low"'`, "0"},
		{`of: sum, events: usage.recorded, window: 30d`, "10"}, // one without a value counts as 1
		{`of: sum, over: amount, events: invoice.paid`, "1200"},
		{`of: sum, over: data.mrr_delta, events: 'subscription.changed:up'`, "500"},
		{`of: sum, over: data.none, events: 'subscription.changed:up'`, "0"},
		{`of: avg, events: survey.nps`, "8"},
		{`of: min, events: survey.nps`, "5"},
		{`of: max, events: usage.recorded`, "8"},
		{`of: min, events: usage.recorded, window: 1d`, "-"},
		{`of: min, events: usage.recorded, window: 1d, missing: zero`, "0"},
		{`of: last, events: survey.nps`, "10"},
		{`of: last, events: usage.recorded, over: data.none`, "-"},
		{`of: distinct, by: person, events: usage.recorded, window: 30d`, "2"},
		{`of: distinct, by: feature, events: usage.recorded`, "3"},
		{`of: distinct, by: ref, events: 'invoice.*'`, "2"},
		{`of: distinct, by: day, events: usage.recorded`, "4"},
		{`of: distinct, by: data.priority, events: 'ticket.*'`, "2"},
		{`of: k_of_n, features: [api, chat, mail], events: usage.recorded`, "2"},
		{`of: k_of_n, features: [api, chat, mail], at_least: 2, events: usage.recorded`, "1"},
		{`of: k_of_n, features: [api, chat, mail], at_least: 3, events: usage.recorded`, "0"},
		{`of: days_since, events: survey.nps`, "2"},
		{`of: trend, events: usage.recorded, window: 10d, base: 20d`, "-"}, // no use in the 20 days before
		{`of: trend, events: usage.recorded, window: 15d, base: 25d`, "1.67"},
		{`of: count, events: usage.recorded, per: person, across: max`, "3"},
		{`of: count, events: usage.recorded, per: person, across: avg`, "1.67"},
		{`of: sum, events: usage.recorded, per: person, across: count_over, threshold: 4`, "2"},
		{`of: avg, events: survey.nps, per: person, across: count_over, threshold: 9`, "1"},
		{`of: avg, events: survey.csat, per: person, across: avg`, "-"},
		{`of: ratio, numerator: 'count("touch.*:in")', denominator: 'count("touch.*:out")'`, "0.5"},
		{`of: ratio, numerator: '1', denominator: 'count("deal.*")'`, "-"},
		{`of: expression, value: '2 * number("seats") + param("seats")'`, "28"},
		{`of: expression, value: 'open_tickets() == 2 and field("plan") in ["pro", "max"]'`, "1"},
		{`of: expression, value: 'number("none") ?? 7'`, "7"},
		{`of: expression, value: 'number("plan")'`, "-"},
		{`of: count, events: 'usage.*', needs: [deal]`, "-"},
	}
}

func TestMetrics(t *testing.T) {
	for _, c := range metricCases() {
		t.Run(c.metric, func(t *testing.T) {
			p := metricsOf(t, "  - {key: m, "+c.metric+"}\n")
			facts := Facts{Customer: "c", Type: "company", Sources: allFresh(), Events: readEvents(t, metricEvents), Fields: map[string]string{"plan": "pro", "seats": "10"}}
			facts.Sources[canon.KindDeal] = false
			got := "-"
			if v, ok := p.Assess(facts, moment(t, "2024-04-10T12:00")).Assessment.Metrics["m"]; ok {
				got = decimal(v)
			}
			if got != c.want {
				t.Errorf("is %s, want %s", got, c.want)
			}
		})
	}
}

// What needs a source that cannot be trusted is left out, never 0; nobody else's metrics are.
func TestMetricsNeedTheirSources(t *testing.T) {
	p := metricsOf(t, `  - {key: use, of: count, events: usage.recorded, missing: zero}
  - {key: tickets, of: count, events: ticket.opened}
`)
	facts := Facts{Customer: "c", Type: "company", Sources: allFresh(), Events: readEvents(t, metricEvents)}
	facts.Sources[canon.KindUsage] = false
	got := p.Assess(facts, moment(t, "2024-04-10")).Assessment.Metrics
	if _, ok := got["use"]; ok || got["tickets"] != 2 {
		t.Errorf("metrics %v", got)
	}
}

// Metrics that double each other are refused before they fill the memory.
func TestMetricsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("policy: p\nversion: 1.0.0\nmetrics:\n  - {key: m0, of: count, events: 'deal.*'}\n")
	for i := range 40 {
		fmt.Fprintf(&b, "  - {key: m%d, of: expression, value: 'metric(\"m%d\") + metric(\"m%d\")'}\n", i+1, i, i)
	}
	b.WriteString("stages:\n  - {key: a, customer: true, enter: [{rule: r1, from: start, when: 'exists(\"*\")', reason: seen}]}\n" + soundCard)
	_, err := Parse("p.yaml", []byte(b.String()))
	if err == nil || !strings.Contains(err.Error(), "more than 200 metrics") {
		t.Fatalf("got %v", err)
	}
}

func TestRanks(t *testing.T) {
	for v, want := range map[float64]float64{-5: 0, 0: 3, 0.5: 6.5, 1: 10, 14: 99, 15: 100} {
		got, ok := rankIn(quantiles(), v)
		if !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("%v ranks %v, want %v", v, got, want)
		}
	}
	if _, ok := rankIn(nil, 1); ok {
		t.Error("a rank among nobody")
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(-1, 20).Draw(t, "a"), rapid.Float64Range(-1, 20).Draw(t, "b")
		ra, _ := rankIn(quantiles(), a)
		rb, _ := rankIn(quantiles(), b)
		if ra < 0 || ra > 100 || a < b && ra > rb {
			t.Fatalf("%v ranks %v, %v ranks %v", a, ra, b, rb)
		}
	})
}

// The figures are those that a scan of all events gives, whatever the history and window.
func TestMetricsAreWhatAScanGives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.IntRange(1, 400).Draw(t, "days")
		window := fmt.Sprintf("events: 'usage.*|survey.*', window: %dd", days)
		p := metricsOf(t, fmt.Sprintf(`  - {key: n, of: count, %[1]s}
  - {key: most, of: max, %[1]s}
  - {key: least, of: min, %[1]s}
  - {key: refs, of: distinct, by: ref, %[1]s}
  - {key: up, of: count, where: 'direction == "up" and value >= 3', %[1]s}
`, window))
		facts, now := genFacts(t), genNow(t, "now")
		facts.Sources = allFresh()
		got := p.Assess(facts, now).Assessment.Metrics
		end := floorDay(now.UnixMicro()) + day
		want, refs := map[string]float64{"n": 0, "refs": 0, "up": 0}, map[string]bool{}
		for _, e := range facts.Events {
			at := e.OccurredAt.UnixMicro()
			if !strings.HasPrefix(e.Type, "usage.") && !strings.HasPrefix(e.Type, "survey.") || at > now.UnixMicro() || at < end-int64(days)*day {
				continue
			}
			want["n"]++
			refs[e.Ref.String()] = true
			if e.Value == nil {
				continue
			}
			if v, ok := want["most"]; !ok || *e.Value > v {
				want["most"] = *e.Value
			}
			if v, ok := want["least"]; !ok || *e.Value < v {
				want["least"] = *e.Value
			}
			if e.Data["direction"] == "up" && *e.Value >= 3 {
				want["up"]++
			}
		}
		want["refs"] = float64(len(refs))
		if len(facts.Events) == 0 {
			return
		}
		for k, v := range want {
			if g, ok := got[k]; !ok || g != v {
				t.Fatalf("%s is %v, a scan gives %v", k, got[k], v)
			}
		}
	})
}
