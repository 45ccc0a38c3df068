package timeline

import (
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Readings, answers and touches are planned facts: a date in the future (a meeting next week, a clock that is
// ahead) waits for its time.

// person names whose doing it was by an id that is derived from their record or address and tells neither; "" where the
// source names nobody. One person who is known by several records has several such ids.
func person(e canon.Entity) string {
	for _, o := range e.Owners {
		switch {
		case o.Kind != canon.KindContact:
		case o.Ref != canon.Ref{}:
			return canon.ID("p", o.Ref.String())
		case o.Email != "":
			return canon.ID("p", strings.ToLower(strings.TrimSpace(o.Email)))
		}
	}
	return ""
}

func usageFacts(e canon.Entity, b *canon.Usage) []fact {
	f := fact{typ: "usage.recorded", key: "recorded" + stamp(b.At), at: b.At, planned: true, value: number(b.Quantity), data: map[string]any{}}
	put(f.data, "feature", b.Feature)
	put(f.data, "person", person(e))
	f.summary = "Used " + product(b) + ": " + decimal(b.Quantity) + "."
	return []fact{f}
}

// usageChanges tells a corrected reading as the difference, at the time of the reading, so that sums over
// readings stay right.
func usageChanges(old, b *canon.Usage, after State) []fact {
	if old.Quantity == b.Quantity || !finite(b.Quantity-old.Quantity) || !old.At.Equal(b.At) || b.At.After(after.At) {
		return nil
	}
	f := fact{typ: "usage.recorded", at: b.At, versioned: true, value: number(b.Quantity - old.Quantity)}
	f.data = map[string]any{"corrected": true, "from": old.Quantity, "to": b.Quantity}
	put(f.data, "feature", b.Feature)
	put(f.data, "person", person(after.Entity))
	f.summary = "Use of " + product(b) + " was corrected from " + decimal(old.Quantity) + " to " + decimal(b.Quantity) + "."
	return []fact{f}
}

func product(b *canon.Usage) string {
	if feature := plain(b.Feature); feature != "" {
		return feature
	}
	return "the product"
}

func surveyFacts(e canon.Entity, b *canon.Survey) []fact {
	f := answer(e, b)
	f.at, f.planned = b.At, true
	return []fact{f}
}

// surveyChanges tells of an answer that was given anew without a new date.
func surveyChanges(old, b *canon.Survey, after State) []fact {
	same := old.Score == b.Score && old.Type == b.Type
	if same || !finite(b.Score) || !old.At.Equal(b.At) || b.At.After(after.At) {
		return nil
	}
	return []fact{answer(after.Entity, b)}
}

func answer(e canon.Entity, b *canon.Survey) fact {
	f := fact{
		typ: "survey." + b.Type, key: "answered" + stamp(b.At), value: number(b.Score),
		summary: "Answered a survey (" + strings.ToUpper(b.Type) + ") with " + decimal(b.Score) + ".", data: map[string]any{},
	}
	put(f.data, "person", person(e))
	return f
}

func activityFacts(e canon.Entity, b *canon.Activity) []fact {
	f := fact{typ: "touch." + b.Type, key: "touch", at: b.At, planned: true, data: map[string]any{}}
	put(f.data, "direction", b.Direction)
	put(f.data, "by", b.By)
	put(f.data, "person", person(e))
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
