package report

import (
	"slices"
	"strconv"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func growthKinds() []Kind {
	return []Kind{
		{Name: "expansion", Title: "Expansion", Question: "Who buys more, and where is there room for it?", Needs: needsContracts, open: newExpansion},
		{Name: "references", Title: "References and advocates", Question: "Who would speak for us, and are they asked too often?", Needs: "It needs answers to NPS surveys, or a field reference_willingness.", open: newReferences},
		{Name: "engagement", Title: "Engagement", Question: "Who uses the product, how often and what of it?", Needs: "It needs usage of the product: connect a product analytics system, or send it by the tracking API.", open: newEngagement},
	}
}

func growthDefinitions() []Definition {
	return []Definition{
		{"expansion.upsell.v1", "upsell rate", percent, "customers active at the start with at least one contract that grew in the period ÷ customers active at the start", "More seats, a higher plan or a higher price of a contract that they had."},
		{"expansion.cross_sell.v1", "cross-sell rate", percent, "customers active at the start who took another contract beside a running one in the period ÷ customers active at the start", ""},
		{"expansion.whitespace.v1", "whitespace", percent, "(employees − seats) ÷ employees, over customers of whom both are told", "A rough measure: not every employee is a user. Customers with more seats than employees count as filled."},
		{"expansion.room.v1", "seats of room", counted, "employees − seats, over customers of whom both are told", ""},
		{"expansion.ready.v1", "ready to buy more", counted, "active customers whose verdict is expand_candidate or whose expansion score is green", ""},
		{"reference.promoters.v1", "promoters", percent, "active customers whose last NPS answer within 365 days is 9 or 10 ÷ active customers who answered", ""},
		{"reference.ready.v1", "ready to be asked", counted, "active customers flagged reference_ready", "The policy says who is."},
		{"reference.willing.v1", "willing", counted, "active customers whose field reference_willingness is set", ""},
		{"advocacy.rate.v1", "advocacy rate", percent, "customers flagged reference_ready or willing ÷ customers", ""},
		{"engagement.active.v1", "active customers", counted, "customers that used the product in the last 30 days of the period", ""},
		{"engagement.share.v1", "active share", percent, "customers with a running contract, or in a stage of customers, that used the product in the last 30 days ÷ all of them", ""},
		{"engagement.stickiness.v1", "stickiness (DAU ÷ MAU)", percent, "mean number of customers active on a day of the last 30 ÷ customers active in them", "Customers, not persons: the timeline does not say who of a customer used the product."},
		{"engagement.time.v1", "mean engagement time", inHours, "time spent in the last 30 days ÷ customers that used the product in them", "Only where usage events tell seconds."},
		{"engagement.uptake.v1", "uptake", percent, "customers that used the feature in the last 30 days ÷ customers active in them", ""},
		{"engagement.churn.v1", "activity churn", percent, "customers active in the W days before the period without any qualifying event in its last W days ÷ customers active in the W days before", "W is 90 days. Qualifying is use, a paid invoice, a ticket or an inbound touch. Nothing where the period is shorter than W."},
		{"engagement.gap.p95.v1", "P95 of gaps", inDays, "95th percentile of the days between qualifying events in the period", "A W beneath it takes the patient for gone."},
		{"engagement.dormant.v1", "dormant", percent, "customers in stages of customers flagged dormant ÷ all of them", ""},
	}
}

// expansion looks at what customers buy beside.
type expansion struct {
	ask                          *Ask
	base, up, cross              int64
	known, room, employees, full int64
	ready, active                int64
}

func newExpansion(a *Ask) accumulator { return &expansion{ask: a} }

func (x *expansion) add(s *story) {
	if s.activeAt(x.ask.From) {
		x.base++
		x.up += one(slices.ContainsFunc(s.contract.upsells, x.ask.in))
		x.cross += one(slices.ContainsFunc(s.contract.crosses, x.ask.in))
	}
	if !s.activeAt(x.ask.To) {
		return
	}
	x.active++
	ready := false
	if s.now != nil {
		ready = s.now.Verdict == "expand_candidate"
		for _, score := range s.now.Scores {
			ready = ready || score.Name == "expansion" && score.Band == "green"
		}
	}
	x.ready += one(ready)
	employees, err := strconv.ParseInt(s.fields["employees"], 10, 64)
	seats, err2 := strconv.ParseInt(s.fields["seats"], 10, 64)
	if err == nil && err2 == nil && employees > 0 && employees < 1e9 && seats >= 0 {
		x.known++
		x.employees += employees
		x.room += max(0, employees-seats)
		x.full += one(seats >= employees)
	}
}

func (x *expansion) result(r *Result) {
	if x.base == 0 && x.active == 0 {
		return
	}
	r.Figures = append(r.Figures, part("expansion.upsell.v1", x.up, x.base), part("expansion.cross_sell.v1", x.cross, x.base), count("expansion.ready.v1", x.ready, x.active))
	if x.known == 0 {
		r.Notes = append(r.Notes, "Whitespace needs both seats and the number of employees of a customer; of nobody both are told.")
		return
	}
	r.Figures = append(r.Figures, share("expansion.whitespace.v1", float64(x.room), float64(x.employees), x.known), count("expansion.room.v1", x.room, x.known))
}

// references looks for who would speak for the business.
type references struct {
	ask                         *Ask
	active, answered, promoters int64
	ready, willing, either      int64
	kinds                       capped[int64]
}

func newReferences(a *Ask) accumulator {
	return &references{ask: a, kinds: newCapped(func(into, from *int64) { *into += *from })}
}

func (f *references) add(s *story) {
	if i := f.ask.order(s.stageAt(f.ask.To)); i == len(f.ask.Stages) || !f.ask.Stages[i].Customer {
		return
	}
	f.active++
	if v, at := lastAnswer(s, "survey.nps"); !at.IsZero() && f.ask.To.Sub(at) <= 365*day {
		f.answered++
		f.promoters += one(v >= 9)
	}
	ready, willing := s.flagged("reference_ready"), clean(s.fields["reference_willingness"])
	f.ready += one(ready)
	f.willing += one(willing != "")
	f.either += one(ready || willing != "")
	if willing != "" {
		*f.kinds.at(willing)++
	}
}

func (f *references) result(r *Result) {
	if f.active == 0 {
		return
	}
	r.Figures = append(r.Figures, part("reference.promoters.v1", f.promoters, f.answered), count("reference.ready.v1", f.ready, f.active),
		count("reference.willing.v1", f.willing, f.active), part("advocacy.rate.v1", f.either, f.active))
	if len(f.kinds.rows) > 0 {
		table := Table{Key: "willingness", Title: "What they would do", Labels: []string{"reference"}}
		for _, k := range f.kinds.sorted(func(n *int64) float64 { return float64(*n) }) {
			table.Rows = append(table.Rows, row([]string{k}, count("reference.willing.v1", *f.kinds.rows[k], f.active)))
		}
		r.Tables = append(r.Tables, table)
	}
	if f.answered == 0 {
		r.Notes = append(r.Notes, "Nobody answered an NPS survey within a year: connect a survey system.")
	}
}

// engagement looks at use.
type engagement struct {
	ask                       *Ask
	active, base, used        int64
	days, seconds, timed      int64
	features                  capped[int64]
	was, gone, members, quiet int64
	gaps                      spread
}

func newEngagement(a *Ask) accumulator {
	return &engagement{ask: a, features: newCapped(func(into, from *int64) { *into += *from })}
}

// qualifying says whether an event shows that the customer is there.
func qualifying(s *story, i int) bool {
	e := &s.events[i]
	switch e.Type {
	case "usage.recorded":
		return e.Value != nil && *e.Value > 0
	case "invoice.paid", "ticket.opened":
		return true
	}
	return len(e.Type) > 6 && e.Type[:6] == "touch." && text(e, "direction") == "in"
}

// quietFor is the W of activity churn.
const quietFor = 90 * day

func (g *engagement) add(s *story) {
	days, features := map[int64]bool{}, map[string]bool{}
	from := g.ask.To.Add(-30 * day)
	was, is, last := false, false, int64(0)
	for i := range s.events {
		e := &s.events[i]
		if qualifying(s, i) {
			switch {
			case e.OccurredAt.Before(g.ask.From):
				was = was || !e.OccurredAt.Before(g.ask.From.Add(-quietFor))
			default:
				is = is || !e.OccurredAt.Before(g.ask.To.Add(-quietFor))
				if d := e.OccurredAt.Unix() / 86400; d != last {
					if last != 0 {
						g.gaps.put(float64(d-last), true)
					}
					last = d
				}
			}
		}
		if e.Type == "usage.recorded" && e.Value != nil && *e.Value > 0 && !e.OccurredAt.Before(from) {
			days[e.OccurredAt.Unix()/86400] = true
			features[clean(text(e, "feature"))] = true
			if sec := number(e, "seconds"); sec > 0 && sec < 1e9 {
				g.seconds += int64(sec)
				g.timed = 1
			}
		}
	}
	g.was += one(was)
	g.gone += one(was && !is)
	i := g.ask.order(s.stageAt(g.ask.To))
	member := i < len(g.ask.Stages) && g.ask.Stages[i].Customer
	g.members += one(member)
	g.quiet += one(member && s.flagged("dormant"))
	if member || s.activeAt(g.ask.To) {
		g.base++
		g.used += one(len(days) > 0)
	}
	g.active += one(len(days) > 0)
	g.days += int64(len(days))
	for f := range features {
		if f == "" {
			f = "(the product)"
		}
		*g.features.at(f)++
	}
}

func (g *engagement) result(r *Result) {
	if g.base == 0 && g.active == 0 && g.was == 0 {
		return
	}
	if g.active > 0 {
		r.Figures = append(r.Figures, count("engagement.active.v1", g.active, g.active), part("engagement.share.v1", g.used, g.base), share("engagement.stickiness.v1", float64(g.days)/30, float64(g.active), g.active))
	}
	r.Figures = append(r.Figures, part("engagement.dormant.v1", g.quiet, g.members))
	if g.timed > 0 {
		r.Figures = append(r.Figures, share("engagement.time.v1", float64(g.seconds)/3600, float64(g.active), g.active))
	}
	if g.ask.To.Sub(g.ask.From) >= quietFor {
		r.Figures = append(r.Figures, part("engagement.churn.v1", g.gone, g.was))
	}
	gaps, _ := g.gaps.counts()
	r.Figures = append(r.Figures, of("engagement.gap.p95.v1", g.gaps.quantile(0.95), gaps, gaps))
	if g.active == 0 {
		r.Notes = append(r.Notes, "No use of the product is told for the last 30 days: connect a product analytics system, or send it by the tracking API.")
		return
	}
	if g.timed == 0 {
		r.Notes = append(r.Notes, "Engagement time is not told: no usage event carries seconds.")
	}
	table := Table{Key: "features", Title: "Features", Labels: []string{"feature"}}
	bars := chart.Bars{Title: "Uptake of features in the last 30 days", Unit: chart.Percent()}
	for _, k := range g.features.sorted(func(n *int64) float64 { return float64(*n) }) {
		x := part("engagement.uptake.v1", min(*g.features.rows[k], g.active), g.active)
		table.Rows = append(table.Rows, row([]string{k}, x))
		if len(bars.Items) < 20 {
			bars.Items = append(bars.Items, chart.Bar{Label: k, Value: x.float(), Low: *x.Low, High: *x.High})
		}
	}
	r.Tables = append(r.Tables, table)
	r.Parts = append(r.Parts, bars)
}
