package report

import (
	"strings"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func salesKinds() []Kind {
	return []Kind{
		{Name: "deals", Title: "Deals", Question: "How many deals are won, how large are they and how fast?", Needs: "It needs deals: connect a CRM.", open: newDeals},
		{Name: "owners", Title: "Owner load", Question: "Who looks after how many customers and how much revenue, and who is looked after by nobody?", Needs: "It needs the owner of companies: connect a CRM.", open: newOwners},
	}
}

func salesDefinitions() []Definition {
	return []Definition{
		{"deal.win_rate.v1", "win rate", percent, "deals won ÷ deals won or lost, by when they were closed", "Open deals do not count; a deal that was opened again counts as it stood at the end of the period."},
		{"deal.size.mean.v1", "mean deal size", money, "sum of the amounts of deals won in the period ÷ their number", "Deals without an amount do not count."},
		{"deal.size.median.v1", "median deal size", money, "median amount of deals won in the period", "To three significant digits."},
		{"deal.cycle.v1", "sales cycle, median", inDays, "median time from creation to winning of deals won in the period", ""},
		{"deal.velocity.v1", "sales velocity a day", money, "open deals × win rate × mean deal size ÷ mean sales cycle in days", "Open deals are those in the currency at the end of the period."},
		{"deal.open.v1", "open deals", counted, "deals open at the end of the period", ""},
		{"deal.pipeline.v1", "pipeline", money, "sum of the amounts of open deals", ""},
		{"deal.slipped.v1", "slipped", percent, "open deals whose expected close moved to a later day at least once ÷ open deals", ""},
		{"deal.won.v1", "won", counted, "deals won in the period", ""},
		{"deal.quotes.v1", "quotes accepted", percent, "quotes accepted in the period ÷ quotes accepted, rejected or expired in it", ""},
		{"owner.customers.v1", "customers", counted, "customers in stages of customers", "By the owner that the golden record names now."},
		{"owner.mrr.v1", "MRR", money, "recurring revenue at the end of the period", ""},
		{"owner.risk.v1", "at-risk MRR", money, "of them, at risk (see risk.mrr.v1)", ""},
		{"owner.red.v1", "red", percent, "customers whose health is red ÷ customers", ""},
		{"owner.grr.v1", "GRR (cohort)", percent, "see grr.cohort.v1, of the customers who have this owner now", "Whoever the owner was before is not told here."},
		{"owner.unassigned.v1", "unassigned", percent, "customers without an owner ÷ customers", ""},
	}
}

// deals sums sales up.
type deals struct {
	ask                *Ask
	won, lost          int64
	open, slipped      int64
	sizes              map[string]*spread
	cycle              spread
	hours              int64
	byCurrency         map[string]*pipeline
	accepted, answered int64
}

type pipeline struct{ open, won, lost, wonAmount, openAmount, wonSized int64 }

func newDeals(a *Ask) accumulator {
	return &deals{ask: a, sizes: map[string]*spread{}, byCurrency: map[string]*pipeline{}}
}

func (d *deals) add(s *story) {
	for i := range s.events {
		if e := &s.events[i]; d.ask.in(e.OccurredAt) {
			switch e.Type {
			case "quote.accepted":
				d.accepted++
				d.answered++
			case "quote.rejected", "quote.expired":
				d.answered++
			}
		}
	}
	for _, x := range s.deals {
		if x.deleted {
			continue
		}
		status, at := x.status(d.ask.To)
		p := &pipeline{}
		if x.amount != nil {
			p = pointer(d.byCurrency, x.amount.Currency)
		}
		switch {
		case status == "open":
			d.open++
			d.slipped += one(x.slips > 0)
			p.open++
			if x.amount != nil {
				p.openAmount += x.amount.Minor
			}
		case status == "lost" && d.ask.in(at):
			d.lost++
			p.lost++
		case status == "won" && d.ask.in(at):
			d.won++
			p.won++
			d.cycle.lasted(at.Sub(x.created), true)
			d.hours += int64(max(0, at.Sub(x.created).Hours()))
			if x.amount != nil {
				p.wonSized++
				p.wonAmount += x.amount.Minor
				pointer(d.sizes, x.amount.Currency).amount(x.amount.Minor)
			}
		}
	}
}

// pointer is at, for maps by currency.
func pointer[V any](m map[string]*V, k string) *V { return at(m, k) }

func (d *deals) result(r *Result) {
	if d.won+d.lost+d.open == 0 {
		return
	}
	r.Figures = append(r.Figures, count("deal.won.v1", d.won, d.won), part("deal.win_rate.v1", d.won, d.won+d.lost), of("deal.cycle.v1", d.cycle.quantile(0.5), d.won, d.won),
		count("deal.open.v1", d.open, d.open), part("deal.slipped.v1", d.slipped, d.open))
	if d.answered > 0 {
		r.Figures = append(r.Figures, part("deal.quotes.v1", d.accepted, d.answered))
	}
	for _, c := range currencies(d.byCurrency) {
		p := d.byCurrency[c]
		r.Figures = append(r.Figures, sum("deal.pipeline.v1", c, p.openAmount, p.open))
		if p.wonSized == 0 {
			continue
		}
		mean := float64(p.wonAmount) / float64(p.wonSized)
		days := float64(d.hours) / 24 / float64(d.won)
		median := of("deal.size.median.v1", pointer(d.sizes, c).quantile(0.5), p.wonSized, p.wonSized)
		r.Figures = append(r.Figures, share("deal.size.mean.v1", float64(p.wonAmount), float64(p.wonSized), p.wonSized).in(c), median.in(c),
			share("deal.velocity.v1", float64(p.open)*float64(p.won)/float64(p.won+p.lost)*mean, days, p.won+p.lost+p.open).in(c))
	}
}

// load is what one owner looks after.
type load struct {
	customers, red           int64
	mrr, atRisk, start, kept purses
}

func (l *load) fill() {
	if l.mrr == nil {
		l.mrr, l.atRisk, l.start, l.kept = purses{}, purses{}, purses{}, purses{}
	}
}

func mergeLoad(into, from *load) {
	into.fill()
	into.customers, into.red = into.customers+from.customers, into.red+from.red
	for _, x := range [][2]purses{{into.mrr, from.mrr}, {into.atRisk, from.atRisk}, {into.start, from.start}, {into.kept, from.kept}} {
		for c, v := range x[1] {
			x[0][c] += v
		}
	}
}

// owners sums up by owner.
type owners struct {
	ask        *Ask
	rows       capped[load]
	all        load
	unassigned int64
}

func newOwners(a *Ask) accumulator { return &owners{ask: a, rows: newCapped(mergeLoad)} }

func (o *owners) add(s *story) {
	i := o.ask.order(s.stageAt(o.ask.To))
	member := i < len(o.ask.Stages) && o.ask.Stages[i].Customer
	was := false
	for j := range s.purses {
		was = was || s.purses[j].at(o.ask.From) > 0
	}
	if !member && !was {
		return
	}
	owner := clean(s.fields["owner"])
	if owner == "" {
		owner = "(nobody)"
		o.unassigned += one(member)
	}
	reason := why(s)
	for _, l := range []*load{o.rows.at(owner), &o.all} {
		l.fill()
		l.customers += one(member)
		l.red += one(member && s.band() == "red")
		for j := range s.purses {
			p := &s.purses[j]
			start, end := p.at(o.ask.From), p.at(o.ask.To)
			l.start[p.currency] += start
			l.kept[p.currency] += min(start, end)
			l.mrr[p.currency] += end
			if reason != "" {
				l.atRisk[p.currency] += end
			}
		}
	}
}

func (o *owners) result(r *Result) {
	if o.all.customers == 0 {
		return
	}
	r.Figures = append(r.Figures, count("owner.customers.v1", o.all.customers, o.all.customers), part("owner.unassigned.v1", o.unassigned, o.all.customers))
	table := Table{Key: "owners", Title: "Owners", Labels: []string{"owner"}}
	bars := chart.Bars{Title: "Customers by owner", Unit: chart.Number(0)}
	for _, k := range o.rows.sorted(func(l *load) float64 { return float64(l.customers) }) {
		l := o.rows.rows[k]
		one := row([]string{k}, count("owner.customers.v1", l.customers, o.all.customers), part("owner.red.v1", l.red, l.customers))
		for _, c := range currencies(o.all.mrr) {
			one.Numbers = append(one.Numbers, sum("owner.mrr.v1", c, l.mrr[c], l.customers), sum("owner.risk.v1", c, l.atRisk[c], l.customers),
				share("owner.grr.v1", float64(l.kept[c]), float64(l.start[c]), l.customers).in(c))
		}
		table.Rows = append(table.Rows, one)
		if len(bars.Items) < 25 {
			tone := chart.Tone("")
			if strings.HasPrefix(k, "(") {
				tone = chart.Fair
			}
			bars.Items = append(bars.Items, chart.Bar{Label: k, Value: float64(l.customers), Tone: tone})
		}
	}
	r.Tables = append(r.Tables, table)
	r.Parts = append(r.Parts, bars)
}
