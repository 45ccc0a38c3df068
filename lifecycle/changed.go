package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// bandUnknown is the band of a score of which too little is known.
const bandUnknown = "unknown"

// ScoreChanges returns the score.changed events that lead from one assessment to the next: one per score whose band
// moved, or whose first band became known. Seq tells a customer's score changes apart and is part of the events' ids.
func ScoreChanges(prev *canon.Assessment, next canon.Assessment, seq int64) []canon.Event {
	var out []canon.Event
	add := func(to canon.Score) {
		from := canon.Score{Band: bandUnknown}
		if was := scoreOf(prev, to.Name); was != nil && was.Band != "" {
			from = *was
		}
		if to.Band != "" && to.Band != from.Band {
			out = append(out, scoreChange(next, from, to, seq))
		}
	}
	add(next.Health)
	for _, s := range next.Scores {
		add(s)
	}
	return out
}

func scoreChange(a canon.Assessment, from, to canon.Score, seq int64) canon.Event {
	data := map[string]any{"score": to.Name, "from_band": from.Band, "to_band": to.Band}
	if from.Value != nil {
		data["from"] = *from.Value
	}
	if to.Value != nil {
		data["to"] = *to.Value
	}
	if to.Computed != nil {
		data["overridden"] = true
	}
	if to.Version != "" {
		data["version"] = to.Version
	}
	// Health is the score that every policy has, and its changes were told before there were others.
	id := canon.ID("ev", a.Customer, "score", strconv.FormatInt(seq, 10))
	if to.Name != healthName {
		id = canon.ID("ev", a.Customer, "score", to.Name, strconv.FormatInt(seq, 10))
	}
	return canon.Event{
		ID: id, Type: "score.changed", Customer: a.Customer, OccurredAt: a.At, Summary: scoreSummary(from, to), Value: to.Value, Data: data,
	}
}

func scoreSummary(from, to canon.Score) string {
	name := spoken(to.Name)
	was, is := inWords(from), inWords(to)
	var head string
	switch {
	case to.Band == bandUnknown:
		head = fmt.Sprintf("%s is no longer known (it was %s)", name, from.Band)
	case from.Band == bandUnknown && to.Value != nil:
		head = fmt.Sprintf("%s is %s at %.0f", name, to.Band, *to.Value)
	case from.Band == bandUnknown:
		head = fmt.Sprintf("%s is %s", name, to.Band)
	default:
		head = fmt.Sprintf("%s went from %s to %s", name, was, is)
	}
	if reasons := topReasons(to); len(reasons) > 0 {
		return head + ": " + strings.Join(reasons, "; ")
	}
	return head
}

// spoken is a key as a sentence begins with it.
func spoken(key string) string {
	key = strings.ReplaceAll(key, "_", " ")
	return strings.ToUpper(key[:min(1, len(key))]) + key[min(1, len(key)):]
}

// inWords is a score's band with its value.
func inWords(s canon.Score) string {
	if s.Value == nil {
		return s.Band
	}
	return fmt.Sprintf("%s (%.0f)", s.Band, *s.Value)
}

// topReasons are the two reasons that weigh most: caps first, then for a good band what adds most, for any
// other what costs most; where the score is unknown, what is missing.
func topReasons(to canon.Score) []string {
	var out []string
	for _, c := range to.Caps {
		out = append(out, c.Reason)
	}
	rows := slices.Clone(to.Contributions)
	weight := func(c canon.Contribution) float64 { return c.PointsLost }
	switch to.Band {
	case bandUnknown:
		weight = func(c canon.Contribution) float64 { return float64(min(len(c.NA), 1)) }
	case "green":
		weight = func(c canon.Contribution) float64 { return c.Points }
	}
	slices.SortStableFunc(rows, func(a, b canon.Contribution) int { return cmp.Compare(weight(b), weight(a)) })
	for _, c := range rows {
		if weight(c) > 0 && c.Reason != "" && !slices.Contains(out, c.Reason) {
			out = append(out, c.Reason)
		}
	}
	return out[:min(2, len(out))]
}
