package evidence

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Deadlines is how the card does so many days before the day by which customers decide.
type Deadlines struct {
	// Told customers had a day named by an event at one of the moments, Reckoned had none but an anniversary. Of Unknown no
	// day was known as far ahead as that: they are in no row.
	Told     int          `json:"customers_told"`
	Reckoned int          `json:"customers_reckoned"`
	Unknown  int          `json:"customers_unknown"`
	Days     []DaysBefore `json:"days_before"`
}

// DaysBefore are the figures of one distance from the deadline.
type DaysBefore struct {
	Days      int    `json:"days"`
	N         int    `json:"n"`
	Positives int    `json:"positives"`
	Rate      Figure `json:"rate"`
	// AUC is not known where there are too few rows or outcomes to say; Red is the share of those with the outcome that
	// were red.
	AUC Figure `json:"auc"`
	Red Figure `json:"red_of_outcomes"`
}

// deadlines works the card's figures out for each distance from the deadline.
func (s *Study) deadlines(r *Report) {
	if len(s.o.Before) == 0 {
		return
	}
	d := s.due
	d.Days = []DaysBefore{}
	for _, days := range s.o.Before {
		rows := slices.DeleteFunc(slices.Clone(s.rows), func(m sample) bool { return m.days != days })
		c := columnsOf(rows, s.cardRisk)
		one := DaysBefore{Days: days, N: len(rows), Rate: BaseRate(c.positive)}
		red := 0.0
		for i := range rows {
			if rows[i].Label {
				one.Positives++
				red += outcome(rows[i].Band == bandRed)
			}
		}
		nan := math.NaN()
		one.AUC = Figure{ID: "auc.rank.v1", Title: fmt.Sprintf("AUC %d days before the deadline", days), Value: Interval{nan, nan, nan}, N: one.N}
		if one.N >= fewestRows && one.Positives >= fewestEvents && one.N-one.Positives >= fewestEvents {
			rank := NewRanking(c.risk, c.positive)
			one.AUC.Value = ClusterBootstrap(c.customer, rank.AUC, Boot{Seed: s.o.Seed, Replicates: replicates(len(rows))})
		}
		one.Red = Figure{"recall.red.v1", "red among those with the outcome", Wilson(red, float64(one.Positives), Z95), one.Positives}
		d.Days = append(d.Days, one)
	}
	at := map[time.Time]bool{}
	for i := range s.rows {
		at[s.rows[i].At] = true
	}
	r.Deadlines, r.Moments = &d, len(at)
	if d.Unknown > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("of %d of %d customers no day by which they decide was known as far ahead as that: they are in no figure", d.Unknown, d.Unknown+d.Told+d.Reckoned))
	}
	if d.Reckoned > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("of %d customers the day was never told: the anniversary by which the policy's plays count stands in for it", d.Reckoned))
	}
}

// distance says how far ahead the outcome lies, for people.
func (r *Report) distance() string {
	if r.Deadlines != nil {
		return fmt.Sprintf("looked at so many days before the deadline, decided up to %d days after it", r.Horizon)
	}
	return fmt.Sprintf("decided between %d and %d days later", r.Gap, r.Gap+r.Horizon)
}

func (r *Report) writeDeadlines(p *printer) {
	d := r.Deadlines
	if d == nil {
		return
	}
	p.section(fmt.Sprintf("before the deadline (told for %d customers, reckoned for %d, unknown for %d)", d.Told, d.Reckoned, d.Unknown))
	p.row("days before", "rows", "outcome", "rate", "AUC", "red of those")
	for _, x := range d.Days {
		p.row(fmt.Sprint(x.Days), fmt.Sprint(x.N), fmt.Sprint(x.Positives), shownRange(x.Rate.Value, "%"), shownRange(x.AUC.Value, ""), shownRange(x.Red.Value, "%"))
	}
}

func (r *Report) pageDeadlines() chart.Section {
	d := r.Deadlines
	t := chart.Table{Columns: []chart.Column{{Title: "Days before", Numeric: true}, {Title: "Rows", Numeric: true}, {Title: "Outcome", Numeric: true}, {Title: "Rate", Numeric: true}, {Title: "AUC", Numeric: true}, {Title: "Red of those", Numeric: true}}}
	for _, x := range d.Days {
		t.Rows = append(t.Rows, []string{fmt.Sprint(x.Days), fmt.Sprint(x.N), fmt.Sprint(x.Positives), shown(x.Rate.Value.Value, "%"), shownRange(x.AUC.Value, ""), shown(x.Red.Value.Value, "%")})
	}
	return chart.Section{ID: "deadlines", Title: "Before the deadline", Text: fmt.Sprintf("The day by which they decide was told for %d customers, reckoned for %d and unknown for %d.", d.Told, d.Reckoned, d.Unknown), Parts: []chart.Part{t}}
}
