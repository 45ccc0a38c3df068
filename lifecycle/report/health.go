package report

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func healthKinds() []Kind {
	return []Kind{
		{Name: "health", Title: "Health", Question: "How are customers doing, and how has that moved?", Needs: "Health needs usage, tickets, invoices or survey answers; see `hub explain` for what a customer lacks.", open: newHealth},
		{Name: "risk", Title: "At-risk recurring revenue", Question: "Which revenue may be lost, and by when is that decided?", Needs: "It needs subscriptions with amounts: connect a billing system.", open: newRisk},
	}
}

func healthDefinitions() []Definition {
	return []Definition{
		{"health.customers.v1", "customers", counted, "customers whose health is in the band, by the last assessment before the end of the period", "Only customers in stages of customers count."},
		{"health.share.v1", "share", percent, "customers in the band ÷ customers whose health is known", "Unknown ÷ all customers, for the unknown band."},
		{"health.mean.v1", "mean health", points, "sum of the health of customers whose health is known ÷ their number", ""},
		{"health.mrr.v1", "MRR", money, "recurring revenue a month of the customers in the band", "The largest currency of each customer."},
		{"health.migration.v1", "customers", counted, "customers in the first band at the start of the period and in the second at its end", "By the changes of band that were told; nothing is told before a customer's first assessment."},
		{"risk.mrr.v1", "at-risk MRR", money, "recurring revenue a month of customers whose health is red, who gave notice, or who are flagged at_risk", ""},
		{"risk.share.v1", "at-risk share of MRR", percent, "at-risk MRR ÷ MRR of all customers in the currency", ""},
		{"risk.days.v1", "days to the decision", inDays, "days until the contract ends or renews, less the notice period where no notice was given", "Notice is 30 days unless told otherwise. Nothing where no date is known; 0 where it has passed."},
		{"risk.health.v1", "health", points, "the health score by the last assessment", ""},
	}
}

// health counts customers by band.
type health struct {
	ask *Ask
	now map[string]int64
	// total is the sum of known scores in millionths, so that the order of customers cannot matter.
	total    int64
	known    int64
	stages   map[string]map[string]int64
	mrr      map[string]purses
	moves    map[[2]string]int64
	ends     []period
	path     map[string][]int64
	customer map[string]bool
}

func newHealth(a *Ask) accumulator {
	h := &health{ask: a, now: map[string]int64{}, stages: map[string]map[string]int64{}, mrr: map[string]purses{}, moves: map[[2]string]int64{},
		ends: periods(a.From, a.To, a.Every), path: map[string][]int64{}, customer: map[string]bool{}}
	for _, s := range a.Stages {
		h.customer[s.Key] = s.Customer
	}
	for _, b := range bands {
		h.path[b] = make([]int64, len(h.ends))
	}
	return h
}

func (h *health) add(s *story) {
	if s.gone {
		return
	}
	stage := s.stageAt(h.ask.To)
	if h.customer[stage] {
		b := s.band()
		h.now[b]++
		if h.stages[stage] == nil {
			h.stages[stage] = map[string]int64{}
		}
		h.stages[stage][b]++
		if s.now != nil && s.now.Health.Value != nil {
			h.total += int64(math.Round(*s.now.Health.Value * 1e6))
			h.known++
		}
		if s.now != nil && s.now.MRR != nil {
			if h.mrr[b] == nil {
				h.mrr[b] = purses{}
			}
			h.mrr[b].add(s.now.MRR)
		}
	}
	if from, to := s.bandAt(h.ask.From), s.bandAt(h.ask.To); from != "unknown" || to != "unknown" {
		h.moves[[2]string{from, to}]++
	}
	if len(s.moods) > 0 {
		for i, p := range h.ends {
			if h.customer[s.stageAt(p.to)] {
				if line := h.path[s.bandAt(p.to)]; line != nil {
					line[i]++
				}
			}
		}
	}
}

var tones = map[string]chart.Tone{"green": chart.Good, "yellow": chart.Fair, "red": chart.Poor, "unknown": chart.Unknown}

func (h *health) result(r *Result) {
	all := int64(0)
	for _, n := range h.now {
		all += n
	}
	if all == 0 {
		return
	}
	measured := all - h.now["unknown"]
	r.Figures = append(r.Figures, share("health.mean.v1", float64(h.total)/1e6, float64(h.known), h.known))
	table := Table{Key: "bands", Title: "Bands", Labels: []string{"band"}}
	picture := chart.Bars{Title: "Customers by band"}
	for _, b := range bands {
		of := measured
		if b == "unknown" {
			of = all
		}
		line := row([]string{b}, count("health.customers.v1", h.now[b], all), part("health.share.v1", h.now[b], of))
		for _, c := range currencies(h.mrr[b]) {
			line.Numbers = append(line.Numbers, sum("health.mrr.v1", c, h.mrr[b][c], h.now[b]))
		}
		table.Rows = append(table.Rows, line)
		picture.Items = append(picture.Items, chart.Bar{Label: b, Value: float64(h.now[b]), Tone: tones[b]})
	}
	r.Tables = append(r.Tables, table, h.byStage())
	r.Parts = append(r.Parts, picture)
	h.migration(r)
	if slices.Max(h.path["green"])+slices.Max(h.path["yellow"])+slices.Max(h.path["red"]) > 0 {
		over := chart.Stacked{Title: "Bands over time", Share: true, Unit: chart.Number(0)}
		for _, p := range h.ends {
			over.Columns = append(over.Columns, p.name)
		}
		for _, b := range bands[:3] {
			values := make([]float64, len(h.ends))
			for i, n := range h.path[b] {
				values[i] = float64(n)
			}
			over.Series = append(over.Series, chart.StackedSeries{Name: b, Tone: tones[b], Values: values})
		}
		r.Parts = append(r.Parts, over)
	}
}

func (h *health) byStage() Table {
	table := Table{Key: "stages", Title: "Bands by stage", Labels: []string{"stage", "band"}}
	for _, s := range h.ask.Stages {
		n := int64(0)
		for _, k := range h.stages[s.Key] {
			n += k
		}
		for _, b := range bands {
			if k := h.stages[s.Key][b]; k > 0 {
				table.Rows = append(table.Rows, row([]string{h.ask.label(s.Key), b}, count("health.customers.v1", k, n)))
			}
		}
	}
	return table
}

func (h *health) migration(r *Result) {
	table := Table{Key: "migration", Title: "From the start of the period to its end", Labels: []string{"from", "to"}}
	heat := chart.Heatmap{Title: "Customers by band at the start (rows) and at the end (columns)", Rows: bands, Columns: bands}
	for _, from := range bands {
		line := make([]float64, len(bands))
		for i, to := range bands {
			n := h.moves[[2]string{from, to}]
			line[i] = nothing(n)
			if n > 0 {
				table.Rows = append(table.Rows, row([]string{from, to}, count("health.migration.v1", n, n)))
			}
		}
		heat.Values = append(heat.Values, line)
	}
	if len(table.Rows) > 0 {
		r.Tables = append(r.Tables, table)
		r.Parts = append(r.Parts, heat)
	}
}

// maxWork is how many customers a worklist names.
const maxWork = 50

// task is a customer on the worklist.
type task struct {
	id, name, stage, band, why string
	mrr                        canon.Money
	health                     *float64
	days                       float64
	known                      bool
	weight                     float64
}

// before says whether a customer is more urgent than another.
func (t task) before(u task) bool {
	return cmp.Or(cmp.Compare(u.weight, t.weight), strings.Compare(t.id, u.id)) < 0
}

// tasks is a heap whose head is the least urgent.
type tasks []task

func (t tasks) Len() int           { return len(t) }
func (t tasks) Less(i, j int) bool { return t[j].before(t[i]) }
func (t tasks) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *tasks) Push(x any) {
	if one, ok := x.(task); ok {
		*t = append(*t, one)
	}
}

// Pop takes the last away.
func (t *tasks) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}

// risk sums what may be lost.
type risk struct {
	ask       *Ask
	all, lost purses
	n, nLost  map[string]int64
	work      map[string]*tasks
	due       map[string]map[string]int64
}

func newRisk(a *Ask) accumulator {
	return &risk{a, purses{}, purses{}, map[string]int64{}, map[string]int64{}, map[string]*tasks{}, map[string]map[string]int64{}}
}

// deadline is when it is decided whether the customer stays, by the contract that is decided upon first.
func deadline(s *story, notice time.Duration) time.Time {
	first := time.Time{}
	for _, b := range s.contract.subs {
		if !b.runs() {
			continue
		}
		switch {
		case !b.ends.IsZero():
			first = earliest(first, b.ends)
		case !b.renews.IsZero():
			first = earliest(first, b.renews.Add(-notice))
		}
	}
	return first
}

// why says what puts a customer at risk, "" where nothing does.
func why(s *story) string {
	var out []string
	for _, b := range s.contract.subs {
		if b.runs() && !b.ends.IsZero() {
			out = append(out, "notice given")
			break
		}
	}
	if s.band() == "red" {
		out = append(out, "health is red")
	}
	if s.flagged("at_risk") {
		out = append(out, "flagged at risk")
	}
	return strings.Join(out, ", ")
}

func (k *risk) add(s *story) {
	reason := why(s)
	for i := range s.purses {
		p := &s.purses[i]
		mrr := p.at(k.ask.To)
		if mrr <= 0 {
			continue
		}
		k.all[p.currency] += mrr
		k.n[p.currency]++
		if reason == "" {
			continue
		}
		k.lost[p.currency] += mrr
		k.nLost[p.currency]++
		t := task{id: s.id, name: s.name, stage: s.stageAt(k.ask.To), band: s.band(), why: reason, mrr: canon.Money{Minor: mrr, Currency: p.currency}}
		if s.now != nil {
			t.health = s.now.Health.Value
		}
		if by := deadline(s, k.ask.Notice); !by.IsZero() {
			t.days, t.known = math.Max(0, math.Floor(by.Sub(k.ask.To).Hours()/24)), true
		}
		danger := 50.0
		if t.health != nil {
			danger = 100 - *t.health
		}
		far := 180.0
		if t.known {
			far = t.days
		}
		t.weight = math.Round(danger*float64(mrr)/(30+far)*1e3) / 1e3
		list := at(k.work, p.currency)
		heap.Push(list, t)
		if list.Len() > maxWork {
			heap.Pop(list)
		}
		if k.due[p.currency] == nil {
			k.due[p.currency] = map[string]int64{}
		}
		k.due[p.currency][soon(t)] += mrr
	}
}

var soonness = []string{"30 days", "31 to 60 days", "61 to 90 days", "91 to 180 days", "later", "no date known"}

func soon(t task) string {
	if !t.known {
		return soonness[5]
	}
	for i, limit := range []float64{30, 60, 90, 180} {
		if t.days <= limit {
			return soonness[i]
		}
	}
	return soonness[4]
}

func (k *risk) result(r *Result) {
	for _, c := range currencies(k.all) {
		r.Figures = append(r.Figures, sum("risk.mrr.v1", c, k.lost[c], k.nLost[c]), share("risk.share.v1", float64(k.lost[c]), float64(k.all[c]), k.n[c]).in(c))
		if k.nLost[c] == 0 {
			continue
		}
		bars := chart.Bars{Title: "At-risk MRR by time to the decision, " + c, Unit: unit(money, c)}
		for _, s := range soonness {
			bars.Items = append(bars.Items, chart.Bar{Label: s, Value: float64(k.due[c][s])})
		}
		r.Parts = append(r.Parts, bars)
		table := Table{Key: "worklist_" + strings.ToLower(c), Title: "Worklist, " + c, Single: true, Labels: []string{"customer", "name", "stage", "why"},
			Note: "By (100 − health) × MRR ÷ (30 + days to the decision), the most urgent first; at most 50."}
		list := slices.Clone(*k.work[c])
		slices.SortFunc(list, func(a, b task) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		for _, t := range list {
			days, health := of("risk.days.v1", math.NaN(), 0, 1), of("risk.health.v1", math.NaN(), 0, 1)
			days.Flags, health.Flags = nil, nil
			if t.known {
				days = of("risk.days.v1", t.days, 1, 1)
			}
			if t.health != nil {
				health = of("risk.health.v1", *t.health, 1, 1)
			}
			table.Rows = append(table.Rows, row([]string{t.id, t.name, k.ask.label(t.stage), t.why}, sum("risk.mrr.v1", c, t.mrr.Minor, 1), health, days))
		}
		r.Tables = append(r.Tables, table)
	}
}
