package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/store"
)

const (
	// metersEvery is how often a running hub notes what its connections wait for, for other processes to read.
	metersEvery = 3 * time.Second
	// metersStale is after how long such a note tells of the past: nobody writes it any more.
	metersStale = 15 * time.Second
	// describeEvery is how often vendors are asked for the fields of their records.
	describeEvery = 24 * time.Hour
)

func metersOf(connection string) string    { return "meters:" + connection }
func describedAt(connection string) string { return "described:" + connection }

// noted is what a running hub last noted of a connection.
type noted struct {
	At      time.Time    `json:"at"`
	Budgets []api.Budget `json:"budgets"`
}

// flows tells what the connections may use and wait for now.
func (a *app) flows(ctx context.Context) map[string]api.Flow {
	out := map[string]api.Flow{}
	for _, v := range a.vendors {
		f := api.Flow{}
		if m, ok := v.conn.(connectors.Metered); ok {
			f.Budgets = api.Budgets(m.Meters())
		}
		if g, ok, err := rest.GrantOf(ctx, a.db.Vault(v.cfg.Name, *a.keys)); err == nil && ok {
			f.TokenEnds = g.Ends
		}
		out[v.cfg.Name] = f
	}
	return out
}

// keepMeters notes what the connections wait for until ctx ends. That it fails is worth a line in the log, not more.
func (a *app) keepMeters(ctx context.Context) error {
	before := map[string]string{}
	for wait(ctx, metersEvery) {
		if err := a.noteMeters(ctx, before); err != nil && ctx.Err() == nil {
			a.log.Warn("what connections wait for could not be noted", "error", err)
		}
	}
	// What a short run used is worth knowing too.
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), metersEvery)
	defer stop()
	if err := a.noteMeters(end, before); err != nil {
		a.log.Warn("what connections used could not be noted", "error", err)
	}
	return nil
}

// noteMeters writes the meters that moved since before, or whose note would soon be taken for old.
func (a *app) noteMeters(ctx context.Context, before map[string]string) error {
	notes := map[string]string{}
	for _, v := range a.vendors {
		m, ok := v.conn.(connectors.Metered)
		if !ok {
			continue
		}
		budgets, err := json.Marshal(api.Budgets(m.Meters()))
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		if mark := fmt.Sprintf("%s %d", budgets, now.Unix()/10); before[v.cfg.Name] != mark {
			before[v.cfg.Name] = mark
			doc, err := json.Marshal(map[string]any{"at": now, "budgets": json.RawMessage(budgets)})
			if err != nil {
				return err
			}
			notes[metersOf(v.cfg.Name)] = string(doc)
		}
	}
	if len(notes) == 0 {
		return nil
	}
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		for name, doc := range notes {
			if err := tx.SetMeta(ctx, name, doc); err != nil {
				return err
			}
		}
		return nil
	})
}

// readMeters returns what a running hub noted of a connection. What is old tells of nothing that waits now.
func readMeters(ctx context.Context, db *store.DB, connection string, now time.Time) (noted, error) {
	var n noted
	doc, err := db.Meta(ctx, metersOf(connection))
	if err != nil || doc == "" {
		return n, err
	}
	if err := json.Unmarshal([]byte(doc), &n); err != nil {
		return n, canon.Errorf("store.meters", "what was noted of connection %s cannot be read: %w", connection, err)
	}
	if now.Sub(n.At) > metersStale {
		for i := range n.Budgets {
			n.Budgets[i].Waiting, n.Budgets[i].Why, n.Budgets[i].Until = nil, "", time.Time{}
		}
	}
	return n, nil
}

// describeDue asks a vendor for the fields of its records, once a day.
func (a *app) describeDue(ctx context.Context, v *vendor) {
	if _, ok := v.conn.(connectors.Describer); !ok || ctx.Err() != nil {
		return
	}
	at, err := a.db.Meta(ctx, describedAt(v.cfg.Name))
	if last, perr := time.Parse(time.RFC3339, at); err == nil && perr == nil && time.Since(last) < describeEvery {
		return
	}
	a.describe(ctx, v)
	if err == nil {
		err = a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
			return tx.SetMeta(ctx, describedAt(v.cfg.Name), time.Now().UTC().Format(time.RFC3339))
		})
	}
	if err != nil && ctx.Err() == nil {
		a.log.Warn("when the fields were asked for could not be noted", "connection", v.cfg.Name, "error", err)
	}
}
