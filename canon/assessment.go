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
}

// Cap is a ceiling that held a score down.
type Cap struct {
	Name   string  `json:"name"`
	Max    float64 `json:"max"`
	Reason string  `json:"reason"`
}

// Sources tells, per kind of entity, whether Hub may trust its silence: true where at least one connection
// delivers the kind and every such connection is fresh. A kind that is absent is delivered by nobody.
type Sources map[Kind]bool
