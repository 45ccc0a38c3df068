package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/lifecycle/chart"
	"github.com/lifecyclehub/hub/lifecycle/report"
	"github.com/lifecyclehub/hub/store"
)

// reportFlags are what a report is asked for with.
type reportFlags struct {
	from, to, asOf           string
	by, segment, every       string
	spend, hours, html, zone string
	csv                      bool
	margin                   float64
	minN                     int64
	within, notice, onboard  int
}

func (c *cli) reports() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report NAME...",
		Short: "Sum up all customers: funnel, health, revenue, churn, sales, support and more",
		Long: `report works one or several reports out over all customers in one pass; ` + "`all`" + ` is every one, ` + "`hub report list`" + ` names them.
Every number tells its numerator, denominator, n and the definition by which it was worked out. Numbers from fewer than 20
cases are flagged. Amounts of different currencies are never added.

Without --from the period begins twelve months before the month that it ends in. A day given as --to or --as-of stands for its
end; what happened later is left out.`,
		Example: "  hub report all --html report.html\n  hub report funnel time-in-stage\n  hub report nrr --from 2026-01-01 --to 2026-06-30 --by plan\n  hub report kpi --every quarter --csv\n" +
			"  hub report churn --segment industry=retail --json\n  hub report unit-economics --spend spend.csv --margin 0.8",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.runReport(cmd.Context(), args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the first day of the period")
	flags.StringVar(&f.to, "to", "", "the last day of the period (default: now)")
	flags.StringVar(&f.asOf, "as-of", "", "leave out what happened after this day or moment")
	flags.StringVar(&f.by, "by", "", "split by stage, band, type, segment or a `field` of the golden record, as plan or country")
	flags.StringVar(&f.segment, "segment", "", "only customers of this segment, or with `field=value` those of whom that is so")
	flags.StringVar(&f.every, "every", "month", "the steps of series: week, month or quarter")
	flags.StringVar(&f.spend, "spend", "", "what was spent to win customers: a CSV `file` with month, amount, currency and, if you like, channel")
	flags.Float64Var(&f.margin, "margin", 1, "gross margin for lifetime values, 0 to 1")
	flags.StringVar(&f.hours, "hours", "", "count waiting times in business hours only, as `mon-fri 09:00-17:00`")
	flags.StringVar(&f.zone, "zone", "UTC", "the time zone of --hours, as Europe/Berlin")
	flags.IntVar(&f.within, "within", 90, "days that a step of the lifecycle may take to count as converted")
	flags.IntVar(&f.notice, "notice", 30, "days before a renewal at which it is decided upon")
	flags.IntVar(&f.onboard, "onboarding", 60, "days in which a new customer should be set up")
	flags.Int64Var(&f.minN, "min-n", 0, "withhold numbers from fewer cases than this, and all drawings")
	flags.BoolVar(&f.csv, "csv", false, "print CSV, a line per number")
	flags.StringVar(&f.html, "html", "", "write a page with charts into this `file`")
	cmd.AddCommand(c.reportList(), c.reportDossier(), c.reportROI())
	return cmd
}

// maxReportDays bounds the lengths of time that are given in days.
const maxReportDays = 36500

// ask turns the flags into what reports are asked for.
func (f reportFlags) ask(now time.Time) (report.Ask, error) {
	// The end is excluded, and what happens now is part of it.
	a := report.Ask{By: f.by, Segment: f.segment, Every: f.every, Margin: f.margin, MinN: f.minN, To: now.Truncate(time.Microsecond).Add(time.Microsecond),
		Within: time.Duration(f.within) * 24 * time.Hour, Notice: time.Duration(f.notice) * 24 * time.Hour, Onboarding: time.Duration(f.onboard) * 24 * time.Hour}
	if !(f.margin > 0 && f.margin <= 1) { // NaN is none either
		return a, canon.Errorf("usage", "a margin of %g is none", f.margin).WithHint("write a share of 1, as --margin 0.8")
	}
	if f.within < 1 || f.notice < 0 || f.onboard < 1 || f.minN < 0 {
		return a, canon.Errorf("usage", "--within and --onboarding are at least 1 day, --notice and --min-n at least 0").WithHint("see `hub report --help`")
	}
	if max(f.within, f.notice, f.onboard) > maxReportDays {
		return a, canon.Errorf("usage", "--within, --notice and --onboarding are at most %d days", maxReportDays).WithHint("see `hub report --help`")
	}
	for _, s := range []string{f.asOf, f.to} {
		end, err := parseDay(s)
		if err != nil {
			return a, err
		}
		if len(s) == len(time.DateOnly) {
			end = end.AddDate(0, 0, 1)
		}
		if !end.IsZero() && end.Before(a.To) {
			a.To = end
		}
	}
	from, err := parseDay(f.from)
	if err != nil {
		return a, err
	}
	if from.IsZero() {
		last := a.To.Add(-time.Microsecond)
		from = time.Date(last.Year()-1, last.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	a.From = from
	if a.Hours, err = parseHours(f.hours, f.zone); err != nil {
		return a, err
	}
	if f.spend != "" {
		a.Spend, err = readSpend(f.spend)
	}
	return a, err
}

func (c *cli) runReport(ctx context.Context, names []string, f reportFlags) error {
	if c.json && f.csv {
		return canon.Errorf("usage", "--json and --csv cannot be combined").WithHint("choose one")
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	now := clock(cfg)()
	ask, err := f.ask(now)
	if err != nil {
		return err
	}
	return c.withStore(ctx, func(db *store.DB) error {
		policy, err := policyInForce(ctx, db, cfg)
		if err != nil {
			return err
		}
		if err := knownSegment(policy, ask.Segment); err != nil {
			return err
		}
		for _, s := range policy.Stages() {
			ask.Stages = append(ask.Stages, report.Stage{Key: s.Key, Label: s.Label, Customer: s.Customer, Exit: s.Exit})
		}
		if ask.Streams, err = db.Streams(ctx); err != nil {
			return err
		}
		if ask.Firings, err = firings(ctx, db, ask.From); err != nil {
			return err
		}
		set, err := report.New(names, ask)
		if err != nil {
			return err
		}
		history := canon.HistoryAsk{Assessments: ask.To.Before(now)}
		if err := db.Histories(ctx, history, set.Add); err != nil {
			return err
		}
		if err := set.Unheard(); err != nil {
			return err
		}
		results, err := set.Results()
		if err != nil {
			return err
		}
		return c.tellReports(results, f, now)
	})
}

// knownSegment refuses a segment that the policy does not have, and a field without a value. "" is none.
func knownSegment(policy *lifecycle.Policy, asked string) error {
	field, want, isField := strings.Cut(asked, "=")
	if isField && (strings.TrimSpace(field) == "" || strings.TrimSpace(want) == "") {
		return canon.Errorf("usage", "--segment %.80q names no field and value", asked).WithHint("write it as --segment industry=retail")
	}
	var keys []string
	for _, s := range policy.Segments() {
		keys = append(keys, s.Key)
	}
	if asked == "" || isField || slices.Contains(keys, asked) {
		return nil
	}
	return canon.Errorf("segment.unknown", "no segment has the key %.80q", asked).
		WithHint("write --segment field=value, or one of %s", strings.Join(keys, ", "))
}

// maxFirings bounds what is read of the log of plays.
const maxFirings = 200_000

// firings reads what plays did since a moment.
func firings(ctx context.Context, db *store.DB, since time.Time) ([]canon.Firing, error) {
	var out []canon.Firing
	f := canon.FiringFilter{Since: since, Limit: 1000}
	for len(out) < maxFirings {
		page, err := db.Firings(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Firings...)
		if page.Next == "" {
			break
		}
		f.After = page.Next
	}
	return out, nil
}

// tellReports prints the results, and writes the page where one was asked for.
func (c *cli) tellReports(results []report.Result, f reportFlags, now time.Time) error {
	if f.html != "" {
		title := "Customers"
		if len(results) == 1 {
			title = results[0].Title
		}
		if err := writePage(f.html, report.Page(title, results, now)); err != nil {
			return err
		}
	}
	switch {
	case c.json:
		return c.print(map[string]any{"reports": results})
	case f.csv:
		return report.WriteCSV(c.out, results)
	case f.html != "":
		_, err := fmt.Fprintln(c.out, "wrote", f.html)
		return err
	}
	for i, r := range results {
		c.printReport(r, i > 0)
	}
	return nil
}

func (c *cli) reportList() *cobra.Command {
	var definitions bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Name every report and what it answers, or every definition",
		Example: "  hub report list\n  hub report list --definitions\n  hub report list --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.print(map[string]any{"reports": report.Kinds(), "definitions": report.Definitions()})
			}
			if definitions {
				t := newTable(c.out, "definition", "number", "unit", "formula")
				for _, d := range report.Definitions() {
					t.AppendRow(table.Row{d.ID, d.Title, d.Unit, strings.TrimSpace(d.Formula + ". " + d.Mind)})
				}
				t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: 90}})
				t.Render()
				return nil
			}
			t := newTable(c.out, "report", "answers")
			for _, k := range report.Kinds() {
				t.AppendRow(table.Row{k.Name, k.Question})
			}
			t.Render()
			return nil
		},
	}
	cmd.Flags().BoolVar(&definitions, "definitions", false, "list the definitions of all numbers")
	return cmd
}

// writePage writes a page into a file that only its owner may read.
func writePage(file string, p chart.Page) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return canon.Errorf("report.write", "the page cannot be written: %w", err).WithHint("name a file in a folder that exists")
	}
	_, err = p.WriteTo(out)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
