package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/play"
)

// Plays is what ingest needs of the store to keep what plays came to.
type Plays interface {
	PlayStates(ctx context.Context, customers []string) (map[string]canon.PlayState, error)
	PutPlayStates(ctx context.Context, ss []canon.PlayState) error
	DropPlayStates(ctx context.Context, customers []string) error
	PlaysDue(ctx context.Context, at int64, limit int) ([]string, error)
	PlayModes(ctx context.Context) (map[string]canon.PlayMode, error)
	AddFirings(ctx context.Context, fs []canon.Firing) (added map[string]bool, err error)
	CameOn(ctx context.Context, play string, from, to time.Time) (came, held int64, err error)
	LiveCustomers(ctx context.Context) (int64, error)
}

// played is a customer whose plays are to be taken to the assessment just made.
type played struct {
	profile       canon.Profile
	before, after *canon.Assessment
	facts         lifecycle.Facts
	firstSeen     time.Time
	// told are the customer's events in force, all of them where whole is set, and otherwise those that the transaction added.
	told  []canon.StoredEvent
	whole bool
}

// plays takes customers' plays to their new assessments, notes what came of it and tells what is live. While the past is
// read, states are only brought to where the customer now stands.
func (w *work) plays(ctx context.Context, ps []played) error {
	if len(ps) == 0 || len(w.p.Policy.Deck().Plays) == 0 {
		return nil
	}
	ids := make([]string, len(ps))
	for i, p := range ps {
		ids[i] = p.profile.ID
	}
	stored, err := w.tx.PlayStates(ctx, ids)
	if err != nil {
		return err
	}
	modes, err := w.playModes(ctx)
	if err != nil {
		return err
	}
	if err := w.dated(ctx, ps, stored); err != nil {
		return err
	}
	pl := &plays{w: w, ctx: ctx, modes: modes, rules: w.p.Policy.PlayRules(), days: map[fleetDay]*fleetCount{}}
	var states []canon.PlayState
	var firings []canon.Firing
	of := map[string]played{}
	for _, p := range ps {
		was, there := stored[p.profile.ID]
		if w.backfill && !there {
			continue
		}
		prev, err := play.Decode(was.Doc)
		if err != nil {
			// It is made anew from where the customer stood, so that a damaged one fires nothing.
			w.p.Log.Warn("the state of a customer's plays could not be read and is made anew", "customer", p.profile.ID)
		}
		state, fs, next := pl.walk(p, prev)
		// That it was looked at once more is not worth a row.
		again := state
		again.At = prev.At
		if !bytes.Equal(again.Encode(), was.Doc) || !next.Equal(was.Next) {
			states = append(states, canon.PlayState{Customer: p.profile.ID, At: state.Since(), Next: next, Doc: state.Encode()})
		}
		firings = append(firings, fs...)
		of[p.profile.ID] = p
	}
	if pl.err != nil {
		return pl.err
	}
	if err := w.tx.PutPlayStates(ctx, states); err != nil {
		return err
	}
	added, err := w.tx.AddFirings(ctx, firings)
	if err != nil {
		return err
	}
	for _, f := range firings {
		if f.Told() && added[f.ID] {
			w.changes = append(w.changes, w.firing(f, of[f.Customer]))
		}
	}
	return nil
}

// dated reads the events of customers who are looked at for the first time, where one of them may tell a date.
func (w *work) dated(ctx context.Context, ps []played, stored map[string]canon.PlayState) error {
	if !slices.ContainsFunc(w.p.Policy.Deck().Plays, func(p *lifecycle.Play) bool { return p.Trigger.Kind == lifecycle.TriggerBefore }) {
		return nil
	}
	at := map[string]int{}
	var ids []string
	for i, p := range ps {
		if _, there := stored[p.profile.ID]; !there && !p.whole && !w.backfill {
			ids = append(ids, p.profile.ID)
			at[p.profile.ID] = i
		}
	}
	events, err := w.tx.CustomerEvents(ctx, ids)
	for _, id := range ids {
		ps[at[id]].told, ps[at[id]].whole = nil, true
	}
	for _, e := range events {
		p := &ps[at[e.Customer]]
		p.told = append(p.told, e)
	}
	return err
}

// plays takes customers' plays to the present moment.
type plays struct {
	w     *work
	ctx   context.Context
	modes map[string]string
	rules lifecycle.PlayRules
	days  map[fleetDay]*fleetCount
	// customers is how many there are, 0 until it is asked for.
	customers int64
	err       error
}

// walk takes one customer's plays from one assessment to the next.
func (pl *plays) walk(p played, prev play.State) (play.State, []canon.Firing, time.Time) {
	w := pl.w
	m := play.Moment{Before: p.before, After: p.after, Fields: fieldsOf(p.profile), FirstSeen: p.firstSeen, Modes: pl.modes, Quiet: w.backfill, Fleet: pl.held}
	if m.Before != nil && m.Before.Policy == "" {
		m.Before = nil
	}
	m.Past, m.Events = w.parted(p, p.told, p.whole)
	facts, whole := p.facts, p.whole
	facts.Events = m.Past
	return play.Walk(w.p.Policy, prev, m, func(at time.Time) canon.Assessment {
		if !whole {
			events, err := w.tx.CustomerEvents(pl.ctx, []string{p.profile.ID})
			pl.note(err)
			facts.Events, _ = w.parted(p, events, true)
			whole = true
		}
		a := w.p.Policy.Assess(facts, at).Assessment
		a.Customer = p.profile.ID
		return a
	})
}

// parted parts what was known when the assessment before was made from what was told since.
func (w *work) parted(p played, told []canon.StoredEvent, whole bool) (past, events []canon.Event) {
	fresh := map[string]bool{}
	if whole {
		for _, e := range w.added[p.profile.ID] {
			fresh[e.ID] = true
		}
	}
	for _, e := range told {
		switch {
		case derived(e.Type):
		case whole && !fresh[e.ID] && p.before != nil && !e.RecordedAt.After(p.before.RecordedAt.Truncate(time.Microsecond)):
			past = append(past, e.Event)
		default:
			events = append(events, e.Event)
		}
	}
	return past, events
}

func fieldsOf(p canon.Profile) map[string]string {
	out := make(map[string]string, len(p.Fields))
	for _, f := range p.Fields {
		out[f.Name] = f.Value
	}
	return out
}

// playModes returns the modes that operators set, by play.
func (w *work) playModes(ctx context.Context) (map[string]string, error) {
	all, err := w.tx.PlayModes(ctx)
	out := make(map[string]string, len(all))
	for key, m := range all {
		out[key] = m.Mode
	}
	return out, err
}

// tickPlays takes the customers of whom a play is due to the present moment.
func (p *Pipeline) tickPlays(ctx context.Context, now time.Time) (int, error) {
	total := 0
	for p.Settled() {
		n := 0
		err := p.Atomic(ctx, func(tx Tx) error {
			ids, err := tx.PlaysDue(ctx, now.UnixMicro(), batch)
			n = len(ids)
			if err != nil || n == 0 {
				return err
			}
			if err := p.assessAll(ctx, tx, ids); err != nil {
				return err
			}
			return dropStuck(ctx, tx, ids, now)
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

// dropStuck forgets the plays of customers who were not assessed, because no record is left of them: theirs would be due
// for ever.
func dropStuck(ctx context.Context, tx Tx, ids []string, now time.Time) error {
	states, err := tx.PlayStates(ctx, ids)
	if err != nil {
		return err
	}
	var stuck []string
	for _, id := range ids {
		if s, ok := states[id]; ok && !s.Next.IsZero() && !s.Next.After(now) {
			stuck = append(stuck, id)
		}
	}
	return tx.DropPlayStates(ctx, stuck)
}

type fleetDay struct {
	play string
	day  int64
}

type fleetCount struct{ came, held int64 }

// held says whether one more customer is too many for a play on a day.
func (pl *plays) held(key string, at time.Time) bool {
	from := at.UTC().Truncate(24 * time.Hour)
	d := fleetDay{key, from.Unix()}
	c := pl.days[d]
	if c == nil {
		c = &fleetCount{}
		pl.days[d] = c
		came, held, err := pl.w.tx.CameOn(pl.ctx, key, from, from.Add(24*time.Hour))
		c.came, c.held = came, held
		pl.note(err)
	}
	c.came++
	if pl.rules.FleetShare <= 0 || c.came < int64(pl.rules.FleetLeast) {
		return false
	}
	if pl.customers == 0 {
		n, err := pl.w.tx.LiveCustomers(pl.ctx)
		pl.customers = max(n, 1)
		pl.note(err)
	}
	if float64(c.came) <= pl.rules.FleetShare*float64(pl.customers) {
		return false
	}
	if c.held++; c.held == 1 {
		pl.w.p.Log.Warn("a play is held back: unusually many customers come to it on one day; a source may be broken", "play", key, "day", from.Format("2006-01-02"), "customers", c.came)
	}
	return true
}

func (pl *plays) note(err error) {
	if pl.err == nil {
		pl.err = err
	}
}

// playData is what the change that tells of a live play says.
type playData struct {
	Play     canon.Firing `json:"play"`
	Customer dataCustomer `json:"customer"`
	Change   *playChange  `json:"change,omitempty"`
	Score    *playScore   `json:"score,omitempty"`
	Reasons  []playReason `json:"reasons,omitempty"`
	Stage    playStage    `json:"stage"`
	Segments []string     `json:"segments,omitempty"`
	MRR      *canon.Money `json:"mrr,omitempty"`
}

type playChange struct {
	Field    string `json:"field"`
	Previous string `json:"previous,omitempty"`
	Current  string `json:"current"`
}

type playScore struct {
	Name     string      `json:"name"`
	Value    *float64    `json:"value"`
	Band     string      `json:"band"`
	Version  string      `json:"version,omitempty"`
	Coverage float64     `json:"coverage"`
	Oldest   time.Time   `json:"oldest_input_at,omitzero"`
	Caps     []canon.Cap `json:"caps,omitempty"`
}

type playReason struct {
	Measure    string   `json:"measure"`
	Points     float64  `json:"points"`
	PointsLost float64  `json:"points_lost"`
	Reason     string   `json:"reason"`
	Evidence   []string `json:"evidence,omitempty"`
}

type playStage struct {
	Key    string    `json:"key"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	Cycle  int       `json:"cycle,omitempty"`
}

// firing makes the change that tells of a live play.
func (w *work) firing(f canon.Firing, p played) canon.Change {
	f.RecordedAt = w.tx.Now()
	a := p.after
	d := playData{Play: f, Customer: dataOf(p.profile), Segments: a.Segments, MRR: a.MRR, Stage: playStage{a.Stage, a.StageSince, a.StageReason, a.Cycle}}
	score := &a.Health
	if t, ok := w.p.Policy.PlayNamed(f.Play); ok {
		if s := (lifecycle.View{Assessment: a}).ScoreOf(t.Trigger.Score); s != nil {
			score = s
		}
		if f.Current != "" {
			field := t.Trigger.Score + t.Trigger.Metric
			if len(t.Trigger.Stages) > 0 {
				field = "stage"
			}
			d.Change = &playChange{field, f.Previous, f.Current}
		}
	}
	if score.Name != "" {
		d.Score = &playScore{score.Name, score.Value, score.Band, score.Version, score.Coverage, score.Oldest, score.Caps}
		for _, c := range score.Contributions {
			if c.PointsLost > 0 {
				d.Reasons = append(d.Reasons, playReason{c.Measure, c.Points, c.PointsLost, c.Reason, c.Evidence})
			}
		}
	}
	doc, err := json.Marshal(d)
	if err != nil {
		// It holds texts and finite numbers only.
		panic(fmt.Sprintf("ingest: a firing does not marshal: %v", err))
	}
	return canon.Change{ID: canon.ID("chg", f.ID), Type: canon.FiredType, Customer: f.Customer, OccurredAt: f.At, RecordedAt: w.tx.Now(), Current: true, Data: doc}
}
