package report

import (
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func startKinds() []Kind {
	return []Kind{
		{Name: "lead-response", Title: "Lead response", Question: "How fast does a human reach out to a new lead?", Needs: "It needs calls, mails and meetings with their direction: connect a CRM's activities.", open: newResponse},
		{Name: "channels", Title: "Channels", Question: "Which channels bring customers, and what are they worth?", Needs: "It needs the source of companies or contacts: connect a CRM that keeps it.", open: newChannels},
		{Name: "onboarding", Title: "Onboarding", Question: "How long does it take new customers to get value?", Needs: "It needs usage of the product: connect a product analytics system, or `hub track`.", open: newOnboarding},
	}
}

func startDefinitions() []Definition {
	return []Definition{
		{"lead.response.median.v1", "median response", inHours, "median time from a lead's creation to the first outbound touch by a human, of those who got one", "Leads created in the period. Automatic mails do not count; leads that had been contacted before are left aside."},
		{"lead.response.p90.v1", "P90 response", inHours, "90th percentile of the same", ""},
		{"lead.response.km_median.v1", "median with the unanswered", inHours, "time by which half of all leads were answered, by the Kaplan–Meier estimate; the unanswered are censored", "No value where less than half were ever answered."},
		{"lead.response.5m.v1", "within 5 minutes", percent, "leads answered within 5 minutes ÷ leads that were, or could have been", ""},
		{"lead.response.1h.v1", "within an hour", percent, "leads answered within an hour ÷ leads that were, or could have been", ""},
		{"lead.unanswered.v1", "unanswered", percent, "leads without a human touch by the end of the period ÷ leads", ""},
		{"channel.leads.v1", "leads", counted, "customers first heard of in the period, by channel", "The channel is the source that the CRM tells, for the first touch; else the kind of the first inbound touch."},
		{"channel.conversion.v1", "conversion", percent, "of them, those who entered a stage of customers by the end of the period ÷ all of them", "Recent ones have had less time."},
		{"channel.mrr.v1", "MRR", money, "MRR at the end of the period of those who were first heard of in it", ""},
		{"channel.paid.v1", "paid", money, "what they paid until the end of the period, less credit notes", ""},
		{"channel.last.v1", "conversions by last touch", counted, "customers who entered their first stage of customers in the period, by the kind of the last inbound touch before", ""},
		{"channel.roi.v1", "ROI", percent, "(paid − spent) ÷ spent on the channel", "Spend comes from --spend."},
		{"channel.touches.v1", "touches", counted, "touches in the period by the stage in force then", ""},
		{"referral.leads.v1", "referred", counted, "customers first heard of in the period whose source speaks of a referral", ""},
		{"referral.conversion.v1", "referral conversion", percent, "of them, those who became customers ÷ all of them", ""},
		{"referral.share.v1", "share of new MRR from referrals", percent, "MRR of referred customers first heard of in the period ÷ MRR of all such customers", ""},
		{"referral.per100.v1", "referrals per 100 customers", ratioOf, "100 × referred customers first heard of in the period ÷ customers in stages of customers", ""},
		{"onboarding.ttfv.median.v1", "time to first value, median", inDays, "median time from the start of the first contract to the first use of the product, of those who used it", "Contracts that began in the period; without contracts, from the first stage of customers. Use before the start counts as 0."},
		{"onboarding.ttfv.p90.v1", "time to first value, P90", inDays, "90th percentile of the same", ""},
		{"onboarding.ttfv.km_median.v1", "median with those without value yet", inDays, "time by which half had value by the Kaplan–Meier estimate", "Those who have not used it are censored at the end of the period, or when they left."},
		{"onboarding.on_time.v1", "onboarding on time", percent, "new customers who moved on from their first stage of customers within the target ÷ those whose target has passed", "The target is 60 days unless told otherwise."},
		{"onboarding.started.v1", "began", counted, "customers whose first contract began in the period", ""},
	}
}

// response measures how fast leads are answered.
type response struct {
	ask             *Ask
	wait            spread
	leads, answered int64
	// told says that outbound touches are told of anybody.
	told bool
}

func newResponse(a *Ask) accumulator { return &response{ask: a} }

func (p *response) add(s *story) {
	var created, first time.Time
	for i := range s.events {
		e := &s.events[i]
		switch {
		case e.Type == "contact.created" || e.Type == "company.created":
			created = earliest(created, e.OccurredAt)
		case strings.HasPrefix(e.Type, "touch.") && text(e, "direction") == "out" && text(e, "by") != "auto":
			first = earliest(first, e.OccurredAt)
		}
	}
	p.told = p.told || !first.IsZero()
	if !p.ask.in(created) || !first.IsZero() && first.Before(created) {
		return
	}
	p.leads++
	if first.IsZero() {
		p.wait.lasted(p.ask.Hours.between(created, p.ask.To), false)
		return
	}
	p.answered++
	p.wait.lasted(p.ask.Hours.between(created, first), true)
}

func (p *response) result(r *Result) {
	if p.leads == 0 {
		r.Notes = append(r.Notes, "No lead was created in the period that had not been contacted before.")
		return
	}
	if !p.told {
		r.Notes = append(r.Notes, "No outbound touch by a human is told of anybody, so it cannot be said who was answered. Connect a CRM's calls, mails and meetings.")
		return
	}
	over, all := p.wait.counts()
	r.Figures = append(r.Figures, of("lead.response.median.v1", 24*p.wait.quantile(0.5), over, all), of("lead.response.p90.v1", 24*p.wait.quantile(0.9), over, all),
		of("lead.response.km_median.v1", 24*p.wait.lasting(0.5), over, all))
	for _, x := range []struct {
		def   string
		limit time.Duration
	}{{"lead.response.5m.v1", 5 * time.Minute}, {"lead.response.1h.v1", time.Hour}} {
		k, n := p.wait.within(x.limit.Hours() / 24)
		r.Figures = append(r.Figures, part(x.def, k, n))
	}
	r.Figures = append(r.Figures, part("lead.unanswered.v1", p.leads-p.answered, p.leads))
	if p.answered > 0 {
		r.Parts = append(r.Parts, chart.Steps{Title: "Share of leads still unanswered", X: chart.Axis{Label: "days since they came"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)},
			Series: []chart.Series{{Name: "unanswered", Points: curve(&p.wait)}}})
	}
}

// lane is what one channel brought.
type lane struct {
	leads, won int64
	mrr, paid  purses
}

func mergeLane(into, from *lane) {
	into.leads, into.won = into.leads+from.leads, into.won+from.won
	into.fill()
	for c, v := range from.mrr {
		into.mrr[c] += v
	}
	for c, v := range from.paid {
		into.paid[c] += v
	}
}

func (l *lane) fill() {
	if l.mrr == nil {
		l.mrr, l.paid = purses{}, purses{}
	}
}

// channels follows where customers come from.
type channels struct {
	ask       *Ask
	first     capped[lane]
	last      capped[int64]
	touches   capped[map[string]int64]
	all, refs lane
	customers int64
	converted int64
}

func newChannels(a *Ask) accumulator {
	return &channels{ask: a, first: newCapped(mergeLane), last: newCapped(func(into, from *int64) { *into += *from }),
		touches: newCapped(func(into, from *map[string]int64) {
			if *into == nil {
				*into = map[string]int64{}
			}
			for k, v := range *from {
				(*into)[k] += v
			}
		})}
}

// becameCustomer is when a first stage of customers was entered, zero for never.
func (a *Ask) becameCustomer(s *story) time.Time {
	for _, st := range s.stays {
		if i := a.order(st.stage); i < len(a.Stages) && a.Stages[i].Customer {
			return st.from
		}
	}
	return time.Time{}
}

// paid is what the customer paid before a moment, less credit notes.
func (s *story) paid(into purses, from, to time.Time) {
	for _, v := range s.invoices {
		if !v.deleted && !v.paid.IsZero() && !v.paid.Before(from) && v.paid.Before(to) {
			m := v.total
			into.add(&m)
		}
	}
}

func (c *channels) add(s *story) {
	if len(s.events) == 0 {
		return
	}
	became := c.ask.becameCustomer(s)
	c.customers += one(c.isCustomer(s))
	firstTouch, lastTouch := "", ""
	for i := range s.events {
		e := &s.events[i]
		kind, ok := strings.CutPrefix(e.Type, "touch.")
		if !ok {
			continue
		}
		if c.ask.in(e.OccurredAt) {
			m := c.touches.at(kind)
			if *m == nil {
				*m = map[string]int64{}
			}
			(*m)[s.stageAt(e.OccurredAt)]++
		}
		if text(e, "direction") == "in" && (became.IsZero() || e.OccurredAt.Before(became)) {
			if firstTouch == "" {
				firstTouch = kind
			}
			lastTouch = kind
		}
	}
	source := clean(s.fields["source"])
	if source == "" {
		source = firstTouch
	}
	if c.ask.in(became) {
		if lastTouch == "" {
			lastTouch = source
		}
		*c.last.at(lastTouch)++
		c.converted++
	}
	if !c.ask.in(s.events[0].OccurredAt) {
		return
	}
	rows := []*lane{c.first.at(source), &c.all}
	if strings.Contains(strings.ToLower(source), "refer") {
		rows = append(rows, &c.refs)
	}
	for _, l := range rows {
		l.fill()
		l.leads++
		l.won += one(!became.IsZero())
		for i := range s.purses {
			if v := s.purses[i].at(c.ask.To); v > 0 {
				l.mrr.add(&canon.Money{Minor: v, Currency: s.purses[i].currency})
			}
		}
		s.paid(l.paid, time.Time{}, c.ask.To)
	}
}

func (c *channels) isCustomer(s *story) bool {
	i := c.ask.order(s.stageAt(c.ask.To))
	return i < len(c.ask.Stages) && c.ask.Stages[i].Customer
}

func (c *channels) result(r *Result) {
	if c.all.leads == 0 && c.converted == 0 {
		return
	}
	r.Figures = append(r.Figures, count("channel.leads.v1", c.all.leads, c.all.leads), part("channel.conversion.v1", c.all.won, c.all.leads))
	if len(c.first.rows) == 1 && c.first.rows["(none)"] != nil {
		r.Notes = append(r.Notes, "No source is told of any customer: connect a CRM that keeps where companies and contacts come from.")
	} else {
		c.referred(r)
	}
	c.tables(r)
}

// referred tells of referrals.
func (c *channels) referred(r *Result) {
	r.Figures = append(r.Figures,
		count("referral.leads.v1", c.refs.leads, c.all.leads), part("referral.conversion.v1", c.refs.won, c.refs.leads),
		share("referral.per100.v1", 100*float64(c.refs.leads), float64(c.customers), c.customers))
	for _, cur := range currencies(c.all.mrr) {
		r.Figures = append(r.Figures, share("referral.share.v1", float64(c.refs.mrr[cur]), float64(c.all.mrr[cur]), c.all.leads).in(cur))
	}
}

func (c *channels) tables(r *Result) {
	table := Table{Key: "first", Title: "By first touch", Labels: []string{"channel"}}
	bars := chart.Bars{Title: "Conversion by first touch", Unit: chart.Percent()}
	for _, k := range c.first.sorted(func(l *lane) float64 { return float64(l.leads) }) {
		l := c.first.rows[k]
		rate := part("channel.conversion.v1", l.won, l.leads)
		one := row([]string{k}, count("channel.leads.v1", l.leads, c.all.leads), rate)
		for _, cur := range currencies(c.all.mrr) {
			one.Numbers = append(one.Numbers, sum("channel.mrr.v1", cur, l.mrr[cur], l.leads))
		}
		for _, cur := range currencies(c.all.paid) {
			one.Numbers = append(one.Numbers, sum("channel.paid.v1", cur, l.paid[cur], l.leads))
		}
		one.Numbers = append(one.Numbers, c.ask.roi(k, l)...)
		table.Rows = append(table.Rows, one)
		if len(bars.Items) < 20 {
			bars.Items = append(bars.Items, chart.Bar{Label: k, Value: rate.float(), Low: *rate.Low, High: *rate.High, Note: "n " + chart.Number(0).Format(float64(l.leads))})
		}
	}
	last := Table{Key: "last", Title: "Conversions by last touch", Labels: []string{"channel"}}
	for _, k := range c.last.sorted(func(n *int64) float64 { return float64(*n) }) {
		last.Rows = append(last.Rows, row([]string{k}, count("channel.last.v1", *c.last.rows[k], c.converted)))
	}
	matrix := Table{Key: "touches", Title: "Touches by stage", Labels: []string{"touch", "stage"}}
	for _, k := range currencies(c.touches.rows) {
		for _, s := range c.ask.Stages {
			if n := (*c.touches.rows[k])[s.Key]; n > 0 {
				matrix.Rows = append(matrix.Rows, row([]string{k, c.ask.label(s.Key)}, count("channel.touches.v1", n, n)))
			}
		}
	}
	r.Tables = append(r.Tables, table, last, matrix)
	r.Parts = append(r.Parts, bars)
}

// roi compares what a channel brought with what was spent on it.
func (a *Ask) roi(channel string, l *lane) (out []Number) {
	spent := purses{}
	for _, s := range a.Spend {
		if strings.EqualFold(s.Channel, channel) && a.in(s.Month) {
			m := s.Amount
			spent.add(&m)
		}
	}
	for _, c := range currencies(spent) {
		out = append(out, share("channel.roi.v1", float64(l.paid[c]-spent[c]), float64(spent[c]), l.leads).in(c))
	}
	return out
}

// onboarding follows new customers to their first use.
type onboarding struct {
	ask               *Ask
	value             spread
	started           int64
	due, onTime, used int64
}

func newOnboarding(a *Ask) accumulator { return &onboarding{ask: a} }

func (o *onboarding) add(s *story) {
	became := o.ask.becameCustomer(s)
	if limit := became.Add(o.ask.Onboarding); o.ask.in(became) && !limit.After(o.ask.To) {
		o.due++
		o.onTime += one(o.movedOn(s, became, limit))
	}
	start := s.contract.first
	if start.IsZero() && len(s.active) == 0 {
		start = became
	}
	if !o.ask.in(start) {
		return
	}
	o.started++
	first := time.Time{}
	for i := range s.events {
		if e := &s.events[i]; e.Type == "usage.recorded" && e.Value != nil && *e.Value > 0 || e.Type == "milestone.first_use" {
			first = earliest(first, e.OccurredAt)
		}
	}
	if !first.IsZero() {
		o.used++
		o.value.lasted(first.Sub(start), true)
		return
	}
	end := o.ask.To
	if d := s.departure(o.ask.To); d.at.After(start) {
		end = d.at
	}
	o.value.lasted(end.Sub(start), false)
}

// movedOn says whether a later stage was entered in time.
func (o *onboarding) movedOn(s *story, became, limit time.Time) bool {
	for i, st := range s.stays {
		if !st.from.Equal(became) {
			continue
		}
		for _, later := range s.stays[i+1:] {
			if later.from.Before(limit) && o.ask.order(later.stage) > o.ask.order(st.stage) && !o.ask.exit(later.stage) {
				return true
			}
		}
		return false
	}
	return false
}

func (a *Ask) exit(stage string) bool {
	i := a.order(stage)
	return i < len(a.Stages) && a.Stages[i].Exit
}

func (o *onboarding) result(r *Result) {
	if o.started == 0 && o.due == 0 {
		r.Notes = append(r.Notes, "Nobody became a customer in the period.")
		return
	}
	if o.used == 0 {
		r.Notes = append(r.Notes, "No use of the product is told of new customers: connect a product analytics system, or send it by the tracking API.")
		r.Figures = append(r.Figures, count("onboarding.started.v1", o.started, o.started), part("onboarding.on_time.v1", o.onTime, o.due))
		return
	}
	over, all := o.value.counts()
	r.Figures = append(r.Figures, count("onboarding.started.v1", o.started, o.started), of("onboarding.ttfv.median.v1", o.value.quantile(0.5), over, all), of("onboarding.ttfv.p90.v1", o.value.quantile(0.9), over, all),
		of("onboarding.ttfv.km_median.v1", o.value.lasting(0.5), over, all), part("onboarding.on_time.v1", o.onTime, o.due))
	if all > 0 {
		r.Parts = append(r.Parts, chart.Steps{Title: "Share of new customers without value yet", X: chart.Axis{Label: "days since the start"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)},
			Series: []chart.Series{{Name: "without value", Points: curve(&o.value)}}})
	}
}
