package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/timeline"
)

// timelineFlags are what the command line says of a timeline.
type timelineFlags struct {
	all                 bool
	from, to, at, known string
	kinds, sources      []string
	limit               int
	canon.Window
}

func (c *cli) timeline() *cobra.Command {
	var f timelineFlags
	cmd := &cobra.Command{
		Use:   "timeline CUSTOMER",
		Short: "Tell what happened to a customer, in order",
		Long: `timeline tells what happened to a customer, in order. CUSTOMER is an id (cus_…) or a record of theirs
(connection/stream/id). --person tells of one contact and what belongs to them, --all of everybody.

--at asks for what had happened by then, as it is known now. --known-at asks for the timeline as it was known then: late
records are not in it yet, corrections are not made yet, and customers who became one since are still two.
A day stands for its end. Both may be combined.`,
		Example: "  hub timeline cus_0123456789abcdef0123\n  hub timeline hubspot/companies/1001 --type invoice. --newest --limit 20\n" +
			"  hub timeline stripe/customers/cus_9 --known-at 2026-01-31\n  hub timeline --person hubspot/contacts/51 --kind ticket,activity\n" +
			"  hub timeline cus_0123456789abcdef0123 --source zendesk --revisions\n  hub timeline --all --json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.all && (len(args) == 1 || f.Person != "") || !f.all && len(args) == 0 && f.Person == "" {
				return canon.Errorf("usage", "name one customer or --person, or give --all").WithHint("`hub customers` lists customers")
			}
			if err := f.window(); err != nil {
				return err
			}
			return c.withStore(cmd.Context(), func(db *store.DB) error { return c.writeTimeline(cmd.Context(), db, strings.Join(args, ""), f) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "everybody's timeline")
	flags.BoolVar(&f.Newest, "newest", false, "the newest first")
	flags.StringSliceVar(&f.Types, "type", nil, "only these types; \"invoice.\" means all that begin so")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only what happened to entities of these kinds (deal, ticket…)")
	flags.StringSliceVar(&f.sources, "source", nil, "only what comes from these connections or streams (hubspot, hubspot/deals)")
	flags.StringVar(&f.Person, "person", "", "only what happened to this contact and what belongs to them")
	flags.StringVar(&f.from, "from", "", "from this day or moment on (2026-01-31 or RFC 3339)")
	flags.StringVar(&f.to, "to", "", "before this day or moment")
	flags.StringVar(&f.at, "at", "", "what had happened by this day or moment")
	flags.StringVar(&f.known, "known-at", "", "as it was known on this day or at this moment")
	flags.BoolVar(&f.Revisions, "revisions", false, "show also what was stated before and taken back since")
	flags.IntVar(&f.limit, "limit", 0, "the most events (0: all)")
	flags.StringVar(&f.After, "after", "", "continue behind this `page`")
	flags.StringVar(&f.Before, "before", "", "show what lies before this `page`")
	return cmd
}

// window reads the flags that are not taken as they are.
func (f *timelineFlags) window() (err error) {
	if f.From, err = parseDay(f.from); err != nil {
		return err
	}
	if f.To, err = parseDay(f.to); err != nil {
		return err
	}
	if f.At, err = parseEnd(f.at); err != nil {
		return err
	}
	if f.KnownAt, err = parseEnd(f.known); err != nil {
		return err
	}
	if err := knownTypes(f.Types); err != nil {
		return err
	}
	for _, k := range f.kinds {
		if _, err := canon.NewBody(canon.Kind(k)); err != nil {
			return canon.Errorf("usage", "there is no kind %.80q", k).WithHint("kinds: %s", kindNames())
		}
		f.Kinds = append(f.Kinds, canon.Kind(k))
	}
	for _, s := range f.sources {
		if strings.Contains(s, "/") {
			f.Streams = append(f.Streams, s)
		} else {
			f.Connections = append(f.Connections, s)
		}
	}
	return nil
}

// knownTypes refuses types of events that no timeline holds; one that ends with "." stands for all that begin so.
func knownTypes(asked []string) error {
	// The assessment tells these two, and records all the others.
	families := map[string][]string{"stage": {"changed"}, "score": {"changed"}}
	for _, t := range timeline.Types() {
		family, rest, _ := strings.Cut(t.Type, ".")
		families[family] = append(families[family], rest)
	}
	for _, typ := range asked {
		family, rest, dotted := strings.Cut(typ, ".")
		types := families[family]
		switch {
		case types == nil || !dotted:
			return canon.Errorf("usage", "there is no type of event %.80q", typ).
				WithHint("types begin with %s.; `--type deal.` means all that begin so", strings.Join(slices.Sorted(maps.Keys(families)), "., "))
		case rest != "" && !slices.Contains(types, rest):
			return canon.Errorf("usage", "there is no type of event %.80q", typ).
				WithHint("after %s. comes one of %s; `--type %s.` means all of them", family, strings.Join(types, ", "), family)
		}
	}
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range canon.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

func parseDay(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, canon.Errorf("usage", "%q is no day or moment", s).WithHint("write 2026-01-31 or 2026-01-31T12:00:00Z")
}

// parseEnd is parseDay where a day stands for its end.
func parseEnd(s string) (time.Time, error) {
	t, err := parseDay(s)
	if err == nil && len(s) == len(time.DateOnly) {
		t = t.Add(24*time.Hour - time.Microsecond)
	}
	return t, err
}

// mostPerPage is the most events that the store gives at once.
const mostPerPage = 1000

// writeTimeline prints events page by page, as lines or as one JSON array with one event a line.
func (c *cli) writeTimeline(ctx context.Context, db *store.DB, customer string, f timelineFlags) error {
	w := f.Window
	n, prev := 0, ""
	out := newEventWriter(c)
	for {
		w.Limit = mostPerPage
		if f.limit > 0 {
			w.Limit = min(f.limit-n, mostPerPage)
		}
		page, err := db.Timeline(ctx, customer, w)
		if err != nil {
			return err
		}
		if n == 0 {
			prev = page.Prev
		}
		for _, e := range page.Events {
			n++
			if err := out.event(e); err != nil {
				return err
			}
		}
		if page.Next != "" && n != f.limit && w.Before == "" {
			w.After = page.Next
			continue
		}
		if err := out.end(); err != nil {
			return err
		}
		c.pages(prev, page.Next)
		return nil
	}
}

// pages says how to go on, beside the output, which stays events alone.
func (c *cli) pages(prev, next string) {
	if next != "" {
		fmt.Fprintf(c.err, "--after %s shows what follows\n", next)
	}
	if prev != "" {
		fmt.Fprintf(c.err, "--before %s shows what comes before\n", prev)
	}
}

type eventWriter struct {
	c *cli
	n int
}

func newEventWriter(c *cli) *eventWriter { return &eventWriter{c: c} }

func (w *eventWriter) event(e canon.Event) error {
	w.n++
	if !w.c.json {
		_, err := fmt.Fprintf(w.c.out, "%s  %-22s %s%s\n", minute(e.OccurredAt), e.Type, e.Summary, revisionText(e))
		return err
	}
	lead := ",\n"
	if w.n == 1 {
		lead = "[\n"
	}
	b, err := compact(e)
	if err == nil {
		_, err = fmt.Fprintf(w.c.out, "%s%s", lead, b)
	}
	return err
}

// revisionText says which statement it is, where that was asked for.
func revisionText(e canon.Event) string {
	if e.Revision == 0 {
		return ""
	}
	text := fmt.Sprintf("  [%d: recorded %s", e.Revision, minute(e.RecordedAt))
	if !e.SupersededAt.IsZero() {
		text += ", taken back " + minute(e.SupersededAt)
	}
	return text + "]"
}

func (w *eventWriter) end() error {
	switch {
	case w.c.json && w.n == 0:
		fmt.Fprintln(w.c.out, "[]")
	case w.c.json:
		fmt.Fprintln(w.c.out, "\n]")
	case w.n == 0:
		fmt.Fprintln(w.c.out, "nothing happened in that time")
	}
	return nil
}

// assessmentAt reads where a customer stood.
func assessmentAt(ctx context.Context, db *store.DB, customer, at, known string) (*canon.Assessment, error) {
	when, err := parseEnd(at)
	if err != nil {
		return nil, err
	}
	then, err := parseEnd(known)
	if err != nil {
		return nil, err
	}
	a, err := db.AssessmentAt(ctx, customer, when, then)
	return &a, err
}
