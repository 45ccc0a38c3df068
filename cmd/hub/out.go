package main

import (
	"context"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/push"
	"github.com/lifecyclehub/hub/webhooks"
)

// deliveries is the store as webhooks wants it.
type deliveries struct{ db *store.DB }

func (d deliveries) Claim(ctx context.Context, c webhooks.Claim) (ds []canon.Delivery, err error) {
	err = d.db.InTx(ctx, c.Now, func(tx *store.Tx) error {
		ds, err = tx.ClaimDeliveries(ctx, c.Endpoint, c.Lease, c.N, c.Ordered)
		return err
	})
	return ds, err
}

func (d deliveries) Settle(ctx context.Context, id string, o canon.Outcome) error {
	return d.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.SettleDelivery(ctx, id, o) })
}

func (d deliveries) NextDue(ctx context.Context, c webhooks.Claim) (time.Time, error) {
	return d.db.NextDelivery(ctx, c.Endpoint, c.Ordered)
}

// pushed is the store as push wants it.
type pushed struct{ db *store.DB }

func (p pushed) Pushed(ctx context.Context, refs []canon.Ref) (map[canon.Ref]map[string]canon.PushedField, error) {
	return p.db.PushedOf(ctx, refs)
}

func (p pushed) SavePushed(ctx context.Context, rows []canon.PushedField) error {
	return p.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.PutPushed(ctx, rows) })
}

// endpoints turns the webhooks of hub.yaml into endpoints.
func endpoints(cfg *config.Config) ([]webhooks.Endpoint, error) {
	out := make([]webhooks.Endpoint, 0, len(cfg.Webhooks))
	for _, w := range cfg.Webhooks {
		e := webhooks.Endpoint{Name: w.Name, URL: w.URL, Types: w.Types, Backfill: w.Backfill, Timeout: w.Timeout, Concurrency: w.Concurrency,
			Rate: w.Rate, Schedule: w.Schedule, Ordered: w.Ordered, Disabled: w.Disabled, MaxAge: w.MaxAge, Headers: map[string]string{}}
		for _, s := range w.Secrets {
			e.Secrets = append(e.Secrets, s.Reveal())
		}
		for k, v := range w.Headers {
			e.Headers[k] = v.Reveal()
		}
		if err := e.Validate(); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// disable keeps an endpoint that asked to be left alone from being called again, also after a restart.
func (a *app) disable(ctx context.Context, endpoint, reason string) {
	err := a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		if err := tx.SetMeta(ctx, "disabled:"+endpoint, reason); err != nil {
			return err
		}
		return tx.SkipDeliveries(ctx, endpoint, "the endpoint is disabled: "+reason)
	})
	if err != nil {
		a.log.Error("an endpoint could not be disabled", "endpoint", endpoint, "error", err)
		return
	}
	a.log.Warn("an endpoint was disabled", "endpoint", endpoint, "reason", reason, "hint", "`hub webhooks enable "+endpoint+"` takes it back")
}

// targets returns what Hub writes back into a connection.
func targets(v *vendor) ([]push.Target, error) {
	if !v.cfg.Push.Enabled {
		return nil, nil
	}
	pusher, ok := v.conn.(connectors.Pusher)
	if !ok {
		return nil, canon.Errorf("config.push", "connection %s: %s cannot be written to", v.cfg.Name, v.def.Title).WithHint("remove `push` from the connection")
	}
	preparer, _ := v.conn.(connectors.Preparer)
	var out []push.Target
	for _, s := range v.mapping.PushStreams() {
		if on, named := v.cfg.Push.Streams[s.Stream]; len(v.cfg.Push.Streams) > 0 && (!named || !on) {
			continue
		}
		t := push.Target{Connection: v.cfg.Name, Stream: s.Stream, Kind: s.Kind, Pusher: pusher, Preparer: preparer, Overwrite: v.cfg.Push.Overwrite}
		for _, f := range s.Fields {
			t.Fields = append(t.Fields, push.Field{Name: f.Name, Value: f.Value, Type: f.Type, Label: f.Label, Doc: f.Doc, Options: f.Options})
		}
		out = append(out, t)
	}
	return out, nil
}

// pushCustomers brings the vendors' records of customers to what the customers' assessments say.
func (a *app) pushCustomers(ctx context.Context, t push.Target, customers []string) error {
	want, err := a.desired(ctx, t, customers)
	if err != nil || len(want) == 0 {
		return err
	}
	share := 0.0
	for _, v := range a.vendors {
		if v.cfg.Name == t.Connection {
			share = v.cfg.Push.MaxShare
		}
	}
	fleet := 0
	if share > 0 {
		// Only the customers that changed are at hand; the guard is about all that were ever written.
		if fleet, err = a.db.Fleet(ctx, t.Connection, t.Stream); err != nil {
			return err
		}
	}
	rep, err := a.writer.Apply(connectors.WithPriority(ctx, connectors.PriorityPush), t, want, push.Options{Run: "live", MaxShare: share, Fleet: fleet})
	a.counts.push(t, rep, err)
	return err
}

// desired returns what the records of a target should say of customers.
func (a *app) desired(ctx context.Context, t push.Target, customers []string) ([]push.Desired, error) {
	rows, err := a.db.PushRows(ctx, t.Connection, t.Stream, t.Kind, customers)
	if err != nil {
		return nil, err
	}
	out := make([]push.Desired, 0, len(rows))
	for _, r := range rows {
		out = append(out, push.Desired{Ref: r.Ref, Customer: r.Customer, Values: push.Values(r.Assessment)})
	}
	return out, nil
}
