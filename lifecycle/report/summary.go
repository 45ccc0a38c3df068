package report

import (
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func summaryKinds() []Kind {
	return []Kind{
		{Name: "executive", Title: "Executive summary", Question: "How does the business with its customers stand, on one page?", Needs: "Connect a CRM, a billing and a support system.", open: newExecutive},
		{Name: "kpi", Title: "Key numbers over time", Question: "How have the key numbers moved?", Needs: "Connect a CRM, a billing and a support system.", open: newKPI},
	}
}

func summaryDefinitions() []Definition {
	return []Definition{
		{"roi.value.v1", "value", money, "sum over the kinds of event of quantity × what one is said to be worth", "The quantity is the event's value, or 1 where it has none."},
		{"roi.cost.v1", "cost", money, "invoices paid in the period − credit notes issued in it", ""},
		{"roi.v1", "ROI", percent, "(value − cost) ÷ cost", ""},
	}
}

// keyNumbers are the reports whose figures make the series of key numbers.
func keyNumbers() []func(*Ask) accumulator {
	return []func(*Ask) accumulator{newMovements, newRetention, newLogos, newDeals, newOrders, newSupport, newVoice, newOnboarding, newResponse}
}

// kpi works key numbers out once for each step of the period.
type kpi struct {
	ask   *Ask
	steps []period
	asks  []*Ask
	accs  [][]accumulator
}

func newKPI(a *Ask) accumulator {
	k := &kpi{ask: a, steps: periods(a.From, a.To, a.Every)}
	for _, p := range k.steps {
		ask := *a
		ask.From, ask.To = p.from, p.to
		k.asks = append(k.asks, &ask)
		var accs []accumulator
		for _, open := range keyNumbers() {
			accs = append(accs, open(&ask))
		}
		k.accs = append(k.accs, accs)
	}
	return k
}

func (k *kpi) add(s *story) {
	for _, accs := range k.accs {
		for _, a := range accs {
			a.add(s)
		}
	}
}

func (k *kpi) result(r *Result) {
	table := Table{Key: "kpi", Title: "Key numbers", Labels: []string{"number", k.ask.Every}, Note: "Tickets, deals and answers count to the step in which they were; what later became of them is known as of the end of the whole period."}
	type series struct {
		def, currency string
		rows          []Row
	}
	var all []*series
	for i, p := range k.steps {
		for _, a := range k.accs[i] {
			var one Result
			a.result(&one)
			for _, x := range one.Figures {
				if family, rest, _ := strings.Cut(x.Definition, "."); (family == "nrr" || family == "grr") && rest != "trailing12.v1" {
					// Retention from one step to the next says little; over twelve months it does.
					continue
				}
				at := slices.IndexFunc(all, func(s *series) bool { return s.def == x.Definition && s.currency == x.Currency })
				if at < 0 {
					at = len(all)
					all = append(all, &series{def: x.Definition, currency: x.Currency})
				}
				title := x.Definition
				if x.Currency != "" {
					title += " " + x.Currency
				}
				all[at].rows = append(all[at].rows, row([]string{title, p.name}, x))
			}
		}
	}
	for _, s := range all {
		table.Rows = append(table.Rows, s.rows...)
		if !slices.Contains([]string{"mrr.v1", "logo.churn.v1", "nrr.trailing12.v1", "deal.win_rate.v1", "nps.answers.v1", "csat.ticket.v1", "ticket.ttr.median.v1", "aov.v1"}, s.def) || len(s.rows) < 2 {
			continue
		}
		line := chart.Line{X: chart.Axis{Time: true}}
		def := definition(s.def)
		line.Title = strings.TrimSuffix(def.Title+", "+s.currency, ", ")
		line.Y = chart.Axis{Unit: unit(def.Unit, s.currency)}
		var points []chart.Point
		for _, one := range s.rows {
			at := slices.IndexFunc(k.steps, func(p period) bool { return p.name == one.Labels[1] })
			x := one.Numbers[0]
			pt := chart.Point{X: chart.At(k.steps[at].from), Y: x.float(), Low: math.NaN(), High: math.NaN()}
			if x.Low != nil && x.High != nil {
				pt.Low, pt.High = *x.Low, *x.High
			}
			points = append(points, pt)
		}
		line.Series = []chart.Series{{Name: def.Title, Points: points}}
		r.Parts = append(r.Parts, line)
	}
	if len(table.Rows) > 0 {
		r.Tables = append(r.Tables, table)
	}
}

// definition finds one by its id.
func definition(id string) Definition {
	for _, d := range Definitions() {
		if d.ID == id {
			return d
		}
	}
	return Definition{}
}

// executive picks from other reports what fits on a page.
type executive struct {
	parts []accumulator
}

func newExecutive(a *Ask) accumulator {
	return &executive{[]accumulator{newMovements(a), newRetention(a), newLogos(a), newHealth(a), newRisk(a), newChurn(a), newVoice(a)}}
}

func (e *executive) add(s *story) {
	for _, a := range e.parts {
		a.add(s)
	}
}

// headlines are the numbers of the first page.
var headlines = []string{
	"mrr.v1", "mrr.net.v1", "nrr.trailing12.v1", "grr.trailing12.v1", "logo.end.v1", "logo.churn.v1", "health.mean.v1", "risk.mrr.v1", "risk.share.v1",
	"churn.customers.v1", "churn.preventable.v1", "nps.customer_latest.v1", "csat.ticket.v1",
}

func (e *executive) result(r *Result) {
	subs := make([]Result, len(e.parts))
	for i, a := range e.parts {
		a.result(&subs[i])
		for _, x := range subs[i].Figures {
			if slices.Contains(headlines, x.Definition) {
				r.Figures = append(r.Figures, x)
			}
		}
	}
	for _, s := range subs {
		for _, t := range s.Tables {
			switch {
			case t.Key == "bands" && len(t.Labels) == 1 && t.Labels[0] == "band" && t.Title == "Bands":
				r.Tables = append(r.Tables, t)
			case t.Key == "reasons":
				t.Title, t.Rows = "Top reasons for leaving", t.Rows[:min(3, len(t.Rows))]
				r.Tables = append(r.Tables, t)
			case strings.HasPrefix(t.Key, "worklist_"):
				t.Title, t.Rows = "Most urgent: "+t.Title, t.Rows[:min(10, len(t.Rows))]
				r.Tables = append(r.Tables, t)
			}
		}
	}
	for _, i := range []int{0, 1, 3} {
		if len(subs[i].Parts) > 0 {
			r.Parts = append(r.Parts, subs[i].Parts[0])
		}
	}
}
