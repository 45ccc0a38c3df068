package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle/report"
)

// maxPrinted is how many rows of a table a terminal is shown.
const maxPrinted = 40

// printReport writes a report for a terminal.
func (c *cli) printReport(r report.Result, gap bool) {
	if gap {
		fmt.Fprintln(c.out)
	}
	fmt.Fprintf(c.out, "%s\n%s\n%s to %s, %d customers\n", strings.ToUpper(r.Title), r.Question, minute(r.From), minute(r.To), r.Customers)
	for _, n := range r.Notes {
		fmt.Fprintln(c.out, "note:", n)
	}
	if len(r.Figures) > 0 {
		fmt.Fprintln(c.out)
		t := newTable(c.out, "number", "value", "made of", "definition")
		for _, x := range r.Figures {
			t.AppendRow(table.Row{x.Label(), x.Format(), x.Made(), x.Definition})
		}
		t.SetColumnConfigs([]table.ColumnConfig{{Number: 2, Align: text.AlignRight}})
		t.Render()
	}
	for _, one := range r.Tables {
		c.printTable(one)
	}
}

func (c *cli) printTable(one report.Table) {
	fmt.Fprintf(c.out, "\n%s\n", one.Title)
	columns := one.Columns()
	head := append([]string{}, one.Labels...)
	var align []table.ColumnConfig
	for i, x := range columns {
		head = append(head, x.Head())
		align = append(align, table.ColumnConfig{Number: len(one.Labels) + i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t := newTable(c.out, head...)
	for i, r := range one.Rows {
		if i == maxPrinted {
			break
		}
		cells := table.Row{}
		for _, l := range r.Labels {
			cells = append(cells, l)
		}
		for _, x := range columns {
			cells = append(cells, r.Cell(x))
		}
		t.AppendRow(cells)
	}
	t.SetColumnConfigs(align)
	t.Render()
	if more := len(one.Rows) - maxPrinted; more > 0 {
		fmt.Fprintf(c.out, "… and %d more rows; --csv, --json and --html hold them\n", more)
	}
	if one.Note != "" {
		fmt.Fprintln(c.out, one.Note)
	}
	if ids := one.IDs(); len(ids) > 0 {
		fmt.Fprintln(c.out, "definitions:", strings.Join(ids, ", "))
	}
}

// parseHours reads business hours, as "mon-fri 09:00-17:00". "" is none.
func parseHours(s, zone string) (*report.Hours, error) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, canon.Errorf("usage", "there is no time zone %.80q", zone).WithHint("write it as --zone Europe/Berlin")
	}
	if s == "" {
		return nil, nil
	}
	bad := canon.Errorf("usage", "%.80q are no business hours", s).WithHint("write --hours 'mon-fri 09:00-17:00' --zone Europe/Berlin")
	days, times, ok := strings.Cut(strings.ToLower(strings.TrimSpace(s)), " ")
	first, last, ranged := strings.Cut(days, "-")
	if !ranged {
		last = first
	}
	open, end, timed := strings.Cut(strings.TrimSpace(times), "-")
	names := map[string]time.Weekday{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}
	from, there := names[first]
	to, too := names[last]
	a, err1 := time.Parse("15:04", open)
	b, err2 := time.Parse("15:04", end)
	if end == "24:00" {
		b, err2 = time.Date(0, 1, 2, 0, 0, 0, 0, time.UTC), nil
	}
	if !ok || !timed || !there || !too || err1 != nil || err2 != nil || !b.After(a) {
		return nil, bad
	}
	midnight := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	h := &report.Hours{Zone: loc, Open: a.Sub(midnight), Close: b.Sub(midnight)}
	for d := from; ; d = (d + 1) % 7 {
		h.Days[d] = true
		if d == to {
			return h, nil
		}
	}
}

// maxSpend bounds the lines of a file of spend.
const maxSpend = 100_000

// readSpend reads what was spent, with a head of month, amount, currency and, where wanted, channel.
func readSpend(file string) ([]report.Spend, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, canon.Errorf("request.spend", "the file of spend cannot be read: %w", err).WithHint("--spend names a CSV file with month, amount, currency and channel")
	}
	defer func() { _ = in.Close() }()
	return parseSpend(in)
}

func parseSpend(in io.Reader) ([]report.Spend, error) {
	r := csv.NewReader(in)
	head, err := r.Read()
	if err != nil {
		return nil, canon.Errorf("request.spend", "the file of spend has no head: %w", err).WithHint("its first line is: month,channel,amount,currency")
	}
	at := map[string]int{}
	for i, h := range head {
		at[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))] = i
	}
	for _, want := range []string{"month", "amount", "currency"} {
		if _, ok := at[want]; !ok {
			return nil, canon.Errorf("request.spend", "the file of spend has no column %s", want).WithHint("its first line is: month,channel,amount,currency")
		}
	}
	var out []report.Spend
	for line := 2; ; line++ {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, canon.Errorf("request.spend", "the file of spend is broken: %w", err).WithHint("write it as CSV")
		}
		if len(out) == maxSpend {
			return nil, canon.Errorf("request.spend", "the file of spend has more than %d lines", maxSpend).WithHint("sum it up by month and channel")
		}
		s, err := spendOf(row, at)
		if err != nil {
			return nil, canon.Errorf("request.spend", "line %d of the file of spend: %w", line, err).WithHint("write lines as 2026-01,search,1200.50,EUR")
		}
		out = append(out, s)
	}
}

func spendOf(row []string, at map[string]int) (report.Spend, error) {
	get := func(name string) string {
		if i, ok := at[name]; ok && i < len(row) {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	month, err := time.Parse("2006-01", get("month"))
	if err != nil {
		if month, err = time.Parse(time.DateOnly, get("month")); err != nil {
			return report.Spend{}, fmt.Errorf("%.40q is no month", get("month"))
		}
	}
	m, err := parseMoney(get("amount"), get("currency"))
	return report.Spend{Month: month, Channel: get("channel"), Amount: m}, err
}

// parseMoney reads an amount with decimals.
func parseMoney(amount, currency string) (canon.Money, error) {
	currency = strings.ToUpper(currency)
	if len(currency) != 3 {
		return canon.Money{}, fmt.Errorf("%.40q is no currency", currency)
	}
	v, err := strconv.ParseFloat(amount, 64)
	minor := math.Round(v * math.Pow10(canon.Exponent(currency)))
	if err != nil || math.Abs(minor) > 1e15 || math.IsNaN(minor) {
		return canon.Money{}, fmt.Errorf("%.40q is no amount", amount)
	}
	return canon.Money{Minor: int64(minor), Currency: currency}, nil
}
