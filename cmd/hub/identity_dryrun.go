package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
)

// dryRun is what other rules would change.
type dryRun struct {
	// Before and After count customers.
	Before  int              `json:"customers_before"`
	After   int              `json:"customers_after"`
	Records int              `json:"records"`
	Changes identity.Changes `json:"changes"`
	// Why gives the evidence, by entity key, of each entity that would move.
	Why map[string]string `json:"why,omitempty"`
	// names are what the entities are called.
	names map[string]string
}

func (c *cli) identityDryRun() *cobra.Command {
	var file string
	limit := 20
	cmd := &cobra.Command{
		Use:   "dry-run --rules FILE",
		Short: "Say what other rules would change, and change nothing",
		Long: `dry-run resolves everybody anew in memory, by the rules in FILE and the decisions in force, and says how that differs
from now: customers that would come together, that would come apart, and that would get another id. FILE has a section
identity: as in hub.yaml, or is a whole hub.yaml of which only that section is read. Without --rules the rules of the
configuration are tried.`,
		Example: "  hub identity dry-run --rules rules.yaml\n  hub identity dry-run --rules rules.yaml --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withWho(cmd.Context(), func(w *who) error {
				out, err := w.dryRun(cmd.Context(), file)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(out)
				}
				out.write(c, limit)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&file, "rules", "", "the `file` with the rules to try")
	cmd.Flags().IntVar(&limit, "limit", limit, "the most of each kind of change to list; --json lists all")
	return cmd
}

func (w *who) dryRun(ctx context.Context, file string) (dryRun, error) {
	out := dryRun{Why: map[string]string{}, names: map[string]string{}}
	tried := w.rules
	if file != "" {
		cfg, err := config.LoadIdentity(file, w.cfg, w.c.env)
		if errors.Is(err, os.ErrNotExist) {
			return out, canon.Errorf("rules.unknown", "there is no %s", file).WithHint("write the rules below a key identity:, as in hub.yaml")
		}
		var path *os.PathError
		if errors.As(err, &path) {
			return out, canon.Errorf("rules.read", "%s cannot be read: %w", file, path.Err).WithHint("--rules names a file, not a folder")
		}
		if err != nil {
			return out, err
		}
		if tried, err = rulesAtHand(ctx, w.db, cfg, w.vendors); err != nil {
			return out, err
		}
	}
	companies, contacts, now, err := w.everybody(ctx)
	if err != nil {
		return out, err
	}
	then := resolveAll(tried, w.decisions, companies, contacts)
	out.Records, out.Before, out.After = len(now), distinctOf(now), distinctOf(then.customer)
	out.Changes = identity.Compare(now, then.customer)
	for _, nodes := range [][]identity.Node{companies, contacts} {
		for i := range nodes {
			n := &nodes[i]
			// A founder of a customer is called by it, whoever moves.
			if now[n.Key] != then.customer[n.Key] || n.ID() == now[n.Key] || n.ID() == then.customer[n.Key] {
				out.names[n.Key], out.names[n.ID()] = title(n.Entity), title(n.Entity)
			}
			if now[n.Key] != then.customer[n.Key] {
				out.Why[n.Key] = then.why[n.Key]
			}
		}
	}
	return out, nil
}

func distinctOf(m map[string]string) int {
	seen := map[string]bool{}
	for _, v := range m {
		if v != "" {
			seen[v] = true
		}
	}
	return len(seen)
}

func (d dryRun) write(c *cli, limit int) {
	ch := d.Changes
	fmt.Fprintf(c.out, "%s of %s now, %d by these rules\n", plural(int64(d.Before), "customer", "customers"), plural(int64(d.Records), "record", "records"), d.After)
	if ch.Empty() {
		fmt.Fprintln(c.out, "nothing would change")
		return
	}
	fmt.Fprintf(c.out, "%s, %s, %s; %s would move\n", plural(int64(len(ch.Merges)), "merge", "merges"), plural(int64(len(ch.Splits)), "split", "splits"),
		plural(int64(len(ch.Renamed)), "changed id", "changed ids"), plural(int64(ch.Moved), "record", "records"))
	for i, m := range ch.Merges[:min(limit, len(ch.Merges))] {
		if i == 0 {
			fmt.Fprintln(c.out, "\ncome together")
		}
		fmt.Fprintf(c.out, "  %s ← %s\n", d.called(m.Into), strings.Join(slices.DeleteFunc(slices.Clone(m.From), func(id string) bool { return id == m.Into }), ", "))
		d.entities(c, m.Entities)
	}
	for i, s := range ch.Splits[:min(limit, len(ch.Splits))] {
		if i == 0 {
			fmt.Fprintln(c.out, "\ncome apart")
		}
		fmt.Fprintf(c.out, "  %s → %s\n", d.called(s.From), strings.Join(slices.DeleteFunc(slices.Clone(s.Into), func(id string) bool { return id == s.From }), ", "))
		d.entities(c, s.Entities)
	}
	for i, r := range ch.Renamed[:min(limit, len(ch.Renamed))] {
		if i == 0 {
			fmt.Fprintln(c.out, "\nget another id")
		}
		fmt.Fprintf(c.out, "  %s → %s\n", d.called(r.From), r.To)
	}
	if most := max(len(ch.Merges), len(ch.Splits), len(ch.Renamed)); most > limit {
		fmt.Fprintf(c.out, "\n--limit %d lists all, --json too\n", most)
	}
}

func (d dryRun) called(customer string) string {
	if name := d.names[customer]; name != "" {
		return customer + " (" + name + ")"
	}
	return customer
}

// entities lists who would move, the first few.
func (d dryRun) entities(c *cli, keys []string) {
	const most = 5
	for _, k := range keys[:min(most, len(keys))] {
		fmt.Fprintf(c.out, "      %-40s %-30s %s\n", short(k), d.names[k], d.Why[k])
	}
	if len(keys) > most {
		fmt.Fprintf(c.out, "      … and %d more\n", len(keys)-most)
	}
}
