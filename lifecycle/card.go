package lifecycle

import (
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// scoring is the part of a policy that says how customers are doing.
type scoring struct {
	// scores are in the order in which their names first stand in the file; health is always among them.
	scores   []scoreSet
	verdicts []verdict
}

// scoreSet is a score with its scorecards, of which the first that applies is taken.
type scoreSet struct {
	name  string
	cards []*scorecard
}

// healthName is the score that every policy has.
const healthName = "health"

// scoreNames lists the names of the scores.
func (s *scoring) scoreNames() []string {
	var out []string
	for _, set := range s.scores {
		out = append(out, set.name)
	}
	return out
}

// method is how a scorecard makes one answer of its measures.
type method int8

const (
	weighted method = iota
	allOrNone
	gradedAllOrNone
	sideBySide
)

func (m method) String() string {
	return [...]string{"weighted", "all_or_none", "all_or_none", "side_by_side"}[m]
}

type scorecard struct {
	name, key, title, version string
	intent, outcome           string
	path                      string // where it stands in the file
	horizon                   int    // days, 0 where it is not told
	method                    method
	// forecast says that the card foretells and gives no alarm, so that it may rest on what nobody can influence.
	forecast  bool
	appliesTo []string
	stages    []int
	when      *expression // nil for always
	// cuts are where red ends and where green begins; for side_by_side those of the groups.
	cuts [2]cut
	// confirm is how many readings in a row it takes to change the band.
	confirm int16
	// sufficiency is the share of the weight that must be known, redistribute the largest share that may be missing with
	// its weight given to others.
	sufficiency, redistribute float64
	excludeAbsent             bool
	groups                    []group
	caps                      []ceiling
	table                     []tableRow
}

// mostGroups bounds the groups of a scorecard.
const mostGroups = 16

type group struct {
	key, title string
	weight     float64
	measures   []measure
}

// policies for what is missing.
type absence int8

const (
	redistributed absence = iota
	neutral
	wholeNA
	structuralZero
)

type measure struct {
	key, title, unit, counted, doc string
	only                           string
	onlyIf                         *expression
	weight                         float64
	value                          *expression
	// baseline guards a trend: how many events the time before had, and must have had.
	baseline    *expression
	minBaseline float64
	// delivered and fresh are the kinds of a measure of sources; no value then.
	delivered, fresh kindSet
	needs            []canon.Kind
	needsSet, rests  kindSet // needs as a set; with what only_if reads
	window           int     // the days that the value looks back on, 0 for all
	missing          absence
	maxAge           int  // days, 0 for any
	halve            bool // of an outdated value: it weighs half, and is not left out
	required         bool
	good, fair       float64
	curve            curve
	reason, zero     template // zero is for the value 0, nil where the same words do
	// What people think of the measure.
	direction              string
	influenceable, leading bool
	integer                bool // only whole values occur
	play, hypothesis       string
	path                   string // where it stands in the file
}

// ofSources says whether the measure is one of sources, and not of events.
func (m *measure) ofSources() bool { return m.value == nil }

type ceiling struct {
	key    string
	max    float64
	when   *expression
	reason template
	// lapse is days_since of the event that the cap follows compared with its days, nil where it does not lapse.
	lapse *expression
	cause int // pattern of that event
	days  int
	until int64 // never where it has no date
	rests kindSet
}

// tableRow is a row of the table of side_by_side: the bands that each group may have, as a set of bits.
type tableRow struct {
	when    []uint8
	verdict string
	band    int8
	reason  string
}

// The bands of a score, in order. The zero band is unknown.
const (
	noBand int8 = iota
	redBand
	yellowBand
	greenBand
)

func bandName(b int8) string {
	return [...]string{bandUnknown, "red", "yellow", "green"}[b]
}

func bandOf(name string) int8 {
	return int8(max(0, slices.Index([]string{bandUnknown, "red", "yellow", "green"}, name)))
}

// kindSet is a set of kinds of entity.
type kindSet uint16

func setOf(kinds []canon.Kind) (s kindSet) {
	for i, k := range canon.Kinds() {
		if slices.Contains(kinds, k) {
			s |= 1 << i
		}
	}
	return s
}

// size counts the kinds.
func (s kindSet) size() (n int) {
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

// trust says which kinds' silence can be believed. What is neither fresh nor stale is delivered by nobody.
type trust struct{ fresh, stale kindSet }

// trustOn tells what can be trusted of the UTC day whose last microsecond is end.
func (f *Facts) trustOn(end int64) (t trust) {
	for i, k := range canon.Kinds() {
		ok, delivered := f.Sources[k]
		if !ok && delivered {
			until, told := f.Trusted[k]
			ok = told && end <= until.UnixMicro()
		}
		switch {
		case ok:
			t.fresh |= 1 << i
		case delivered:
			t.stale |= 1 << i
		}
	}
	return t
}

// inForce returns the override of a field that holds at a moment, of several the one said last, and the first later
// moment at which that may change.
func inForce(list []canon.Override, field string, t int64) (found *canon.Override, next int64) {
	next = never
	for i := range list {
		o := &list[i]
		if o.Field != field {
			continue
		}
		from, until := o.From.UnixMicro(), o.Until.UnixMicro()
		if !o.RevokedAt.IsZero() {
			until = min(until, o.RevokedAt.UnixMicro())
		}
		for _, at := range []int64{from, until} {
			if at > t {
				next = min(next, at)
			}
		}
		if from > t || until <= t {
			continue
		}
		if found == nil || o.RecordedAt.After(found.RecordedAt) || o.RecordedAt.Equal(found.RecordedAt) && o.ID > found.ID {
			found = o
		}
	}
	return found, next
}

// momentOf turns microseconds into a time; the zero time where there is no moment.
func momentOf(t int64) time.Time {
	if t <= always || t == never {
		return time.Time{}
	}
	return time.UnixMicro(t).UTC()
}
