package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

// Evidence is looked up among the newest events only: what an assessment rests on is rarely older, and a
// customer with a million events must not cost a million rows.
const (
	evidencePage  = 500
	evidencePages = 4
)

// sinceDefault is how far back the assessment lies that the explained one is held against.
const sinceDefault = 30 * 24 * time.Hour

type explainInput struct {
	ID    string    `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
	At    time.Time `query:"at" doc:"Explain what was known at this time instead of now"`
	Since time.Time `query:"since" doc:"Tell what moved the scores since this time; left out: since 30 days before"`
}

// explanation is an assessment told in the order in which a person asks: where, how, what cost the most, what
// is not known, and which events say so.
type explanation struct {
	Customer string           `json:"customer"`
	Name     string           `json:"name"`
	At       time.Time        `json:"at" doc:"The moment that the answer holds for"`
	Policy   string           `json:"policy" doc:"Name and version of the lifecycle policy"`
	Headline string           `json:"headline" doc:"The answer in one or two sentences"`
	Stage    explainedStage   `json:"stage"`
	Verdict  explainedVerdict `json:"verdict"`
	Health   explainedScore   `json:"health"`
	Scores   []explainedScore `json:"scores" doc:"The other scores in the order of the policy"`
	// Overrides are what people said against computed answers.
	Overrides []canon.Override  `json:"overrides" doc:"Human overrides in force"`
	Evidence  map[string]*event `json:"evidence" doc:"The events behind the answer by id, as far as they are recent"`
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

type explainedVerdict struct {
	Key    string `json:"key" doc:"The scores in one word of the policy; empty where no rule holds"`
	Reason string `json:"reason"`
}

type explainedScore struct {
	Name       string               `json:"name"`
	Title      string               `json:"title" doc:"The scorecard's; empty where the policy has changed since"`
	Intent     string               `json:"intent" doc:"The question that the score answers"`
	Outcome    string               `json:"outcome" doc:"What it is held against"`
	Version    string               `json:"version" doc:"Name and version of the scorecard"`
	Card       string               `json:"card" doc:"Which of several scorecards of the score applied"`
	Method     string               `json:"method" doc:"weighted, all_or_none or side_by_side"`
	Value      *float64             `json:"value" doc:"0 to 100 after caps and overrides; null where too little is known"`
	Raw        *float64             `json:"raw,omitempty" doc:"What is known comes to, before caps and overrides; not to be acted on where value is null"`
	Band       string               `json:"band"`
	BandSince  time.Time            `json:"band_since,omitzero"`
	Held       bool                 `json:"held" doc:"The band is the last known one, because a source is not fresh"`
	Computed   *canon.Computed      `json:"computed,omitempty" doc:"The answer without the human override that stands in its place"`
	Coverage   float64              `json:"coverage" doc:"Share of weight, 0 to 1, whose measures are known"`
	Oldest     time.Time            `json:"oldest_input_at,omitzero" doc:"When the oldest of the values was told"`
	BeforeCaps float64              `json:"before_caps" doc:"Sum of points"`
	PointsLost float64              `json:"points_lost" doc:"Sum of points lost: 100 minus before_caps"`
	Caps       []canon.Cap          `json:"caps"`
	Groups     []canon.GroupScore   `json:"groups"`
	Known      []canon.Contribution `json:"known" doc:"Measures with a value, the largest loss first"`
	Missing    []canon.Contribution `json:"missing" doc:"Measures without a value, each with why"`
	// WouldChange and Moved are worked out from the policy of today.
	WouldChange []lifecycle.Counter   `json:"would_change" doc:"The smallest change of one measure that reaches the next better and the next worse band"`
	Since       time.Time             `json:"since,omitzero" doc:"When the assessment was made that moved is told against"`
	Moved       []lifecycle.ScoreMove `json:"moved" doc:"What moved the score since then, the most first"`
}

func (s *server) explain(ctx context.Context, in *explainInput) (*body[explanation], error) {
	c, err := s.Reader.Customer(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	a := c.Assessment
	if !in.At.IsZero() {
		if a, err = s.assessmentAt(ctx, c.ID, in.At.UTC(), in.At.UTC()); err != nil {
			return nil, s.fail(ctx, err)
		}
	}
	if a == nil {
		return nil, s.fail(ctx, canon.Errorf("assessment.none", "%s has not been assessed at that time.", c.Name).
			WithHint("Customers are assessed as soon as the first records about them arrive."))
	}
	before := in.Since.UTC()
	if in.Since.IsZero() {
		before = a.At.Add(-sinceDefault)
	}
	earlier, err := s.assessmentAt(ctx, c.ID, before, time.Time{})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	x := s.explained(c, a, earlier)
	if x.Evidence, err = s.evidence(ctx, c.ID, *a); err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(x), nil
}

// assessmentAt returns the assessment that was in force at a moment by what was known at another, nil where there was
// none.
func (s *server) assessmentAt(ctx context.Context, customer string, at, known time.Time) (*canon.Assessment, error) {
	a, err := s.Reader.AssessmentAt(ctx, customer, at, known)
	if canon.CodeOf(err) == "assessment.unknown" {
		return nil, nil
	}
	return &a, err
}

func (s *server) explained(c canon.Customer, a, earlier *canon.Assessment) explanation {
	x := explanation{
		Customer: c.ID, Name: c.Name, At: a.At, Policy: a.Policy,
		Stage: explainedStage{
			Key: a.Stage, Label: cmp.Or(a.StageLabel, a.Stage), Since: a.StageSince, Reason: a.StageReason,
			Cycle: a.Cycle, Flags: list(a.Flags), Evidence: list(a.StageEvidence),
		},
		Verdict: explainedVerdict{a.Verdict, a.VerdictReason}, Health: explainedScoreOf(a.Health), Scores: []explainedScore{}, Overrides: list(a.Overrides),
	}
	for _, one := range a.Scores {
		x.Scores = append(x.Scores, explainedScoreOf(one))
	}
	if s.Policy != nil {
		for i, r := range s.Policy.Reasons(a, earlier) {
			if i == 0 {
				x.Health.reason(r)
			} else {
				x.Scores[i-1].reason(r)
			}
		}
	}
	x.Headline = headline(*a, x.Health)
	return x
}

// reason adds what the policy says of the score.
func (e *explainedScore) reason(r lifecycle.ScoreReasons) {
	e.Title, e.Intent, e.Outcome = r.Title, r.Intent, r.Outcome
	e.WouldChange, e.Since, e.Moved = r.WouldChange, r.Since, r.Moved
}

func explainedScoreOf(s canon.Score) explainedScore {
	e := explainedScore{
		Name: s.Name, Version: s.Version, Card: s.Card, Method: s.Method, Value: s.Value, Raw: s.Raw, Band: s.Band, BandSince: s.BandSince,
		Held: s.Held, Computed: s.Computed, Coverage: s.Coverage, Oldest: s.Oldest, Caps: list(s.Caps), Groups: list(s.Groups),
		Known: []canon.Contribution{}, Missing: []canon.Contribution{}, WouldChange: []lifecycle.Counter{}, Moved: []lifecycle.ScoreMove{},
	}
	for _, m := range s.Contributions {
		if m.NA != "" || m.Value == nil && m.Weight == 0 {
			e.Missing = append(e.Missing, m)
			continue
		}
		e.Known = append(e.Known, m)
		e.BeforeCaps += m.Points
		e.PointsLost += m.PointsLost
	}
	slices.SortStableFunc(e.Known, func(x, y canon.Contribution) int { return cmp.Compare(y.PointsLost, x.PointsLost) })
	return e
}

func headline(a canon.Assessment, h explainedScore) string {
	out := "In no stage yet."
	if a.Stage != "" {
		out = fmt.Sprintf("In stage %s.", cmp.Or(a.StageLabel, a.Stage))
	}
	switch {
	case h.Computed != nil:
		return out + fmt.Sprintf(" Health is %s by a human's word; what is computed is %s.", h.Band, h.Computed.Band)
	case h.Held && h.Value == nil:
		return out + fmt.Sprintf(" Health was last known to be %s; a source that it rests on is not fresh.", h.Band)
	case h.Value == nil:
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
	for _, one := range append([]canon.Score{a.Health}, a.Scores...) {
		for _, m := range one.Contributions {
			for _, id := range m.Evidence {
				wanted[id] = true
			}
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
