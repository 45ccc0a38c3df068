package report

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// Movements lead from the start of every step to the start of the next, and to the end, in every currency.
func TestMovementsBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := ask()
		a.Every = rapid.SampledFrom([]string{"week", "month", "quarter"}).Draw(t, "every")
		a.defaults()
		m := openMovements(&a, a.Every)
		for _, h := range histories().Draw(t, "histories") {
			m.add(newStory(&h, a.To))
		}
		for c, l := range m.ledgers {
			if l.start+l.whole.net() != l.end {
				t.Fatalf("%s: %d + %d is not %d", c, l.start, l.whole.net(), l.end)
			}
			for i := range l.steps {
				next := l.end
				if i+1 < len(l.steps) {
					next = l.steps[i+1].start
				}
				if l.steps[i].start+l.steps[i].net() != next {
					t.Fatalf("%s, step %d: %d + %d is not %d", c, i, l.steps[i].start, l.steps[i].net(), next)
				}
				for k, v := range l.steps[i].amounts {
					if v < 0 {
						t.Fatalf("%s of %d", moveNames[k], v)
					}
				}
			}
		}
	})
}

func TestRetentionStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hs := histories().Draw(t, "histories")
		for _, r := range runAll(t, ask(), []string{"nrr", "cohorts", "owners"}, hs) {
			net := map[string]Number{}
			see := func(xs []Number) {
				for _, x := range xs {
					switch x.Definition {
					case "nrr.cohort.v1", "nrr.trailing12.v1":
						net[x.Currency] = x
					case "grr.cohort.v1", "grr.trailing12.v1":
						if n := net[x.Currency]; x.Value != nil && (*x.Value > 1 || *x.Value < 0 || *x.Value > *n.Value) {
							t.Fatalf("GRR %v, NRR %v", *x.Value, *n.Value)
						}
					case "owner.grr.v1", "cohort.logo.v1":
						if x.Value != nil && (*x.Value > 1 || *x.Value < 0) {
							t.Fatalf("%s is %v", x.Definition, *x.Value)
						}
					}
				}
			}
			see(r.Figures)
			for _, table := range r.Tables {
				for _, one := range table.Rows {
					see(one.Numbers)
				}
			}
		}
	})
}

func TestCustomersAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := run(t, ask(), "logos", histories().Draw(t, "histories")...)
		check := func(xs []Number) {
			n := map[string]Number{}
			for _, x := range xs {
				n[x.Definition] = x
			}
			start, fresh, lost, end := n["logo.start.v1"], n["logo.new.v1"], n["logo.lost.v1"], n["logo.end.v1"]
			if start.float()+fresh.float()-lost.float() != end.float() {
				t.Fatalf("%v + %v − %v is not %v", start.float(), fresh.float(), lost.float(), end.float())
			}
			if crr, kept, churn := n["crr.v1"], n["logo.retention.v1"], n["logo.churn.v1"]; start.float() > 0 && (crr.float() != kept.float() || math.Abs(kept.float()+churn.float()-1) > 1e-12) {
				t.Fatalf("CRR %v, retention %v, churn %v", crr.float(), kept.float(), churn.float())
			}
		}
		if len(r.Figures) == 0 {
			return
		}
		check(r.Figures)
		for _, one := range r.Tables[0].Rows {
			check(one.Numbers)
		}
	})
}

func TestFunnelNeverWidens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := run(t, ask(), "funnel", histories().Draw(t, "histories")...)
		last := math.Inf(1)
		for _, one := range r.Tables[0].Rows {
			n := one.Numbers[0].float()
			if n > last {
				t.Fatalf("%v come to %v after %v", n, one.Labels, last)
			}
			last = n
		}
	})
}

// Neither the order of customers nor their batches matter, and every number has its definition, n and finite values.
func TestOrderAndBatchesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hs := histories().Draw(t, "histories")
		a := ask()
		a.By = rapid.SampledFrom([]string{"", "stage", "segment", "plan"}).Draw(t, "by")
		want := runAll(t, a, []string{"all"}, hs)
		mixed := rapid.Permutation(hs).Draw(t, "mixed")
		cut := rapid.IntRange(0, len(mixed)).Draw(t, "cut")
		got := runAll(t, a, []string{"all"}, mixed[:cut], mixed[cut:])
		if d := cmp.Diff(asJSON(t, want), asJSON(t, got)); d != "" {
			t.Fatal(d)
		}
		for _, r := range want {
			all := slices.Clone(r.Figures)
			for _, table := range r.Tables {
				for _, one := range table.Rows {
					if len(one.Labels) != len(table.Labels) {
						t.Fatalf("%s, %s: labels %q for %q", r.Report, table.Key, one.Labels, table.Labels)
					}
					for _, x := range one.Numbers {
						if table.Single && x.N < few {
							x = x.flagged("n<20")
						}
						all = append(all, x)
					}
				}
			}
			for _, x := range all {
				sound(t, r.Report, x)
			}
			if len(r.Figures)+len(r.Tables)+len(r.Notes) == 0 {
				t.Fatalf("%s says nothing", r.Report)
			}
		}
		var page strings.Builder
		if _, err := Page("x", want, now).WriteTo(&page); err != nil || strings.Contains(page.String(), "NaN") {
			t.Fatal("the page holds NaN", err)
		}
	})
}

func sound(t *rapid.T, report string, x Number) {
	switch {
	case x.Definition == "" || x.Title == "" || x.Unit == "" || x.N < 0:
		t.Fatalf("%s: %+v", report, x)
	case math.IsNaN(x.Numerator) || math.IsNaN(x.Denominator) || x.Value != nil && (math.IsNaN(*x.Value) || math.IsInf(*x.Value, 0)):
		t.Fatalf("%s: %+v is no number", report, x)
	case x.Unit == percent && x.Low != nil && (*x.Low > x.float() || *x.High < x.float()):
		t.Fatalf("%s: %+v lies outside of its interval", report, x)
	case x.N < few != slices.Contains(x.Flags, "n<20"):
		t.Fatalf("%s: %+v is flagged wrongly", report, x)
	}
}

func asJSON(t *rapid.T, rs []Result) string {
	b, err := json.MarshalIndent(rs, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What occurs at the end of the period or later moves nothing.
func TestWhatComesLaterDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hs := histories().Draw(t, "histories")
		a := ask()
		a.To = on(float64(rapid.IntRange(100, 300).Draw(t, "to")))
		whole := asJSON(t, runAll(t, a, []string{"all"}, hs))
		for i := range hs {
			hs[i].Events = slices.DeleteFunc(slices.Clone(hs[i].Events), func(e canon.Event) bool { return !e.OccurredAt.Before(a.To) })
		}
		if d := cmp.Diff(whole, asJSON(t, runAll(t, a, []string{"all"}, hs))); d != "" {
			t.Fatal(d)
		}
	})
}
