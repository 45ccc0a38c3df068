package lifecycle

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// View is a finished assessment as the rules see it that come after it: verdicts, segments and plays.
type View struct {
	Assessment *canon.Assessment
	// Fields are those of the golden record, by name.
	Fields map[string]string
}

// ScoreOf returns the assessment's score of the name, nil where it has none.
func (v View) ScoreOf(name string) *canon.Score { return scoreOf(v.Assessment, name) }

// Score returns the value of a score. It is unknown where too little is known, and while the score is only held for
// want of a source that can be trusted: nothing may be triggered by what is not known.
func (v View) Score(name string) (float64, bool) {
	s := v.ScoreOf(name)
	if s == nil || s.Value == nil || s.Held {
		return 0, false
	}
	return *s.Value, true
}

// Band returns the band of a score, "unknown" where there is none.
func (v View) Band(name string) string {
	s := v.ScoreOf(name)
	if s == nil || s.Band == "" {
		return bandUnknown
	}
	return s.Band
}

// BandSince returns since when the score has been in its band; zero where it has none.
func (v View) BandSince(name string) time.Time {
	if s := v.ScoreOf(name); s != nil && s.Band != bandUnknown {
		return s.BandSince
	}
	return time.Time{}
}

// Metric returns a metric's value, where it is known and shown.
func (v View) Metric(key string) (float64, bool) {
	x, ok := v.Assessment.Metrics[key]
	return x, ok
}

// Flag says whether a flag is set.
func (v View) Flag(key string) bool { return slices.Contains(v.Assessment.Flags, key) }

// InSegment says whether the customer is in a segment.
func (v View) InSegment(key string) bool { return slices.Contains(v.Assessment.Segments, key) }

// Stage returns the key of the customer's stage.
func (v View) Stage() string { return v.Assessment.Stage }

// Field returns a field of the golden record, "" where it has none.
func (v View) Field(name string) string { return v.Fields[name] }

// scoreOf finds a score by name; health stands on its own.
func scoreOf(a *canon.Assessment, name string) *canon.Score {
	if a == nil {
		return nil
	}
	if a.Health.Name == name && name != "" {
		return &a.Health
	}
	for i := range a.Scores {
		if a.Scores[i].Name == name {
			return &a.Scores[i]
		}
	}
	return nil
}

// Rule is a compiled truth about a View. The zero Rule never holds.
type Rule struct {
	source string
	truth  viewTruth
	ages   []viewAge
	uses   []viewName
}

// Source returns the rule as it was written.
func (r Rule) Source() string { return r.source }

// IsZero says whether there is no rule at all.
func (r Rule) IsZero() bool { return r.truth == nil }

// Holds says whether the rule is true; what is not known makes no rule true.
func (r Rule) Holds(v View) bool { return r.truth != nil && r.truth(&v) == yes }

// Known says whether the rule is either true or false.
func (r Rule) Known(v View) bool { return r.truth != nil && r.truth(&v) != unknown }

// Next returns the first moment after the assessment's at which the rule may change with time alone; zero for never.
func (r Rule) Next(v View) time.Time {
	var first time.Time
	for _, a := range r.ages {
		from := a.from(&v)
		if from.IsZero() {
			continue
		}
		for _, d := range a.days {
			at := from.Add(time.Duration(d) * 24 * time.Hour)
			if at.After(v.Assessment.At) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// viewName is a name that a rule uses: a score, stage, flag, segment or metric.
type viewName struct{ kind, name string }

// viewAge is something of a View that ages, and the days at which a rule may change by it.
type viewAge struct {
	from func(*View) time.Time
	days []int
}

// Sentence is a compiled sentence about a View, with figures in braces.
type Sentence []func(*View) string

// Say fills the sentence in.
func (s Sentence) Say(v View) string {
	var b strings.Builder
	for _, piece := range s {
		b.WriteString(piece(&v))
	}
	return b.String()
}
