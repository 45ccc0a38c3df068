package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// export is all that is held of a person or company.
type export struct {
	Kind       string    `json:"kind"`
	Title      string    `json:"title"`
	Emails     []string  `json:"emails,omitempty"`
	Phones     []string  `json:"phones,omitempty"`
	Names      []string  `json:"names,omitempty"`
	ExportedAt time.Time `json:"exported_at"`
	// Golden is what customers' golden records took from the subject's records, with where from.
	Golden map[string][]canon.Field `json:"golden"`
	// Tables are the rows that belong to the subject, by table.
	Tables map[string][]store.Exported `json:"tables"`
	// Mentions are the rows of others that name the subject. What they say of others is not told.
	Mentions []mention `json:"mentions"`
}

type mention struct {
	Table   string   `json:"table"`
	Records []string `json:"records,omitempty"`
	Columns []string `json:"columns"`
}

func (c *cli) export() *cobra.Command {
	var dir, author string
	cmd := &cobra.Command{
		Use:   "export WHO",
		Short: "Write down all that is held of a person or company",
		Long: `export writes all that is held of a person or company: records in every version as the vendors gave them, what became of
them, the golden record with where each value came from, the timeline, assessments, deliveries, what was written back,
dead letters and decisions. With --dir it writes export.json and a CSV file per kind, else JSON to the output.

WHO is the id of a customer or person (cus_…), a record (connection/stream/id), or an e-mail address.`,
		Example: "  hub export ana@acme.example --dir ana\n  hub export hubspot/contacts/4711 > ana.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withStore(cmd.Context(), func(db *store.DB) error {
				s, err := ingest.FindSubject(cmd.Context(), db, args[0])
				if err != nil {
					return err
				}
				x, err := exportOf(cmd.Context(), db, s)
				if err != nil {
					return err
				}
				if dir != "" {
					if err := x.write(dir); err != nil {
						return canon.Errorf("export.write", "the export cannot be written: %w", err).WithHint("check that %s can be written", dir)
					}
				}
				if err := c.auditExport(cmd.Context(), db, s, x, author); err != nil {
					return err
				}
				if dir == "" {
					return c.print(x)
				}
				if !c.json {
					fmt.Fprintf(c.out, "%s/export.json and a CSV file per kind\n", dir)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the `folder` to write into; it is made where it is missing")
	cmd.Flags().StringVar(&author, "author", operator(), "who asks for it")
	return cmd
}

func exportOf(ctx context.Context, db *store.DB, s ingest.Subject) (export, error) {
	x := export{Kind: s.Kind, Title: s.Title, Emails: s.Emails, Phones: s.Phones, Names: s.Names, ExportedAt: time.Now().UTC(), Golden: map[string][]canon.Field{},
		Tables: map[string][]store.Exported{}, Mentions: []mention{}}
	if err := db.Export(ctx, s.Scope, func(table string, row store.Exported) error {
		x.Tables[table] = append(x.Tables[table], row)
		return nil
	}); err != nil {
		return x, err
	}
	own := map[canon.Ref]bool{}
	for _, r := range s.Scope.Refs {
		own[r] = true
	}
	for _, id := range s.Affected {
		c, err := db.Customer(ctx, id)
		if err != nil {
			return x, err
		}
		for _, f := range c.Fields {
			if own[f.Source] {
				x.Golden[id] = append(x.Golden[id], f)
			}
		}
	}
	known := passing(s)
	return x, db.EachText(ctx, func(r canon.TextRow) error {
		m := mention{Table: r.Table}
		for _, ref := range r.Refs {
			if own[ref] {
				return nil
			}
			m.Records = append(m.Records, ref.String())
		}
		for i, v := range r.Values {
			if known.Mentions([]byte(v)) {
				m.Columns = append(m.Columns, r.Columns[i])
			}
		}
		// Rows without a record of their own are in the tables above, or say no more than them.
		if len(m.Columns) > 0 && len(m.Records) > 0 {
			x.Mentions = append(x.Mentions, m)
		}
		return nil
	})
}

func (c *cli) auditExport(ctx context.Context, db *store.DB, s ingest.Subject, x export, author string) error {
	key, err := c.makeErasureKey(ctx, db)
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	for name, rows := range x.Tables {
		counts[name] = int64(len(rows))
	}
	return db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: author, Action: "export", Subject: subjectMark(s.Marks(key, "")), Counts: counts})
	})
}

// write writes export.json and a CSV file per table, entities by their kind.
func (x export) write(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	doc, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "export.json"), append(doc, '\n'), 0o600); err != nil {
		return err
	}
	sheets := map[string][]store.Exported{}
	for name, rows := range x.Tables {
		for _, row := range rows {
			sheet := name
			if kind, ok := row["kind"].(string); ok && name == "entities" {
				sheet, row = kind, spread(row)
			}
			sheets[sheet] = append(sheets[sheet], row)
		}
	}
	for name, rows := range sheets {
		if err := writeSheet(filepath.Join(dir, name+".csv"), rows); err != nil {
			return err
		}
	}
	return nil
}

// spread puts the fields of an entity's body beside the entity's own columns.
func spread(row store.Exported) store.Exported {
	out := maps.Clone(row)
	var e struct {
		Body map[string]any `json:"body"`
	}
	if doc, ok := row["doc"].(json.RawMessage); ok && json.Unmarshal(doc, &e) == nil {
		for k, v := range e.Body {
			out["body."+k] = v
		}
	}
	return out
}

func writeSheet(path string, rows []store.Exported) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	all := map[string]bool{}
	for _, row := range rows {
		for k := range row {
			all[k] = true
		}
	}
	columns := slices.Sorted(maps.Keys(all))
	w := csv.NewWriter(f)
	lines := [][]string{columns}
	for _, row := range rows {
		line := make([]string, len(columns))
		for i, k := range columns {
			line[i] = cellText(row[k])
		}
		lines = append(lines, line)
	}
	return w.WriteAll(lines)
}

// cellText returns a value as it stands in a CSV file.
func cellText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case json.RawMessage:
		return string(v)
	case map[string]any, []any:
		b, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(b)
	}
	return fmt.Sprint(v)
}
