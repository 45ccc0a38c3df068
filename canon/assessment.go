package canon

import "time"

// Assessment is where a customer stands and how they are doing, as of a time, with reasons.
type Assessment struct {
	Customer string `json:"customer"`
	// At is the moment that the answer holds for, RecordedAt when it was computed.
	At         time.Time `json:"at"`
	RecordedAt time.Time `json:"recorded_at,omitzero"`
	// Policy is the lifecycle policy's name and version, "default@1.0.0".
	Policy string `json:"policy"`
	// Stage is the key of the stage graph's node, "" while nothing qualifies for any.
	Stage      string    `json:"stage"`
	StageLabel string    `json:"stage_label,omitempty"`
	StageSince time.Time `json:"stage_since,omitzero"`
	// StageReason is one sentence; StageEvidence the ids of the events behind it.
	StageReason   string   `json:"stage_reason,omitempty"`
	StageEvidence []string `json:"stage_evidence,omitempty"`
	// Cycle counts the customer's turns through the lifecycle from 1.
	Cycle  int      `json:"cycle,omitempty"`
	Flags  []string `json:"flags,omitempty"`
	Health Score    `json:"health"`
	// Scores are the outcomes of the other scorecards, in the order of the policy.
	Scores []Score `json:"scores,omitempty"`
	// Verdict sums the scores up in one word of the policy, VerdictReason in one sentence.
	Verdict       string `json:"verdict,omitempty"`
	VerdictReason string `json:"verdict_reason,omitempty"`
	// Segments are the keys of the segments that the customer is in.
	Segments []string `json:"segments,omitempty"`
	// Metrics holds the policy's metrics that are known, by key.
	Metrics map[string]float64 `json:"metrics,omitempty"`
	// Overrides are the human overrides in force.
	Overrides []Override `json:"overrides,omitempty"`
	// MRR is the recurring revenue at At, nil where none is known. Several currencies are not added up:
	// the largest stands here.
	MRR *Money `json:"mrr,omitempty"`
	// NextAt is when the answer may next change with time alone; zero for never.
	NextAt time.Time `json:"next_at,omitzero"`
}

// Score is the outcome of a scorecard.
type Score struct {
	Name string `json:"name"`
	// Value is 0 to 100, nil where too little is known.
	Value *float64 `json:"value"`
	// Band is "green", "yellow", "red" or "unknown".
	Band string `json:"band"`
	// Coverage is the share of weight, 0 to 1, whose measures are known.
	Coverage float64 `json:"coverage"`
	// Contributions add up to Value before caps: the sum of Points is the value, the sum of PointsLost is
	// 100 minus the value.
	Contributions []Contribution `json:"contributions"`
	Caps          []Cap          `json:"caps,omitempty"`
	// Version is the scorecard's, "health@1.0.0", Card the one of several of a name that applied, Method how it was
	// worked out: weighted, all_or_none or side_by_side.
	Version string `json:"version,omitempty"`
	Card    string `json:"card,omitempty"`
	Method  string `json:"method,omitempty"`
	// Raw is the value before caps and overrides, nil where too little is known.
	Raw *float64 `json:"raw,omitempty"`
	// Held says that the band is the last known one, kept while a source cannot be trusted.
	Held bool `json:"held,omitempty"`
	// BandSince is the day of the reading by which the band began.
	BandSince time.Time `json:"band_since,omitzero"`
	// Oldest is when the oldest of the values was last told.
	Oldest time.Time `json:"oldest_input_at,omitzero"`
	// Groups are the scorecard's groups with what each came to.
	Groups []GroupScore `json:"groups,omitempty"`
	// Verdict and VerdictReason are what a side_by_side scorecard's table makes of its groups.
	Verdict       string `json:"verdict,omitempty"`
	VerdictReason string `json:"verdict_reason,omitempty"`
	// Computed is what Hub worked out, where a human's override stands in its place; nil where none does.
	Computed *Computed `json:"computed,omitempty"`
}

// Computed is a score's answer without overrides.
type Computed struct {
	// Value is nil where too little is known.
	Value *float64 `json:"value"`
	Band  string   `json:"band"`
}

// GroupScore is what a group of measures came to.
type GroupScore struct {
	Group string `json:"group"`
	// Value is 0 to 100, nil where nothing of the group is known.
	Value  *float64 `json:"value"`
	Band   string   `json:"band"`
	Weight float64  `json:"weight"`
}

// Contribution is what one measure adds to a score.
type Contribution struct {
	Measure string `json:"measure"`
	Title   string `json:"title"`
	Group   string `json:"group"`
	// Value is the measure's raw value, nil where NA.
	Value *float64 `json:"value"`
	Unit  string   `json:"unit,omitempty"`
	// NA tells why the value is missing, "" where it is known.
	NA string `json:"na,omitempty"`
	// Curve is the value's worth, 0 to 100; Weight its effective share, 0 to 1, after missing measures
	// were left out; Points = Weight × Curve, PointsLost = Weight × (100 − Curve).
	Curve      float64 `json:"curve"`
	Weight     float64 `json:"weight"`
	Points     float64 `json:"points"`
	PointsLost float64 `json:"points_lost"`
	// Reason is one sentence; Evidence the ids of the newest events behind the value.
	Reason   string   `json:"reason"`
	Evidence []string `json:"evidence,omitempty"`
	// Band is good, fair or poor, Window the days that the value looks back on, NewestAt when the newest event behind it
	// occurred, Stale that it is older than the measure allows.
	Band     string    `json:"band,omitempty"`
	Window   string    `json:"window,omitempty"`
	NewestAt time.Time `json:"newest_at,omitzero"`
	Stale    bool      `json:"stale,omitempty"`
}

// Cap is a ceiling that held a score down.
type Cap struct {
	Name   string  `json:"name"`
	Max    float64 `json:"max"`
	Reason string  `json:"reason"`
	// Until is when the cap expires, zero for as long as its rule holds.
	Until time.Time `json:"until,omitzero"`
}

// Sources tells, per kind of entity, whether Hub may trust its silence: true where at least one connection
// delivers the kind and every such connection is fresh. A kind that is absent is delivered by nobody.
type Sources map[Kind]bool
