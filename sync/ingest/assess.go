package ingest

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
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
	if p.Settled() {
		if err := p.Rank(ctx); err != nil {
			return total, err
		}
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
		n, marked := 0, false
		err := p.Atomic(ctx, func(tx Tx) error {
			// Those who were marked meanwhile, as by an override, are due as well.
			ids, err := tx.Dirty(ctx, batch)
			if marked = len(ids) > 0; err == nil && !marked {
				ids, err = tx.DueCustomers(ctx, now.UnixMicro(), batch)
			}
			n = len(ids)
			if err != nil || n == 0 {
				return err
			}
			return p.assessAll(ctx, tx, ids)
		})
		if err != nil {
			return total, err
		}
		if total += n; n < batch && !marked {
			break
		}
	}
	n, err := p.tickPlays(ctx, now)
	return total + n, err
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

// derived says whether an event is worked out by an assessment rather than told by a record.
func derived(typ string) bool {
	return strings.HasPrefix(typ, "stage.") || strings.HasPrefix(typ, "score.")
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
		!sameMoney(before.MRR, next.MRR) || before.Verdict != next.Verdict || !slices.Equal(before.Overrides, next.Overrides) ||
		!slices.EqualFunc(before.Scores, next.Scores, sameScore)
}

func sameScore(a, b canon.Score) bool {
	return a.Name == b.Name && a.Band == b.Band && rounded(a.Value) == rounded(b.Value)
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
