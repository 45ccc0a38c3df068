package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/chart"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
	playing "github.com/lifecyclehub/hub/lifecycle/play"
	"github.com/lifecyclehub/hub/store"
)

// backtestFlags are what the command line says of a backtest.
type backtestFlags struct {
	policy, previous, whatIf  string
	label, score, segment     string
	horizon, gap, tenure      string
	from, to, asKnown, html   string
	before                    string
	asOccurred, fit           bool
	capacity, rows, replicate int
	seed                      uint64
	table                     tableFlags
}

func (c *cli) backtest() *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Replay history and say whether the score foretold what happened",
		Long: `backtest looks at every customer on the first of every month, works out what the scorecard would have said by what was
known then, and compares that with what happened afterwards: after a lead gap and within a horizon. It prints the base rate
first, every figure with its range and definition, what is simpler than the card beside it, and what makes the figures lie.
It says "no evidence" where there is none. Nothing is written or activated.

Labels: churn (the default where it ever came about), contraction:10%, expansion, silence:PATTERN:DAYS, event:PATTERN, enter:STAGE,
advance, or a rule in the language of policies, asked at the end of the horizon.

With --table it tries a CSV file instead of the store, and --score names its column of scores.`,
		Example: "  hub backtest\n  hub backtest --label silence:invoice.paid:90 --fit --html backtest.html\n  hub backtest --policy new.yaml --previous lifecycle.yaml --from 2025-01-01\n" +
			"  hub backtest --what-if new.yaml\n  hub backtest --as-known strict --json\n  hub backtest --before 180,120,90,60,30\n  hub backtest --table churn.csv --label Churn=Yes --fit\n" +
			"  hub backtest suitability\n  hub backtest drivers\n  hub backtest drift",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.table.file != "" {
				return c.runTable(cmd.Context(), f.ofTable())
			}
			f.score, f.seed = cmp.Or(f.table.score, f.score), f.table.seed
			return c.runBacktest(cmd.Context(), f)
		},
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.fit, "fit", false, "fit a model beside the card and propose weights; nothing is activated")
	flags.StringVar(&f.whatIf, "what-if", "", "replay history under this policy `file` as well, and say what would have been different")
	flags.StringVar(&f.previous, "previous", "", "an earlier policy `file`, as a baseline")
	flags.StringVar(&f.html, "html", "", "write a page with charts to this `file`")
	flags.IntVar(&f.capacity, "capacity", 0, "how many customers the team can work with at a time (default a tenth)")
	f.table.add(cmd)
	cmd.AddCommand(c.suitability(), c.drivers(), c.drift())
	return cmd
}

// policyNamed reads a policy from a file, or a shipped one by its name.
func policyNamed(name string) (*lifecycle.Policy, error) {
	if slices.Contains(lifecycle.Packs(), name) {
		return lifecycle.Pack(name)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, canon.Errorf("policy.read", "the policy cannot be read: %w", err).WithHint("name a file, or one of the shipped: %s", strings.Join(lifecycle.Packs(), ", "))
	}
	return lifecycle.Parse(name, src)
}

// trial is a store with what a backtest asks of it.
type trial struct {
	db *store.DB
	o  evidence.Options
}

// withTrial opens the store and completes the options: policy, sources, and when each stream's history had come in.
func (c *cli) withTrial(ctx context.Context, f *backtestFlags, fn func(*trial) error) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if f.policy != "" {
		if o.Policy, err = policyNamed(f.policy); err != nil {
			return err
		}
	}
	if f.previous != "" {
		if o.Previous, err = policyNamed(f.previous); err != nil {
			return err
		}
	}
	o.End = clock(cfg)()
	return c.withStore(ctx, func(db *store.DB) error {
		t := &trial{db: db, o: o}
		if t.o.Policy == nil {
			if t.o.Policy, err = policyInForce(ctx, db, cfg); err != nil {
				return err
			}
		}
		if names := t.o.Policy.ScoreNames(); o.Score != "" && !slices.Contains(names, o.Score) {
			return canon.Errorf("usage", "%s has no score %.80q", t.o.Policy.Name(), o.Score).WithHint("--score is %s", strings.Join(names, ", "))
		}
		if err := t.surroundings(ctx); err != nil {
			return err
		}
		return fn(t)
	})
}

func (t *trial) surroundings(ctx context.Context) error {
	rounds, err := t.db.Rounds(ctx)
	if err != nil {
		return err
	}
	t.o.Backfilled = map[string]time.Time{}
	for _, s := range rounds {
		t.o.Backfilled[s.Connection+"/"+s.Stream] = s.BackfilledAt
	}
	doc, err := t.db.Meta(ctx, "sources")
	if err != nil {
		return err
	}
	t.o.Sources = canon.Sources{}
	if doc != "" {
		if err := json.Unmarshal([]byte(doc), &t.o.Sources); err != nil {
			return fmt.Errorf("stored sources: %w", err)
		}
	}
	for k := range maps.Clone(t.o.Sources) {
		// Whether a source is fresh today says nothing of the past.
		t.o.Sources[k] = true
	}
	return nil
}

// read calls fn with all histories.
func (t *trial) read(ctx context.Context, fn func([]canon.History)) error {
	ask := canon.HistoryAsk{Revisions: t.o.Known != evidence.KnownOccurred, Batch: 200}
	return t.db.Histories(ctx, ask, func(hs []canon.History) error {
		fn(hs)
		return ctx.Err()
	})
}

// survey settles the label and takes the first look. Where the label is left open, the first outcome that ever came about
// is taken.
func (t *trial) survey(ctx context.Context, label string) (*evidence.Survey, error) {
	candidates := []string{label}
	if label == evidence.LabelAuto {
		candidates = []string{"churn", "event:subscription.ended", "contraction:10%"}
	}
	var v *evidence.Survey
	for i, text := range candidates {
		l, err := evidence.ParseLabel(text)
		if err != nil {
			return nil, err
		}
		o := t.o
		o.Label = l
		o = o.WithDefaults()
		v = evidence.NewSurvey(o)
		if err := t.read(ctx, v.Add); err != nil {
			return nil, err
		}
		if v.Decisions > 0 || i == len(candidates)-1 {
			t.o = o
			break
		}
	}
	if v.Customers == 0 {
		return nil, canon.Errorf("backtest.empty", "the store holds no customer with a past").WithHint("run `hub sync` first")
	}
	return v, nil
}

// study replays history.
func (t *trial) study(ctx context.Context, v *evidence.Survey) (*evidence.Study, error) {
	s := evidence.NewStudy(t.o, v)
	return s, t.read(ctx, s.Add)
}

func (c *cli) runBacktest(ctx context.Context, f backtestFlags) error {
	return c.withTrial(ctx, &f, func(t *trial) error {
		v, err := t.survey(ctx, f.label)
		if err != nil {
			return err
		}
		s, err := t.study(ctx, v)
		if err != nil {
			return err
		}
		r, err := s.Run(f.fit)
		if err != nil {
			return err
		}
		if f.label == evidence.LabelAuto && t.o.Label.Text != "churn" {
			r.Warnings = append([]string{fmt.Sprintf("no customer ever left, so the outcome is %s; --label names another", t.o.Label.Text)}, r.Warnings...)
		}
		if f.whatIf != "" {
			if err := c.replayUnder(ctx, t, v, r, f.whatIf); err != nil {
				return err
			}
		}
		if f.html != "" {
			if err := pageTo(f.html, r.Page(time.Now())); err != nil {
				return err
			}
		}
		if c.json {
			return c.print(r)
		}
		r.WriteText(c.out)
		return nil
	})
}

// replayUnder replays history under another policy and adds what would have been different.
func (c *cli) replayUnder(ctx context.Context, t *trial, v *evidence.Survey, r *evidence.Report, file string) error {
	other, err := policyNamed(file)
	if err != nil {
		return err
	}
	o := t.o
	o.Previous, o.Policy = o.Policy, other
	w, err := (&trial{db: t.db, o: o}).survey(ctx, o.Label.Text)
	if err != nil {
		return err
	}
	s, err := (&trial{db: t.db, o: o}).study(ctx, w)
	if err != nil {
		return err
	}
	if r.WhatIf, err = s.WhatIf(); err != nil {
		return err
	}
	pt := evidence.NewPlayTrial(w.Options(), w, replayedPlays)
	if err := t.read(ctx, pt.Add); err != nil {
		return err
	}
	r.WhatIf.Plays = pt.Records()
	return nil
}

// replayedPlays takes one customer's plays from moment to moment, without an operator's switches and without the guard of the
// fleet, which is about all customers of a day.
func replayedPlays(p *lifecycle.Policy) func(evidence.PlayMoment) ([]canon.Firing, time.Time) {
	var state playing.State
	return func(m evidence.PlayMoment) ([]canon.Firing, time.Time) {
		var fired []canon.Firing
		var next time.Time
		state, fired, next = playing.Step(p, state, playing.Moment{Before: m.Before, After: m.After, Events: m.Events, Past: m.Past, FirstSeen: m.FirstSeen})
		return fired, next
	}
}

// pageTo writes a page to a file, whole or not at all.
func pageTo(file string, p chart.Page) (err error) {
	return writeWhole(file, func(w io.Writer) error {
		_, err := p.WriteTo(w)
		return err
	})
}

// writeWhole writes a file beside its place and moves it there when it is complete.
func writeWhole(file string, write func(io.Writer) error) error {
	temp := file + ".part"
	f, err := os.Create(temp)
	if err != nil {
		return canon.Errorf("file.write", "%s cannot be written: %w", file, err).WithHint("check the folder and its permissions")
	}
	if err = write(f); err == nil {
		err = f.Close()
	} else {
		_ = f.Close()
	}
	if err == nil {
		err = os.Rename(temp, file)
	}
	if err != nil {
		_ = os.Remove(temp)
		return canon.Errorf("file.write", "%s cannot be written: %w", file, err).WithHint("check that the disk has room")
	}
	return nil
}

// prepared takes the first look and replays history.
func (t *trial) prepared(ctx context.Context, label string) (*evidence.Study, error) {
	v, err := t.survey(ctx, label)
	if err != nil {
		return nil, err
	}
	return t.study(ctx, v)
}
