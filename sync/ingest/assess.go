package ingest

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/timeline"
)

// batch is how many customers one transaction assesses.
const batch = 200

// AssessedType is the type of the change that tells of a new assessment, whatever moved in it.
const AssessedType = "customer.assessed"

// Settle assesses every customer that is marked, and then takes the pipeline into its live mode, in which
// customers are assessed as their records come in and what is told is news.
func (p *Pipeline) Settle(ctx context.Context) (int, error) {
	total := 0
	for {
		n := 0
		err := p.Atomic(ctx, func(tx Tx) error {
			ids, err := tx.Dirty(ctx, batch)
			n = len(ids)
			if err != nil {
				return err
			}
			if n == 0 {
				return tx.SetMeta(ctx, "settled", "1")
			}
			return p.assessAll(ctx, tx, ids)
		})
		if err != nil {
			return total, err
		}
		if n == 0 {
			p.history.Store(false)
			p.settled.Store(true)
			return total, nil
		}
		total += n
	}
}

func (p *Pipeline) assessAll(ctx context.Context, tx Tx, ids []string) error {
	w := p.work(tx, nil)
	if err := w.assess(ctx, ids); err != nil {
		return err
	}
	return w.tell(ctx)
}

// Tick takes in decisions and tells what time alone has made true by now: events that fall due and assessments that
// change. Only what is due is looked at. It returns how many decisions, entities and customers that were.
func (p *Pipeline) Tick(ctx context.Context) (int, error) {
	total, err := p.Decide(ctx)
	if err != nil {
		return total, err
	}
	now := p.Now()
	for {
		n := 0
		err := p.Atomic(ctx, func(tx Tx) error {
			w := p.work(tx, nil)
			w.now = now
			due, err := tx.DueEntities(ctx, now.UnixMicro(), batch)
			n = len(due)
			if err != nil || n == 0 {
				return err
			}
			if err := w.ring(ctx, due); err != nil {
				return err
			}
			return w.conclude(ctx)
		})
		if err != nil {
			return total, err
		}
		if total += n; n < batch {
			break
		}
	}
	for p.Settled() {
		n := 0
		err := p.Atomic(ctx, func(tx Tx) error {
			ids, err := tx.DueCustomers(ctx, now.UnixMicro(), batch)
			n = len(ids)
			if err != nil || n == 0 {
				return err
			}
			return p.assessAll(ctx, tx, ids)
		})
		if err != nil {
			return total, err
		}
		if total += n; n < batch {
			break
		}
	}
	return total, nil
}

// ring adds the events that time alone tells of entities.
func (w *work) ring(ctx context.Context, due []canon.StoredEntity) error {
	var ds []*delta
	var put []*canon.StoredEntity
	for i := range due {
		e := &due[i]
		d := &delta{entity: e, known: true, was: *e}
		d.tick(stateOf(*e), w.now)
		ds = append(ds, d)
		put = append(put, e)
		w.touch(e.Customer)
	}
	if err := w.tx.PutEntities(ctx, put); err != nil {
		return err
	}
	return w.events(ctx, ds)
}

// Freshen works out which kinds of entity may be trusted to be silent. Where that changed, every customer is
// marked, because what is missing means something else now. It returns whether it changed.
func (p *Pipeline) Freshen(ctx context.Context) (bool, error) {
	states, err := p.Rounds(ctx)
	if err != nil {
		return false, err
	}
	fresh := Freshness(p.Sources, states, p.Now())
	if maps.Equal(fresh, *p.sources.Load()) {
		return false, nil
	}
	doc, err := json.Marshal(fresh)
	if err != nil {
		return false, err
	}
	err = p.Atomic(ctx, func(tx Tx) error {
		if err := tx.SetMeta(ctx, "sources", string(doc)); err != nil {
			return err
		}
		return tx.MarkAllDirty(ctx)
	})
	if err == nil {
		p.sources.Store(&fresh)
	}
	return err == nil, err
}

// Freshness tells per kind whether every stream that delivers it succeeded recently enough.
func Freshness(sources []Source, states []canon.StreamState, now time.Time) canon.Sources {
	succeeded := map[[2]string]time.Time{}
	for _, s := range states {
		succeeded[[2]string{s.Connection, s.Stream}] = s.SucceededAt
	}
	out := canon.Sources{}
	for _, s := range sources {
		at := succeeded[[2]string{s.Connection, s.Stream}]
		ok := !at.IsZero() && (s.FreshWithin <= 0 || now.Sub(at) <= s.FreshWithin)
		for _, k := range s.Kinds {
			if before, there := out[k]; !there || before {
				out[k] = ok
			}
		}
	}
	return out
}

// assess brings stage, score and golden record of customers up to date.
func (w *work) assess(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), batch)
		if err := w.assessSome(ctx, ids[:n]); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (w *work) assessSome(ctx context.Context, ids []string) error {
	states, err := w.tx.CustomerStates(ctx, ids)
	if err != nil {
		return err
	}
	members, err := w.tx.Members(ctx, ids)
	if err != nil {
		return err
	}
	events, err := w.tx.CustomerEvents(ctx, ids)
	if err != nil {
		return err
	}
	if _, err := w.ruled(ctx); err != nil {
		return err
	}
	of, told := map[string][]canon.StoredEntity{}, map[string][]canon.StoredEvent{}
	for _, m := range members {
		of[m.Customer] = append(of[m.Customer], m)
	}
	for _, e := range events {
		told[e.Customer] = append(told[e.Customer], e)
	}
	out := answers{}
	for _, id := range ids {
		if s, ok := states[id]; ok {
			w.answer(&out, s, of[id], told[id])
		}
	}
	if err := w.execute(ctx, out.plan); err != nil {
		return err
	}
	if err := w.parents(ctx, out.profiles); err != nil {
		return err
	}
	if err := w.tx.PutProfiles(ctx, out.profiles); err != nil {
		return err
	}
	if err := w.tx.AddAssessments(ctx, out.numbers, out.history); err != nil {
		return err
	}
	w.changes = append(w.changes, out.changes...)
	return w.tx.PutCustomerStates(ctx, out.states)
}

// answers collects what a batch of customers comes to.
type answers struct {
	plan     plan
	profiles []canon.Profile
	states   []canon.CustomerState
	numbers  []int64
	history  []canon.Assessment
	changes  []canon.Change
}

// derived says whether an event is worked out by an assessment rather than told by a record.
func derived(typ string) bool {
	return strings.HasPrefix(typ, "stage.") || strings.HasPrefix(typ, "score.")
}

func (w *work) answer(out *answers, s canon.CustomerState, members []canon.StoredEntity, told []canon.StoredEvent) {
	profile := w.golden(s, members)
	out.profiles = append(out.profiles, profile)
	facts := lifecycle.Facts{Customer: s.ID, Type: profile.Type, Sources: *w.p.sources.Load()}
	// Both are told by the events in force alone, so that what was taken back leaves no trace in them.
	s.FirstSeenAt, s.LastEventAt = time.Time{}, time.Time{}
	path := map[string]canon.StoredEvent{}
	for _, e := range told {
		if derived(e.Type) || strings.HasPrefix(e.Type, milestones) {
			path[e.ID] = e
			continue
		}
		facts.Events = append(facts.Events, e.Event)
		if e.OccurredAt.After(s.LastEventAt) {
			s.LastEventAt = e.OccurredAt
		}
		if s.FirstSeenAt.IsZero() || e.OccurredAt.Before(s.FirstSeenAt) {
			s.FirstSeenAt = e.OccurredAt
		}
	}
	if profile.Gone {
		for _, e := range path {
			out.plan.supersede = append(out.plan.supersede, e.Row)
		}
		s.Assessment = nil
		out.states = append(out.states, s)
		return
	}
	res := w.p.Policy.Assess(facts, w.now)
	next := res.Assessment
	next.Customer, next.RecordedAt = s.ID, w.tx.Now()
	w.stages(out, s.ID, res.Path, path)
	w.firsts(out, timeline.Milestones(s.ID, facts.Events), path)
	if score, moved := lifecycle.ScoreChanged(s.Assessment, next, s.Assessed+1); moved {
		score.Customer = s.ID
		out.plan.add = append(out.plan.add, canon.StoredEvent{Event: score, Revision: 1})
	}
	w.scored = append(w.scored, assessed{profile, next})
	if material(s.Assessment, next) {
		s.Assessed++
		out.numbers = append(out.numbers, s.Assessed)
		out.history = append(out.history, next)
		out.changes = append(out.changes, w.assessment(profile, next, s.Assessed))
	}
	s.Assessment = &next
	out.states = append(out.states, s)
}

// milestones begin the types of what a customer did for the first time.
const milestones = "milestone."

// firsts brings the milestones in force to what the customer's events tell.
func (w *work) firsts(out *answers, events []canon.Event, inForce map[string]canon.StoredEvent) {
	wanted := map[string]bool{}
	for _, e := range events {
		wanted[e.ID] = true
		is, there := inForce[e.ID]
		if there && is.Content() == e.Content() {
			continue
		}
		if there {
			out.plan.supersede = append(out.plan.supersede, is.Row)
		}
		out.plan.add = append(out.plan.add, canon.StoredEvent{Event: e})
	}
	for _, is := range inForce {
		if !wanted[is.ID] && strings.HasPrefix(is.Type, milestones) {
			out.plan.supersede = append(out.plan.supersede, is.Row)
		}
	}
}

// stages brings the stage changes in force to the path.
func (w *work) stages(out *answers, id string, path []canon.Event, inForce map[string]canon.StoredEvent) {
	wanted := map[string]bool{}
	for i, e := range path {
		e.Customer = id
		wanted[e.ID] = true
		is, there := inForce[e.ID]
		if there && is.Content() == e.Content() {
			continue
		}
		if there {
			out.plan.supersede = append(out.plan.supersede, is.Row)
		}
		if i == len(path)-1 {
			w.current[e.ID] = true
		}
		// A stage change may come back after it was taken back, so its revision is looked up.
		out.plan.add = append(out.plan.add, canon.StoredEvent{Event: e})
	}
	for _, is := range inForce {
		if !wanted[is.ID] && strings.HasPrefix(is.Type, "stage.") {
			out.plan.supersede = append(out.plan.supersede, is.Row)
		}
	}
}

// material says whether an assessment moved enough to be kept beside the one before.
func material(before *canon.Assessment, next canon.Assessment) bool {
	if before == nil || before.Policy == "" {
		return true
	}
	return before.Stage != next.Stage || !before.StageSince.Equal(next.StageSince) || before.Health.Band != next.Health.Band ||
		before.Policy != next.Policy || !slices.Equal(before.Flags, next.Flags) || rounded(before.Health.Value) != rounded(next.Health.Value) ||
		!sameMoney(before.MRR, next.MRR)
}

// rounded is a score as people see it, -1 where it is unknown.
func rounded(v *float64) int {
	if v == nil {
		return -1
	}
	return int(math.Round(*v))
}

func sameMoney(a, b *canon.Money) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
