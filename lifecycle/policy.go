package lifecycle

import (
	"github.com/lifecyclehub/hub/canon"
)

// Policy is a parsed policy file: the stage graph, the flags and the scorecard. It does not change once
// parsed and may be used by many goroutines at once.
type Policy struct {
	name, version string
	// file and source are what the policy was read from.
	file   string
	source []byte
	spec   policySpec
	where  places
	stages []stage
	flags  []flag
	rules  []rule
	// rulePaths are where the rules stand in the file.
	rulePaths []string
	// leaving lists, per stage, the rules that lead out of it; the last element those out of nowhere.
	leaving    [][]int
	patterns   []pattern
	parameters []*parameter
	metrics    []metric
	// cohorts are the metrics that are held against other customers.
	cohorts []string
	// fingerprint is a sum of the file, sorting what is remembered of event types.
	fingerprint uint64
	sorting     sorting
	tails       tails
	asked       asked
	scoring
	playing
}

// Stage describes a node of the stage graph, in the order of the policy file.
type Stage struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Doc   string `json:"doc,omitempty"`
	// Customer marks the stages of a paying relationship, Exit those after its end.
	Customer bool `json:"customer,omitempty"`
	Exit     bool `json:"exit,omitempty"`
	// Stuck is after how many days in it a customer is stuck, nil where never.
	Stuck *Parameter `json:"stuck_after,omitempty"`
	// Metrics are the keys of the metrics that matter in it, Events the patterns of what happens in it.
	Metrics []string `json:"metrics,omitempty"`
	Events  []string `json:"events,omitempty"`
	Owners  Owners   `json:"owners"`
}

// Owners say which departments have which part in a stage.
type Owners struct {
	Responsible []string `json:"responsible,omitempty"`
	Accountable []string `json:"accountable,omitempty"`
	Consulted   []string `json:"consulted,omitempty"`
	Informed    []string `json:"informed,omitempty"`
}

type stage struct{ Stage }

// rule is an edge, or a bundle of them: from several stages into one.
type rule struct {
	name       string
	to         int
	from       []int // positions of stages; len(stages) for start
	when       *expression
	dwell      int64
	precedence int
	reason     template
	needs      []canon.Kind
	// code is the reason in one word, nextCycle says that another turn through the lifecycle begins.
	code      string
	nextCycle bool
}

// Flag describes an overlay that may hold in any stage.
type Flag struct {
	Key   string `json:"key"`
	Label string `json:"label"`
	Doc   string `json:"doc,omitempty"`
}

type flag struct {
	Flag
	stages []int
	when   *expression
}

// Name returns the policy's name and version, "default@1.0.0".
func (p *Policy) Name() string { return p.name + "@" + p.version }

// Doc is what the policy says of itself.
func (p *Policy) Doc() string { return p.spec.Doc }

// ScoreNames lists the names of the scores.
func (p *Policy) ScoreNames() []string { return p.scoreNames() }

// Stages lists the stages in the order of the policy file.
func (p *Policy) Stages() []Stage {
	out := make([]Stage, len(p.stages))
	for i, s := range p.stages {
		out[i] = s.Stage
	}
	return out
}

// Flags lists the flags in the order of the policy file. An assessment may also carry stage_unconfirmed,
// which is Hub's own.
func (p *Policy) Flags() []Flag {
	var out []Flag
	for _, f := range p.flags {
		// A flag of several rules stands once.
		if len(out) == 0 || out[len(out)-1].Key != f.Key {
			out = append(out, f.Flag)
		}
	}
	return out
}

// Edge describes a rule of the graph: an edge, or a bundle of them into one stage.
type Edge struct {
	Rule string   `json:"rule"`
	From []string `json:"from"`
	To   string   `json:"to"`
	When string   `json:"when"`
	// For is how long it must hold, Code the reason in one word.
	For        string `json:"for,omitempty"`
	Code       string `json:"reason_code,omitempty"`
	Precedence int    `json:"precedence,omitempty"`
	// NextCycle says that another turn begins by it.
	NextCycle bool `json:"next_cycle,omitempty"`
}

// Rules lists the rules of the graph by the stages that they lead into. From is "start" for a customer in no stage yet.
func (p *Policy) Rules() []Edge {
	var out []Edge
	for to := range p.stages {
		for _, r := range p.rules {
			if r.to != to {
				continue
			}
			one := Edge{Rule: r.name, To: p.stages[to].Key, When: r.when.source, For: dwellWords(r.dwell), Code: r.code, Precedence: r.precedence, NextCycle: r.nextCycle}
			for _, from := range r.from {
				key := start
				if from < len(p.stages) {
					key = p.stages[from].Key
				}
				one.From = append(one.From, key)
			}
			out = append(out, one)
		}
	}
	return out
}
