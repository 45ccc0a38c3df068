package report

import (
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

func stageKinds() []Kind {
	return []Kind{
		{Name: "funnel", Title: "Funnel", Question: "How many come how far, where do they get lost, and how long does each step take?", Needs: needsStages, open: newFunnel},
		{Name: "time-in-stage", Title: "Time in stage", Question: "How long do customers stay in each stage?", Needs: needsStages, open: newTimeInStage},
		{Name: "regression", Title: "Stage moves and regression", Question: "Which moves between stages were there, and how many led back?", Needs: needsStages, open: newRegression},
	}
}

const needsStages = "Stages come from what connections tell: connect a CRM or a billing system, and run `hub sync`."

func stageDefinitions() []Definition {
	return []Definition{
		{"funnel.reached.v1", "customers", counted, "customers whose first stage was entered in the period and who reached this stage or a later one by its end", "A stage that was skipped counts as reached. Exits do not take back what was reached."},
		{"funnel.rate.v1", "of the step before", percent, "customers who reached this stage or a later one ÷ those who reached the one before", "Those who are still on their way count as not yet there; see conversion.v1 for a rate without them."},
		{"funnel.leak.v1", "lost", percent, "customers of the step before who went no further and left ÷ customers of the step before", "Left is: in an exit stage at the end of the period."},
		{"funnel.velocity.median.v1", "median days", inDays, "median time from the first stage to reaching this one, of those who did", "Times below 30 days are kept to the hour, longer ones to the day."},
		{"conversion.v1", "conversion", percent, "customers who entered A in the period and reached B or later within W ÷ customers who entered A in the period", "W is 90 days unless told otherwise. Entries less than W before the end of the period are left aside. Entries again count once."},
		{"stage.time.median.v1", "median", inDays, "median length of the stays that ended in the period", "Short stays are over first: read it beside the Kaplan–Meier median."},
		{"stage.time.p90.v1", "P90", inDays, "90th percentile of the length of the stays that ended in the period", ""},
		{"stage.time.km_median.v1", "median by Kaplan–Meier", inDays, "time by which half of the stays in the stage are over, by the Kaplan–Meier estimate over all stays of which some part lies in the period", "Stays that last are censored at the end of the period. No value where less than half are ever over."},
		{"stage.moves.v1", "moves", counted, "moves from one stage to the other in the period", ""},
		{"stage.regression.v1", "regression rate", percent, "moves that led back ÷ all moves between stages in the period", "Entries into the first stage are no moves. Exits and re-entries are moves, but lead neither back nor forward."},
	}
}

// funnel follows those who entered their first stage in the period.
type funnel struct {
	ask     *Ask
	path    []Stage
	began   int64
	reached []int64
	left    []int64
	speed   []spread
	// into and over are conversions from each stage to the next.
	into, over []int64
}

func newFunnel(a *Ask) accumulator {
	f := &funnel{ask: a}
	for _, s := range a.Stages {
		if !s.Exit {
			f.path = append(f.path, s)
		}
	}
	n := len(f.path)
	f.reached, f.left, f.speed, f.into, f.over = make([]int64, n), make([]int64, n), make([]spread, n), make([]int64, n), make([]int64, n)
	return f
}

// place is that of a stage in the funnel, -1 for exits and unknown ones.
func (f *funnel) place(key string) int {
	for i, s := range f.path {
		if s.Key == key {
			return i
		}
	}
	return -1
}

func (f *funnel) add(s *story) {
	f.convert(s)
	if len(s.stays) == 0 || !f.ask.in(s.stays[0].from) {
		return
	}
	start := s.stays[0].from
	f.began++
	far := -1
	for _, st := range s.stays {
		for at := f.place(st.stage); far < at; {
			far++
			f.reached[far]++
			f.speed[far].lasted(st.from.Sub(start), true)
		}
	}
	if far >= 0 && f.place(s.stays[len(s.stays)-1].stage) < 0 {
		f.left[far]++
	}
}

// convert counts who entered a stage in the period, early enough, and who reached the next one within the time for it.
func (f *funnel) convert(s *story) {
	for i := range f.path[:max(0, len(f.path)-1)] {
		for n, st := range s.stays {
			if st.stage != f.path[i].Key || !f.ask.in(st.from) {
				continue
			}
			if st.from.Add(f.ask.Within).After(f.ask.To) {
				break
			}
			f.into[i]++
			for _, later := range s.stays[n+1:] {
				if later.from.Sub(st.from) < f.ask.Within && f.place(later.stage) > i {
					f.over[i]++
					break
				}
			}
			break
		}
	}
}

func (f *funnel) result(r *Result) {
	if len(f.path) == 0 {
		return
	}
	steps := Table{Key: "steps", Title: "Steps", Labels: []string{"stage"}, Note: "Of those whose first stage was entered in the period."}
	picture := chart.Funnel{Title: "How far those came who began in the period"}
	for i, s := range f.path {
		over, all := f.speed[i].counts()
		one := row([]string{f.ask.label(s.Key)}, count("funnel.reached.v1", f.reached[i], f.began))
		if i > 0 {
			one.Numbers = append(one.Numbers, part("funnel.rate.v1", f.reached[i], f.reached[i-1]), part("funnel.leak.v1", f.left[i-1], f.reached[i-1]))
		}
		median := f.speed[i].quantile(0.5)
		one.Numbers = append(one.Numbers, of("funnel.velocity.median.v1", median, over, all))
		steps.Rows = append(steps.Rows, one)
		note := ""
		if i > 0 && over > 0 {
			note = "median " + chart.Days().Format(median)
		}
		picture.Steps = append(picture.Steps, chart.FunnelStep{Label: f.ask.label(s.Key), Count: float64(f.reached[i]), Note: note})
	}
	r.Tables = append(r.Tables, steps)
	made := Table{Key: "conversion", Title: "Conversion", Labels: []string{"from", "to"}, Note: fmt.Sprintf("Within %.0f days.", f.ask.Within.Hours()/24)}
	for i := range f.path[:len(f.path)-1] {
		made.Rows = append(made.Rows, row([]string{f.ask.label(f.path[i].Key), f.ask.label(f.path[i+1].Key)}, part("conversion.v1", f.over[i], f.into[i])))
	}
	r.Tables = append(r.Tables, made)
	if f.began == 0 {
		r.Notes = append(r.Notes, "Nobody entered a first stage in the period.")
		return
	}
	last := len(f.path) - 1
	r.Figures = append(r.Figures, count("funnel.reached.v1", f.reached[0], f.began))
	for i := 1; i <= last; i++ {
		r.Figures = append(r.Figures, steps.Rows[i].Numbers[1].about(f.ask.label(f.path[i].Key)))
	}
	r.Parts = append(r.Parts, picture)
}

// timeInStage measures stays.
type timeInStage struct {
	ask *Ask
	// ended are stays that ended in the period, all those of which some part lies in it.
	ended, all map[string]*spread
}

func newTimeInStage(a *Ask) accumulator {
	return &timeInStage{a, map[string]*spread{}, map[string]*spread{}}
}

func (t *timeInStage) add(s *story) {
	for _, st := range s.stays {
		lasting := st.to.IsZero()
		to := st.to
		if lasting {
			to = t.ask.To
			if s.gone {
				continue
			}
		}
		if to.Before(t.ask.From) || !st.from.Before(t.ask.To) {
			continue
		}
		if to.After(t.ask.To) {
			to, lasting = t.ask.To, true
		}
		at(t.all, st.stage).lasted(to.Sub(st.from), !lasting)
		if !lasting {
			at(t.ended, st.stage).lasted(to.Sub(st.from), true)
		}
	}
}

// at returns the value of a key, a new one where there is none.
func at[K comparable, V any](m map[K]*V, k K) *V {
	v := m[k]
	if v == nil {
		v = new(V)
		m[k] = v
	}
	return v
}

func (t *timeInStage) result(r *Result) {
	table := Table{Key: "stages", Title: "Stages", Labels: []string{"stage"}}
	lines := chart.Steps{Title: "Share of stays that last at least so long", Note: "Kaplan–Meier, with 95 % bounds; stays that last are censored.",
		X: chart.Axis{Label: "days in the stage"}, Y: chart.Axis{Unit: chart.Percent(), Min: chart.Value(0), Max: chart.Value(1)}}
	for _, s := range t.ask.Stages {
		all := t.all[s.Key]
		if all == nil {
			continue
		}
		ended := at(t.ended, s.Key)
		over, n := all.counts()
		closed := size(ended.over)
		table.Rows = append(table.Rows, row([]string{t.ask.label(s.Key)},
			of("stage.time.median.v1", ended.quantile(0.5), closed, closed), of("stage.time.p90.v1", ended.quantile(0.9), closed, closed),
			of("stage.time.km_median.v1", all.lasting(0.5), over, n)))
		if !s.Exit {
			lines.Series = append(lines.Series, chart.Series{Name: t.ask.label(s.Key), Points: curve(all)})
		}
	}
	if len(table.Rows) == 0 {
		return
	}
	r.Tables = append(r.Tables, table)
	r.Parts = append(r.Parts, lines)
}

// curve is a survival as points, up to the longest time observed.
func curve(s *spread) []chart.Point {
	var out []chart.Point
	for _, p := range s.survive() {
		out = append(out, chart.Point{X: p.at, Y: p.share, Low: p.low, High: p.high})
	}
	longest := 0.0
	for v := range s.open {
		longest = max(longest, v)
	}
	if n := len(out); n > 0 && longest > out[n-1].X {
		p := out[n-1]
		p.X = longest
		out = append(out, p)
	}
	return out
}

// regression counts moves.
type regression struct {
	ask   *Ask
	moves map[[2]string]int64
	ways  map[string]int64
	all   int64
}

func newRegression(a *Ask) accumulator {
	return &regression{ask: a, moves: map[[2]string]int64{}, ways: map[string]int64{}}
}

func (g *regression) add(s *story) {
	for _, st := range s.stays {
		if g.ask.in(st.to) {
			g.moves[[2]string{st.stage, st.next}]++
			g.ways[st.way]++
			g.all++
		}
	}
}

func (g *regression) result(r *Result) {
	if g.all == 0 {
		return
	}
	r.Figures = append(r.Figures, count("stage.moves.v1", g.all, g.all), part("stage.regression.v1", g.ways["back"], g.all))
	table := Table{Key: "moves", Title: "Moves", Labels: []string{"from", "to"}}
	heat := chart.Heatmap{Title: "Moves from stage (rows) to stage (columns)"}
	for _, from := range g.ask.Stages {
		heat.Columns = append(heat.Columns, g.ask.label(from.Key))
		heat.Rows = append(heat.Rows, g.ask.label(from.Key))
		line := make([]float64, len(g.ask.Stages))
		for i, to := range g.ask.Stages {
			n := g.moves[[2]string{from.Key, to.Key}]
			line[i] = nothing(n)
			if n > 0 {
				table.Rows = append(table.Rows, row([]string{g.ask.label(from.Key), g.ask.label(to.Key)}, count("stage.moves.v1", n, g.all)))
			}
		}
		heat.Values = append(heat.Values, line)
	}
	r.Tables = append(r.Tables, table)
	r.Parts = append(r.Parts, heat)
}

// since is how long ago something was, in days.
func since(t, now time.Time) float64 { return now.Sub(t).Hours() / 24 }
