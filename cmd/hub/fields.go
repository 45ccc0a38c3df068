package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
)

// fieldRow is one field as the command tells it.
type fieldRow struct {
	Stream string `json:"stream"`
	canon.FieldState
	// Mapped says that the connection's mapping reads the field.
	Mapped bool `json:"mapped"`
}

func (c *cli) fieldsCommand() *cobra.Command {
	var unmapped bool
	var limit int
	cmd := &cobra.Command{
		Use:     "fields CONNECTION [STREAM]",
		Short:   "List the fields of a connection's records, which of them are mapped, and what changed",
		Example: "  hub connectors fields hubspot\n  hub connectors fields hubspot contacts --unmapped\n  hub connectors fields stripe --json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			stream := ""
			if len(args) > 1 {
				stream = args[1]
			}
			cfg, err := c.load()
			if err != nil {
				return err
			}
			known, err := knownConnectors(cfg)
			if err != nil {
				return err
			}
			m, err := configuredMapping(cfg, known, args[0])
			if err != nil {
				return err
			}
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				rows, err := fieldRows(cmd.Context(), db, m, args[0], stream)
				if err != nil {
					return err
				}
				drift, err := db.Drift(cmd.Context(), args[0], stream, limit)
				if err != nil {
					return err
				}
				if unmapped {
					rows = leftOut(rows)
				}
				if c.json {
					return c.print(map[string]any{"fields": rows, "drift": drift})
				}
				c.writeFields(rows, drift)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&unmapped, "unmapped", false, "only fields that the mapping does not read")
	cmd.Flags().IntVar(&limit, "drift", 20, "how many of the newest changes to list")
	return cmd
}

// configuredMapping returns the mapping of a connection of hub.yaml, without opening the connection.
func configuredMapping(cfg *config.Config, known catalog, name string) (*mapping.Map, error) {
	for i, conn := range cfg.Connections {
		if conn.Name != name {
			continue
		}
		def, err := surroundings{cfg: cfg, known: known}.definition(i)
		if err != nil {
			return nil, err
		}
		return mappingOf(cfg, fmt.Sprintf("connections[%d]", i), conn, def)
	}
	return nil, canon.Errorf("connection.unknown", "connection %q is not configured", name).WithHint("see `connections` in hub.yaml")
}

// fieldRows returns the fields of a connection's streams, or of one, by stream and path.
func fieldRows(ctx context.Context, db *store.DB, m *mapping.Map, connection, stream string) ([]fieldRow, error) {
	states, err := db.Streams(ctx)
	if err != nil {
		return nil, err
	}
	rows, known := []fieldRow{}, false
	for _, s := range states {
		if s.Connection != connection || stream != "" && s.Stream != stream {
			continue
		}
		known = true
		fields, err := db.Fields(ctx, connection, s.Stream)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			rows = append(rows, fieldRow{Stream: s.Stream, FieldState: f, Mapped: m.Reads(s.Stream, f.Path)})
		}
	}
	if !known && stream != "" {
		return nil, canon.Errorf("stream.unknown", "nothing of a stream %q of %s has been pulled", stream, connection).WithHint("`hub connections` lists the streams")
	}
	return rows, nil
}

func leftOut(rows []fieldRow) []fieldRow {
	out := []fieldRow{}
	for _, r := range rows {
		if !r.Mapped {
			out = append(out, r)
		}
	}
	return out
}

func (c *cli) writeFields(rows []fieldRow, drift []canon.Drift) {
	t := newTable(c.out, "stream", "field", "type", "mapped", "first seen", "last seen")
	for _, r := range rows {
		types := strings.Join(r.Types, ", ")
		if types == "" {
			types = r.VendorType
		}
		mapped, last := "", minute(r.LastSeen)
		if r.Mapped {
			mapped = "yes"
		}
		if !r.GoneAt.IsZero() {
			last += " (gone since " + minute(r.GoneAt) + ")"
		}
		t.AppendRow(table.Row{r.Stream, r.Path, types, mapped, minute(r.FirstSeen), strings.TrimSpace(last)})
	}
	t.Render()
	fmt.Fprintln(c.out, plural(int64(len(rows)), "field", "fields"))
	for i, d := range drift {
		if i == 0 {
			fmt.Fprintln(c.out, "\nchanges, the newest first")
		}
		fmt.Fprintf(c.out, "  %s  %s  %s  %s  %s\n", minute(d.At), d.Stream, d.What, d.Path, d.Detail)
	}
}

// describe asks a vendor for the fields of its records, where it tells them. What goes wrong is logged: records tell
// their fields too.
func (a *app) describe(ctx context.Context, v *vendor) {
	d, ok := v.conn.(connectors.Describer)
	if !ok {
		return
	}
	for _, stream := range v.streams {
		fields, err := d.Describe(ctx, stream)
		if canon.CodeOf(err) == "fields.unsupported" {
			continue
		}
		if err == nil {
			infos := make([]canon.FieldInfo, len(fields))
			for i, f := range fields {
				infos[i] = canon.FieldInfo(f)
			}
			err = a.pipe.Describe(ctx, v.cfg.Name, stream, infos)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("the fields of a stream could not be asked for", "connection", v.cfg.Name, "stream", stream, "error", err)
		}
	}
}
