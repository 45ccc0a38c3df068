package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// resolveFirst is how many records the run has that the large one is held against.
const resolveFirst = 100_000

func (c *cli) benchResolve() *cobra.Command {
	records, dir := 1_000_000, ""
	cmd := &cobra.Command{
		Use:   "resolve",
		Short: "Resolve the records of five systems into customers, few and many",
		Long: `resolve makes up a world of companies whose records lie in five systems (two CRMs, billing, support, chat), ten
records for three companies, and takes it in, page by page in no particular order, through mapping, identity and
timeline into a new SQLite file in a temporary folder. It does so with 100,000 records and with as many as are
asked for, and tells what a record costs in each, which should be nearly the same. It takes about 12 KB of disk and a
millisecond of processor per record.`,
		Example: "  hub bench resolve --records 200000\n  hub bench resolve --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := benchResolve(cmd.Context(), resolveOptions{records: records, dir: dir, told: c.told})
			if err != nil {
				return err
			}
			if c.json {
				return c.print(r)
			}
			c.printResolve(r)
			return nil
		},
	}
	cmd.Flags().IntVar(&records, "records", records, "how many records the large run takes in")
	cmd.Flags().StringVar(&dir, "dir", dir, "the folder under which the temporary one is made; the system's own where left out")
	return cmd
}

// told tells on the side how far long work is, unless a machine reads the outcome.
func (c *cli) told(format string, args ...any) {
	if !c.json {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

type resolveOptions struct {
	records int
	dir     string
	told    func(format string, args ...any)
}

// resolveResult is what the two runs came to.
type resolveResult struct {
	Bench string     `json:"bench"`
	Few   resolveRun `json:"few"`
	Many  resolveRun `json:"many"`
	// GrowthCPU and GrowthWall say by how many percent a record costs more in the large run, until it is resolved;
	// SettleGrowthCPU does of assessing a customer.
	GrowthCPU       float64 `json:"growth_cpu_percent"`
	GrowthWall      float64 `json:"growth_wall_percent"`
	SettleGrowthCPU float64 `json:"settle_growth_cpu_percent"`
	// PeakMiB is the most memory that the process has had, 0 where the system does not tell.
	PeakMiB float64 `json:"peak_mib"`
	Machine string  `json:"machine"`
}

// resolveRun is one run. Micros are microseconds per record, in settle per customer.
type resolveRun struct {
	Records      int     `json:"records"`
	Companies    int     `json:"companies"`
	Customers    int     `json:"customers"`
	CPUMicros    float64 `json:"cpu_us"`
	WallMicros   float64 `json:"wall_us"`
	SettleMicros float64 `json:"settle_cpu_us"`
	// Stretches are the CPU per record of each tenth of the run.
	Stretches []float64 `json:"stretches_cpu_us"`
	FileMiB   float64   `json:"file_mib"`
	PeakMiB   float64   `json:"peak_mib"`
}

func benchResolve(ctx context.Context, o resolveOptions) (resolveResult, error) {
	r := resolveResult{Bench: "resolve", Machine: fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if o.records < 1000 {
		return r, fmt.Errorf("bench needs at least 1000 records")
	}
	var err error
	if r.Few, err = resolveOnce(ctx, min(resolveFirst, o.records), o); err != nil {
		return r, err
	}
	if r.Many = r.Few; o.records > resolveFirst {
		// What the small run left is no memory of the large one.
		debug.FreeOSMemory()
		if r.Many, err = resolveOnce(ctx, o.records, o); err != nil {
			return r, err
		}
	}
	growth := func(few, many float64) float64 { return 100 * (many/few - 1) }
	r.GrowthCPU, r.GrowthWall = growth(r.Few.CPUMicros, r.Many.CPUMicros), growth(r.Few.WallMicros, r.Many.WallMicros)
	r.SettleGrowthCPU = growth(r.Few.SettleMicros, r.Many.SettleMicros)
	r.PeakMiB = peakMiB()
	return r, nil
}

// resolveOnce takes a world of n records into a new store.
func resolveOnce(ctx context.Context, n int, o resolveOptions) (run resolveRun, err error) {
	dir, err := os.MkdirTemp(o.dir, "hub-bench-*")
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "hub.db")
	db, err := store.Open(ctx, path)
	if err != nil {
		return run, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	w := newBenchWorld(n)
	pipe, err := w.pipeline(db)
	if err != nil {
		return run, err
	}
	run.Records, run.Companies = n, w.companies
	cpu, wall := cpuTime(), time.Now()
	tenth, tenthCPU := 0, cpu
	for done := 0; done < n; {
		b := w.page()
		if _, err := pipe.Ingest(ctx, b); err != nil {
			return run, err
		}
		if done += len(b.Records); done*10/n > len(run.Stretches) {
			now := cpuTime()
			run.Stretches = append(run.Stretches, float64((now-tenthCPU).Microseconds())/float64(done-tenth))
			o.told("%d of %d records, %.0f µs CPU each, %.0f MiB at most so far", done, n, run.Stretches[len(run.Stretches)-1], peakMiB())
			tenth, tenthCPU = done, now
		}
	}
	run.CPUMicros = float64((cpuTime() - cpu).Microseconds()) / float64(n)
	run.WallMicros = float64(time.Since(wall).Microseconds()) / float64(n)
	cpu = cpuTime()
	if run.Customers, err = pipe.Settle(ctx); err != nil {
		return run, err
	}
	run.SettleMicros = float64((cpuTime() - cpu).Microseconds()) / float64(max(run.Customers, 1))
	o.told("%d customers settled, %.0f µs CPU each, %.0f MiB at most so far", run.Customers, run.SettleMicros, peakMiB())
	if at, err := os.Stat(path); err == nil {
		run.FileMiB = float64(at.Size()) / (1 << 20)
	}
	run.PeakMiB = peakMiB()
	return run, nil
}

// pipeline is the way in as a running hub has it, with the five systems connected.
func (w *benchWorld) pipeline(db *store.DB) (*ingest.Pipeline, error) {
	cfg := config.Default()
	maps := map[string]*mapping.Map{}
	for _, v := range w.vendors {
		m, err := mapping.Parse(v.def.Name, v.def.Mapping, mapping.Options{Connection: func(connector string) string {
			for _, v := range w.vendors {
				if v.def.Name == connector {
					return v.cfg.Name
				}
			}
			return ""
		}})
		if err != nil {
			return nil, err
		}
		v.mapping, maps[v.cfg.Name] = m, m
	}
	return ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			return db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: maps, Sources: sources(w.vendors), Rules: rules(&cfg, w.vendors), Policy: lifecycle.Default(),
		Now: time.Now, Rounds: db.Rounds,
		ErasureKey: func(context.Context) ([]byte, error) {
			return nil, canon.Errorf("bench.erasure", "nobody is erased here")
		},
		Log: slog.New(slog.DiscardHandler),
	}), nil
}

func (c *cli) printResolve(r resolveResult) {
	t := newTable(c.out, "", fmt.Sprint(r.Few.Records), fmt.Sprint(r.Many.Records), "growth")
	row := func(what, format string, few, many any, growth string) {
		t.AppendRow(table.Row{what, fmt.Sprintf(format, few), fmt.Sprintf(format, many), growth})
	}
	percent := func(p float64) string { return fmt.Sprintf("%+.0f %%", p) }
	row("companies", "%d", r.Few.Companies, r.Many.Companies, "")
	row("customers", "%d", r.Few.Customers, r.Many.Customers, "")
	row("CPU per record", "%.0f µs", r.Few.CPUMicros, r.Many.CPUMicros, percent(r.GrowthCPU))
	row("wall per record", "%.0f µs", r.Few.WallMicros, r.Many.WallMicros, percent(r.GrowthWall))
	row("CPU per customer assessed", "%.0f µs", r.Few.SettleMicros, r.Many.SettleMicros, percent(r.SettleGrowthCPU))
	row("file", "%.0f MiB", r.Few.FileMiB, r.Many.FileMiB, "")
	if r.PeakMiB > 0 {
		row("memory at most", "%.0f MiB", r.Few.PeakMiB, r.Many.PeakMiB, "")
	}
	t.Render()
}
