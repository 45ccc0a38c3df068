package evidence

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// WhatIf is history replayed under another policy: what would have been said and done differently.
type WhatIf struct {
	ID string `json:"definition"`
	// From is the policy in force, To the one on trial.
	From string `json:"from"`
	To   string `json:"to"`
	Rows int    `json:"rows"`
	// Changed are the rows with another band.
	Changed Figure `json:"changed"`
	Moves   []Move `json:"bands"`
	// Before and After are the two cards on the same rows, Gain is the difference of their AUC.
	Before   Figures   `json:"card_from"`
	After    Figures   `json:"card_to"`
	Gain     Figure    `json:"auc_gain"`
	BandsOld []BandRow `json:"bands_from"`
	BandsNew []BandRow `json:"bands_to"`
	// Triggers are what would have fired.
	Triggers []Fired  `json:"triggers"`
	Leaks    []Reject `json:"rejected_inputs"`
	// Plays are what the plays of both policies would have done, with cooldowns and every other guard.
	Plays []PlayRecord `json:"plays,omitempty"`
}

// Fired is a trigger under both policies.
type Fired struct {
	Trigger string     `json:"trigger"`
	Before  FireRecord `json:"from"`
	After   FireRecord `json:"to"`
	// Both counts the rows on which it fired under both.
	Both int `json:"both"`
}

// FireRecord is how often a trigger fired, and how often rightly.
type FireRecord struct {
	N int `json:"n"`
	// Rate is per hundred customers and month, Precision the share of whom the outcome came about, Recall the share of all
	// customers with the outcome for whom it fired before.
	Rate      Number   `json:"per_100_months"`
	Precision Interval `json:"precision"`
	Recall    Interval `json:"recall"`
}

// WhatIf compares the policy on trial with the previous one on the study's rows.
func (s *Study) WhatIf() (*WhatIf, error) {
	s.sort()
	old := func(m *sample) float64 { return s.risk(m.previous) }
	w := &WhatIf{
		ID: "whatif.v1", From: s.o.Previous.Name(), To: s.o.Policy.Name(), Rows: len(s.rows), Leaks: nonNil(s.leaks), Moves: []Move{},
		Before: s.measured(s.o.Previous.Name(), s.rows, nil, old), After: s.measured(s.o.Policy.Name(), s.rows, nil, s.cardRisk),
		BandsOld: bandsOf(s.rows, func(m *sample) string { return m.previousBand }), BandsNew: bandsOf(s.rows, func(m *sample) string { return m.Band }),
	}
	counts, changed := map[[2]string]int{}, 0.0
	for i := range s.rows {
		m := &s.rows[i]
		counts[[2]string{m.previousBand, m.Band}]++
		changed += outcome(m.previousBand != m.Band)
	}
	w.Changed = Figure{"whatif.changed.v1", "rows with another band", Wilson(changed, float64(len(s.rows)), Z95), len(s.rows)}
	for _, from := range bands() {
		total := bandRow(w.BandsOld, from).N
		for _, to := range bands() {
			if n := counts[[2]string{from, to}]; n > 0 {
				w.Moves = append(w.Moves, Move{from, to, n, Number(ratio(float64(n), float64(total)))})
			}
		}
	}
	w.Gain = s.gain(old)
	w.Triggers = s.triggers()
	return w, nil
}

// gain is the difference of the two cards' AUC over the rows that both score, drawn together.
func (s *Study) gain(old func(*sample) float64) Figure {
	a, b := columnsOf(s.rows, s.cardRisk), columnsOf(s.rows, old)
	n := 0
	for i := range a.risk {
		if math.IsNaN(a.risk[i]) || math.IsNaN(b.risk[i]) {
			a.risk[i], b.risk[i] = math.NaN(), math.NaN()
			continue
		}
		n++
	}
	now, before := NewRanking(a.risk, a.positive), NewRanking(b.risk, b.positive)
	v := ClusterBootstrap(a.customer, func(wt []float64) float64 { return now.AUC(wt) - before.AUC(wt) }, Boot{Seed: s.o.Seed, Replicates: replicates(len(s.rows))})
	return Figure{"auc.gain.v1", "AUC of the new card less that of the old", v, n}
}

// view is a row under one of the two policies.
type view struct {
	score float64
	band  string
}

// dropPoints is by how much a score must fall within a month to be told as a drop.
const dropPoints = 10

// triggerNamed are the triggers that every policy has: each looks at a row and the one of the month before.
func triggerNamed() []struct {
	name  string
	fires func(before, now view) bool
} {
	return []struct {
		name  string
		fires func(before, now view) bool
	}{
		{"turns red", func(b, n view) bool { return b.band != bandRed && n.band == bandRed }},
		{"leaves green", func(b, n view) bool { return b.band == bandGreen && n.band != bandGreen }},
		{fmt.Sprintf("drops by %d within a month", dropPoints), func(b, n view) bool { return b.score-n.score >= dropPoints }},
	}
}

// triggers counts what would have fired from month to month.
func (s *Study) triggers() []Fired {
	order := make([]int, len(s.rows))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(s.rows[a].Customer, s.rows[b].Customer), s.rows[a].At.Compare(s.rows[b].At))
	})
	of := [2]func(m *sample) view{
		func(m *sample) view { return view{m.previous, m.previousBand} },
		func(m *sample) view { return view{m.Score, m.Band} },
	}
	out := []Fired{}
	for _, t := range triggerNamed() {
		f := Fired{Trigger: t.name}
		var c [2]fireCount
		for k := 1; k < len(order); k++ {
			a, b := &s.rows[order[k-1]], &s.rows[order[k]]
			if a.Customer != b.Customer || b.At.Sub(a.At) > aMonth {
				continue
			}
			fired := [2]bool{}
			for side, see := range of {
				fired[side] = t.fires(see(a), see(b))
				c[side].take(b, fired[side])
			}
			if fired[0] && fired[1] {
				f.Both++
			}
		}
		f.Before, f.After = c[0].record(), c[1].record()
		out = append(out, f)
	}
	return out
}

// fireCount counts a trigger's firings.
type fireCount struct {
	months, n, hits int
	with, caught    map[string]bool
}

func (c *fireCount) take(m *sample, fired bool) {
	if c.with == nil {
		c.with, c.caught = map[string]bool{}, map[string]bool{}
	}
	c.months++
	if m.Label {
		c.with[m.Customer] = true
	}
	if !fired {
		return
	}
	c.n++
	if m.Label {
		c.hits++
		c.caught[m.Customer] = true
	}
}

func (c *fireCount) record() FireRecord {
	return FireRecord{
		N: c.n, Rate: Number(100 * ratio(float64(c.n), float64(c.months))),
		Precision: Wilson(float64(c.hits), float64(c.n), Z95), Recall: Wilson(float64(len(c.caught)), float64(len(c.with)), Z95),
	}
}

func (w *WhatIf) write(p *printer) {
	p.section(fmt.Sprintf("under %s instead of %s, on the same %d rows", w.To, w.From, w.Rows))
	p.row("AUC before", shownRange(w.Before.AUC(), ""))
	p.row("AUC after", shownRange(w.After.AUC(), ""))
	p.row("gain", shownRange(w.Gain.Value, ""))
	p.row("another band", shownRange(w.Changed.Value, "%"))
	for _, m := range w.Moves {
		if m.From != m.To {
			p.row("", m.From+" → "+m.To, fmt.Sprint(m.N), shown(float64(m.Share), "%"))
		}
	}
	p.section("triggers that would have fired")
	p.row("trigger", "before", "precision", "after", "precision", "both")
	for _, t := range w.Triggers {
		p.row(t.Trigger, fmt.Sprint(t.Before.N), shownRange(t.Before.Precision, "%"), fmt.Sprint(t.After.N), shownRange(t.After.Precision, "%"), fmt.Sprint(t.Both))
	}
	if len(w.Plays) == 0 {
		return
	}
	p.section("plays that would have fired (in brackets: held back)")
	p.row("play", "before", "right", "after", "right")
	for _, x := range w.Plays {
		p.row(x.Title, fmt.Sprintf("%d (%d)", x.Before.Fired, x.Before.Suppressed), shown(x.Before.Right.Value, "%"), fmt.Sprintf("%d (%d)", x.After.Fired, x.After.Suppressed), shown(x.After.Right.Value, "%"))
	}
}
