package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// scoring is what is measured, as the command line says.
type scoring struct {
	truth, truthColumn, truthIDs string
	records, columns             []string
	kind, rules, region          string
	single                       bool
	propose, auto                float64
	examples                     int
}

// scorecard is how well the records of one kind were resolved.
type scorecard struct {
	Kind    canon.Kind `json:"kind"`
	Records int        `json:"records"`
	Systems int        `json:"systems"`
	// Propose and Auto are the thresholds that were tried.
	Propose float64 `json:"propose"`
	Auto    float64 `json:"auto"`
	// Links is what was linked without asking, All that and every proposal accepted.
	Links     identity.Metrics `json:"auto_links"`
	All       identity.Metrics `json:"auto_and_proposed"`
	Proposals int              `json:"proposals"`
	// RightProposals are those of two records that are one by the truth. Judged says that the truth tells of some pairs
	// only: nothing is said of the others, proposals among them.
	RightProposals int           `json:"right_proposals"`
	Judged         bool          `json:"judged_pairs_only,omitempty"`
	Seconds        float64       `json:"seconds"`
	Wrong          []scoreSample `json:"wrong,omitempty"`
	Missed         []scoreSample `json:"missed,omitempty"`
}

// scoreSample is a mistake, with how alike the two records are.
type scoreSample struct {
	A     string   `json:"a"`
	B     string   `json:"b"`
	Auto  bool     `json:"auto,omitempty"`
	Score float64  `json:"score"`
	Why   []string `json:"why"`
}

func (c *cli) identityScore() *cobra.Command {
	var s scoring
	cmd := &cobra.Command{
		Use:   "score --truth FILE",
		Short: "Measure against a known truth how well records are resolved",
		Long: `score resolves records as they are resolved when they come in, and compares the outcome with a truth: once what is linked
without asking, and once with every proposal accepted. It prints precision, recall and F1 over pairs of records, and B-cubed
over clusters. Nothing is changed.

The records are those of the store, or with --records those of files (CSV, or one JSON object a line), one file a system; a
column named source or system tells systems apart within a file. Columns are known by their names (first_name, surname, dob,
city, postcode, email, phone, company, domain, country, vat…); --columns last_name=nom names others.

The truth is a CSV file of ids and clusters (id,cluster) or of pairs (unique_id_l,unique_id_r,clerical_match_score), a column
of the records (--truth-column), or a part of their ids (--truth-ids 'rec-(\d+)-'). It names a record connection/stream/id,
system/id or, where that is enough, by its id alone.`,
		Example: "  hub identity score --truth truth.csv\n  hub identity score --records crm.csv,billing.csv --truth truth.csv --kind person\n  hub identity score --records people.csv --truth-column cluster --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.score(cmd.Context(), s, func(name string) bool { return cmd.Flags().Changed(name) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.truth, "truth", "", "the `file` that says which records are one")
	f.StringVar(&s.truthColumn, "truth-column", "", "the `column` of the records that says which are one")
	f.StringVar(&s.truthIDs, "truth-ids", "", "a regular expression whose first group is what the ids of one have in common")
	f.StringSliceVar(&s.records, "records", nil, "`files` of records, one a system; without it the store's")
	f.StringSliceVar(&s.columns, "columns", nil, "columns by field, as last_name=nom,city=ville")
	f.StringVar(&s.kind, "kind", "", "person or company; without it what the columns tell")
	f.StringVar(&s.rules, "rules", "", "person, company or a file with a section identity:; without it that of the kind, or of the store's configuration")
	f.StringVar(&s.region, "region", "", "the country, as two letters, of numbers that do not tell theirs")
	f.BoolVar(&s.single, "single", false, "each file holds one record per person or company at most")
	f.Float64Var(&s.propose, "propose", 0, "propose from this score on, instead of the rules' own")
	f.Float64Var(&s.auto, "auto", 0, "link from this score on, instead of the rules' own; 0 for never")
	f.IntVar(&s.examples, "examples", 5, "the most mistakes of each kind to show")
	return cmd
}

// measured is the records of one kind with their truth.
type measured struct {
	kind  canon.Kind
	nodes []identity.Node
	// truth is what each record belongs to, "" where that is not known.
	truth []string
	rules *identity.Rules
	known identity.Known
	judge *identity.Truth
	// seen are the records that files have told of.
	seen map[canon.Ref]bool
}

func (c *cli) score(ctx context.Context, s scoring, set func(string) bool) error {
	judge, err := s.judge()
	if err != nil {
		return err
	}
	var all []measured
	if len(s.records) > 0 {
		m, err := c.scoreFiles(s, judge)
		if err != nil {
			return err
		}
		all = append(all, m)
	} else if all, err = c.scoreStore(ctx, s, judge); err != nil {
		return err
	}
	var out []scorecard
	for _, m := range all {
		if set("propose") {
			m.rules.Matching.Propose = s.propose
		}
		if set("auto") {
			m.rules.Matching.Auto = s.auto
		}
		if s.region != "" {
			m.rules.Region = strings.ToUpper(s.region)
		}
		v, err := m.scorecard(s.examples)
		if err != nil {
			return err
		}
		out = append(out, v)
	}
	if c.json {
		return c.print(out)
	}
	for _, v := range out {
		v.write(c)
	}
	return nil
}

// judge reads the truth; nil where the records bring their own.
func (s scoring) judge() (*identity.Truth, error) {
	given := slices.DeleteFunc([]string{s.truth, s.truthColumn, s.truthIDs}, func(v string) bool { return v == "" })
	if len(given) != 1 || s.truthColumn != "" && len(s.records) == 0 {
		return nil, canon.Errorf("usage", "say once what the truth is").WithHint("give --truth FILE or --truth-ids PATTERN, or with --records --truth-column NAME")
	}
	switch {
	case s.truthIDs != "":
		return identity.TruthByIDs(s.truthIDs)
	case s.truthColumn != "":
		return nil, nil
	}
	f, err := os.Open(s.truth)
	if err != nil {
		return nil, canon.Errorf("truth.unknown", "the truth cannot be opened: %w", err).WithHint("check --truth")
	}
	defer f.Close()
	return identity.ReadTruth(f)
}

// scorecard resolves the records and measures the outcome.
func (m measured) scorecard(examples int) (scorecard, error) {
	v := scorecard{Kind: m.kind, Records: len(m.nodes), Propose: m.rules.Matching.Propose, Auto: m.rules.Matching.Auto}
	systems := map[string]bool{}
	for i := range m.nodes {
		systems[m.nodes[i].Ref.Connection] = true
	}
	v.Systems = len(systems)
	if err := m.check(); err != nil {
		return v, err
	}
	start := time.Now()
	trial := m.rules.Try(m.nodes, m.known)
	v.Seconds = time.Since(start).Seconds()
	v.Links, v.All = m.measure(trial.Auto), m.measure(trial.Proposed)
	at := map[string]int{}
	for i := range m.nodes {
		at[m.nodes[i].Key] = i
	}
	v.Proposals = len(trial.Candidates)
	if v.Judged = m.judge != nil && !m.judge.ByCluster(); v.Judged {
		// Examples would be of pairs that nobody has judged.
		return v, nil
	}
	for _, cand := range trial.Candidates {
		if t := m.truth[at[cand.A]]; t != "" && t == m.truth[at[cand.B]] {
			v.RightProposals++
		}
	}
	wrong, missed := identity.Mistakes(trial.Proposed, m.truth, examples)
	for _, k := range wrong {
		v.Wrong = append(v.Wrong, m.sample(k, trial.Auto[k.A] == trial.Auto[k.B]))
	}
	for _, k := range missed {
		v.Missed = append(v.Missed, m.sample(k, false))
	}
	return v, nil
}

func (m measured) measure(outcome []string) identity.Metrics {
	if m.judge == nil || m.judge.ByCluster() {
		return identity.Measure(outcome, m.truth)
	}
	names := make([][]string, len(m.nodes))
	for i := range m.nodes {
		names[i] = m.nodes[i].Names()
	}
	return m.judge.MeasureJudged(outcome, names)
}

// check refuses a truth that tells nothing of the records, or not which of them it means.
func (m measured) check() error {
	known := 0
	for _, t := range m.truth {
		if t != "" {
			known++
		}
	}
	if known == 0 {
		return canon.Errorf("truth.strange", "the truth tells of none of the %s", plural(int64(len(m.nodes)), "record", "records")).
			WithHint("it must name them connection/stream/id, system/id or by id, as %s", strings.Join(m.nodes[0].Names(), ", "))
	}
	if m.judge == nil {
		return nil
	}
	met := map[string]string{}
	for i := range m.nodes {
		name := m.judge.Name(m.nodes[i].Names())
		if other := met[name]; name != "" && other != "" {
			return canon.Errorf("truth.unclear", "%q of the truth may be %s or %s", name, other, m.nodes[i].Ref).WithHint("name the system too, in a column source or as system/id")
		}
		met[name] = m.nodes[i].Ref.String()
	}
	return nil
}

func (m measured) sample(k identity.Mistake, auto bool) scoreSample {
	c, _ := m.rules.Explain(m.nodes[k.A], m.nodes[k.B])
	return scoreSample{A: m.nodes[k.A].Ref.String(), B: m.nodes[k.B].Ref.String(), Auto: auto, Score: c.Score, Why: c.Why}
}

func (v scorecard) write(c *cli) {
	fmt.Fprintf(c.out, "%s (%s) of %s, %d by the truth; %.1f s\n", plural(int64(v.Records), "record", "records"), v.Kind, plural(int64(v.Systems), "system", "systems"), v.Links.TrueClusters, v.Seconds)
	auto := "linked without asking"
	if v.Auto > 0 {
		auto += fmt.Sprintf(" (likeness from %g)", v.Auto)
	}
	t := newTable(c.out, "", auto, fmt.Sprintf("and every proposal accepted (from %g)", v.Propose))
	for _, row := range []struct {
		name string
		of   func(identity.Metrics) string
	}{
		{"pairs: precision", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.Precision) }},
		{"pairs: recall", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.Recall) }},
		{"pairs: F1", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.F1) }},
		{"B-cubed: precision", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.BCubedPrecision) }},
		{"B-cubed: recall", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.BCubedRecall) }},
		{"B-cubed: F1", func(m identity.Metrics) string { return fmt.Sprintf("%.4f", m.BCubedF1) }},
		{"pairs linked", func(m identity.Metrics) string { return fmt.Sprint(m.Linked) }},
		{"  of them wrong", func(m identity.Metrics) string { return fmt.Sprint(m.Wrong) }},
		{"pairs missed", func(m identity.Metrics) string { return fmt.Sprint(m.Missed) }},
		{"clusters", func(m identity.Metrics) string { return fmt.Sprint(m.Clusters) }},
	} {
		t.AppendRow(table.Row{row.name, row.of(v.Links), row.of(v.All)})
	}
	t.Render()
	proposals := plural(int64(v.Proposals), "proposal", "proposals")
	if v.Judged {
		fmt.Fprintf(c.out, "%s; only the pairs that the truth judges are counted above\n", proposals)
	} else {
		fmt.Fprintf(c.out, "%s, %d of them right\n", proposals, v.RightProposals)
	}
	writeSamples(c, "wrongly one", v.Wrong)
	writeSamples(c, "missed", v.Missed)
}

func writeSamples(c *cli, head string, samples []scoreSample) {
	for i, s := range samples {
		if i == 0 {
			fmt.Fprintf(c.out, "\n%s\n", head)
		}
		how := fmt.Sprintf("likeness %.4f", s.Score)
		if s.Auto {
			how += ", without asking"
		}
		fmt.Fprintf(c.out, "  %s  %s  (%s)\n", s.A, s.B, how)
		if len(s.Why) > 0 {
			fmt.Fprintf(c.out, "    %s\n", strings.Join(s.Why, "; "))
		}
	}
}
