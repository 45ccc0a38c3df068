package evidence

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Options say what is tried, and how.
type Options struct {
	// Policy holds the scorecard on trial, Previous an earlier version of it to compare with, nil without.
	Policy, Previous *lifecycle.Policy
	// Score names the scorecard; "" is health.
	Score string
	Label Label
	// Horizon and Gap are days: the outcome must be decided after the gap and within the horizon behind it. MinTenure is
	// how many days a customer must have been one.
	Horizon, Gap, MinTenure int
	// Before looks at customers so many days before the day by which they decide on their renewal, as it was known then,
	// instead of on the first of every month. The horizon then begins at that day.
	Before []int
	// From and To bound the moments at which customers are looked at; zero is as far as the events reach.
	From, To time.Time
	// End is when observation ends.
	End time.Time
	// Known says from when on a fact counts as known; "" is KnownImported. Backfilled tells when the first round of each
	// stream, "connection/stream", ended.
	Known      Knowledge
	Backfilled map[string]time.Time
	// Sources are the kinds that are delivered.
	Sources canon.Sources
	// SegmentBy groups customers: stage, type, or a field of the golden record as it is now. "" is stage.
	SegmentBy string
	// Capacity is how many customers the team can work with at a time; 0 is a tenth of them.
	Capacity int
	// MaxRows bounds memory: beyond it, whole customers are left out by lot. 0 means 200,000.
	MaxRows int
	// Seed makes every draw come again.
	Seed uint64
	// Replicates is how often intervals are drawn for; 0 means 400.
	Replicates int
}

// defaultRows is the most rows that are kept.
const defaultRows = 200000

// WithDefaults fills in what was left out.
func (o Options) WithDefaults() Options {
	if o.Score == "" {
		o.Score = "health"
	}
	if o.Horizon <= 0 {
		o.Horizon = 90
		if len(o.Before) > 0 {
			o.Horizon = 30
		}
	}
	if o.Label.Days > 0 {
		o.Horizon = o.Label.Days
	}
	if o.Gap < 0 {
		o.Gap = 30
		if o.Label.kind == outcomeSilence || len(o.Before) > 0 {
			// Silence has no moment of decision that could be too near: it begins with the last sign of life. A deadline
			// is as far ahead as the look says.
			o.Gap = 0
		}
	}
	if o.Known == "" {
		o.Known = KnownImported
	}
	if o.SegmentBy == "" {
		o.SegmentBy = "stage"
	}
	if o.MaxRows <= 0 {
		o.MaxRows = defaultRows
	}
	if o.Replicates <= 0 {
		o.Replicates = 400
	}
	o.End, o.From, o.To = o.End.UTC(), o.From.UTC(), o.To.UTC()
	return o
}

// guardDays is how near to a decision an event must stand to be suspected.
func (o *Options) guardDays() int { return max(o.Gap, 14) }

func (o *Options) guard() time.Duration { return time.Duration(o.guardDays()) * 24 * time.Hour }

// scope returns the span that the label looks at from t on.
func (o *Options) scope(t time.Time) scope {
	open := t.AddDate(0, 0, o.Gap)
	return scope{t, open, open.AddDate(0, 0, o.Horizon)}
}

// moments returns the first of every month in the period in which anything was known.
func (o *Options) moments(v *Survey) []time.Time {
	from, to := v.First, o.End
	if o.From.After(from) {
		from = o.From
	}
	if !o.To.IsZero() && o.To.Before(to) {
		to = o.To
	}
	t := time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC)
	if t.Before(from) {
		t = t.AddDate(0, 1, 0)
	}
	var out []time.Time
	for ; !t.After(to) && len(out) < 1200; t = t.AddDate(0, 1, 0) {
		out = append(out, t)
	}
	return out
}

// share is the part of the customers that can be kept within the bound on rows.
func (o *Options) share(v *Survey, moments int) float64 {
	looks := float64(moments)
	if len(o.Before) > 0 {
		// A year or more lies between two deadlines of most; who has more of them is still bounded.
		looks = float64(len(o.Before)) * (1 + looks/12)
	}
	return min(1, float64(o.MaxRows)/math.Max(1, float64(v.Customers)*looks))
}

// inParallel calls fn for each item and returns what it gives, in order.
func inParallel[In, Out any](items []In, fn func(*In) Out) []Out {
	out := make([]Out, len(items))
	n := min(runtime.GOMAXPROCS(0), 8)
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			for i := w; i < len(items); i += n {
				out[i] = fn(&items[i])
			}
		})
	}
	wg.Wait()
	return out
}

func sentence(format string, args ...any) string { return fmt.Sprintf(format, args...) }
