package report

import (
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func churnKinds() []Kind {
	return []Kind{
		{Name: "logos", Title: "Customer retention", Question: "How many customers stay, leave, come and come back?", Needs: needsContracts, open: newLogos},
		{Name: "churn", Title: "Why customers leave", Question: "What are the reasons, which could have been helped, and where in the lifecycle does it happen?", Needs: "It needs contracts that end, with reasons: connect a billing system that asks for them.", open: newChurn},
	}
}

func churnDefinitions() []Definition {
	return []Definition{
		{"logo.start.v1", "customers at the start", counted, "customers with a contract that is paid for or rests, at the start", "Trials and free contracts are none."},
		{"logo.end.v1", "customers at the end", counted, "the same at the end", ""},
		{"logo.new.v1", "new customers", counted, "customers active at the end and not at the start", "Who came back is among them."},
		{"logo.lost.v1", "customers lost", counted, "customers active at the start and not at the end", ""},
		{"logo.churn.v1", "logo churn", percent, "customers active at the start and not at the end ÷ customers active at the start", "The effective end counts, not the notice. Who came back within the period is not lost."},
		{"logo.retention.v1", "logo retention", percent, "1 − logo churn", ""},
		{"crr.v1", "CRR", percent, "(customers at the end − new ones) ÷ customers at the start", "The same number as logo retention, by the other road."},
		{"logo.subscriber_churn.v1", "subscriber churn", percent, "customers who left in the period ÷ (customers at the start + those who came in the period)", "The denominator that Stripe uses."},
		{"logo.winback.v1", "win-back rate", percent, "customers who left in the period and came back in it ÷ customers who left in it", ""},
		{"churn.customers.v1", "customers who left", counted, "customers who left in the period and had not come back by its end", "By the end of their last contract; where there are no contracts, by entering an exit stage from a stage of customers."},
		{"churn.mrr.v1", "MRR lost", money, "recurring revenue a month that they paid before they left", ""},
		{"churn.share.v1", "share", percent, "customers who left for the reason ÷ customers who left", ""},
		{"churn.cumulative.v1", "cumulated", percent, "customers who left for this reason or one that is told more often ÷ customers who left", ""},
		{"churn.preventable.v1", "left for what could be helped", percent, "customers who left for a reason that could have been helped ÷ customers who left for a reason that is known", "Value, service and product gaps and prices can be helped; budgets, restructuring, closures and outlooks cannot. By the words of the reason; the table shows which was taken for what."},
		{"churn.tenure.v1", "median tenure", inDays, "median time from the first contract to leaving", ""},
	}
}

// logos counts customers in and out.
type logos struct {
	ask   *Ask
	steps []period
	whole heads
	parts []heads
	any   bool
}

// heads are customers of a time.
type heads struct{ start, end, fresh, lost, left, came, back int64 }

func newLogos(a *Ask) accumulator {
	ps := periods(a.From, a.To, a.Every)
	return &logos{ask: a, steps: ps, parts: make([]heads, len(ps))}
}

func (h *heads) count(s *story, from, to time.Time) {
	was, is := s.activeAt(from), s.activeAt(to)
	if was {
		h.start++
	}
	if is {
		h.end++
	}
	switch {
	case is && !was:
		h.fresh++
	case was && !is:
		h.lost++
	}
	left, back, came := false, false, false
	for _, t := range s.active {
		if t.at.Before(from) || !t.at.Before(to) {
			continue
		}
		switch {
		case !t.on:
			left = true
		case left:
			back = true
		default:
			came = true
		}
	}
	h.left += one(left)
	h.back += one(left && back)
	h.came += one(came)
}

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (l *logos) add(s *story) {
	if len(s.active) == 0 {
		return
	}
	l.any = true
	l.whole.count(s, l.ask.From, l.ask.To)
	for i, p := range l.steps {
		l.parts[i].count(s, p.from, p.to)
	}
}

func (h *heads) numbers() []Number {
	return []Number{
		count("logo.start.v1", h.start, h.start), count("logo.new.v1", h.fresh, h.fresh), count("logo.lost.v1", h.lost, h.lost), count("logo.end.v1", h.end, h.end),
		part("logo.churn.v1", h.lost, h.start), part("logo.retention.v1", h.start-h.lost, h.start), part("crr.v1", h.end-h.fresh, h.start),
	}
}

func (l *logos) result(r *Result) {
	if !l.any {
		return
	}
	r.Figures = append(l.whole.numbers(), share("logo.subscriber_churn.v1", float64(l.whole.left), float64(l.whole.start+l.whole.came), l.whole.start+l.whole.came), part("logo.winback.v1", l.whole.back, l.whole.left))
	table := Table{Key: "steps", Title: "Step by step", Labels: []string{l.ask.Every}}
	columns := chart.Stacked{Title: "Customers who came and left", Unit: chart.Number(0)}
	var fresh, lost []float64
	for i, p := range l.steps {
		table.Rows = append(table.Rows, row([]string{p.name}, l.parts[i].numbers()...))
		columns.Columns = append(columns.Columns, p.name)
		fresh, lost = append(fresh, float64(l.parts[i].fresh)), append(lost, -float64(l.parts[i].lost))
	}
	columns.Series = []chart.StackedSeries{{Name: "new", Tone: chart.Good, Values: fresh}, {Name: "lost", Tone: chart.Poor, Values: lost}}
	r.Tables = append(r.Tables, table)
	r.Parts = append(r.Parts, columns)
}

// Category sorts a reason for leaving.
type category struct {
	name string
	// known says that the words told anything, preventable that it could have been helped.
	known, preventable bool
	words              []string
}

// categories are tried in order: what nobody can help comes first, because "budget" outweighs "price".
func categories() []category {
	return []category{
		{"budget", true, false, []string{"budget", "cost cut", "cost-cut", "austerity", "spending freeze", "cash"}},
		{"restructuring", true, false, []string{"restructur", "reorg", "acqui", "merger", "merged", "layoff", "laid off", "consolidat", "champion left"}},
		{"closure", true, false, []string{"closed down", "closing", "closure", "bankrupt", "insolven", "out of business", "shut down", "shutting", "seasonal", "project ended", "no longer needed"}},
		{"outlook", true, false, []string{"outlook", "strategy", "pivot", "economy", "market change", "moved abroad"}},
		{"product gap", true, true, []string{"feature", "missing", "product", "integration", "bug", "quality", "competitor", "switched", "alternative", "performance", "functionality"}},
		{"service gap", true, true, []string{"support", "service", "response", "onboarding", "unanswered", "training", "too complex", "difficult", "complex"}},
		{"price", true, true, []string{"price", "pricing", "expensive", "too_expensive", "cost", "discount"}},
		{"value gap", true, true, []string{"value", "unused", "not used", "usage", "roi", "benefit", "expectation", "low_quality", "need", "not using"}},
		{"payment", true, true, []string{"payment", "card", "dunning", "unpaid", "overdue"}},
	}
}

// categorise reads a reason.
func categorise(reason string) category {
	text := strings.ToLower(strings.ReplaceAll(reason, "_", " "))
	for _, c := range categories() {
		for _, w := range c.words {
			if strings.Contains(text, strings.ReplaceAll(w, "_", " ")) {
				return c
			}
		}
	}
	return category{name: "other"}
}

// loss is what one row of reasons comes to.
type loss struct {
	n   int64
	mrr purses
}

func mergeLoss(into, from *loss) {
	into.n += from.n
	if into.mrr == nil {
		into.mrr = purses{}
	}
	for c, v := range from.mrr {
		into.mrr[c] += v
	}
}

// churn sorts those who left.
type churn struct {
	ask              *Ask
	n, known, helped int64
	reasons, kinds   capped[loss]
	stages, bands    map[string]int64
	tenure           spread
	lost             purses
	notTold          int64
}

func newChurn(a *Ask) accumulator {
	return &churn{ask: a, reasons: newCapped(mergeLoss), kinds: newCapped(mergeLoss), stages: map[string]int64{}, bands: map[string]int64{}, lost: purses{}}
}

// departure is when and why a customer left for good, zero for who did not.
type departure struct {
	at     time.Time
	reason string
	mrr    []canon.Money
}

func (s *story) departure(to time.Time) departure {
	d := departure{}
	if len(s.active) > 0 {
		if s.activeAt(to) {
			return d
		}
		for _, t := range s.active {
			if !t.on && t.at.Before(to) {
				d.at = t.at
			}
		}
	} else if n := len(s.stays); n > 1 && s.stays[n-2].way == "exit" {
		d.at = s.stays[n-1].from
	}
	if d.at.IsZero() {
		return d
	}
	for _, e := range s.contract.ends {
		if e.at.Before(d.at.Add(swap)) && e.reason != "" {
			d.reason = clean(e.reason)
		}
	}
	for i := range s.purses {
		if v := s.purses[i].at(d.at); v > 0 {
			d.mrr = append(d.mrr, canon.Money{Minor: v, Currency: s.purses[i].currency})
		}
	}
	return d
}

func (c *churn) add(s *story) {
	d := s.departure(c.ask.To)
	if !c.ask.in(d.at) {
		return
	}
	stage := s.stageAt(d.at)
	if len(s.active) == 0 && !c.customer(stage) {
		return
	}
	c.n++
	kind := category{name: "not told"}
	if d.reason == "" {
		c.notTold++
	} else {
		kind = categorise(d.reason)
	}
	c.known += one(kind.known)
	c.helped += one(kind.known && kind.preventable)
	label := kind.name
	if kind.known {
		label += map[bool]string{true: " (preventable)", false: " (not preventable)"}[kind.preventable]
	}
	reason := d.reason
	if reason == "" {
		reason = "not told"
	}
	for _, l := range []*loss{c.reasons.at(strings.ToLower(reason) + "\x00" + label), c.kinds.at(label)} {
		l.n++
		if l.mrr == nil {
			l.mrr = purses{}
		}
		for i := range d.mrr {
			l.mrr.add(&d.mrr[i])
		}
	}
	for i := range d.mrr {
		c.lost.add(&d.mrr[i])
	}
	c.stages[stage]++
	c.bands[s.bandAt(d.at)]++
	if first := s.contract.first; !first.IsZero() && first.Before(d.at) {
		c.tenure.lasted(d.at.Sub(first), true)
	}
}

func (c *churn) customer(stage string) bool {
	for _, s := range c.ask.Stages {
		if s.Key == stage {
			return s.Customer
		}
	}
	return false
}

func (c *churn) result(r *Result) {
	if c.n == 0 {
		r.Notes = append(r.Notes, "Nobody left in the period, as far as is known.")
		return
	}
	over, _ := c.tenure.counts()
	r.Figures = append(r.Figures, count("churn.customers.v1", c.n, c.n), part("churn.preventable.v1", c.helped, c.known), of("churn.tenure.v1", c.tenure.quantile(0.5), over, over))
	for _, cur := range currencies(c.lost) {
		r.Figures = append(r.Figures, sum("churn.mrr.v1", cur, c.lost[cur], c.n))
	}
	if c.notTold > 0 {
		r.Notes = append(r.Notes, chart.Number(0).Format(float64(c.notTold))+" of "+chart.Number(0).Format(float64(c.n))+" left without a reason that is told.")
	}
	weight := func(l *loss) float64 { return float64(l.n) }
	bars := chart.Bars{Title: "Reasons", Unit: chart.Number(0)}
	reasons := Table{Key: "reasons", Title: "Reasons, the most frequent first", Labels: []string{"reason", "taken for"}}
	total := int64(0)
	for _, k := range c.reasons.sorted(weight) {
		l := c.reasons.rows[k]
		total += l.n
		text, kind, _ := strings.Cut(k, "\x00")
		reasons.Rows = append(reasons.Rows, row([]string{text, kind}, c.line(l, part("churn.cumulative.v1", total, c.n))...))
		if len(bars.Items) < 15 {
			bars.Items = append(bars.Items, chart.Bar{Label: text, Value: float64(l.n), Note: kind})
		}
	}
	kinds := Table{Key: "kinds", Title: "What they were taken for", Labels: []string{"kind"}}
	for _, k := range c.kinds.sorted(weight) {
		kinds.Rows = append(kinds.Rows, row([]string{k}, c.line(c.kinds.rows[k])...))
	}
	r.Tables = append(r.Tables, reasons, kinds, c.where("stages", "By the stage that they left from", "stage", c.stages), c.where("bands", "By health before they left", "band", c.bands))
	r.Parts = append(r.Parts, bars)
}

func (c *churn) line(l *loss, more ...Number) []Number {
	out := append([]Number{count("churn.customers.v1", l.n, c.n), part("churn.share.v1", l.n, c.n)}, more...)
	for _, cur := range currencies(c.lost) {
		out = append(out, sum("churn.mrr.v1", cur, l.mrr[cur], l.n))
	}
	return out
}

func (c *churn) where(key, title, label string, counts map[string]int64) Table {
	t := Table{Key: key, Title: title, Labels: []string{label}}
	for _, k := range currencies(counts) {
		text := k
		if label == "stage" {
			text = c.ask.label(k)
		}
		t.Rows = append(t.Rows, row([]string{text}, count("churn.customers.v1", counts[k], c.n), part("churn.share.v1", counts[k], c.n)))
	}
	return t
}
