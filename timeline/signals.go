package timeline

import (
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Readings, answers and touches are planned facts: a date in the future (a meeting next week, a clock that is
// ahead) waits for its time.

func usageFacts(b *canon.Usage) []fact {
	f := fact{typ: "usage.recorded", key: "recorded" + stamp(b.At), at: b.At, planned: true, value: number(b.Quantity), data: map[string]any{}}
	put(f.data, "feature", b.Feature)
	f.summary = "Used " + product(b) + ": " + decimal(b.Quantity) + "."
	return []fact{f}
}

// usageChanges tells a corrected reading as the difference, at the time of the reading, so that sums over
// readings stay right.
func usageChanges(old, b *canon.Usage, at time.Time) []fact {
	if old.Quantity == b.Quantity || !finite(b.Quantity-old.Quantity) || !old.At.Equal(b.At) || b.At.After(at) {
		return nil
	}
	f := fact{typ: "usage.recorded", at: b.At, versioned: true, value: number(b.Quantity - old.Quantity)}
	f.data = map[string]any{"corrected": true, "from": old.Quantity, "to": b.Quantity}
	put(f.data, "feature", b.Feature)
	f.summary = "Use of " + product(b) + " was corrected from " + decimal(old.Quantity) + " to " + decimal(b.Quantity) + "."
	return []fact{f}
}

func product(b *canon.Usage) string {
	if feature := plain(b.Feature); feature != "" {
		return feature
	}
	return "the product"
}

func surveyFacts(b *canon.Survey) []fact {
	f := answer(b)
	f.at, f.planned = b.At, true
	return []fact{f}
}

// surveyChanges tells of an answer that was given anew without a new date.
func surveyChanges(old, b *canon.Survey, at time.Time) []fact {
	same := old.Score == b.Score && old.Type == b.Type
	if same || !finite(b.Score) || !old.At.Equal(b.At) || b.At.After(at) {
		return nil
	}
	return []fact{answer(b)}
}

func answer(b *canon.Survey) fact {
	return fact{
		typ: "survey." + b.Type, key: "answered" + stamp(b.At), value: number(b.Score),
		summary: "Answered a survey (" + strings.ToUpper(b.Type) + ") with " + decimal(b.Score) + ".",
	}
}

func activityFacts(b *canon.Activity) []fact {
	f := fact{typ: "touch." + b.Type, key: "touch", at: b.At, planned: true, data: map[string]any{}}
	put(f.data, "direction", b.Direction)
	put(f.data, "by", b.By)
	f.summary = quoted(activityTitle(b.Type), "A "+activityNoun(b.Type), b.Subject)
	switch b.Direction {
	case "in":
		f.summary += " came from the customer."
	case "out":
		f.summary += " went to the customer."
	default:
		f.summary += " took place."
	}
	return []fact{f}
}

func activityNoun(typ string) string {
	switch typ {
	case "email":
		return "mail"
	case "other", "":
		return "touch"
	}
	return plain(typ)
}

func activityTitle(typ string) string {
	noun := activityNoun(typ)
	if noun == "" {
		return "Touch"
	}
	return strings.ToUpper(noun[:1]) + noun[1:]
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
