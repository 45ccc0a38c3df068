package ingest

import (
	"context"
	"encoding/json"
	"maps"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Freshen works out which kinds of entity may be trusted to be silent. Where that changed, the customers are marked whose
// answer can depend on it, because what is missing means something else now. A kind is only doubted once it has been late
// for as long as Options.Patience says, so that a short outage marks nobody. It returns whether anything changed.
func (p *Pipeline) Freshen(ctx context.Context) (bool, error) {
	states, err := p.Rounds(ctx)
	if err != nil {
		return false, err
	}
	before := *p.sources.Load()
	fresh := p.patient(before, Freshness(p.Sources, states, p.Now()))
	if maps.Equal(fresh, before) {
		return false, nil
	}
	doc, err := json.Marshal(fresh)
	if err != nil {
		return false, err
	}
	trusted, err := json.Marshal(trustedUntil(p.Sources, states, fresh))
	if err != nil {
		return false, err
	}
	stages, concerned := p.Policy.Concerned(moved(before, fresh))
	err = p.Atomic(ctx, func(tx Tx) error {
		if err := tx.SetMeta(ctx, "sources", string(doc)); err != nil {
			return err
		}
		if err := tx.SetMeta(ctx, trustedMeta, string(trusted)); err != nil {
			return err
		}
		if !concerned {
			return nil
		}
		return tx.MarkStale(ctx, stages)
	})
	if err == nil {
		p.sources.Store(&fresh)
	}
	return err == nil, err
}

// patient leaves those kinds trusted that have not been late for long.
func (p *Pipeline) patient(before, is canon.Sources) canon.Sources {
	p.lateness.Lock()
	defer p.lateness.Unlock()
	now := p.Now()
	for k, ok := range is {
		if ok || !before[k] {
			delete(p.late, k)
			continue
		}
		if p.late == nil {
			p.late = map[canon.Kind]time.Time{}
		}
		if _, there := p.late[k]; !there {
			p.late[k] = now
		}
		is[k] = now.Sub(p.late[k]) < p.Patience
	}
	return is
}

// moved lists the kinds of which something else holds now.
func moved(before, is canon.Sources) []canon.Kind {
	var out []canon.Kind
	for _, k := range canon.Kinds() {
		was, delivered := before[k]
		fresh, delivers := is[k]
		if was != fresh || delivered != delivers {
			out = append(out, k)
		}
	}
	return out
}

// Freshness tells per kind whether every stream that delivers it succeeded recently enough.
func Freshness(sources []Source, states []canon.StreamState, now time.Time) canon.Sources {
	succeeded := succeededAt(states)
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

func succeededAt(states []canon.StreamState) map[[2]string]time.Time {
	out := make(map[[2]string]time.Time, len(states))
	for _, s := range states {
		out[[2]string{s.Connection, s.Stream}] = s.SucceededAt
	}
	return out
}

// trustedUntil tells, per kind that is not fresh, up to when every stream that delivers it had been read.
func trustedUntil(sources []Source, states []canon.StreamState, fresh canon.Sources) map[canon.Kind]time.Time {
	succeeded := succeededAt(states)
	out := map[canon.Kind]time.Time{}
	never := map[canon.Kind]bool{}
	for _, s := range sources {
		at := succeeded[[2]string{s.Connection, s.Stream}]
		for _, k := range s.Kinds {
			if was, there := out[k]; !there || at.Before(was) {
				out[k] = at.UTC()
			}
			never[k] = never[k] || at.IsZero()
		}
	}
	maps.DeleteFunc(out, func(k canon.Kind, _ time.Time) bool { return fresh[k] || never[k] })
	return out
}
