package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"

	"context"
)

// TestAnyOrderTwice feeds the same records in random orders, cut into random pages, each page twice, and wants
// the state that their natural order gives.
func TestAnyOrderTwice(t *testing.T) {
	companies, orders := 40, 3
	if slow {
		companies, orders = 20, 1
	}
	_, dir := play(t, companies)
	cfg, err := config.Load(filepath.Join(dir, "hub.yaml"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	vs, err := openVendors(t.Context(), surroundings{cfg: cfg, log: slog.New(slog.DiscardHandler), known: shipped()})
	if err != nil {
		t.Fatal(err)
	}
	pages := readAll(t, vs)
	want := takeIn(t, cfg, vs, pages)
	for n := range orders {
		seed := uint64(time.Now().UnixNano())
		rnd := rand.New(rand.NewPCG(seed, uint64(n)))
		var shuffled []canon.Batch
		for _, b := range shuffle(rnd, pages) {
			shuffled = append(shuffled, b, b)
		}
		// A second time from anywhere: late duplicates, not only immediate ones.
		rnd.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		differ(t, fmt.Sprintf("order %d, seed %d", n, seed), want, takeIn(t, cfg, vs, shuffled))
	}
}

// readAll pulls every page of every stream.
func readAll(t *testing.T, vs []*vendor) []canon.Batch {
	t.Helper()
	var out []canon.Batch
	for _, v := range vs {
		for _, s := range v.streams {
			var cursor canon.Cursor
			for {
				p, err := v.conn.Pull(t.Context(), s, cursor)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, canon.Batch{Connection: v.cfg.Name, Connector: v.def.Name, Stream: s, From: cursor, Next: p.Next, Last: !p.More,
					ReadAt: asOf, Records: p.Records, Rejects: p.Rejects})
				if !p.More {
					break
				}
				cursor = p.Next
			}
		}
	}
	return out
}

// shuffle cuts the records of all pages into new pages of random sizes, in random order.
func shuffle(rnd *rand.Rand, pages []canon.Batch) []canon.Batch {
	byStream := map[[2]string]*canon.Batch{}
	var order [][2]string
	for _, p := range pages {
		k := [2]string{p.Connection, p.Stream}
		if byStream[k] == nil {
			byStream[k] = &canon.Batch{Connection: p.Connection, Connector: p.Connector, Stream: p.Stream, ReadAt: p.ReadAt}
			order = append(order, k)
		}
		byStream[k].Records = append(byStream[k].Records, p.Records...)
		byStream[k].Rejects = append(byStream[k].Rejects, p.Rejects...)
	}
	var out []canon.Batch
	for _, k := range order {
		whole := byStream[k]
		rnd.Shuffle(len(whole.Records), func(i, j int) { whole.Records[i], whole.Records[j] = whole.Records[j], whole.Records[i] })
		for len(whole.Records) > 0 {
			n := min(len(whole.Records), 1+rnd.IntN(80))
			part := *whole
			part.Records = whole.Records[:n]
			whole.Records, whole.Rejects = whole.Records[n:], nil
			out = append(out, part)
		}
	}
	rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// takeIn takes batches into a new store and returns the state that they lead to.
func takeIn(t *testing.T, cfg *config.Config, vs []*vendor, batches []canon.Batch) string {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	policy, err := loadPolicy(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: mappings(vs), Sources: sources(vs), Rules: rules(cfg, vs), Policy: policy, Now: clock(cfg), Rounds: allSucceeded(vs), Log: slog.New(slog.DiscardHandler),
	})
	for _, b := range batches {
		if _, err := p.Ingest(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Freshen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return stateOf(t, db)
}

// allSucceeded says of every stream that it was read just now.
func allSucceeded(vs []*vendor) func(context.Context) ([]canon.StreamState, error) {
	return func(context.Context) ([]canon.StreamState, error) {
		var out []canon.StreamState
		for _, v := range vs {
			for _, s := range v.streams {
				out = append(out, canon.StreamState{Connection: v.cfg.Name, Stream: s, Status: "ok", SucceededAt: asOf})
			}
		}
		return out, nil
	}
}
