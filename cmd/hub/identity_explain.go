package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

// rulesMark is the name under which the store keeps the version of the rules that its customers were made by.
const rulesMark = "identity"

// explained is all that is known of why a customer is who they are.
type explained struct {
	Customer string `json:"customer"`
	Type     string `json:"type"`
	Name     string `json:"name"`
	Domain   string `json:"domain,omitempty"`
	// Members are the companies and contacts, with the evidence for each.
	Members []explainedMember `json:"members"`
	// Accepted and Rejected are the evidence among members and between them and others.
	Accepted  []canon.Edge      `json:"accepted"`
	Rejected  []canon.Edge      `json:"rejected"`
	Contested []canon.Contested `json:"contested"`
	// Decisions are those in force about any of the members, Candidates the pairs that await one.
	Decisions  []canon.Decision      `json:"decisions"`
	Candidates []store.OpenCandidate `json:"candidates"`
	// Fields is the golden record. Person is that of the person asked for, where they are at a company.
	Fields []canon.Field `json:"fields"`
	Person []canon.Field `json:"person,omitempty"`
	// Aliases are the other ids that mean the customer, Children the customers that it owns.
	Aliases  []string            `json:"aliases"`
	Children []canon.CustomerRow `json:"children,omitempty"`
	Moves    []canon.Move        `json:"moves"`
}

type explainedMember struct {
	Key  string     `json:"key"`
	Kind canon.Kind `json:"kind"`
	Ref  canon.Ref  `json:"ref"`
	Name string     `json:"name,omitempty"`
	Why  string     `json:"why"`
	// Rank is the evidence's place on the ladder; 0 for a person, whose company is found by other means, and for what
	// was decided.
	Rank    int    `json:"rank,omitempty"`
	Alias   string `json:"alias"`
	Deleted bool   `json:"deleted,omitempty"`
}

func (c *cli) identityExplain() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Say why a customer's records are one, where each value comes from, and what was turned down",
		Long: `explain shows a customer's records and the evidence that brought each of them there, with its rank (0 is a decision,
1 the surest evidence), the evidence that was turned down and why, what is contested, the decisions in force, where each
value of the golden record comes from, the ids that mean this customer, and the moves of its records.`,
		Example: "  hub identity explain cus_0123456789abcdef0123\n  hub identity explain stripe/customers/cus_9 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withWho(cmd.Context(), func(w *who) error {
				if err := w.notice(cmd.Context()); err != nil {
					return err
				}
				out, err := w.explain(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if c.json {
					return c.print(out)
				}
				most := 12
				if all {
					most = 1 << 30
				}
				out.write(c.out, most)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "list everything, however long")
	return cmd
}

func (w *who) explain(ctx context.Context, id string) (explained, error) {
	out := explained{Members: []explainedMember{}, Accepted: []canon.Edge{}, Rejected: []canon.Edge{}, Contested: []canon.Contested{},
		Decisions: []canon.Decision{}, Fields: []canon.Field{}, Aliases: []string{}}
	asked := ""
	if es, err := w.named(ctx, id); err == nil && !strings.HasPrefix(id, "cus_") {
		id, asked = es[0].Customer, es[0].Entity.Key()
	}
	cust, err := w.db.Customer(ctx, id)
	if err != nil {
		return out, err
	}
	out.Customer, out.Type, out.Name, out.Domain = cust.ID, cust.Type, cust.Name, cust.Domain
	if cust.Fields != nil {
		out.Fields = cust.Fields
	}
	members, err := w.members(ctx, cust.ID)
	if err != nil {
		return out, err
	}
	ranks, err := out.evidence(ctx, w, members)
	if err != nil {
		return out, err
	}
	var names []string
	for _, m := range members {
		key := m.Entity.Key()
		names = append(names, key)
		out.Members = append(out.Members, explainedMember{Key: key, Kind: m.Entity.Kind, Ref: m.Entity.Ref, Name: title(m.Entity), Why: m.Why, Rank: ranks[key],
			Alias: m.Node, Deleted: m.Entity.Deleted})
		if m.Node != cust.ID {
			out.Aliases = append(out.Aliases, m.Node)
		}
	}
	out.Decisions = append(out.Decisions, w.decisions.About(names)...)
	out.Person = w.person(members, asked, cust)
	if out.Candidates, _, err = w.db.Candidates(ctx, store.CandidateFilter{Customer: cust.ID, Limit: 1000, Now: w.now}); err != nil {
		return out, err
	}
	if out.Children, err = w.db.Children(ctx, cust.ID); err != nil {
		return out, err
	}
	if out.Moves, err = w.db.Moves(ctx, cust.ID, 1000); err != nil {
		return out, err
	}
	return out, out.absorbed(ctx, w)
}

// absorbed adds the ids of customers that are no more and whose records came to this one.
func (x *explained) absorbed(ctx context.Context, w *who) error {
	for _, m := range x.Moves {
		if m.To != x.Customer || m.From == "" || slices.Contains(x.Aliases, m.From) {
			continue
		}
		now, err := w.db.Resolve(ctx, m.From)
		if err != nil && canon.CodeOf(err) != "customer.unknown" {
			return err
		}
		if err == nil && now == x.Customer {
			x.Aliases = append(x.Aliases, m.From)
		}
	}
	return nil
}

// person returns the golden record of the contact asked for, where the customer is not that person alone.
func (w *who) person(members []canon.StoredEntity, asked string, cust canon.Customer) []canon.Field {
	i := slices.IndexFunc(members, func(m canon.StoredEntity) bool { return m.Entity.Key() == asked })
	if i < 0 || members[i].Entity.Kind != canon.KindContact || cust.Type != "company" {
		return nil
	}
	var same []canon.StoredEntity
	var names []string
	for _, m := range members {
		if m.Entity.Kind == canon.KindContact && m.Cluster == members[i].Cluster {
			same, names = append(same, m), append(names, m.Entity.Key())
		}
	}
	return w.rules.Golden(same, w.decisions.Pins(names), w.now).Fields
}

// evidence works out the evidence about the members and returns the rank of each member's, by key.
func (x *explained) evidence(ctx context.Context, w *who, members []canon.StoredEntity) (map[string]int, error) {
	ranks := map[string]int{}
	for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
		ofKind := slices.DeleteFunc(slices.Clone(members), func(e canon.StoredEntity) bool { return e.Entity.Kind != kind })
		near, err := w.closure(ctx, ofKind)
		if err != nil {
			return nil, err
		}
		own := map[string]bool{}
		for _, e := range ofKind {
			own[e.Entity.Key()] = true
		}
		for _, cl := range w.rules.Cluster(near.nodes, near.known) {
			if !slices.ContainsFunc(cl.Members, func(m identity.Member) bool { return own[m.Key] }) {
				continue
			}
			x.Contested = append(x.Contested, cl.Contested...)
			for _, e := range cl.Edges {
				if e.Rejected != "" {
					x.Rejected = append(x.Rejected, e)
				} else {
					x.Accepted = append(x.Accepted, e)
				}
			}
			for _, m := range cl.Members {
				if kind == canon.KindCompany || cl.ID == x.Customer {
					ranks[m.Key] = m.Rank
				}
			}
		}
	}
	x.Accepted, x.Rejected = distinctEdges(x.Accepted), distinctEdges(x.Rejected)
	slices.SortStableFunc(x.Contested, func(a, b canon.Contested) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Reason, b.Reason))
	})
	// What several members hold is contested for each of them.
	x.Contested = slices.CompactFunc(x.Contested, func(a, b canon.Contested) bool { return a.Key == b.Key && a.Reason == b.Reason })
	return ranks, nil
}

// distinctEdges sorts evidence by rank, each piece once.
func distinctEdges(edges []canon.Edge) []canon.Edge {
	slices.SortFunc(edges, func(a, b canon.Edge) int {
		return cmp.Or(a.Rank-b.Rank, strings.Compare(a.A, b.A), strings.Compare(a.B, b.B), strings.Compare(a.Key, b.Key), strings.Compare(a.Rejected, b.Rejected))
	})
	return slices.Compact(edges)
}

// section heads a list of n lines of which at most most are shown, and says which to show.
func section(out io.Writer, title string, n, most int) (shown int) {
	if n == 0 {
		return 0
	}
	fmt.Fprintf(out, "\n%s\n", title)
	return min(n, most)
}

// andMore ends a section of which not all was shown.
func andMore(out io.Writer, n, shown int) {
	if n > shown {
		fmt.Fprintf(out, "  … and %d more (--all)\n", n-shown)
	}
}

func (x explained) write(out io.Writer, most int) {
	fmt.Fprintf(out, "%s  (%s, %s)\n", x.Name, x.Type, x.Customer)
	shown := section(out, "records", len(x.Members), most)
	for _, m := range x.Members[:shown] {
		gone := ""
		if m.Deleted {
			gone = " (deleted)"
		}
		fmt.Fprintf(out, "  %-8s %-36s %-32s %s%s\n", m.Kind, m.Ref, m.Name, m.Why, gone)
	}
	andMore(out, len(x.Members), shown)
	writeEdges(out, "evidence that holds", x.Accepted, most)
	writeEdges(out, "evidence turned down", x.Rejected, most)
	shown = section(out, "contested", len(x.Contested), most)
	for _, c := range x.Contested[:shown] {
		fmt.Fprintf(out, "  %s: %s %s\n", c.Key, c.Reason, joinRefs(c.Refs))
	}
	andMore(out, len(x.Contested), shown)
	shown = section(out, "decisions", len(x.Decisions), most)
	for _, d := range x.Decisions[:shown] {
		fmt.Fprintf(out, "  %s  %s\n", d.ID, decisionText(d))
	}
	andMore(out, len(x.Decisions), shown)
	shown = section(out, "awaiting a decision (hub identity review)", len(x.Candidates), most)
	for _, k := range x.Candidates[:shown] {
		fmt.Fprintf(out, "  %s  %.2f  %s ~ %s  %s\n", k.ID, k.Score, short(k.A), short(k.B), strings.Join(k.Why, ", "))
	}
	andMore(out, len(x.Candidates), shown)
	writeFields(out, "golden record", x.Fields)
	writeFields(out, "this person", x.Person)
	x.writeHistory(out, most)
}

func (x explained) writeHistory(out io.Writer, most int) {
	shown := section(out, "owns", len(x.Children), most)
	for _, k := range x.Children[:shown] {
		fmt.Fprintf(out, "  %s  %s\n", k.ID, cmp.Or(k.Name, k.Domain))
	}
	andMore(out, len(x.Children), shown)
	shown = section(out, "other ids that mean this customer", len(x.Aliases), most)
	for _, a := range x.Aliases[:shown] {
		fmt.Fprintf(out, "  %s\n", a)
	}
	andMore(out, len(x.Aliases), shown)
	shown = section(out, "moves", len(x.Moves), most)
	for _, m := range x.Moves[:shown] {
		fmt.Fprintf(out, "  %s  %s: %s → %s  %s\n", minute(m.At), short(m.Entity), cmp.Or(m.From, "nobody"), cmp.Or(m.To, "nobody"), m.Why)
	}
	andMore(out, len(x.Moves), shown)
}

func writeEdges(out io.Writer, title string, edges []canon.Edge, most int) {
	shown := section(out, title, len(edges), most)
	for _, e := range edges[:shown] {
		fmt.Fprintf(out, "  rank %d  %s ~ %s  %s", e.Rank, short(e.A), short(e.B), e.Key)
		if e.Rejected != "" {
			fmt.Fprintf(out, ": %s", e.Rejected)
		}
		fmt.Fprintln(out)
	}
	andMore(out, len(edges), shown)
}

func writeFields(out io.Writer, title string, fields []canon.Field) {
	section(out, title, len(fields), len(fields))
	for _, f := range fields {
		when := ""
		switch {
		case !f.ModifiedAt.IsZero() && f.Policy != identity.PolicyPinned:
			when = ", modified " + minute(f.ModifiedAt)
		case !f.ObservedAt.IsZero():
			when = ", seen " + minute(f.ObservedAt)
		}
		note := ""
		if f.Reason != "" {
			note = ": " + f.Reason
		}
		if !f.ExpiresAt.IsZero() {
			note += " (until " + minute(f.ExpiresAt) + ")"
		}
		fmt.Fprintf(out, "  %-16s %s  [%s, %s%s]%s\n", f.Name, f.Value, f.Source, f.Rule, when, note)
	}
}

func joinRefs(refs []canon.Ref) string {
	const most = 6
	var out []string
	for _, r := range refs[:min(most, len(refs))] {
		out = append(out, r.String())
	}
	if len(refs) > most {
		out = append(out, fmt.Sprintf("… and %d more", len(refs)-most))
	}
	return "(" + strings.Join(out, ", ") + ")"
}
