package timeline

import (
	"github.com/lifecyclehub/hub/canon"
)

func milestoneTypes() []Type {
	return []Type{
		{Type: "milestone.first_use", Sentence: "The customer used the product for the first time.", PII: PIINone},
		{Type: "milestone.first_feature_use", Sentence: "The customer used a feature for the first time.", Data: []string{"feature"}, PII: PIINone},
	}
}

// Milestones returns what the events in force of one customer tell for the first time: its first use of the product and
// of each feature, sorted by time and id. Each has one id for ever; an earlier use that becomes known later moves its
// moment. Events may come in any order.
func Milestones(customer string, events []canon.Event) []canon.Event {
	earliest := map[string]canon.Event{}
	for _, e := range events {
		if e.Type != "usage.recorded" || e.Data["corrected"] == true || e.Value == nil || *e.Value <= 0 {
			continue
		}
		feature, _ := e.Data["feature"].(string)
		for _, f := range []string{"", feature} {
			was, there := earliest[f]
			if !there || e.OccurredAt.Before(was.OccurredAt) || e.OccurredAt.Equal(was.OccurredAt) && e.ID < was.ID {
				earliest[f] = e
			}
		}
	}
	t := newTelling()
	for feature, e := range earliest {
		m := canon.Event{Type: "milestone.first_use", Customer: customer, OccurredAt: e.OccurredAt, Summary: "Used the product for the first time."}
		if feature != "" {
			m.Type, m.Data = "milestone.first_feature_use", map[string]any{"feature": feature}
			m.Summary = "Used " + product(&canon.Usage{Feature: feature}) + " for the first time."
		}
		m.ID = canon.ID("ev", customer, m.Type, feature)
		t.add([]canon.Event{m})
	}
	return t.sorted()
}
