package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/evidence"
)

// add adds the flags that all kinds of backtest have.
func (f *backtestFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "the policy `file` or shipped pack on trial (default that of hub.yaml)")
	flags.StringVar(&f.label, "label", evidence.LabelAuto, "the outcome")
	flags.StringVar(&f.horizon, "horizon", "", "how far the outcome may lie ahead, behind the gap (default 90d; with --before 30d behind the deadline)")
	flags.StringVar(&f.gap, "gap", "", "how far ahead it must lie at least (default 30d; 0d for silence and with --before)")
	flags.StringVar(&f.before, "before", "", "look at customers so many `days` before the day by which they decide on renewal, as 180,120,90,60,30, instead of monthly")
	flags.StringVar(&f.tenure, "min-tenure", "30d", "leave out customers who have been one for less")
	flags.StringVar(&f.from, "from", "", "from this day on")
	flags.StringVar(&f.to, "to", "", "up to this day")
	flags.StringVar(&f.segment, "by", "stage", "group by stage, type or a field of the golden record")
	flags.StringVar(&f.asKnown, "as-known", "imported", "from when a fact counts: imported (history that was imported counts when it occurred) or strict (when Hub recorded it)")
	flags.BoolVar(&f.asOccurred, "as-occurred", false, "count every fact when it occurred, whenever it was told: shows what late facts do")
	flags.IntVar(&f.rows, "max-rows", 0, "the most rows to keep in memory; beyond, customers are left out by lot (default 200,000)")
	flags.IntVar(&f.replicate, "replicates", 0, "how often intervals are drawn for (default 400)")
}

// addOwn adds the flags that a table has too, by its own meaning.
func (f *backtestFlags) addOwn(cmd *cobra.Command) {
	f.add(cmd)
	cmd.Flags().StringVar(&f.score, "score", "health", "the scorecard on trial")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "another number draws other intervals")
}

// ofTable hands to the trial of a table what both kinds have.
func (f *backtestFlags) ofTable() tableFlags {
	t := f.table
	t.fit = f.fit
	if f.label != evidence.LabelAuto {
		t.label = f.label
	}
	return t
}

// options reads the flags but for the label.
func (f *backtestFlags) options() (o evidence.Options, err error) {
	o = evidence.Options{Score: f.score, SegmentBy: f.segment, Capacity: f.capacity, MaxRows: f.rows, Replicates: f.replicate, Seed: f.seed, Gap: -1}
	if f.horizon != "" {
		if o.Horizon, err = parseDays("horizon", f.horizon); err != nil {
			return o, err
		}
	}
	if o.Before, err = parseDayList("before", f.before); err != nil {
		return o, err
	}
	if o.MinTenure, err = parseDays("min-tenure", f.tenure); err != nil {
		return o, err
	}
	if f.gap != "" {
		if o.Gap, err = parseDays("gap", f.gap); err != nil {
			return o, err
		}
	}
	if o.From, err = parseDay(f.from); err != nil {
		return o, err
	}
	if o.To, err = parseDay(f.to); err != nil {
		return o, err
	}
	o.Known = evidence.Knowledge(f.asKnown)
	if o.Known != evidence.KnownImported && o.Known != evidence.KnownStrict {
		return o, canon.Errorf("usage", "--as-known is imported or strict, not %.40q", f.asKnown).WithHint("--as-occurred counts every fact when it occurred")
	}
	if f.asOccurred {
		o.Known = evidence.KnownOccurred
	}
	return o, nil
}

// maxFlagDays bounds spans on the command line.
const maxFlagDays = 3650

func parseDays(flag, s string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(s), "d"))
	if err != nil || n < 0 || n > maxFlagDays {
		return 0, canon.Errorf("usage", "--%s %.40q is no number of days", flag, s).WithHint("write 90d, up to %dd", maxFlagDays)
	}
	return n, nil
}

// mostDayLists bounds how many days a list on the command line may hold.
const mostDayLists = 24

// parseDayList reads days apart by commas, the most first.
func parseDayList(flag, s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var out []int
	for part := range strings.SplitSeq(s, ",") {
		n, err := parseDays(flag, part)
		if err == nil && (n == 0 || len(out) == mostDayLists) {
			err = canon.Errorf("usage", "--%s takes up to %d numbers of days above 0", flag, mostDayLists).WithHint("write 180,120,90,60,30")
		}
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	slices.Sort(out)
	slices.Reverse(out)
	return slices.Compact(out), nil
}
