package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/store"
)

// connectionState is how one connection stands.
type connectionState struct {
	Name      string              `json:"name"`
	Connector string              `json:"connector"`
	Streams   []canon.StreamState `json:"streams"`
	Budgets   []api.Budget        `json:"budgets"`
	// MetersAt is when a running hub last noted the budgets.
	MetersAt time.Time `json:"meters_at,omitzero"`
	Token    *grant    `json:"token,omitempty"`
	// Configured is false where hub.yaml names the connection no more.
	Configured bool `json:"configured"`
}

// grant is what is known of a connection's token.
type grant struct {
	Got    time.Time `json:"got"`
	Ends   time.Time `json:"ends,omitzero"`
	Renews bool      `json:"renews"`
}

func (c *cli) connections() *cobra.Command {
	return &cobra.Command{
		Use:   "connections [NAME]",
		Short: "Say how each connection stands, what it may use of the vendor's allowance, and what it waits for",
		Long: `connections tells of each connection how its streams stand, what of the vendor's rate budgets and daily quota is used,
what waits for them and until when, and how long its token is good for. It may run beside hub run, which notes the
budgets every few seconds; where no hub runs, they are those of the last one.`,
		Example: "  hub connections\n  hub connections salesforce --json",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.showConnections(cmd.Context(), args) },
	}
}

func (c *cli) showConnections(ctx context.Context, args []string) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	return c.withStore(ctx, func(db *store.DB) error {
		all, err := c.connectionStates(ctx, cfg, db)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			all = slices.DeleteFunc(all, func(s connectionState) bool { return s.Name != args[0] })
			if len(all) == 0 {
				return canon.Errorf("connection.unknown", "there is no connection %q", args[0]).WithHint("see `connections` in hub.yaml")
			}
		}
		if c.json {
			return c.print(all)
		}
		if len(all) == 0 {
			fmt.Fprintln(c.out, "nothing is connected; describe a connection in hub.yaml (`hub connectors list` says what can be connected)")
		}
		for _, s := range all {
			s.write(c.out, time.Now())
		}
		return nil
	})
}

// connectionStates returns the connections of hub.yaml in its order, then those that the store remembers besides.
func (c *cli) connectionStates(ctx context.Context, cfg *config.Config, db *store.DB) ([]connectionState, error) {
	streams, err := db.Streams(ctx)
	if err != nil {
		return nil, err
	}
	out := []connectionState{}
	for _, conn := range cfg.Connections {
		out = append(out, connectionState{Name: conn.Name, Connector: conn.Connector, Configured: true, Streams: []canon.StreamState{}, Budgets: []api.Budget{}})
	}
	for _, s := range streams {
		i := slices.IndexFunc(out, func(o connectionState) bool { return o.Name == s.Connection })
		if i < 0 {
			i = len(out)
			out = append(out, connectionState{Name: s.Connection, Connector: s.Connector, Budgets: []api.Budget{}})
		}
		out[i].Streams = append(out[i].Streams, s)
	}
	keys, keyErr := loadKeys(cfg, c.env)
	for i := range out {
		n, err := readMeters(ctx, db, out[i].Name, time.Now())
		if err != nil {
			return nil, err
		}
		out[i].MetersAt = n.At
		if len(n.Budgets) > 0 {
			out[i].Budgets = n.Budgets
		}
		if keyErr != nil {
			continue
		}
		// What cannot be opened is told by whoever needs it.
		if g, ok, err := rest.GrantOf(ctx, db.Vault(out[i].Name, keys)); err == nil && ok {
			out[i].Token = &grant{Got: g.Got, Ends: g.Ends, Renews: g.Renews}
		}
	}
	return out, nil
}

// write tells of a connection for people.
func (s connectionState) write(w io.Writer, now time.Time) {
	title := s.Name + "  (" + s.Connector + ")"
	if !s.Configured {
		title += "  no longer in hub.yaml"
	}
	fmt.Fprintln(w, title)
	if len(s.Streams) == 0 {
		fmt.Fprintln(w, "  nothing pulled yet")
	} else {
		t := newTable(w, "stream", "state", "last success", "held", "changed", "dead letters")
		for _, st := range s.Streams {
			t.AppendRow(table.Row{st.Stream, st.Status, cmp.Or(minute(st.SucceededAt), "never"), st.Held, st.Changed, st.DeadLetters})
		}
		t.Render()
	}
	for _, st := range s.Streams {
		writeTrouble(w, "error of "+st.Stream, st.Error)
		writeTrouble(w, "notice of "+st.Stream, st.Notice)
	}
	if t := s.Token; t != nil {
		fmt.Fprintf(w, "  token    %s\n", t.sentence(now))
	}
	for _, b := range s.Budgets {
		fmt.Fprintf(w, "  budget   %s\n", budgetLine(b))
	}
	if len(s.Budgets) > 0 && now.Sub(s.MetersAt) > metersStale {
		fmt.Fprintf(w, "           as of %s; no hub is running\n", minute(s.MetersAt))
	}
	fmt.Fprintln(w)
}

func writeTrouble(w io.Writer, what string, e *canon.Error) {
	if e == nil {
		return
	}
	fmt.Fprintf(w, "  %s: %s (%s)\n", what, e.Message, e.Code)
	if e.Hint != "" {
		fmt.Fprintf(w, "    %s\n", e.Hint)
	}
}

func (g grant) sentence(now time.Time) string {
	switch {
	case g.Ends.IsZero():
		return "fetched " + minute(g.Got) + ", without an end that the vendor tells"
	case g.Renews && g.Ends.Before(now):
		return "ended " + minute(g.Ends) + "; the next call renews it"
	case g.Renews:
		return "good until " + minute(g.Ends) + ", renewed by itself"
	case g.Ends.Before(now):
		return "ended " + minute(g.Ends) + "; the next call fetches another"
	}
	return "good until " + minute(g.Ends)
}

// budgetLine tells what a budget allows, and why calls wait.
func budgetLine(b api.Budget) string {
	line := b.Name + ": no limit"
	if b.Rate > 0 {
		line = fmt.Sprintf("%s: %s per %s now", b.Name, amount(b.Rate), span(b.PerSeconds))
		if b.Most > b.Rate {
			line += fmt.Sprintf(" (at most %s)", amount(b.Most))
		}
	}
	line += fmt.Sprintf(", %d sent", b.Sent)
	if b.Refused > 0 {
		line += fmt.Sprintf(", %d refused", b.Refused)
	}
	if b.DailyLeft != nil {
		line += fmt.Sprintf(", %d left today", *b.DailyLeft)
		if b.Reserve > 0 {
			line += fmt.Sprintf(" (%d kept for webhooks and write-back)", b.Reserve)
		}
	}
	if len(b.Waiting) > 0 {
		var lanes []string
		for _, lane := range slices.Sorted(maps.Keys(b.Waiting)) {
			lanes = append(lanes, fmt.Sprintf("%d %s", b.Waiting[lane], lane))
		}
		line += "; waiting: " + strings.Join(lanes, ", ")
		if !b.Until.IsZero() {
			line += " until " + b.Until.UTC().Format("15:04:05")
		}
	}
	if b.Why != "" {
		line += ". " + b.Why
	}
	return line
}

// span writes seconds as people do: 1m, not 1m0s.
func span(seconds float64) string {
	s := time.Duration(seconds * float64(time.Second)).String()
	if m, ok := strings.CutSuffix(s, "m0s"); ok {
		s = m + "m"
	}
	if h, ok := strings.CutSuffix(s, "h0m"); ok {
		s = h + "h"
	}
	return s
}

func amount(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
