package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Evidence is looked up among the newest events only: what an assessment rests on is rarely older, and a
// customer with a million events must not cost a million rows.
const (
	evidencePage  = 500
	evidencePages = 4
	historyDepth  = 1000
)

type explainInput struct {
	ID string    `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
	At time.Time `query:"at" doc:"Explain what was known at this time instead of now"`
}

// explanation is an assessment told in the order in which a person asks: where, how, what cost the most, what
// is not known, and which events say so.
type explanation struct {
	Customer string            `json:"customer"`
	Name     string            `json:"name"`
	At       time.Time         `json:"at" doc:"The moment that the answer holds for"`
	Policy   string            `json:"policy" doc:"Name and version of the lifecycle policy"`
	Headline string            `json:"headline" doc:"The answer in one or two sentences"`
	Stage    explainedStage    `json:"stage"`
	Health   explainedHealth   `json:"health"`
	Evidence map[string]*event `json:"evidence" doc:"The events behind the answer by id, as far as they are recent"`
}

// event keeps the schema of evidence apart from null.
type event = canon.Event

type explainedStage struct {
	Key      string    `json:"key" doc:"Empty while nothing qualifies the customer for any stage"`
	Label    string    `json:"label"`
	Since    time.Time `json:"since,omitzero"`
	Reason   string    `json:"reason"`
	Cycle    int       `json:"cycle" doc:"Turns through the lifecycle, from 1"`
	Flags    []string  `json:"flags"`
	Evidence []string  `json:"evidence" doc:"Ids of events"`
}

type explainedHealth struct {
	Value      *float64             `json:"value" doc:"0 to 100 after caps; null where too little is known"`
	Band       string               `json:"band"`
	Coverage   float64              `json:"coverage" doc:"Share of weight, 0 to 1, whose measures are known"`
	BeforeCaps float64              `json:"before_caps" doc:"Sum of points"`
	PointsLost float64              `json:"points_lost" doc:"Sum of points lost: 100 minus before_caps"`
	Caps       []canon.Cap          `json:"caps"`
	Known      []canon.Contribution `json:"known" doc:"Measures with a value, the largest loss first"`
	Missing    []canon.Contribution `json:"missing" doc:"Measures without a value, each with why"`
}

func (s *server) explain(ctx context.Context, in *explainInput) (*body[explanation], error) {
	c, err := s.Reader.Customer(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	a := c.Assessment
	if !in.At.IsZero() {
		if a, err = s.assessmentAt(ctx, c.ID, in.At.UTC()); err != nil {
			return nil, s.fail(ctx, err)
		}
	}
	if a == nil {
		return nil, s.fail(ctx, canon.Errorf("assessment.none", "%s has not been assessed at that time.", c.Name).
			WithHint("Customers are assessed as soon as the first records about them arrive."))
	}
	x := explained(c, *a)
	if x.Evidence, err = s.evidence(ctx, c.ID, *a); err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(x), nil
}

// assessmentAt returns the newest assessment that was recorded by then, nil where there was none.
func (s *server) assessmentAt(ctx context.Context, customer string, at time.Time) (*canon.Assessment, error) {
	all, err := s.Reader.Assessments(ctx, customer, historyDepth)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if !a.At.After(at) && !a.RecordedAt.After(at) {
			return &a, nil
		}
	}
	return nil, nil
}

func explained(c canon.Customer, a canon.Assessment) explanation {
	h := explainedHealth{
		Value: a.Health.Value, Band: a.Health.Band, Coverage: a.Health.Coverage, Caps: list(a.Health.Caps),
		Known: []canon.Contribution{}, Missing: []canon.Contribution{},
	}
	for _, m := range a.Health.Contributions {
		if m.NA != "" || m.Value == nil && m.Weight == 0 {
			h.Missing = append(h.Missing, m)
			continue
		}
		h.Known = append(h.Known, m)
		h.BeforeCaps += m.Points
		h.PointsLost += m.PointsLost
	}
	slices.SortStableFunc(h.Known, func(x, y canon.Contribution) int { return cmp.Compare(y.PointsLost, x.PointsLost) })
	return explanation{
		Customer: c.ID, Name: c.Name, At: a.At, Policy: a.Policy, Headline: headline(a, h),
		Stage: explainedStage{
			Key: a.Stage, Label: cmp.Or(a.StageLabel, a.Stage), Since: a.StageSince, Reason: a.StageReason,
			Cycle: a.Cycle, Flags: list(a.Flags), Evidence: list(a.StageEvidence),
		},
		Health: h,
	}
}

func headline(a canon.Assessment, h explainedHealth) string {
	out := "In no stage yet."
	if a.Stage != "" {
		out = fmt.Sprintf("In stage %s.", cmp.Or(a.StageLabel, a.Stage))
	}
	if h.Value == nil {
		return out + fmt.Sprintf(" Health is unknown: only %.0f %% of what it rests on is known.", 100*h.Coverage)
	}
	out += fmt.Sprintf(" Health is %.0f of 100 (%s)", *h.Value, h.Band)
	switch {
	case len(h.Caps) > 0 && *h.Value < h.BeforeCaps:
		return out + fmt.Sprintf(", held down from %.0f: %s.", h.BeforeCaps, strings.TrimSuffix(h.Caps[0].Reason, "."))
	case len(h.Known) > 0 && h.Known[0].PointsLost >= 0.5:
		return out + fmt.Sprintf("; %s costs the most, %.1f points.", h.Known[0].Title, h.Known[0].PointsLost)
	}
	return out + "."
}

// evidence finds the events that an assessment names.
func (s *server) evidence(ctx context.Context, customer string, a canon.Assessment) (map[string]*event, error) {
	wanted := map[string]bool{}
	for _, id := range a.StageEvidence {
		wanted[id] = true
	}
	for _, m := range a.Health.Contributions {
		for _, id := range m.Evidence {
			wanted[id] = true
		}
	}
	found := map[string]*event{}
	w := canon.Window{Newest: true, Limit: evidencePage}
	for range evidencePages {
		if len(found) == len(wanted) {
			break
		}
		page, err := s.Reader.Timeline(ctx, customer, w)
		if err != nil {
			return nil, err
		}
		for i, e := range page.Events {
			if wanted[e.ID] {
				found[e.ID] = &page.Events[i]
			}
		}
		if w.After = page.Next; w.After == "" {
			break
		}
	}
	return found, nil
}
