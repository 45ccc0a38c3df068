package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// eraseOptions say whom to erase, and who says so.
type eraseOptions struct {
	who, author, reason string
	yes, dry            bool
}

func (c *cli) erase() *cobra.Command {
	var o eraseOptions
	cmd := &cobra.Command{
		Use:   "erase WHO",
		Short: "Remove a person or a company everywhere, and keep them from coming back",
		Long: `erase removes what is held of a person or company: records in every version, the timeline, assessments, deliveries,
what was written back, dead letters, messages on the belts, and the bytes that all these leave in files. What others'
records say of them is replaced by ` + ingest.Erased + `. From then on their records are left out when vendors send them again.

WHO is the id of a customer or person (cus_…), a record (connection/stream/id), or an e-mail address. Without --yes
nothing is done but to show what would be. An erasure that was interrupted is finished by the same command, by
` + "`hub sync` or by `hub run`" + `.`,
		Example: "  hub erase ana@acme.example\n  hub erase ana@acme.example --yes --reason 'request 17'\n  hub erase hubspot/companies/4711 --yes\n  hub erase list\n  hub erase lift era_0123456789abcdef0123",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.who = args[0]
			if o.dry && o.yes {
				return canon.Errorf("usage", "--dry-run and --yes contradict each other").WithHint("leave one of them out")
			}
			if !o.yes {
				return c.eraseShow(cmd.Context(), o.who)
			}
			return c.eraseDo(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "do it; there is no way back")
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "only show what would be removed (which is what happens without --yes)")
	cmd.PersistentFlags().StringVar(&o.author, "author", operator(), "who says so")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, without naming anybody")
	cmd.AddCommand(c.eraseList(), c.eraseLift(&o.author), c.eraseResume())
	return cmd
}

// operator is who runs the command.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// eraseShow prints what erasing somebody would remove.
func (c *cli) eraseShow(ctx context.Context, who string) error {
	return c.withStore(ctx, func(db *store.DB) error {
		s, earlier, err := c.subject(ctx, db, who)
		if err != nil {
			return err
		}
		t, err := tracesOf(ctx, db, s)
		if err != nil {
			return err
		}
		t.Erased = earlier.ID
		if c.json {
			return c.print(t)
		}
		if earlier.ID != "" {
			fmt.Fprintln(c.out, alreadyErased(who, earlier))
			return nil
		}
		fmt.Fprintf(c.out, "%s %s\n", s.Kind, s.Title)
		for _, known := range [][2]string{{"e-mail", strings.Join(s.Emails, ", ")}, {"phone ends with", strings.Join(s.Phones, ", ")}, {"name", strings.Join(s.Names, ", ")},
			{"left, as others share it", strings.Join(s.Shared, ", ")}} {
			if known[1] != "" {
				fmt.Fprintf(c.out, "  %s: %s\n", known[0], known[1])
			}
		}
		if len(t.all()) == 0 {
			fmt.Fprintln(c.out, "nothing is held of them; --yes keeps them out all the same")
			return nil
		}
		show := newTable(c.out, "what", "removed", "redacted")
		for _, name := range slices.Sorted(maps.Keys(t.all())) {
			show.AppendRow(table.Row{name, t.Removed[name], t.Redacted[name]})
		}
		show.Render()
		fmt.Fprintf(c.out, "nothing was done; --yes does it, and there is no way back\n")
		return nil
	})
}

// traces is what is held of a subject: rows of its own, which erasing removes, and rows of others that name it.
type traces struct {
	Kind     string           `json:"kind"`
	Title    string           `json:"title"`
	Emails   []string         `json:"emails,omitempty"`
	Phones   []string         `json:"phones,omitempty"`
	Names    []string         `json:"names,omitempty"`
	Shared   []string         `json:"shared,omitempty"`
	Records  []string         `json:"records"`
	Removed  map[string]int64 `json:"removed"`
	Redacted map[string]int64 `json:"redacted"`
	// Erased is the erasure that removed all this already, "" where there is none.
	Erased string `json:"erased,omitempty"`
}

func (t traces) all() map[string]bool {
	out := map[string]bool{}
	for _, m := range []map[string]int64{t.Removed, t.Redacted} {
		for name := range m {
			out[name] = true
		}
	}
	return out
}

// passing recognises a subject with a key that is thrown away.
func passing(s ingest.Subject) *ingest.Marked {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return ingest.NewMarked(key[:], s.Marks(key[:], ""))
}

func tracesOf(ctx context.Context, db *store.DB, s ingest.Subject) (traces, error) {
	t := traces{Kind: s.Kind, Title: s.Title, Emails: s.Emails, Phones: s.Phones, Names: s.Names, Shared: s.Shared, Records: []string{},
		Removed: map[string]int64{}, Redacted: map[string]int64{}}
	for _, r := range s.Scope.Refs {
		t.Records = append(t.Records, r.String())
	}
	if err := db.Export(ctx, s.Scope, func(table string, _ store.Exported) error {
		t.Removed[table]++
		return nil
	}); err != nil {
		return t, err
	}
	known := passing(s)
	naming := map[string]int64{}
	if err := db.EachText(ctx, func(r canon.TextRow) error {
		if slices.ContainsFunc(r.Values, func(v string) bool { return known.Mentions([]byte(v)) }) {
			naming[r.Table]++
			if slices.ContainsFunc(r.Refs, func(ref canon.Ref) bool { return slices.Contains(s.Scope.Refs, ref) }) {
				naming[r.Table]--
			}
		}
		return nil
	}); err != nil {
		return t, err
	}
	// Of the other tables it is only known how many rows name the subject, its own among them.
	own := map[string]bool{"versions": true, "pushed": true, "dead_letters": true, "decisions": true}
	for name, n := range naming {
		if !own[name] {
			n -= min(n, t.Removed[name])
		}
		if n > 0 {
			t.Redacted[name] = n
		}
	}
	return t, nil
}
