package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func (c *cli) eraseList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the erasures: when, by whom, why and how much; whom is not known", Args: cobra.NoArgs, Example: "  hub erase list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				es, err := db.Erasures(cmd.Context())
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"erasures": es})
				}
				if len(es) == 0 {
					fmt.Fprintln(c.out, "nobody was erased")
					return nil
				}
				t := newTable(c.out, "erasure", "kind", "state", "at", "by", "reason", "removed")
				for _, e := range es {
					t.AppendRow(table.Row{e.ID, e.Kind, e.State, minute(e.At), e.Author, e.Reason, countsText(e.Counts)})
				}
				t.Render()
				return nil
			})
		},
	}
}

func countsText(counts map[string]int64) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] > 0 {
			out = append(out, fmt.Sprintf("%s %d", name, counts[name]))
		}
	}
	return strings.Join(out, ", ")
}

func (c *cli) eraseLift(author *string) *cobra.Command {
	return &cobra.Command{
		Use: "lift ERASURE", Short: "Let in again whom an erasure keeps out; what was removed stays removed", Args: cobra.ExactArgs(1),
		Example: "  hub erase lift era_0123456789abcdef0123 && hub sync --full",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				if err := lift(cmd.Context(), db, args[0], *author); err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"lifted": args[0]})
				}
				fmt.Fprintf(c.out, "%s is lifted; `hub sync --full` brings back what the vendors still have and no other erasure keeps out\n", args[0])
				return nil
			})
		},
	}
}

// lift forgets the marks of an erasure.
func lift(ctx context.Context, db *store.DB, id, author string) error {
	es, err := db.Erasures(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(es, func(e canon.Erasure) bool { return e.ID == id })
	switch {
	case i < 0:
		return canon.Errorf("erasure.unknown", "no erasure has the id %.80q", id).WithHint("`hub erase list` lists them")
	case es[i].State == canon.ErasurePending:
		return canon.Errorf("erasure.pending", "%s is not done yet", id).WithHint("`hub erase resume` finishes it")
	case es[i].State == canon.ErasureLifted:
		return nil
	}
	e := es[i]
	now := time.Now().UTC()
	e.State, e.LiftedAt = canon.ErasureLifted, now
	return db.InTx(ctx, now, func(tx *store.Tx) error {
		if err := tx.PutErasure(ctx, e); err != nil {
			return err
		}
		if err := tx.DropMarks(ctx, id); err != nil {
			return err
		}
		if err := tx.SetMeta(ctx, erasuresNote, id+" "+e.State); err != nil {
			return err
		}
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: author, Action: "erase lift", Object: id})
	})
}

func (c *cli) eraseResume() *cobra.Command {
	return &cobra.Command{
		Use: "resume", Short: "Finish the erasures that were interrupted", Args: cobra.NoArgs, Example: "  hub erase resume",
		RunE: func(cmd *cobra.Command, _ []string) error {
			done, err := c.eraseRest(cmd.Context())
			if err != nil {
				return err
			}
			if len(done) == 0 && !c.json {
				fmt.Fprintln(c.out, "none was interrupted")
				return nil
			}
			return c.eraseReport(done)
		},
	}
}

func (c *cli) audit() *cobra.Command {
	var before int64
	var limit int
	cmd := &cobra.Command{
		Use: "audit", Short: "List who erased and exported whose data, set plays live and applied policies, and when; whom is told by a keyed hash", Args: cobra.NoArgs,
		Example: "  hub audit\n  hub audit --limit 500 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				es, err := db.Audit(cmd.Context(), before, limit)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"audit": es})
				}
				if len(es) == 0 {
					fmt.Fprintln(c.out, "nobody was erased or exported")
					return nil
				}
				t := newTable(c.out, "no", "at", "who", "did", "object", "subject", "counts")
				for _, e := range es {
					t.AppendRow(table.Row{e.Seq, minute(e.At), e.Actor, e.Action, e.Object, e.Subject, countsText(e.Counts)})
				}
				t.Render()
				return nil
			})
		},
	}
	cmd.Flags().Int64Var(&before, "before", 0, "only entries before this number")
	cmd.Flags().IntVar(&limit, "limit", 100, "the most to list")
	return cmd
}
