package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// plannedAtOnce is how many customers are read together: what a plan holds in memory at a time.
const plannedAtOnce = 200

// planner assesses everybody under two policies.
type planner struct {
	cfg *config.Config
	db  *store.DB
	now time.Time
	to  policyText
	// from is the policy in force, nil where it can no longer be read.
	from *lifecycle.Policy
	// was is the record of the policy in force, empty where there is none.
	was   policyRecord
	since [2]time.Time
	terms planTerms
	plays *planPlays
	tally *planTally
	out   *policyPlan
	most  int
	say   func(done, of int64)
}

// planTerms are what assessments rest on besides customers' own facts.
type planTerms struct {
	sources canon.Sources
	trusted map[canon.Kind]time.Time
	cohorts map[string][]float64
	// quiet says that the past has not been read to its end, so that nothing fires.
	quiet bool
}

// run fills in the plan.
func (w *planner) run(ctx context.Context) (err error) {
	if w.was, _, err = recordedPolicy(ctx, w.db); err != nil {
		return err
	}
	if err := w.compare(); err != nil {
		return err
	}
	if err := w.readTerms(ctx); err != nil {
		return err
	}
	if w.plays, err = newPlanPlays(ctx, w); err != nil {
		return err
	}
	w.tally = newPlanTally()
	counts, err := w.db.Counts(ctx)
	if err != nil {
		return err
	}
	done := int64(0)
	err = w.db.Histories(ctx, canon.HistoryAsk{Batch: plannedAtOnce}, func(hs []canon.History) error {
		err := w.batch(ctx, hs)
		done += int64(len(hs))
		w.say(done, max(done, counts.Customers))
		return err
	})
	w.say(done, -1)
	w.tally.tell(w.out)
	w.out.Plays = w.plays.tell()
	return err
}

// compare compares what the two policies say. Where the one in force can no longer be read, what it answered last stands in
// for it.
func (w *planner) compare() (err error) {
	w.out = &policyPlan{From: w.was.Policy, To: w.to.policy.Name(), At: w.now, InForce: w.was.Hash == w.to.hash(), Differences: []lifecycle.Difference{}, VersionCounted: true}
	if w.was.Hash == "" {
		w.from, err = loadPolicy(w.cfg)
	} else if w.from, err = w.was.read(); err != nil {
		w.from, err = nil, nil
		w.out.Differences = append(w.out.Differences, lifecycle.Difference{What: "policy " + w.was.Policy, Change: "can no longer be read by this version of hub", Part: "major"})
	}
	if err != nil || w.from == nil {
		return err
	}
	w.out.From, w.out.Differences = w.from.Name(), append(w.out.Differences, lifecycle.Diff(w.from, w.to.policy)...)
	w.out.Part = lifecycle.VersionPart(w.out.Differences)
	w.out.VersionCounted, w.out.LeastVersion = lifecycle.VersionCounted(w.from, w.to.policy, w.out.Differences)
	return nil
}

// readTerms reads what the store keeps for assessments.
func (w *planner) readTerms(ctx context.Context) error {
	w.terms.sources = canon.Sources{}
	var readings struct {
		Cards string `json:"cards"`
		Day   string `json:"day"`
	}
	for name, to := range map[string]any{"sources": &w.terms.sources, "trusted": &w.terms.trusted, "cohorts": &w.terms.cohorts, "readings_since": &readings} {
		doc, err := w.db.Meta(ctx, name)
		if err != nil {
			return err
		}
		if doc == "" {
			continue
		}
		if err := json.Unmarshal([]byte(doc), to); err != nil {
			return fmt.Errorf("stored %s: %w", name, err)
		}
	}
	settled, err := w.db.Meta(ctx, "settled")
	if err != nil {
		return err
	}
	w.terms.quiet = settled != "1"
	// Readings of scorecards that are new begin on the day that they come into force.
	for i, p := range [2]*lifecycle.Policy{w.from, w.to.policy} {
		w.since[i] = w.now.UTC().Truncate(24 * time.Hour)
		if p != nil && readings.Cards == p.Scorecards() {
			if w.since[i], err = time.Parse(time.DateOnly, readings.Day); err != nil {
				return fmt.Errorf("stored readings_since: %w", err)
			}
		}
	}
	return nil
}

// planned is one customer under both policies.
type planned struct {
	history canon.History
	facts   lifecycle.Facts
	now     canon.Assessment
	then    canon.Assessment
}

// batch assesses customers, each by itself and therefore several at once, and counts them in their order.
func (w *planner) batch(ctx context.Context, hs []canon.History) error {
	hs = slices.DeleteFunc(hs, func(h canon.History) bool { return h.Profile.Gone })
	ids := make([]string, len(hs))
	for i := range hs {
		ids[i] = hs[i].Profile.ID
	}
	overrides := map[string][]canon.Override{}
	var states map[string]canon.PlayState
	if err := w.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		all, err := tx.Overrides(ctx, ids)
		if err != nil {
			return err
		}
		for _, o := range all {
			overrides[o.Customer] = append(overrides[o.Customer], o)
		}
		states, err = tx.PlayStates(ctx, ids)
		return err
	}); err != nil {
		return err
	}
	list := make([]planned, len(hs))
	var g errgroup.Group
	g.SetLimit(4)
	for i := range hs {
		g.Go(func() error {
			list[i] = w.assess(hs[i], overrides[hs[i].Profile.ID])
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range list {
		fires, err := w.plays.take(ctx, &list[i], states[ids[i]])
		if err != nil {
			return err
		}
		w.out.Customers++
		x, changed := w.tally.take(&list[i], fires)
		if !changed {
			continue
		}
		if w.out.Changed++; w.out.Changed <= w.most {
			w.out.List = append(w.out.List, x)
		}
	}
	return nil
}

// assess assesses a customer under both policies.
func (w *planner) assess(h canon.History, overrides []canon.Override) planned {
	x := planned{history: h}
	x.facts = lifecycle.Facts{Customer: h.Profile.ID, Type: h.Profile.Type, Sources: w.terms.sources, Fields: map[string]string{},
		Trusted: w.terms.trusted, Overrides: overrides, Cohorts: w.terms.cohorts}
	for _, f := range h.Profile.Fields {
		x.facts.Fields[f.Name] = f.Value
	}
	for _, e := range h.Events {
		// What assessments tell is no fact to assess by.
		if !strings.HasPrefix(e.Type, "stage.") && !strings.HasPrefix(e.Type, "score.") {
			x.facts.Events = append(x.facts.Events, e)
		}
	}
	now, then := x.facts, x.facts
	now.Since, then.Since = w.since[0], w.since[1]
	x.facts, x.then = then, w.to.policy.Assess(then, w.now).Assessment
	switch {
	case w.from != nil:
		x.now = w.from.Assess(now, w.now).Assessment
	case h.Assessment != nil:
		x.now = *h.Assessment
	}
	return x
}
