package evidence

import (
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// The ways in which the day by which a customer decides can be known.
const (
	// deadlineTold is named by an event, deadlineReckoned comes back with the anniversary of one.
	deadlineTold     = "told"
	deadlineReckoned = "reckoned"
)

// deadlines tell by which day a customer decides on its renewal, as it was known at a moment: the day that the last renewal
// names, else the next anniversary that the policy's plays count by. Fields of the golden record have no history, and tell
// nothing here.
type deadlines struct {
	source *lifecycle.DateSource
	named  []dated
	bases  []dated
}

// dated is a statement that tells a day, with the span in which it was believed.
type dated struct {
	at, known, until time.Time
	id               string
	day              time.Time
}

// deadlineSource is what the policy's plays know a deadline by; nil where no play comes before a day.
func deadlineSource(p *lifecycle.Policy) *lifecycle.DateSource {
	for _, play := range p.Plays() {
		if play.Trigger.Kind == lifecycle.TriggerBefore {
			return &play.Trigger.Date
		}
	}
	return nil
}

// mostDated bounds how many statements are kept of a customer: those that came last.
const mostDated = 1000

func newDeadlines(source *lifecycle.DateSource, told []believed) *deadlines {
	d := &deadlines{source: source}
	for i := range told {
		b := &told[i]
		one := dated{at: b.ev.OccurredAt, known: b.known(), until: b.until, id: b.ev.ID}
		if text := d.names(&b.ev); text != "" {
			if day, ok := dayIn(text); ok {
				one.day = day
				d.named = append(d.named, one)
			}
		}
		if source != nil && source.Anniversary.Takes(b.ev) {
			one.day = floorDay(b.ev.OccurredAt)
			d.bases = append(d.bases, one)
		}
	}
	for _, list := range []*[]dated{&d.named, &d.bases} {
		*list = (*list)[max(0, len(*list)-mostDated):]
	}
	return d
}

// names returns the text in which an event names the day. Where no play says otherwise a renewal names the next one.
func (d *deadlines) names(e *canon.Event) string {
	key := "renews_at"
	switch {
	case d.source == nil && e.Type != "subscription.renewed":
		return ""
	case d.source != nil && !d.source.Events.Takes(*e):
		return ""
	case d.source != nil:
		key = d.source.Data
	}
	text, _ := e.Data[key].(string)
	return text
}

// dayIn reads a date, or the day of a moment, between the years 1970 and 2200.
func dayIn(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			return floorDay(t), true
		}
	}
	return time.Time{}, false
}

func floorDay(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// lastKnown returns the statement that occurred last of those that were believed at t.
func lastKnown(list []dated, t time.Time) (out dated, ok bool) {
	for _, d := range list {
		if d.known.After(t) || !d.until.IsZero() && !d.until.After(t) {
			continue
		}
		if !ok || d.at.After(out.at) || d.at.Equal(out.at) && d.id >= out.id {
			out, ok = d, true
		}
	}
	return out, ok
}

// at returns the day by which the customer decides, as known at t, and how it is known; "" where it is not.
func (d *deadlines) at(t time.Time) (time.Time, string) {
	named, told := lastKnown(d.named, t)
	base, based := lastKnown(d.bases, t)
	based = based && d.source.Every > 0
	switch {
	case told && (named.day.After(t) || !based):
		return named.day, deadlineTold
	case based:
		return floorDay(base.day.Add((t.Sub(base.day)/d.source.Every + 1) * d.source.Every)), deadlineReckoned
	}
	return time.Time{}, ""
}

// mostLooks bounds at how many moments one customer is looked at.
const mostLooks = 1200

// looks are the moments that lie so many days before the deadline as it was known then, in order.
func (d *deadlines) looks(o *Options, first time.Time) (out []snapshot, how map[string]bool) {
	days := map[time.Time]bool{}
	furthest := o.End.AddDate(0, 0, slices.Max(o.Before))
	for _, n := range d.named {
		days[n.day] = true
	}
	for _, b := range d.bases {
		if d.source.Every < 24*time.Hour {
			break
		}
		for day := b.day.Add(d.source.Every); !day.After(furthest) && len(days) < 10*mostLooks; day = day.Add(d.source.Every) {
			days[floorDay(day)] = true
		}
	}
	how = map[string]bool{}
	for day := range days {
		for _, n := range o.Before {
			t := day.AddDate(0, 0, -n)
			if t.Before(first) || t.Before(o.From) || !o.To.IsZero() && t.After(o.To) || t.After(o.End) {
				continue
			}
			if is, by := d.at(t); is.Equal(day) {
				out = append(out, snapshot{at: t, days: n, scope: o.until(t, day)})
				how[by] = true
			}
		}
	}
	slices.SortFunc(out, func(a, b snapshot) int { return a.at.Compare(b.at) })
	return out[:min(len(out), mostLooks)], how
}

// until returns the span that the label looks at from t on to a deadline, and the horizon behind it.
func (o *Options) until(t, day time.Time) scope {
	open, end := t.AddDate(0, 0, o.Gap), day.AddDate(0, 0, o.Horizon)
	if end.Before(open) {
		end = open
	}
	return scope{t, open, end}
}

// reach is how many days ahead of a moment an outcome may lie.
func (o *Options) reach() int {
	if len(o.Before) > 0 {
		return max(o.Gap, slices.Max(o.Before)) + o.Horizon
	}
	return o.Gap + o.Horizon
}
