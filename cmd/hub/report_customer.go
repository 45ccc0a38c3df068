package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/report"
	"github.com/lifecyclehub/hub/store"
)

// historyOf reads one customer's history, and when now is.
func (c *cli) historyOf(ctx context.Context, customer, asOf string) (canon.History, time.Time, error) {
	var h canon.History
	cfg, err := c.load()
	if err != nil {
		return h, time.Time{}, err
	}
	now := clock(cfg)().Truncate(time.Microsecond).Add(time.Microsecond)
	end, err := parseDay(asOf)
	if err != nil {
		return h, now, err
	}
	if len(asOf) == len(time.DateOnly) {
		end = end.AddDate(0, 0, 1)
	}
	if !end.IsZero() && end.Before(now) {
		now = end
	}
	found := false
	err = c.withStore(ctx, func(db *store.DB) error {
		return db.Histories(ctx, canon.HistoryAsk{Customers: []string{customer}, Assessments: true}, func(hs []canon.History) error {
			h, found = hs[0], true
			return nil
		})
	})
	if err == nil && !found {
		err = canon.Errorf("customer.unknown", "nothing is told of %.80q", customer).WithHint("`hub customers` lists the customers")
	}
	return h, now, err
}

func (c *cli) reportDossier() *cobra.Command {
	var asOf, html string
	var days int
	cmd := &cobra.Command{
		Use:   "dossier CUSTOMER",
		Short: "Put together what led to a customer's leaving",
		Long: `dossier tells when and why a customer left, and what happened in the days before: tickets, answers, payments, touches, use by
month, and the path of the health. Of a customer who is still there it tells the days up to now.`,
		Example: "  hub report dossier cus_0123456789abcdef0123\n  hub report dossier stripe/customers/cus_9 --html dossier.html\n  hub report dossier stripe/customers/cus_9 --days 365 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > 3660 {
				return canon.Errorf("usage", "--days cannot be %d", days).WithHint("write a number of days from 1 to 3660")
			}
			h, now, err := c.historyOf(cmd.Context(), args[0], asOf)
			if err != nil {
				return err
			}
			d := report.NewDossier(h, now, days)
			if html != "" {
				if err := writePage(html, d.Page(now)); err != nil {
					return err
				}
			}
			if c.json {
				return c.print(d)
			}
			c.printDossier(d)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "leave out what happened after this day or moment")
	cmd.Flags().IntVar(&days, "days", 180, "how many days to look back")
	cmd.Flags().StringVar(&html, "html", "", "write a page into this `file`")
	return cmd
}

func (c *cli) printDossier(d report.Dossier) {
	fmt.Fprintf(c.out, "%s (%s)\n", d.Name, d.Customer)
	if d.LeftAt.IsZero() {
		fmt.Fprintf(c.out, "has not left; stage %s, health %s\n", d.Stage, d.Band)
	} else {
		fmt.Fprintf(c.out, "left on %s from stage %s, health %s; reason: %s\n", day(d.LeftAt), d.Stage, d.Band, strings.TrimSpace(d.Reason+" "+d.Kind))
	}
	fmt.Fprintf(c.out, "%s to %s\n\n", day(d.From), minute(d.To))
	c.printFigures(d.Figures)
	t := newTable(c.out, "month", "use", "days with use", "tickets", "touches", "overdue")
	for _, m := range d.Months {
		t.AppendRow(table.Row{m.Month, fmt.Sprintf("%.6g", m.Usage), m.Days, m.Tickets, m.Touches, m.Overdue})
	}
	t.Render()
	fmt.Fprintln(c.out)
	for _, s := range d.Scores[max(0, len(d.Scores)-12):] {
		fmt.Fprintf(c.out, "%s  health %s %s\n", minute(s.At), scoreText(s.Value), s.Band)
	}
	for _, e := range d.Events[max(0, len(d.Events)-60):] {
		fmt.Fprintf(c.out, "%s  %-28s %s\n", minute(e.OccurredAt), e.Type, e.Summary)
	}
}

func (c *cli) printFigures(xs []report.Number) {
	t := newTable(c.out, "number", "value", "made of", "definition")
	for _, x := range xs {
		t.AppendRow(table.Row{x.Title, x.Format(), x.Made(), x.Definition})
	}
	t.Render()
	fmt.Fprintln(c.out)
}

func (c *cli) reportROI() *cobra.Command {
	var from, to, html string
	var worth []string
	cmd := &cobra.Command{
		Use:   "roi CUSTOMER",
		Short: "Set what a customer got against what was paid",
		Long: `roi multiplies events by what each is worth to the customer, as you say by --value TYPE[/FEATURE]=AMOUNT CURRENCY, and sets that
against the invoices that were paid. Every line names the events behind it.`,
		Example: "  hub report roi stripe/customers/cus_9 --value 'usage.recorded/report=4.20 EUR'\n  hub report roi cus_0123456789abcdef0123 --value 'ticket.solved=25 EUR' --from 2026-01-01 --html roi.html",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var values []report.Value
			for _, w := range worth {
				v, err := parseWorth(w)
				if err != nil {
					return err
				}
				values = append(values, v)
			}
			if len(values) == 0 {
				return canon.Errorf("usage", "nothing is said of what events are worth").WithHint("write --value 'usage.recorded/report=4.20 EUR', as often as needed")
			}
			h, now, err := c.historyOf(cmd.Context(), args[0], to)
			if err != nil {
				return err
			}
			start, err := parseDay(from)
			if err != nil {
				return err
			}
			if start.IsZero() {
				start = now.AddDate(-1, 0, 0)
			}
			r := report.NewROI(h, start, now, values)
			if html != "" {
				if err := writePage(html, r.Page(now)); err != nil {
					return err
				}
			}
			if c.json {
				return c.print(r)
			}
			c.printROI(r)
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&worth, "value", nil, "what an event is worth, as `TYPE[/FEATURE]=AMOUNT CURRENCY`; may be repeated")
	cmd.Flags().StringVar(&from, "from", "", "the first day (default: a year before the last)")
	cmd.Flags().StringVar(&to, "to", "", "the last day (default: now)")
	cmd.Flags().StringVar(&html, "html", "", "write a page into this `file`")
	return cmd
}

func (c *cli) printROI(r report.ROI) {
	fmt.Fprintf(c.out, "%s (%s), %s to %s\n\n", r.Name, r.Customer, day(r.From), minute(r.To))
	c.printFigures(r.Figures)
	t := newTable(c.out, "event", "feature", "events", "quantity", "each", "worth")
	for _, l := range r.Lines {
		t.AppendRow(table.Row{l.Type, l.Feature, l.Events, fmt.Sprintf("%.6g", l.Quantity), l.Each.String(), l.Worth.String()})
	}
	t.Render()
}

// parseWorth reads what an event is worth, as "usage.recorded/report=4.20 EUR".
func parseWorth(s string) (report.Value, error) {
	what, amount, ok := strings.Cut(s, "=")
	minor, currency, ok2 := strings.Cut(strings.TrimSpace(amount), " ")
	typ, feature, _ := strings.Cut(strings.TrimSpace(what), "/")
	if !ok || !ok2 || typ == "" {
		return report.Value{}, canon.Errorf("usage", "%.80q does not say what an event is worth", s).WithHint("write --value 'usage.recorded/report=4.20 EUR'")
	}
	m, err := parseMoney(minor, strings.TrimSpace(currency))
	if err != nil {
		return report.Value{}, canon.Errorf("usage", "%w", err).WithHint("write --value 'usage.recorded/report=4.20 EUR'")
	}
	return report.Value{Type: typ, Feature: feature, Amount: m}, nil
}
