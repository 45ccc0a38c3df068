package report

import (
	"math"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func revenueKinds() []Kind {
	return []Kind{
		{Name: "mrr", Title: "Recurring revenue movements", Question: "What made recurring revenue grow or shrink?", Needs: needsContracts, open: newMovements},
		{Name: "nrr", Title: "Revenue retention", Question: "How much of the revenue of a year ago is still there, with and without expansion?", Needs: needsContracts, open: newRetention},
		{Name: "cohorts", Title: "Cohorts", Question: "How much is left of customers and their revenue, by when they began to pay?", Needs: needsContracts, open: newCohorts},
	}
}

const needsContracts = "It needs subscriptions with amounts: connect a billing system."

func revenueDefinitions() []Definition {
	return []Definition{
		{"mrr.v1", "MRR", money, "sum of the recurring amounts a month of contracts that run, late payers included", "Without tax, trials, free, resting and metered contracts. Before the moment, so that what happens at it counts to the next period."},
		{"arr.v1", "ARR", money, "12 × MRR", ""},
		{"mrr.new.v1", "new", money, "rises from nothing of customers who never paid before, in the currency", "Changes of one customer within an hour are one change. Per customer: losing one of two contracts is contraction."},
		{"mrr.reactivation.v1", "reactivation", money, "rises from nothing of customers who had left", ""},
		{"mrr.expansion.v1", "expansion", money, "other rises", "A contract that is resumed after a pause is expansion."},
		{"mrr.contraction.v1", "contraction", money, "falls of customers who stay", "A pause is contraction: nobody left."},
		{"mrr.churn.v1", "churn", money, "falls to nothing", ""},
		{"mrr.net.v1", "net change", money, "new + reactivation + expansion − contraction − churn", ""},
		{"mrr.churn_rate.gross.v1", "gross MRR churn", percent, "(churn + contraction) ÷ MRR at the start", ""},
		{"mrr.churn_rate.net.v1", "net MRR churn", percent, "(churn + contraction − expansion − reactivation) ÷ MRR at the start", "Negative where more was won than lost."},
		{"mrr.expansion_rate.v1", "expansion MRR rate", percent, "expansion ÷ MRR at the start", ""},
		{"mrr.quick_ratio.v1", "quick ratio", ratioOf, "(new + reactivation + expansion) ÷ (contraction + churn)", "Infinite where nothing was lost."},
		{"nrr.cohort.v1", "NRR (cohort)", percent, "MRR at the end ÷ MRR at the start, both of the customers who paid at the start", "Customers won since are left out; who came back within the period counts with what they pay at its end."},
		{"grr.cohort.v1", "GRR (cohort)", percent, "sum of the lesser of MRR at the end and at the start ÷ MRR at the start, of the customers who paid at the start", "Never above 100 % and never above NRR."},
		{"nrr.trailing12.v1", "NRR over twelve months", percent, "MRR at the moment ÷ MRR twelve months before, both of the customers who paid then", "As nrr.cohort.v1, whatever the period of the report."},
		{"grr.trailing12.v1", "GRR over twelve months", percent, "sum of the lesser of MRR at the moment and twelve months before ÷ MRR twelve months before", "As grr.cohort.v1, whatever the period of the report."},
		{"nrr.formula.v1", "NRR (formula)", percent, "(start + expansion − contraction − churn) ÷ start", "Counts expansion and loss of customers won within the period, and so differs from the cohort variant."},
		{"grr.formula.v1", "GRR (formula)", percent, "(start − contraction − churn) ÷ start", "Differs from the cohort variant where a customer both grows and shrinks."},
		{"cohort.mrr.v1", "MRR retained", percent, "MRR so many months after the first payment ÷ MRR of the first, of customers who began then", "Only customers for whom so many months have passed."},
		{"cohort.logo.v1", "customers retained", percent, "customers with MRR so many months after the first payment ÷ customers who began then", "Only customers for whom so many months have passed."},
	}
}

// ledger is what one currency came to in each step and in the whole period.
type ledger struct {
	start, end   int64
	payers       int64
	steps        []flows
	whole        flows
	cohort, kept int64 // MRR at the end of who paid at the start, and the lesser of the two
	base         int64 // customers who paid at the start
}

// flows are the movements of a time, with how many there were, and the revenue at its start with how many paid it.
type flows struct {
	start   int64
	payers  int64
	amounts [moves]int64
	n       [moves]int64
}

func (f *flows) add(m movement) {
	f.amounts[m.kind] += m.amount
	f.n[m.kind]++
}

func (f *flows) net() int64 {
	return f.amounts[moveNew] + f.amounts[moveReactivation] + f.amounts[moveExpansion] - f.amounts[moveContraction] - f.amounts[moveChurn]
}

func (f *flows) count() (n int64) {
	for _, k := range f.n {
		n += k
	}
	return n
}

// movements sums movements per currency and step.
type movements struct {
	ask     *Ask
	steps   []period
	ledgers map[string]*ledger
}

func newMovements(a *Ask) accumulator { return openMovements(a, a.Every) }

func openMovements(a *Ask, every string) *movements {
	return &movements{a, periods(a.From, a.To, every), map[string]*ledger{}}
}

func (m *movements) add(s *story) {
	for i := range s.purses {
		p := &s.purses[i]
		if len(p.marks) == 0 {
			continue
		}
		l := m.ledgers[p.currency]
		if l == nil {
			l = &ledger{steps: make([]flows, len(m.steps))}
			m.ledgers[p.currency] = l
		}
		start, end := p.at(m.ask.From), p.at(m.ask.To)
		l.start, l.end = l.start+start, l.end+end
		if end > 0 {
			l.payers++
		}
		if start > 0 {
			l.base++
			l.cohort += end
			l.kept += min(start, end)
		}
		for j, step := range m.steps {
			mrr := p.at(step.from)
			l.steps[j].start += mrr
			l.steps[j].payers += one(mrr > 0)
		}
		for _, x := range p.movements() {
			if j := within(m.steps, x.at); j >= 0 {
				l.steps[j].add(x)
				l.whole.add(x)
			}
		}
	}
}

// quick is the quick ratio.
func quick(f *flows, currency string) Number {
	won, lost := f.amounts[moveNew]+f.amounts[moveReactivation]+f.amounts[moveExpansion], f.amounts[moveContraction]+f.amounts[moveChurn]
	x := share("mrr.quick_ratio.v1", float64(won), float64(lost), f.count()).in(currency)
	if lost == 0 && won > 0 {
		x = x.flagged("infinite")
	}
	return x
}

func (m *movements) result(r *Result) {
	for _, c := range currencies(m.ledgers) {
		l := m.ledgers[c]
		if l.start == 0 && l.whole.count() == 0 {
			continue
		}
		start, lost := float64(l.start), float64(l.whole.amounts[moveContraction]+l.whole.amounts[moveChurn])
		r.Figures = append(r.Figures, sum("mrr.v1", c, l.end, l.payers), sum("arr.v1", c, 12*l.end, l.payers), sum("mrr.net.v1", c, l.whole.net(), l.whole.count()),
			share("mrr.churn_rate.gross.v1", lost, start, l.base).in(c),
			share("mrr.churn_rate.net.v1", lost-float64(l.whole.amounts[moveExpansion]+l.whole.amounts[moveReactivation]), start, l.base).in(c),
			share("mrr.expansion_rate.v1", float64(l.whole.amounts[moveExpansion]), start, l.base).in(c), quick(&l.whole, c))
		table := Table{Key: "movements_" + strings.ToLower(c), Title: "Movements, " + c, Labels: []string{m.ask.Every}, Note: "MRR is that at the start of the step: with the net change it is that of the next."}
		columns := chart.Stacked{Title: "Movements, " + c, Unit: unit(money, c)}
		series := [moves][]float64{}
		line := make([]chart.Point, 0, len(m.steps)+1)
		for j, step := range m.steps {
			f := &l.steps[j]
			one := row([]string{step.name}, sum("mrr.v1", c, f.start, f.payers))
			columns.Columns = append(columns.Columns, step.name)
			line = append(line, chart.Point{X: chart.At(step.from), Y: float64(f.start)})
			for k := range moves {
				one.Numbers = append(one.Numbers, sum("mrr."+moveNames[k]+".v1", c, f.amounts[k], f.n[k]))
				sign := 1.0
				if k >= moveContraction {
					sign = -1
				}
				series[k] = append(series[k], sign*float64(f.amounts[k]))
			}
			one.Numbers = append(one.Numbers, sum("mrr.net.v1", c, f.net(), f.count()), quick(f, c))
			table.Rows = append(table.Rows, one)
		}
		line = append(line, chart.Point{X: chart.At(m.ask.To), Y: float64(l.end)})
		for k, tone := range []chart.Tone{chart.Good, "", chart.Accent, chart.Fair, chart.Poor} {
			columns.Series = append(columns.Series, chart.StackedSeries{Name: moveNames[k], Tone: tone, Values: series[k]})
		}
		r.Tables = append(r.Tables, table)
		r.Parts = append(r.Parts, chart.Line{Title: "MRR, " + c, X: chart.Axis{Time: true}, Y: chart.Axis{Unit: unit(money, c), Min: chart.Value(0)}, Series: []chart.Series{{Name: "MRR", Points: line}}}, columns)
	}
}

// retention compares revenue with what it was: over the period, and over twelve months up to the end of each month.
type retention struct {
	whole *movements
	ask   *Ask
	ends  []period
	year  map[string][]trailing
}

// trailing is a year up to a moment.
type trailing struct{ start, end, kept, n int64 }

func (y trailing) numbers(c string) (net, gross Number) {
	return share("nrr.trailing12.v1", float64(y.end), float64(y.start), y.n).in(c), share("grr.trailing12.v1", float64(y.kept), float64(y.start), y.n).in(c)
}

func newRetention(a *Ask) accumulator {
	return &retention{openMovements(a, "quarter"), a, periods(a.From, a.To, "month"), map[string][]trailing{}}
}

func (t *retention) add(s *story) {
	t.whole.add(s)
	for i := range s.purses {
		p := &s.purses[i]
		if len(p.marks) == 0 {
			continue
		}
		years := t.year[p.currency]
		if years == nil {
			years = make([]trailing, len(t.ends))
			t.year[p.currency] = years
		}
		for j, step := range t.ends {
			if before := p.at(monthsAfter(step.to, -12)); before > 0 {
				now := p.at(step.to)
				years[j].start += before
				years[j].end += now
				years[j].kept += min(before, now)
				years[j].n++
			}
		}
	}
}

func (t *retention) result(r *Result) {
	for _, c := range currencies(t.whole.ledgers) {
		l := t.whole.ledgers[c]
		if y := t.year[c][len(t.ends)-1]; y.n > 0 {
			net, gross := y.numbers(c)
			r.Figures = append(r.Figures, net, gross)
		}
		if l.start == 0 {
			r.Notes = append(r.Notes, "Nobody paid in "+c+" at the start of the period: choose a later --from.")
			continue
		}
		f, start := &l.whole, float64(l.start)
		lost := f.amounts[moveContraction] + f.amounts[moveChurn]
		r.Figures = append(r.Figures, share("nrr.cohort.v1", float64(l.cohort), start, l.base).in(c), share("grr.cohort.v1", float64(l.kept), start, l.base).in(c),
			share("nrr.formula.v1", float64(l.start+f.amounts[moveExpansion]-lost), start, l.base).in(c), share("grr.formula.v1", float64(l.start-lost), start, l.base).in(c))
		r.Parts = append(r.Parts, chart.Waterfall{Title: "From MRR at the start to MRR at the end, " + c, Unit: unit(money, c), Steps: []chart.Step{
			{Label: "start", Value: start, Total: true}, {Label: "churn", Value: -float64(f.amounts[moveChurn])}, {Label: "contraction", Value: -float64(f.amounts[moveContraction])},
			{Label: "expansion", Value: float64(f.amounts[moveExpansion])}, {Label: "reactivation", Value: float64(f.amounts[moveReactivation])}, {Label: "new", Value: float64(f.amounts[moveNew])},
			{Label: "end", Value: float64(l.end), Total: true},
		}})
		bridge := Table{Key: "bridge_" + strings.ToLower(c), Title: "From start to end, " + c, Labels: []string{"step"}}
		bridge.Rows = append(bridge.Rows, row([]string{"start"}, sum("mrr.v1", c, l.start, l.base)))
		for k := range moves {
			bridge.Rows = append(bridge.Rows, row([]string{moveNames[k]}, sum("mrr."+moveNames[k]+".v1", c, f.amounts[k], f.n[k])))
		}
		bridge.Rows = append(bridge.Rows, row([]string{"end"}, sum("mrr.v1", c, l.end, l.payers)))
		r.Tables = append(r.Tables, bridge, t.trail(r, c))
	}
}

func (t *retention) trail(r *Result, c string) Table {
	table := Table{Key: "trailing_" + strings.ToLower(c), Title: "Twelve months up to the end of each month, " + c, Labels: []string{"month"}}
	net, gross := []chart.Point{}, []chart.Point{}
	for j, step := range t.ends {
		y := t.year[c][j]
		if y.n == 0 {
			continue
		}
		n, g := y.numbers(c)
		table.Rows = append(table.Rows, row([]string{step.name}, n, g))
		net = append(net, chart.Point{X: chart.At(step.to), Y: n.float()})
		gross = append(gross, chart.Point{X: chart.At(step.to), Y: g.float()})
	}
	if len(net) > 1 {
		r.Parts = append(r.Parts, chart.Line{Title: "NRR and GRR over twelve months, " + c, X: chart.Axis{Time: true}, Y: chart.Axis{Unit: chart.Percent()},
			Series: []chart.Series{{Name: "NRR", Points: net}, {Name: "GRR", Points: gross}}})
	}
	return table
}

// maxAge is how many months a cohort is followed.
const maxAge = 36

// cohorts follows customers from their first payment.
type cohorts struct {
	ask *Ask
	// cells are by currency, then by quarter of the first payment.
	cells map[string]map[string]*[maxAge + 1]cell
}

type cell struct{ first, now, paying, n int64 }

func newCohorts(a *Ask) accumulator { return &cohorts{a, map[string]map[string]*[maxAge + 1]cell{}} }

func (c *cohorts) add(s *story) {
	for i := range s.purses {
		p := &s.purses[i]
		if len(p.marks) == 0 {
			continue
		}
		first := mark{}
		for _, m := range p.marks {
			if m.mrr > 0 {
				first = m
				break
			}
		}
		if first.mrr == 0 {
			continue
		}
		if c.cells[p.currency] == nil {
			c.cells[p.currency] = map[string]*[maxAge + 1]cell{}
		}
		line := at(c.cells[p.currency], name(beginning(first.at, "quarter"), "quarter"))
		for age := range line {
			then := monthsAfter(first.at, age)
			if age > 0 && then.After(c.ask.To) {
				break
			}
			now := first.mrr
			if age > 0 {
				now = p.at(then)
			}
			line[age].first += first.mrr
			line[age].now += now
			line[age].n++
			if now > 0 {
				line[age].paying++
			}
		}
	}
}

func (c *cohorts) result(r *Result) {
	for _, cur := range currencies(c.cells) {
		table := Table{Key: "triangle_" + strings.ToLower(cur), Title: "By quarter of the first payment, " + cur, Labels: []string{"cohort", "month"}}
		revenue := chart.Heatmap{Title: "Share of the first MRR by months since, " + cur, Unit: chart.Unit{Scale: 100, Suffix: "%"}}
		logos := chart.Heatmap{Title: "Share of customers by months since, " + cur, Unit: chart.Unit{Scale: 100, Suffix: "%"}}
		for age := 0; age <= maxAge; age += 3 {
			revenue.Columns = append(revenue.Columns, strconv.Itoa(age))
		}
		logos.Columns = revenue.Columns
		names := currencies(c.cells[cur])
		for _, cohort := range names[max(0, len(names)-24):] {
			var mrr, customers []float64
			for age, one := range c.cells[cur][cohort] {
				if age%3 != 0 {
					continue
				}
				if one.n == 0 {
					mrr, customers = append(mrr, math.NaN()), append(customers, math.NaN())
					continue
				}
				a, b := share("cohort.mrr.v1", float64(one.now), float64(one.first), one.n).in(cur), part("cohort.logo.v1", one.paying, one.n)
				table.Rows = append(table.Rows, row([]string{cohort, strconv.Itoa(age)}, a, b))
				mrr, customers = append(mrr, a.float()), append(customers, b.float())
			}
			revenue.Rows, revenue.Values = append(revenue.Rows, cohort), append(revenue.Values, mrr)
			logos.Rows, logos.Values = append(logos.Rows, cohort), append(logos.Values, customers)
		}
		r.Tables = append(r.Tables, table)
		r.Parts = append(r.Parts, revenue, logos)
	}
}
