// Package report sums up the histories of all customers in numbers: how many come how far and what they are worth, who
// leaves and why, and how well they are looked after. Every number says by which definition it was worked out, over
// what, and from how many.
//
// It is pure: a Set is fed histories in batches, in any order, and keeps sums, not histories. It reads no store and no
// clock, judges nobody (the lifecycle does), and adds no amounts of different currencies.
package report

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/chart"
)

// Ask is what reports are asked for.
type Ask struct {
	// From and To bound the period, From inclusive, To exclusive. What occurred from To on is left out.
	From, To time.Time
	// By names what every table is split by: stage, band, type, segment or a field of the golden record; "" for nothing.
	By string
	// Segment keeps only the customers of a segment of the policy, or with "field=value" those of whom that is so.
	Segment string
	// Every is month, quarter or week: the steps of series over time. "" is month.
	Every string
	// Stages are those of the policy, in order.
	Stages []Stage
	// Spend is what was spent to win customers.
	Spend []Spend
	// Margin is the gross margin, 0 to 1, that customers' lifetime values are worked out with; 0 is 1.
	Margin float64
	// Hours are the business hours that waiting times are measured in, nil for all hours.
	Hours *Hours
	// Within is how long a step of the lifecycle may take to count as made; 0 is 90 days.
	Within time.Duration
	// Notice is how long before a renewal it is decided upon; 0 is 30 days.
	Notice time.Duration
	// Onboarding is the time in which a new customer should be set up; 0 is 60 days.
	Onboarding time.Duration
	// Streams tell how fresh the data is.
	Streams []canon.StreamState
	// Firings are what the plays did in the period, newest first.
	Firings []canon.Firing
	// MinN is the least n under which a number is withheld; 0 withholds none. Numbers under 20 are flagged in any case.
	MinN int64
}

// Stage is a node of the policy's stage graph.
type Stage struct {
	Key, Label string
	// Customer marks stages of customers, Exit those of who left.
	Customer, Exit bool
}

// Spend is an amount spent in a month, on a channel where it is told.
type Spend struct {
	Month   time.Time
	Channel string
	Amount  canon.Money
}

// Kind is a report that can be asked for.
type Kind struct {
	// Name is what it is asked for by, Question what it answers.
	Name     string `json:"name"`
	Title    string `json:"title"`
	Question string `json:"question"`
	// Needs says what must be connected for it to have something to tell.
	Needs string `json:"needs"`
	open  func(a *Ask) accumulator
}

// accumulator takes customers in and sums up.
type accumulator interface {
	add(s *story)
	// result fills figures, tables, notes and parts in.
	result(r *Result)
}

// Result is what a report tells.
type Result struct {
	Report   string    `json:"report"`
	Title    string    `json:"title"`
	Question string    `json:"question"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	By       string    `json:"by,omitempty"`
	// Customers is how many were looked at.
	Customers int64    `json:"customers"`
	Figures   []Number `json:"figures"`
	Tables    []Table  `json:"tables"`
	// Notes say what to mind, and why something is empty.
	Notes []string `json:"notes,omitempty"`
	// Parts are the drawings.
	Parts []chart.Part `json:"-"`
}

// Table has rows of labels and numbers.
type Table struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Labels name the labels of each row.
	Labels []string `json:"labels"`
	Rows   []Row    `json:"rows"`
	Note   string   `json:"note,omitempty"`
	// Single says that every row is one customer, so that n says nothing.
	Single bool `json:"single,omitempty"`
}

// Row is a row of a table.
type Row struct {
	Labels  []string `json:"labels"`
	Numbers []Number `json:"numbers"`
}

// row makes a row.
func row(labels []string, numbers ...Number) Row { return Row{labels, numbers} }

// Kinds lists every report.
func Kinds() []Kind {
	return slices.Concat(summaryKinds(), stageKinds(), healthKinds(), revenueKinds(), churnKinds(), startKinds(), growthKinds(), salesKinds(), moneyKinds(), careKinds())
}

// Definitions lists every definition of a number, sorted by id.
func Definitions() []Definition {
	ds := slices.Concat(stageDefinitions(), healthDefinitions(), revenueDefinitions(), churnDefinitions(), startDefinitions(), growthDefinitions(),
		salesDefinitions(), moneyDefinitions(), careDefinitions(), summaryDefinitions())
	slices.SortFunc(ds, func(a, b Definition) int { return strings.Compare(a.ID, b.ID) })
	return ds
}

// defaults fills in what was left open.
func (a *Ask) defaults() {
	a.From, a.To = a.From.UTC(), a.To.UTC()
	if a.Within == 0 {
		a.Within = 90 * day
	}
	if a.Notice == 0 {
		a.Notice = 30 * day
	}
	if a.Onboarding == 0 {
		a.Onboarding = 60 * day
	}
	if a.Margin == 0 {
		a.Margin = 1
	}
	if a.Every == "" {
		a.Every = "month"
	}
}

const day = 24 * time.Hour

// in says whether a moment lies in the period.
func (a *Ask) in(t time.Time) bool { return !t.IsZero() && !t.Before(a.From) && t.Before(a.To) }

// label names a stage.
func (a *Ask) label(key string) string {
	for _, s := range a.Stages {
		if s.Key == key && s.Label != "" {
			return s.Label
		}
	}
	if key == "" {
		return "none"
	}
	return key
}

// order is the place of a stage among those of the policy, behind all for one that it does not know.
func (a *Ask) order(key string) int {
	for i, s := range a.Stages {
		if s.Key == key {
			return i
		}
	}
	return len(a.Stages)
}
