package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

func (w *world) AssessmentAt(_ context.Context, _ string, at, known time.Time) (canon.Assessment, error) {
	for _, a := range w.history {
		if !a.At.After(at) && (known.IsZero() || !a.RecordedAt.After(known)) {
			return a, nil
		}
	}
	return canon.Assessment{}, canon.Errorf("assessment.unknown", "nothing had been assessed of customer %s by then", "cu_1")
}

// Every score is explained: what it is for, what would change it, and what moved it since a moment.
func TestExplainSaysWhatWouldChangeAScore(t *testing.T) {
	w, policy := newWorld(), lifecycle.Default()
	var events []canon.Event
	for _, e := range []struct {
		typ  string
		days int
	}{{"subscription.started", 200}, {"invoice.paid", 190}, {"usage.recorded", 70}, {"usage.recorded", 20}, {"ticket.opened", 9}} {
		events = append(events, canon.Event{ID: "ev_" + e.typ, Type: e.typ, Customer: "cu_1", OccurredAt: noon.AddDate(0, 0, -e.days), Summary: e.typ})
		events[len(events)-1].ID += events[len(events)-1].OccurredAt.Format(time.DateOnly)
	}
	sources := canon.Sources{}
	for _, k := range canon.Kinds() {
		sources[k] = true
	}
	facts := lifecycle.Facts{Customer: "cu_1", Type: "company", Events: events, Sources: sources}
	now, then := policy.Assess(facts, noon).Assessment, policy.Assess(facts, noon.AddDate(0, 0, -40)).Assessment
	now.RecordedAt, then.RecordedAt = now.At, then.At
	w.customers[0].Assessment, w.history = &now, []canon.Assessment{now, then}
	h := newAPI(t, w, func(o *api.Options) { o.Policy = policy })
	got := decode(t, ask(t, h, "/api/v1/customers/cu_1/explain"))
	health := got["health"].(map[string]any)
	if health["intent"] == "" || health["version"] != "health@1.0.0" || health["since"] != then.At.Format(time.RFC3339) {
		t.Errorf("health is %v", health)
	}
	moved := 0.0
	for _, m := range health["moved"].([]any) {
		moved += m.(map[string]any)["points"].(float64)
	}
	if want := *now.Health.Raw - *then.Health.Raw; moved < want-1e-9 || moved > want+1e-9 || moved == 0 {
		t.Errorf("it moved by %v, and its measures by %v", want, moved)
	}
	would := health["would_change"].([]any)
	if len(would) == 0 || !strings.Contains(would[0].(map[string]any)["sentence"].(string), "would make health") {
		t.Errorf("nothing would change it: %v", health)
	}
	scores := got["scores"].([]any)
	if len(scores) != 3 || scores[0].(map[string]any)["name"] != "renewal" {
		t.Errorf("the other scores are %v", scores)
	}
	if got["verdict"].(map[string]any)["key"] != now.Verdict || now.Verdict == "" {
		t.Errorf("the verdict is %v", got["verdict"])
	}
	if n := len(got["evidence"].(map[string]any)); n != 0 {
		t.Errorf("%d events are told that the timeline does not have", n)
	}
}
