package evidence

import "time"

// Panel is what a model or a score is tried on: rows of what was known of customers at moments, each with what
// happened afterwards.
type Panel struct {
	// Features describe the columns of every row's X, in order.
	Features []Feature
	// Rows are in order of (At, Customer).
	Rows []Row
	// Censored counts moments whose outcome cannot be told yet, because observation ends before the horizon does.
	Censored int
	// Notes are warnings that belong beside every figure made of the panel.
	Notes []string
}

// The groups of features.
const (
	// GroupMeasure holds the raw values of a scorecard's measures, GroupWorth what their curves make of them.
	GroupMeasure = "measure"
	GroupWorth   = "worth"
	// GroupMetric holds the policy's metrics, GroupBasic recency, frequency and money by family of events, and tenure.
	GroupMetric = "metric"
	GroupBasic  = "basic"
	// GroupColumn holds the columns of a table.
	GroupColumn = "column"
)

// Feature describes a column.
type Feature struct {
	// Key is unique within a panel, Title is for people.
	Key, Title string
	// Group is one of the groups above.
	Group string
	// Direction is 1 where more is declared to be good for the customer, -1 where less is, 0 where nothing is declared.
	Direction int
}

// Row is what was known of one customer at one moment, and what came of it.
type Row struct {
	Customer string
	At       time.Time
	// X holds the features' values, NaN where nothing was known.
	X []float64
	// Label says that the outcome came about.
	Label bool
	// MRR is the recurring revenue at At in major units, 0 where none is known.
	MRR float64
	// Segment is what the customer is grouped by, "" without groups.
	Segment string
	// Score is the card's score, NaN where too little was known; Band its band.
	Score float64
	Band  string
}
