package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

func (c *cli) benchAssess() *cobra.Command {
	customers, dir := 100_000, ""
	cmd := &cobra.Command{
		Use:   "assess",
		Short: "Assess customers: one after one new event, those who are due, and all of them anew",
		Long: `assess makes up customers with 15 to 30 events each in a new SQLite file in a temporary folder, and tells what an
assessment by the shipped policy costs: the first one of everybody, one of everybody after a source ceased to be fresh,
one of everybody by a changed policy, and a tick of the clock. And what one more event costs of a customer who has 1,000.
It takes about 120 KB of disk per customer.`,
		Example: "  hub bench assess --customers 20000\n  hub bench assess --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := benchAssess(cmd.Context(), assessOptions{customers: customers, dir: dir, told: c.told})
			if err != nil {
				return err
			}
			if c.json {
				return c.print(r)
			}
			c.printAssess(r)
			return nil
		},
	}
	cmd.Flags().IntVar(&customers, "customers", customers, "how many customers are made up")
	cmd.Flags().StringVar(&dir, "dir", dir, "the folder under which the temporary one is made; the system's own where left out")
	return cmd
}

type assessOptions struct {
	customers int
	dir       string
	told      func(format string, args ...any)
}

// assessResult is what the runs came to.
type assessResult struct {
	Bench     string `json:"bench"`
	Customers int    `json:"customers"`
	Events    int    `json:"events"`
	// OneMicros is the CPU of one customer with 1,000 events after one new event, with the book read and written; BookBytes
	// is how large that is.
	OneMicros float64     `json:"one_event_cpu_us"`
	BookBytes int         `json:"one_event_book_bytes"`
	Runs      []assessRun `json:"runs"`
	FileMiB   float64     `json:"file_mib"`
	PeakMiB   float64     `json:"peak_mib"`
	Machine   string      `json:"machine"`
}

// assessRun is one run over customers.
type assessRun struct {
	Run       string  `json:"run"`
	Customers int     `json:"customers"`
	CPUMicros float64 `json:"cpu_us"`
	PerSecond float64 `json:"per_second"`
	// Anew says for how many the book had to be made anew from their events.
	Anew int64 `json:"books_anew"`
}

func benchAssess(ctx context.Context, o assessOptions) (r assessResult, err error) {
	r = assessResult{Bench: "assess", Customers: o.customers, Machine: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if o.customers < 100 {
		return r, canon.Errorf("usage", "bench needs at least 100 customers").WithHint("give --customers 100 or more")
	}
	if r.OneMicros, r.BookBytes, err = oneEventMore(); err != nil {
		return r, err
	}
	o.told("one event more of 1,000: %.0f µs CPU", r.OneMicros)
	dir, err := os.MkdirTemp(o.dir, "hub-bench-*")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "hub.db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	b := &assessBench{db: db, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), rand: rand.New(rand.NewPCG(1, 2))}
	if r.Events, err = b.populate(ctx, o); err != nil {
		return r, err
	}
	if r.Runs, err = b.runs(ctx, o); err != nil {
		return r, err
	}
	if at, err := os.Stat(path); err == nil {
		r.FileMiB = float64(at.Size()) / (1 << 20)
	}
	r.PeakMiB = peakMiB()
	return r, nil
}

// assessBench is a store of made-up customers.
type assessBench struct {
	db   *store.DB
	now  time.Time
	rand *rand.Rand
	late bool
}

// runs does each run in turn.
func (b *assessBench) runs(ctx context.Context, o assessOptions) ([]assessRun, error) {
	changed, err := changedPolicy()
	if err != nil {
		return nil, err
	}
	pipe := b.pipeline(lifecycle.Default())
	settle := func(ctx context.Context) (int, error) { return pipe.Settle(ctx) }
	var out []assessRun
	run := func(name string, fn func(context.Context) (int, error)) error {
		_, before := pipe.Books()
		t := assessRun{Run: name}
		took, err := timed(ctx, func(ctx context.Context) (err error) {
			t.Customers, err = fn(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, after := pipe.Books()
		t.CPUMicros, t.PerSecond = float64(took.cpu.Microseconds())/float64(max(t.Customers, 1)), float64(t.Customers)/took.wall.Seconds()
		t.Anew = after - before
		out = append(out, t)
		o.told("%s: %d customers, %.0f µs CPU each, %.0f MiB at most so far", name, t.Customers, t.CPUMicros, peakMiB())
		return nil
	}
	if _, err := pipe.Freshen(ctx); err != nil {
		return nil, err
	}
	if err := run("everybody for the first time", settle); err != nil {
		return nil, err
	}
	b.late = true
	if _, err := pipe.Freshen(ctx); err != nil {
		return nil, err
	}
	if err := run("everybody, as usage is not fresh", settle); err != nil {
		return nil, err
	}
	b.late = false
	if _, err := pipe.Freshen(ctx); err != nil {
		return nil, err
	}
	if err := run("everybody, as usage is fresh again", settle); err != nil {
		return nil, err
	}
	pipe = b.pipeline(changed)
	if _, err := pipe.Freshen(ctx); err != nil {
		return nil, err
	}
	if err := b.db.InTx(ctx, b.now, func(tx *store.Tx) error { return tx.MarkStale(ctx, nil) }); err != nil {
		return nil, err
	}
	if err := run("everybody, by a changed policy", settle); err != nil {
		return nil, err
	}
	b.now = b.now.Add(12 * time.Hour)
	return out, run("those who are due at midnight", pipe.Tick)
}

// changedPolicy is the shipped policy as another file, so that no book of it serves.
func changedPolicy() (*lifecycle.Policy, error) {
	source, err := lifecycle.PackYAML("cyclic-saas")
	if err != nil {
		return nil, err
	}
	return lifecycle.Parse("policy.yaml", append(bytes.Clone(source), "\n# changed\n"...))
}

// pipeline is the way in as a running hub has it. Usage stops being fresh while late is set.
func (b *assessBench) pipeline(policy *lifecycle.Policy) *ingest.Pipeline {
	var sources []ingest.Source
	for _, k := range canon.Kinds() {
		sources = append(sources, ingest.Source{Connection: "x", Stream: string(k), Kinds: []canon.Kind{k}, FreshWithin: 48 * time.Hour})
	}
	return ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return b.db.InTx(ctx, b.now, func(tx *store.Tx) error { return fn(tx) })
		},
		Sources: sources, Rules: &identity.Rules{}, Policy: policy, Now: func() time.Time { return b.now },
		Rounds: func(context.Context) ([]canon.StreamState, error) {
			var out []canon.StreamState
			for _, s := range sources {
				at := b.now
				if b.late && s.Stream == string(canon.KindUsage) {
					at = at.AddDate(0, 0, -3)
				}
				out = append(out, canon.StreamState{Connection: s.Connection, Stream: s.Stream, SucceededAt: at})
			}
			return out, nil
		},
		Log: slog.New(slog.DiscardHandler),
	})
}

func (c *cli) printAssess(r assessResult) {
	t := newTable(c.out, "", "customers", "CPU each", "per second", "of 1,000,000")
	for _, run := range r.Runs {
		t.AppendRow(table.Row{run.Run, run.Customers, fmt.Sprintf("%.0f µs", run.CPUMicros), fmt.Sprintf("%.0f", run.PerSecond), fmt.Sprintf("%.0f s CPU", run.CPUMicros)})
	}
	t.AppendRow(table.Row{"one event more of 1,000", 1, fmt.Sprintf("%.0f µs", r.OneMicros), "", ""})
	t.Render()
	fmt.Fprintf(c.out, "%d customers with %d events, a file of %.0f MiB; memory %.0f MiB at most; %s\n", r.Customers, r.Events, r.FileMiB, r.PeakMiB, r.Machine)
}
