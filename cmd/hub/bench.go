package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

// bench measures what this machine does, always beside the shortest hand-written loop for the same work.
func (c *cli) bench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast Hub is on this machine, beside the shortest loop for the same work",
		Long: `bench does a piece of Hub's work many times and tells what it costs, and runs beside it a floor: the shortest
hand-written loop for the same work, in the same process and in turns with it. Figures of a machine say little,
their ratio does.`,
	}
	cmd.AddCommand(c.benchPull(), c.benchResolve(), c.benchAssess())
	return cmd
}

func (c *cli) benchPull() *cobra.Command {
	o := benchOptions{records: 20000, turns: 5}
	cmd := &cobra.Command{
		Use:   "pull",
		Short: "Fetch pages of contacts, map them and validate them",
		Long: `pull reads contacts of 3 KB with their associations from a page server on this machine, through the HubSpot
connector and its mapping. The floor does the same requests with net/http and takes 15 fields of each contact in
one pass. The page server's own cost is in both figures. Then eight connections pull at once, for the memory.`,
		Example: "  hub bench pull\n  hub bench pull --records 100000 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := benchPull(cmd.Context(), o)
			if err != nil {
				return err
			}
			if c.json {
				return c.print(r)
			}
			c.printBench(r)
			return nil
		},
	}
	cmd.Flags().IntVar(&o.records, "records", o.records, "how many contacts are read in each turn")
	cmd.Flags().IntVar(&o.turns, "turns", o.turns, "how often floor and Hub take turns")
	return cmd
}

type benchOptions struct{ records, turns int }

// benchResult is what one bench found. CPU is in microseconds per operation, the median of all turns.
type benchResult struct {
	Bench       string  `json:"bench"`
	Operation   string  `json:"operation"`
	Operations  int     `json:"operations"`
	Turns       int     `json:"turns"`
	FloorMicros float64 `json:"floor_cpu_us"`
	HubMicros   float64 `json:"hub_cpu_us"`
	// Ratio is Hub's CPU by the floor's, Low and High its least and greatest over the turns.
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"ratio_low"`
	High  float64 `json:"ratio_high"`
	// PerSecond is how many operations Hub did per second on the wall's clock.
	PerSecond float64 `json:"hub_per_second"`
	// PeakMiB is the most memory that the process has had, with Together of them at work at once; 0 where the
	// system does not tell.
	PeakMiB  float64 `json:"peak_mib"`
	Together int     `json:"together"`
	Machine  string  `json:"machine"`
}

func (c *cli) printBench(r benchResult) {
	t := newTable(c.out, "", "")
	t.AppendRows([]table.Row{
		{"bench", r.Bench},
		{"machine", r.Machine},
		{"operation", fmt.Sprintf("%s; %d of them, %d turns", r.Operation, r.Operations, r.Turns)},
		{"floor", fmt.Sprintf("%.1f µs CPU", r.FloorMicros)},
		{"hub", fmt.Sprintf("%.1f µs CPU, %.0f per second", r.HubMicros, r.PerSecond)},
		{"hub / floor", fmt.Sprintf("%.2f (%.2f to %.2f)", r.Ratio, r.Low, r.High)},
	})
	if r.PeakMiB > 0 {
		t.AppendRow(table.Row{"memory", fmt.Sprintf("%.0f MiB at most, with %d connections at once", r.PeakMiB, r.Together)})
	}
	t.Render()
}

// turn is what one run of a loop took.
type turn struct{ cpu, wall time.Duration }

// timed runs a loop once, on a heap that nobody else has filled.
func timed(ctx context.Context, loop func(context.Context) error) (turn, error) {
	runtime.GC()
	cpu, wall := cpuTime(), time.Now()
	err := loop(ctx)
	return turn{cpuTime() - cpu, time.Since(wall)}, err
}

// alternate runs floor and hub in turns, so that what else the machine does falls on both.
func alternate(ctx context.Context, turns int, floor, hub func(context.Context) error) (floors, hubs []turn, err error) {
	// The first turn warms up.
	for i := range turns + 1 {
		f, err := timed(ctx, floor)
		if err != nil {
			return nil, nil, err
		}
		h, err := timed(ctx, hub)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 {
			floors, hubs = append(floors, f), append(hubs, h)
		}
	}
	return floors, hubs, nil
}

func (r *benchResult) judge(floors, hubs []turn) {
	var fs, hs, ratios, speeds []float64
	n := float64(r.Operations)
	for i := range floors {
		fs = append(fs, float64(floors[i].cpu.Microseconds())/n)
		hs = append(hs, float64(hubs[i].cpu.Microseconds())/n)
		ratios = append(ratios, float64(hubs[i].cpu)/float64(floors[i].cpu))
		speeds = append(speeds, n/hubs[i].wall.Seconds())
	}
	r.Turns, r.FloorMicros, r.HubMicros, r.Ratio, r.PerSecond = len(floors), median(fs), median(hs), median(ratios), median(speeds)
	r.Low, r.High = slices.Min(ratios), slices.Max(ratios)
	r.Machine = fmt.Sprintf("%s/%s, %d CPUs", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	if len(xs) == 0 {
		return 0
	}
	return (xs[(len(xs)-1)/2] + xs[len(xs)/2]) / 2
}

// peakMiB returns the most memory that the process has had in use, 0 where the system does not tell.
func peakMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return 0
	}
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}
