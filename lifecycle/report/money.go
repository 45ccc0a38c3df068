package report

import (
	"math"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func moneyKinds() []Kind {
	return []Kind{
		{Name: "orders", Title: "Orders and contract values", Question: "What is an order worth, who buys again, and what are contracts worth?", Needs: "It needs invoices: connect a billing or a shop system.", open: newOrders},
		{Name: "unit-economics", Title: "Unit economics", Question: "What is a customer worth, and what does it cost to win one?", Needs: needsContracts, open: newEconomics},
		{Name: "payments", Title: "Payments", Question: "How late is money, and how much of what failed comes in after all?", Needs: "It needs invoices with due dates: connect a billing system.", open: newPayments},
	}
}

func moneyDefinitions() []Definition {
	return []Definition{
		{"aov.v1", "average order value", money, "(invoices paid in the period − credit notes issued in it) ÷ invoices paid in the period", "Invoices of nothing do not count. Totals are as invoiced: tax and shipping are in them where the source does not take them out."},
		{"orders.paid.v1", "paid orders", counted, "invoices over more than nothing that were paid in the period", ""},
		{"orders.repeat.v1", "repeat purchase rate", percent, "customers with two or more paid orders in the period ÷ customers with at least one", ""},
		{"revenue.lifetime.v1", "lifetime revenue, mean", money, "all invoices paid until the end of the period − credit notes ÷ customers who ever paid", ""},
		{"revenue.period.v1", "paid in the period", money, "invoices paid in the period − credit notes issued in it", ""},
		{"tcv.committed.v1", "TCV, mean", money, "recurring revenue a month × months to the next renewal or end ÷ running contracts", "Months are rounded up; a contract of which no date is known is taken to run by the month. One-time fees are not in it."},
		{"acv.v1", "ACV, mean", money, "12 × recurring revenue a month ÷ running contracts", ""},
		{"arpa.v1", "ARPA", money, "MRR ÷ customers with MRR, at the end of the period", ""},
		{"ltv.v1", "LTV", money, "ARPA × gross margin ÷ monthly logo churn", "The monthly churn is that of the period, as 1 − (1 − churn)^(1/months). At most five years of ARPA. The margin is 100 % unless told by --margin."},
		{"cac.v1", "CAC", money, "spent in the period ÷ customers who first paid in it", "Spend comes from --spend. Spend and customers are of the same period: shift it for the lag of your sales."},
		{"cpl.v1", "cost per lead", money, "spent in the period ÷ customers first heard of in it", ""},
		{"cac.payback.v1", "payback in months", ratioOf, "CAC ÷ (ARPA × gross margin)", ""},
		{"payment.late.v1", "days late, median", inDays, "median time from the due date to payment, of invoices paid in the period; those paid in time count 0", "Only invoices that fell overdue tell their due date."},
		{"payment.late_share.v1", "paid late", percent, "invoices paid in the period after they fell due ÷ invoices paid in it", ""},
		{"payment.dso.v1", "DSO", inDays, "owed at the end of the period ÷ invoiced in the last 90 days × 90", ""},
		{"payment.overdue.v1", "overdue", money, "owed on invoices that are overdue at the end of the period", ""},
		{"payment.recovery.v1", "failed payments recovered", percent, "contracts whose late payment came in ÷ contracts whose late payment of the period came in or ended the contract", "Those still late are left aside."},
		{"payment.written_off.v1", "written off", counted, "invoices written off in the period", ""},
	}
}

// orders sums up what was bought.
type orders struct {
	ask                          *Ask
	paid, count, ever            purses
	n, once, again, payers       int64
	contracts, committed, annual purses
}

func newOrders(a *Ask) accumulator {
	return &orders{ask: a, paid: purses{}, count: purses{}, ever: purses{}, contracts: purses{}, committed: purses{}, annual: purses{}}
}

func (o *orders) add(s *story) {
	mine, ever := int64(0), false
	for _, v := range s.invoices {
		if v.deleted || v.paid.IsZero() || v.total.Minor == 0 {
			continue
		}
		m := v.total
		o.ever.add(&m)
		ever = ever || !v.credit
		if !o.ask.in(v.paid) {
			continue
		}
		o.paid.add(&m)
		if !v.credit && m.Minor > 0 {
			mine++
			o.count[m.Currency]++
		}
	}
	o.n += mine
	o.payers += one(ever)
	o.once += one(mine >= 1)
	o.again += one(mine >= 2)
	for _, b := range s.contract.subs {
		if !b.runs() || b.mrr == nil {
			continue
		}
		end := b.ends
		if end.IsZero() {
			end = b.renews
		}
		months := int64(1)
		if end.After(o.ask.To) {
			months = int64(math.Max(1, math.Min(120, math.Ceil(since(o.ask.To, end)/30.4375))))
		}
		o.contracts[b.mrr.Currency]++
		o.committed[b.mrr.Currency] += months * b.mrr.Minor
		o.annual[b.mrr.Currency] += 12 * b.mrr.Minor
	}
}

func (o *orders) result(r *Result) {
	if o.payers == 0 && len(o.contracts) == 0 {
		return
	}
	r.Figures = append(r.Figures, count("orders.paid.v1", o.n, o.n), part("orders.repeat.v1", o.again, o.once))
	for _, c := range currencies(o.ever) {
		r.Figures = append(r.Figures, sum("revenue.period.v1", c, o.paid[c], o.count[c]), share("aov.v1", float64(o.paid[c]), float64(o.count[c]), o.count[c]).in(c),
			share("revenue.lifetime.v1", float64(o.ever[c]), float64(o.payers), o.payers).in(c))
	}
	if len(o.ever) > 1 {
		r.Notes = append(r.Notes, "Customers pay in several currencies: lifetime revenue in each is over all who ever paid.")
	}
	for _, c := range currencies(o.contracts) {
		n := o.contracts[c]
		r.Figures = append(r.Figures, share("tcv.committed.v1", float64(o.committed[c]), float64(n), n).in(c), share("acv.v1", float64(o.annual[c]), float64(n), n).in(c))
	}
}

// economics sets worth against cost.
type economics struct {
	ask          *Ask
	heads        heads
	mrr, payers  purses
	fresh, leads int64
}

func newEconomics(a *Ask) accumulator { return &economics{ask: a, mrr: purses{}, payers: purses{}} }

func (x *economics) add(s *story) {
	x.heads.count(s, x.ask.From, x.ask.To)
	if len(s.events) > 0 && x.ask.in(s.events[0].OccurredAt) {
		x.leads++
	}
	first := time.Time{}
	for i := range s.purses {
		p := &s.purses[i]
		if v := p.at(x.ask.To); v > 0 {
			x.mrr[p.currency] += v
			x.payers[p.currency]++
		}
		for _, m := range p.marks {
			if m.mrr > 0 {
				first = earliest(first, m.at)
				break
			}
		}
	}
	for _, v := range s.invoices {
		if !v.credit && !v.deleted && v.total.Minor > 0 {
			first = earliest(first, v.paid)
		}
	}
	x.fresh += one(x.ask.in(first))
}

func (x *economics) result(r *Result) {
	months := since(x.ask.From, x.ask.To) / 30.4375
	spent := purses{}
	for _, s := range x.ask.Spend {
		if x.ask.in(s.Month) {
			m := s.Amount
			spent.add(&m)
		}
	}
	for _, c := range currencies(x.mrr) {
		arpa := share("arpa.v1", float64(x.mrr[c]), float64(x.payers[c]), x.payers[c]).in(c)
		r.Figures = append(r.Figures, arpa)
		worth := arpa.float() * x.ask.Margin
		if x.heads.start > 0 {
			churn := 1 - math.Pow(1-float64(x.heads.lost)/float64(x.heads.start), 1/months)
			ltv := share("ltv.v1", worth, churn, x.heads.start).in(c)
			if churn <= 1.0/60 {
				ltv.Value = value(60 * worth)
				ltv = ltv.flagged("capped")
			}
			r.Figures = append(r.Figures, ltv)
		}
		if spent[c] > 0 && x.fresh > 0 {
			r.Figures = append(r.Figures, share("cac.payback.v1", float64(spent[c])/float64(x.fresh), worth, x.fresh).in(c))
		}
	}
	for _, c := range currencies(spent) {
		r.Figures = append(r.Figures, share("cac.v1", float64(spent[c]), float64(x.fresh), x.fresh).in(c), share("cpl.v1", float64(spent[c]), float64(x.leads), x.leads).in(c))
	}
	if len(spent) == 0 {
		r.Notes = append(r.Notes, "What was spent to win customers is not told: --spend FILE reads it from a CSV file with month, channel, amount and currency.")
	}
}

// payments looks at when money comes.
type payments struct {
	ask                   *Ask
	late                  spread
	paid, behind, written int64
	recovered, decided    int64
	owed, billed, overdue purses
	open, bills, over     purses
}

func newPayments(a *Ask) accumulator {
	return &payments{ask: a, owed: purses{}, billed: purses{}, overdue: purses{}, open: purses{}, bills: purses{}, over: purses{}}
}

func (p *payments) add(s *story) {
	for _, v := range s.invoices {
		if v.credit || v.deleted {
			continue
		}
		m := v.total
		if p.ask.in(v.paid) {
			p.paid++
			if late := !v.overdue.IsZero() && v.paid.After(v.overdue); late {
				p.behind++
				p.late.lasted(v.paid.Sub(v.overdue), true)
			} else {
				p.late.lasted(0, true)
			}
		}
		if v.paid.IsZero() && p.ask.in(v.over) {
			p.written++
		}
		if !v.issued.IsZero() && v.over.IsZero() {
			p.owed.add(&m)
			p.open[m.Currency]++
			if !v.overdue.IsZero() {
				p.overdue.add(&m)
				p.over[m.Currency]++
			}
		}
		if !v.issued.IsZero() && !v.issued.Before(p.ask.To.Add(-90*day)) {
			p.billed.add(&m)
			p.bills[m.Currency]++
		}
	}
	for _, l := range s.contract.lapses {
		if p.ask.in(l.from) && !l.to.IsZero() {
			p.decided++
			p.recovered += one(!l.lost)
		}
	}
}

func (p *payments) result(r *Result) {
	if p.paid == 0 && len(p.owed) == 0 {
		return
	}
	r.Figures = append(r.Figures, of("payment.late.v1", p.late.quantile(0.5), p.paid, p.paid), part("payment.late_share.v1", p.behind, p.paid), count("payment.written_off.v1", p.written, p.written))
	for _, c := range currencies(p.billed) {
		r.Figures = append(r.Figures, share("payment.dso.v1", 90*float64(p.owed[c]), float64(p.billed[c]), p.open[c]+p.bills[c]).in(c))
	}
	for _, c := range currencies(p.owed) {
		r.Figures = append(r.Figures, sum("payment.overdue.v1", c, p.overdue[c], p.over[c]))
	}
	if p.decided > 0 {
		r.Figures = append(r.Figures, part("payment.recovery.v1", p.recovered, p.decided))
	} else {
		r.Notes = append(r.Notes, "No contract fell behind with its payments in the period, or none that is decided yet: recovery is not told.")
	}
	if p.behind > 0 {
		r.Parts = append(r.Parts, chart.Steps{Title: "Share of invoices still unpaid by days after the due date", X: chart.Axis{Label: "days late"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)},
			Series: []chart.Series{{Name: "unpaid", Points: curve(&p.late)}}})
	}
}
