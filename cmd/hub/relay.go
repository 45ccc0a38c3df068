package main

import (
	"context"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// relayedMeta is the name under which the store keeps how far the outbox has been sent, heardMeta how far a durable
// name has taken what was sent.
const relayedMeta = "relayed"

func heardMeta(name string) string { return "heard:" + name }

// listeners are the durable names by which the hub itself hears the changes belt.
func (a *app) listeners() []string {
	names := []string{webhooksName}
	for _, t := range a.targets {
		names = append(names, pushName(t))
	}
	return names
}

// places is how far changes have come: sent up to at, and taken by each durable name up to heard.
type places struct {
	at    int64
	heard map[string]int64
}

// places gives every listener its place on the belt, and finds out from where to send the outbox. Sending again what
// is there already does no harm, leaving something out would.
func (a *app) places(ctx context.Context) (places, error) {
	p := places{heard: map[string]int64{}}
	var err error
	if p.at, err = a.noted(ctx, relayedMeta); err != nil {
		return p, err
	}
	last, fresh, err := a.bus.LastChange(ctx)
	if err != nil {
		return p, err
	}
	if fresh {
		// The belt is new, or was lost. It is filled with as much as it would hold had it not been.
		before, err := a.db.OutboxBefore(ctx, time.Now().Add(-a.cfg.NATS.Retention.Age).UnixMicro())
		if err != nil {
			return p, err
		}
		p.at = min(p.at, before)
	} else if last > 0 {
		// A belt whose old changes have all gone tells nothing of how far it was filled.
		p.at = min(p.at, last)
	}
	first, err := a.bus.FirstChange(ctx)
	if err != nil {
		return p, err
	}
	for _, name := range a.listeners() {
		heard, err := a.noted(ctx, heardMeta(name))
		if err != nil {
			return p, err
		}
		p.heard[name] = heard
		dropped, err := a.dropped(ctx, heard, first, p.at)
		if err != nil {
			return p, err
		}
		if fresh || heard > 0 && dropped {
			// What the belt no longer holds comes again for those who have not taken it.
			p.at = min(p.at, heard)
		}
		// Everyone has a place before the first change is sent.
		if _, err := a.bus.Durable(ctx, name); err != nil {
			return p, err
		}
	}
	return p, nil
}

// dropped says whether the belt, whose oldest change is at first, lacks a change behind heard that was sent.
func (a *app) dropped(ctx context.Context, heard, first, sent int64) (bool, error) {
	if first == 0 {
		first = sent + 1
	}
	cs, err := a.db.Outbox(ctx, heard, 1)
	return err == nil && len(cs) > 0 && cs[0].Position < min(first, sent+1), err
}

func (a *app) noted(ctx context.Context, name string) (int64, error) {
	text, err := a.db.Meta(ctx, name)
	if err != nil || text == "" {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// unheard keeps from take what the durable name had taken before the hub started: the belt brings it again where it was
// lost and filled anew.
func unheard(heard int64, take func(context.Context, []canon.Change) error) func(context.Context, []canon.Change) error {
	return func(ctx context.Context, cs []canon.Change) error {
		var fresh []canon.Change
		for _, c := range cs {
			if c.Position > heard {
				fresh = append(fresh, c)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		return take(ctx, fresh)
	}
}

// relay sends the outbox to the changes belt, from behind what was sent.
func (a *app) relay(ctx context.Context, p places) error {
	noted := places{at: p.at, heard: map[string]int64{}}
	for name, heard := range p.heard {
		noted.heard[name] = heard
	}
	defer func() {
		// How far the listeners came is worth knowing at the end as well.
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer stop()
		if err := a.note(end, p.at, &noted); err != nil {
			a.log.Warn("how far changes were heard could not be noted; they may be heard again", "error", err)
		}
	}()
	for {
		// The belt itself cannot tell: what is on it leaves by its age.
		a.sent.Store(p.at)
		sent, err := a.send(ctx, &p.at)
		a.sent.Store(p.at)
		if err == nil {
			err = a.note(ctx, p.at, &noted)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			a.log.Error("changes could not be sent; they are tried again", "error", err)
		} else if sent == changesAtOnce {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.committed:
		case <-time.After(time.Second):
		}
	}
}

// send sends what is next in the outbox, and moves at on.
func (a *app) send(ctx context.Context, at *int64) (int, error) {
	if ok, err := a.bus.Room(ctx, a.listeners()); err != nil || !ok {
		return 0, err
	}
	cs, err := a.db.Outbox(ctx, *at, changesAtOnce)
	if err != nil || len(cs) == 0 {
		return 0, err
	}
	if err := a.bus.PublishChanges(ctx, cs); err != nil {
		return 0, err
	}
	*at = cs[len(cs)-1].Position
	return len(cs), nil
}

// note keeps how far changes have been sent and taken, where that is further than was noted.
func (a *app) note(ctx context.Context, at int64, noted *places) error {
	news := map[string]int64{}
	if at > noted.at {
		news[relayedMeta] = at
	}
	for name, before := range noted.heard {
		if before >= at {
			continue
		}
		p, _, err := a.bus.Place(ctx, name)
		if err != nil {
			return err
		}
		// Never beyond what was sent: a belt may be of a store that was set back since.
		if heard := min(p.Taken, at); heard > before {
			news[heardMeta(name)] = heard
		}
	}
	if len(news) == 0 {
		return nil
	}
	err := a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		for name, n := range news {
			if err := tx.SetMeta(ctx, name, strconv.FormatInt(n, 10)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	noted.at = max(noted.at, at)
	for name := range noted.heard {
		noted.heard[name] = max(noted.heard[name], news[heardMeta(name)])
	}
	return nil
}
