package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

// tableFlags say which table of customers is judged in the place of the store.
type tableFlags struct {
	file, id, at, value string
	risk, good          bool
	keep, drop          []string
	seed                uint64
	score               string
	// label and fit are flags that all kinds of backtest have.
	label string
	fit   bool
	// html is where a page goes, embargo how long the outcome takes to settle.
	html    string
	embargo time.Duration
	// asked is the command, whose other flags may mean tables as well.
	asked *cobra.Command
}

// add adds the flags that only tables have.
func (t *tableFlags) add(cmd *cobra.Command) {
	t.asked = cmd
	f := cmd.Flags()
	f.StringVar(&t.file, "table", "", "judge a table of customers (CSV `file`, also gzipped; - for what is piped in) in the place of the store")
	f.StringVar(&t.id, "id", "", "the table's `column` that says whose row it is")
	f.StringVar(&t.at, "time", "", "the table's `column` that says when the row was observed")
	f.BoolVar(&t.risk, "score-is-risk", false, "the higher the table's score, the worse")
	f.StringVar(&t.score, "score", "", "the scorecard on trial (default health); with --table the `column` with a score to judge; the higher, the better")
	f.StringVar(&t.value, "value", "", "the table's `column` with what each row is worth, as its MRR")
	f.BoolVar(&t.good, "good", false, "the table's outcome is good for the customer, as an expansion is")
	f.StringSliceVar(&t.keep, "keep", nil, "`columns` of the table to use although they look like leaks")
	f.StringSliceVar(&t.drop, "drop", nil, "`columns` of the table not to use")
	f.Uint64Var(&t.seed, "seed", 0, "another number draws other folds of the table")
}

// inherit takes over --html, and --gap and --horizon where they were given: a table's own outcome has no horizon that is known.
func (t *tableFlags) inherit() error {
	if t.asked == nil {
		return nil
	}
	flags := t.asked.Flags()
	if f := flags.Lookup("html"); f != nil && f.Changed {
		t.html = f.Value.String()
	}
	for _, name := range []string{"gap", "horizon"} {
		f := flags.Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		days, err := parseDays(name, f.Value.String())
		if err != nil {
			return err
		}
		t.embargo += time.Duration(days) * 24 * time.Hour
	}
	return nil
}

// runTable judges the table and prints what came of it.
func (c *cli) runTable(_ context.Context, t tableFlags) error {
	if err := t.inherit(); err != nil {
		return err
	}
	in := c.in
	if t.file != "-" {
		f, err := os.Open(t.file)
		if errors.Is(err, fs.ErrNotExist) {
			return canon.Errorf("table.unknown", "there is no file %s", t.file).WithHint("check --table")
		}
		if err != nil {
			return canon.Errorf("table.read", "%s cannot be opened: %w", t.file, err).WithHint("check --table")
		}
		defer f.Close()
		in = f
	}
	column, value, _ := strings.Cut(t.label, "=")
	table, err := evidence.ReadTable(in, evidence.TableOptions{
		Label: column, Value: value, ID: t.id, Time: t.at, Score: t.score, Money: t.value, ScoreIsRisk: t.risk,
		Keep: t.keep, Drop: t.drop, Fit: t.fit, Embargo: t.embargo, Good: t.good, Seed: t.seed,
	})
	if err != nil {
		return err
	}
	report, err := table.Backtest()
	if err != nil {
		return err
	}
	if t.html != "" {
		if err := writePage(t.html, report.Page(time.Now().UTC())); err != nil {
			return err
		}
	}
	if c.json {
		return c.print(report)
	}
	writeTableReport(c.out, report)
	if !t.fit && t.score == "" {
		_, err = c.out.Write([]byte("\nNothing was judged: --score COLUMN judges a score of the table's, --fit fits a model.\n"))
	}
	return err
}
