package play

import (
	"fmt"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/lifecycle"
)

// Words says in a few words when a trigger comes.
func Words(t lifecycle.Trigger) string {
	of := t.Score
	if of == "" {
		of = t.Metric
	}
	from := ""
	if len(t.From) > 0 {
		from = " from " + strings.Join(t.From, " or ")
	}
	switch t.Kind {
	case lifecycle.TriggerEnters, lifecycle.TriggerLeaves:
		if t.Segment != "" {
			return t.Kind + " the segment " + t.Segment
		}
		return t.Kind + " " + strings.Join(t.Stages, " or ") + from
	case lifecycle.TriggerBelow:
		return fmt.Sprintf("%s falls below %s", of, figure(t.Value))
	case lifecycle.TriggerAbove:
		return fmt.Sprintf("%s reaches %s", of, figure(t.Value))
	case lifecycle.TriggerBand:
		return of + " turns " + strings.Join(t.To, " or ") + from
	case lifecycle.TriggerDrops:
		return fmt.Sprintf("%s drops by %s within %s", of, figure(t.Value), words(t.Within))
	case lifecycle.TriggerRises:
		return fmt.Sprintf("%s rises by %s within %s", of, figure(t.Value), words(t.Within))
	case lifecycle.TriggerEvent:
		var delays []string
		for _, d := range t.Delays {
			if d > 0 {
				delays = append(delays, words(d))
			}
		}
		if len(delays) == 0 {
			return t.Events.String()
		}
		return strings.Join(delays, ", ") + " after " + t.Events.String()
	case lifecycle.TriggerBefore:
		var days []string
		for _, d := range t.Days {
			days = append(days, fmt.Sprint(d))
		}
		return strings.Join(days, ", ") + " days before " + dateWords(t.Date)
	case lifecycle.TriggerRule:
		return t.When.Source()
	}
	return ""
}

func dateWords(d lifecycle.DateSource) string {
	var out []string
	if d.Field != "" {
		out = append(out, "the date in the field "+d.Field)
	}
	if !d.Events.IsZero() {
		out = append(out, "the "+d.Data+" that "+d.Events.String()+" tells")
	}
	if !d.Anniversary.IsZero() {
		out = append(out, fmt.Sprintf("every %s after %s", words(d.Every), d.Anniversary))
	}
	return strings.Join(out, ", else ")
}

// Guarded says in sentences what may hold a play back.
func Guarded(p lifecycle.Play, rules lifecycle.PlayRules) []string {
	var out []string
	add := func(on bool, format string, args ...any) {
		if on {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	add(p.For > 0, "must last %s", words(p.For))
	add(p.Consecutive > 1, "must be seen at %d daily readings in a row", p.Consecutive)
	add(!p.When.IsZero(), "only where %s", p.When.Source())
	add(!p.Trigger.CancelledBy.IsZero(), "void once %s tells of the same object", p.Trigger.CancelledBy)
	add(p.Reentry == "never", "once only")
	add(p.Reentry == "cycle", "once in each turn through the lifecycle")
	add(p.Most > 0, "at most %d times within %s", p.Most, words(p.Per))
	add(p.Cooldown > 0, "rests for %s", words(p.Cooldown))
	for _, c := range rules.Categories {
		add(c.Key == p.Category && c.Cooldown > 0, "its category rests for %s", words(c.Cooldown))
	}
	for _, b := range rules.Blackouts {
		for _, key := range p.Blackouts {
			add(key == b.Key, "held back while %s%s", b.Title, afterWords(b.After))
		}
	}
	add(p.Offer != "", "one offer of the kind %s at a time, for %s; %d kinds at once", p.OfferKind, words(p.OfferLive), rules.Offers)
	add(p.Exclusive, "at most one such play on a day")
	add(p.Holdout > 0, "%.3g %% of the customers do not get it", p.Holdout*100)
	add(p.Defer > 0, "tried again for %s", words(p.Defer))
	return out
}

func afterWords(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return " and " + words(d) + " beyond"
}
