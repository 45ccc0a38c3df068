package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
)

// compact returns v as JSON on one line.
func compact(v any) ([]byte, error) { return json.Marshal(v) }

func (c *cli) deadletters() *cobra.Command {
	var connection, after string
	var limit int
	cmd := &cobra.Command{
		Use:     "deadletters",
		Aliases: []string{"dead-letters"},
		Short:   "List the inputs that could not be used, with the reason; replay them when it is mended",
		Example: "  hub deadletters\n  hub deadletters --connection stripe --json\n  hub deadletters replay --connection stripe",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				ds, next, err := db.DeadLetters(cmd.Context(), connection, after, limit)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(map[string]any{"dead_letters": ds, "next": next})
				}
				if len(ds) == 0 {
					fmt.Fprintln(c.out, "none: everything that came could be used")
					return nil
				}
				for _, d := range ds {
					fmt.Fprintf(c.out, "%s/%s/%s  %s\n  %s\n", d.Connection, d.Stream, d.RecordID, d.Code, strings.TrimSpace(d.Path+"  "+d.Reason))
					if d.Hint != "" {
						fmt.Fprintf(c.out, "  hint: %s\n", d.Hint)
					}
				}
				if next != "" {
					fmt.Fprintf(c.out, "--after %s shows the next\n", next)
				}
				return nil
			})
		},
	}
	cmd.PersistentFlags().StringVar(&connection, "connection", "", "only this connection")
	cmd.Flags().StringVar(&after, "after", "", "continue behind this page")
	cmd.Flags().IntVar(&limit, "limit", 100, "the most to list")
	cmd.AddCommand(&cobra.Command{
		Use: "replay", Short: "Map the records behind the dead letters again, as after a change of mapping", Args: cobra.NoArgs,
		Example: "  hub deadletters replay",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.replay(cmd.Context(), connection) },
	})
	return cmd
}

// replay maps the records that have dead letters again, from the raw versions kept.
func (c *cli) replay(ctx context.Context, connection string) error {
	var before, left int64
	err := c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		refs, err := a.letteredRefs(ctx, connection)
		if err != nil {
			return err
		}
		counts, err := a.db.Counts(ctx)
		if err != nil {
			return err
		}
		before = counts.DeadLetters
		for _, stream := range refs {
			for ids := range slices.Chunk(stream.ids, 200) {
				if _, err := a.pipe.Remap(ctx, stream.connection, stream.stream, ids); err != nil {
					return err
				}
			}
		}
		if err := a.assess(ctx); err != nil {
			return err
		}
		if counts, err = a.db.Counts(ctx); err != nil {
			return err
		}
		left = counts.DeadLetters
		return a.settleOut(ctx)
	})
	if err != nil {
		return err
	}
	if c.json {
		return c.print(map[string]int64{"before": before, "left": left})
	}
	fmt.Fprintf(c.out, "%s before, %d left; those without an id come again only with their page (`hub sync --full`)\n", plural(before, "dead letter", "dead letters"), left)
	return nil
}

type lettered struct {
	connection, stream string
	ids                []string
}

func (a *app) letteredRefs(ctx context.Context, connection string) ([]lettered, error) {
	byStream := map[[2]string]map[string]bool{}
	for after := ""; ; {
		ds, next, err := a.db.DeadLetters(ctx, connection, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, d := range ds {
			if d.RecordID == "" || !a.configured(d.Connection) {
				continue
			}
			k := [2]string{d.Connection, d.Stream}
			if byStream[k] == nil {
				byStream[k] = map[string]bool{}
			}
			byStream[k][d.RecordID] = true
		}
		if next == "" {
			break
		}
		after = next
	}
	var out []lettered
	for k, ids := range byStream {
		l := lettered{connection: k[0], stream: k[1]}
		for id := range ids {
			l.ids = append(l.ids, id)
		}
		slices.Sort(l.ids)
		out = append(out, l)
	}
	slices.SortFunc(out, func(x, y lettered) int { return strings.Compare(x.connection+"/"+x.stream, y.connection+"/"+y.stream) })
	return out, nil
}

func (c *cli) webhooks() *cobra.Command {
	cmd := &cobra.Command{Use: "webhooks", Short: "Look after webhook endpoints and their deliveries", Example: "  hub webhooks deliveries --state dead"}
	var f canon.DeliveryFilter
	list := &cobra.Command{
		Use: "deliveries", Short: "List deliveries, the newest first", Args: cobra.NoArgs,
		Example: "  hub webhooks deliveries\n  hub webhooks deliveries --state dead --endpoint outreach --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				page, err := db.Deliveries(cmd.Context(), f)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(page)
				}
				t := newTable(c.out, "delivery", "endpoint", "type", "customer", "state", "tries", "last", "reason")
				for _, d := range page.Deliveries {
					t.AppendRow(table.Row{d.ID, d.Endpoint, d.Type, d.Customer, d.State, d.Attempts, d.LastStatus, d.Reason})
				}
				t.Render()
				for _, s := range []string{canon.DeliveryPending, canon.DeliveryDelivered, canon.DeliveryDead, canon.DeliverySkipped, canon.DeliveryExpired} {
					fmt.Fprintf(c.out, "%s %d  ", s, page.Counts[s])
				}
				fmt.Fprintln(c.out)
				if page.Next != "" {
					fmt.Fprintf(c.out, "--after %s shows the next\n", page.Next)
				}
				return nil
			})
		},
	}
	list.Flags().StringVar(&f.State, "state", "", "pending, delivered, dead, skipped or expired")
	list.Flags().StringVar(&f.Endpoint, "endpoint", "", "only this endpoint")
	list.Flags().StringVar(&f.Customer, "customer", "", "only of this customer (cus_…)")
	list.Flags().StringVar(&f.After, "after", "", "continue behind this page")
	list.Flags().IntVar(&f.Limit, "limit", 50, "the most to list")
	attempts := &cobra.Command{
		Use: "attempts DELIVERY", Short: "Show each try of a delivery", Args: cobra.ExactArgs(1), Example: "  hub webhooks attempts msg_0123456789abcdef0123",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				as, err := db.Attempts(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.print(as)
				}
				t := newTable(c.out, "try", "at", "took", "status", "error", "answer")
				for _, x := range as {
					t.AppendRow(table.Row{x.No, minute(x.At), x.Took.Round(time.Millisecond), x.Status, x.Error, x.Response})
				}
				t.Render()
				return nil
			})
		},
	}
	enable := &cobra.Command{
		Use: "enable ENDPOINT", Short: "Call an endpoint again that asked to be left alone", Args: cobra.ExactArgs(1), Example: "  hub webhooks enable outreach",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				return db.InTx(cmd.Context(), time.Now(), func(tx *store.Tx) error { return tx.SetMeta(cmd.Context(), "disabled:"+args[0], "") })
			})
		},
	}
	cmd.AddCommand(list, attempts, enable)
	return cmd
}

func (c *cli) pushes() *cobra.Command {
	var state, customer string
	var limit int
	cmd := &cobra.Command{
		Use: "push", Short: "List the fields written back and what became of them", Args: cobra.NoArgs,
		Example: "  hub push\n  hub push --state conflict\n  hub push --customer cus_0123456789abcdef0123 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				ps, err := db.Pushed(cmd.Context(), state, customer, limit)
				if err != nil {
					return err
				}
				if c.json {
					return c.print(ps)
				}
				t := newTable(c.out, "record", "field", "wanted", "confirmed", "state", "reason")
				for _, p := range ps {
					t.AppendRow(table.Row{p.Ref, p.Field, p.Wanted, p.Acked, p.State, p.Reason})
				}
				t.Render()
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "verified, conflict, failed or sent")
	cmd.Flags().StringVar(&customer, "customer", "", "only of this customer (cus_…)")
	cmd.Flags().IntVar(&limit, "limit", 100, "the most to list")
	return cmd
}

// mapTest maps one record and shows what became of it.
func (c *cli) mapTest(file, record, stream string) error {
	var src []byte
	name, builtin := strings.CutPrefix(file, "builtin:")
	if builtin {
		known, err := c.catalog()
		if err != nil {
			return err
		}
		d, err := known.find(name)
		if err != nil {
			return err
		}
		if len(d.Mapping) == 0 {
			return canon.Errorf("mapping.none", "the connector %s brings no mapping", name).WithHint("name your own mapping file")
		}
		src = d.Mapping
	} else {
		b, err := os.ReadFile(file)
		if err != nil {
			return canon.Errorf("mapping.read", "the mapping cannot be read: %w", err)
		}
		src = b
	}
	m, err := mapping.Parse(file, src, mapping.Options{Connection: func(connector string) string { return connector }})
	if err != nil {
		return canon.Errorf("mapping.bad", "%w", err)
	}
	raw, err := os.ReadFile(record)
	if err != nil {
		return canon.Errorf("record.read", "the record cannot be read: %w", err)
	}
	streams := m.Streams()
	if stream == "" && len(streams) == 1 {
		stream = streams[0]
	}
	if !slices.Contains(streams, stream) {
		return canon.Errorf("usage", "say which stream the record is of").WithHint("--stream with one of %s", strings.Join(streams, ", "))
	}
	rec := canon.Record{Ref: canon.Ref{Connection: "test", Stream: stream, ID: strings.TrimSuffix(filepath.Base(record), filepath.Ext(record))}, Raw: raw}
	rows := m.Explain(rec)
	entities, letters := m.Apply(rec)
	if c.json {
		return c.print(map[string]any{"rows": rows, "entities": entities, "dead_letters": letters})
	}
	t := newTable(c.out, "entity", "field", "from", "vendor says", "became")
	faults, unused := 0, 0
	for _, r := range rows {
		became := r.Result
		switch {
		case r.Unused:
			unused++
			became = "(not used)"
		case r.Fault != "":
			faults++
			became = "✗ " + r.Fault
		}
		t.AppendRow(table.Row{r.Entity, r.Field, r.From, r.Raw, became})
	}
	t.Render()
	fmt.Fprintf(c.out, "%s, %s, %s not used\n", plural(int64(len(entities)), "entity", "entities"), plural(int64(faults), "fault", "faults"), plural(int64(unused), "path", "paths"))
	return nil
}
