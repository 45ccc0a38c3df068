package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	playing "github.com/lifecyclehub/hub/lifecycle/play"
	"github.com/lifecyclehub/hub/store"
)

// playsAPI is what is done for customers as the API and `hub plays` want it.
type playsAPI struct {
	db     *store.DB
	policy *lifecycle.Policy
	now    func() time.Time
}

// countedDays is how far back the counts of plays go.
const countedDays = 30

// Plays implements api.Plays.
func (p playsAPI) Plays(ctx context.Context) ([]api.Play, error) {
	modes, err := p.db.PlayModes(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := p.db.PlayCounts(ctx, p.now().AddDate(0, 0, -countedDays))
	if err != nil {
		return nil, err
	}
	var out []api.Play
	for _, x := range p.policy.Plays() {
		row := api.Play{Key: x.Key, Title: x.Title, Doc: x.Doc, Category: x.Category, Owner: x.Owner, Do: x.Do, Mode: x.Mode, When: playing.Words(x.Trigger),
			Guards: playing.Guarded(x, p.policy.PlayRules()), Offer: x.Offer, Count: canon.PlayCount{Play: x.Key, Suppressed: map[string]int64{}}}
		if m, ok := modes[x.Key]; ok {
			row.Mode, row.SetBy = m.Mode, &m
		}
		for _, c := range counts {
			if c.Play == x.Key {
				row.Count = c
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// find returns a play by its key.
func (p playsAPI) find(key string) (lifecycle.Play, error) {
	x, ok := p.policy.PlayNamed(key)
	if !ok {
		return x, canon.Errorf("play.unknown", "no play has the key %.80q", key).WithHint("`hub plays list` lists them")
	}
	return x, nil
}

// Firings implements api.Plays.
func (p playsAPI) Firings(ctx context.Context, f canon.FiringFilter) (canon.FiringPage, error) {
	if f.Play != "" {
		if _, err := p.find(f.Play); err != nil {
			return canon.FiringPage{}, err
		}
	}
	if f.Customer != "" {
		id, err := p.db.Resolve(ctx, f.Customer)
		if err != nil {
			return canon.FiringPage{}, err
		}
		f.Customer = id
	}
	return p.db.Firings(ctx, f)
}

// SetMode implements api.Plays.
func (p playsAPI) SetMode(ctx context.Context, m canon.PlayMode) (canon.PlayMode, error) {
	if _, err := p.find(m.Play); err != nil {
		return m, err
	}
	if modes := []string{canon.PlayLive, canon.PlayShadow, canon.PlaySuspended}; !slices.Contains(modes, m.Mode) {
		return m, canon.Errorf("request.play_mode", "a play cannot be set to %.40q", m.Mode).WithHint("the modes are %s", strings.Join(modes, ", "))
	}
	if m.Reason = strings.TrimSpace(m.Reason); m.Reason == "" {
		return m, canon.Errorf("request.play_reason", "a change of mode wants a reason").WithHint("say why in a few words, with --reason")
	}
	now := time.Now().UTC()
	err := p.db.InTx(ctx, now, func(tx *store.Tx) error {
		if err := tx.SetPlayMode(ctx, m); err != nil {
			return err
		}
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: m.Author, Action: "play " + m.Mode, Object: m.Play})
	})
	if err != nil {
		return m, err
	}
	modes, err := p.db.PlayModes(ctx)
	return modes[m.Play], err
}

// Segments implements api.Plays.
func (p playsAPI) Segments(ctx context.Context) ([]api.Segment, error) {
	counts, _, err := p.db.SegmentCounts(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.Segment
	for _, s := range p.policy.Segments() {
		out = append(out, api.Segment{Key: s.Key, Title: s.Title, Doc: s.Doc, Rule: s.When.Source(), Customers: counts[s.Key]})
	}
	return out, nil
}

// Members implements api.Plays.
func (p playsAPI) Members(ctx context.Context, segment, after string, limit int) (canon.CustomerPage, error) {
	if !slices.ContainsFunc(p.policy.Segments(), func(s lifecycle.Segment) bool { return s.Key == segment }) {
		return canon.CustomerPage{}, canon.Errorf("segment.unknown", "no segment has the key %.80q", segment).WithHint("`hub segments list` lists them")
	}
	return p.db.SegmentMembers(ctx, segment, after, limit)
}

// asked is a customer as questions about their plays want it.
func (p playsAPI) asked(ctx context.Context, id string) (canon.Customer, playing.State, playing.Moment, error) {
	var state playing.State
	cust, err := p.db.Customer(ctx, id)
	if err != nil {
		return cust, state, playing.Moment{}, err
	}
	if cust.Assessment == nil || cust.Assessment.Policy == "" {
		return cust, state, playing.Moment{}, canon.Errorf("customer.unassessed", "%s is not assessed yet", cust.ID).WithHint("plays begin once the first round is over; run `hub sync`")
	}
	stored, err := p.db.PlayState(ctx, cust.ID)
	if err != nil {
		return cust, state, playing.Moment{}, err
	}
	if state, err = playing.Decode(stored.Doc); err != nil {
		return cust, state, playing.Moment{}, err
	}
	modes, err := p.db.PlayModes(ctx)
	m := playing.Moment{At: p.now(), After: cust.Assessment, Fields: map[string]string{}, Modes: map[string]string{}}
	for _, f := range cust.Fields {
		m.Fields[f.Name] = f.Value
	}
	for key, mode := range modes {
		m.Modes[key] = mode.Mode
	}
	return cust, state, m, err
}
