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

// ScoreChanged returns the score.changed event that leads from one assessment to the next, and whether
// there is one: where the band moved, or where a first band became known. Seq tells a customer's score
// changes apart and is part of the event's id.
func ScoreChanged(prev *canon.Assessment, next canon.Assessment, seq int64) (canon.Event, bool) {
	from := canon.Score{Band: bandUnknown}
	if prev != nil && prev.Health.Band != "" {
		from = prev.Health
	}
	to := next.Health
	if to.Band == "" || to.Band == from.Band {
		return canon.Event{}, false
	}
	data := map[string]any{"score": to.Name, "from_band": from.Band, "to_band": to.Band}
	if from.Value != nil {
		data["from"] = *from.Value
	}
	if to.Value != nil {
		data["to"] = *to.Value
	}
	return canon.Event{
		ID:         canon.ID("ev", next.Customer, "score", strconv.FormatInt(seq, 10)),
		Type:       "score.changed",
		Customer:   next.Customer,
		OccurredAt: next.At,
		Summary:    scoreSummary(from, to),
		Value:      to.Value,
		Data:       data,
	}, true
}

func scoreSummary(from, to canon.Score) string {
	name := strings.ToUpper(to.Name[:min(1, len(to.Name))]) + to.Name[min(1, len(to.Name)):]
	reasons := topReasons(to)
	var head string
	switch {
	case to.Value == nil:
		head = fmt.Sprintf("%s is no longer known (it was %s)", name, from.Band)
	case from.Value == nil:
		head = fmt.Sprintf("%s is %s at %.0f", name, to.Band, *to.Value)
	default:
		head = fmt.Sprintf("%s went from %s (%.0f) to %s (%.0f)", name, from.Band, *from.Value, to.Band, *to.Value)
	}
	if len(reasons) == 0 {
		return head
	}
	return head + ": " + strings.Join(reasons, "; ")
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
	switch {
	case to.Value == nil:
		weight = func(c canon.Contribution) float64 { return float64(min(len(c.NA), 1)) }
	case to.Band == "green":
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
