package lifecycle

import (
	stdflag "flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lifecyclehub/hub/canon"
)

var update = stdflag.Bool("update", false, "rewrite the wants of the golden files")

// TestAssess reads testdata/assess: each file is a history, a moment and the wanted answer. A line of
// "events" is: moment type ref [EUR1200] [key=value…] | summary. The ids are e1, e2… by line.
func TestAssess(t *testing.T) {
	files, err := filepath.Glob("testdata/assess/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			policy, facts := Default(), Facts{Customer: "cus_1", Type: "company", Sources: allFresh()}
			var now time.Time
			for i := range archive.Files {
				f := &archive.Files[i]
				body := strings.TrimSpace(string(f.Data))
				switch f.Name {
				case "policy":
					if policy, err = Parse("policy", f.Data); err != nil {
						t.Fatal(err)
					}
				case "facts":
					readFacts(t, &facts, body)
				case "events":
					facts.Events = readEvents(t, body)
				case "now":
					now = moment(t, body)
				case "want":
					got := render(policy.Assess(facts, now))
					if *update {
						f.Data = []byte(got)
					} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func readFacts(t *testing.T, f *Facts, body string) {
	for line := range strings.Lines(body) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch key {
		case "type":
			f.Type = strings.TrimSpace(value)
		case "sources":
			f.Sources = canon.Sources{}
			for _, k := range strings.Fields(value) {
				f.Sources[canon.Kind(strings.TrimPrefix(k, "!"))] = !strings.HasPrefix(k, "!")
			}
		default:
			t.Fatalf("unknown fact %q", line)
		}
	}
}

func moment(t *testing.T, s string) time.Time {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at
		}
	}
	t.Fatalf("%q is not a moment", s)
	return time.Time{}
}

func readEvents(t *testing.T, body string) []canon.Event {
	var out []canon.Event
	for line := range strings.Lines(body) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		facts, summary, _ := strings.Cut(strings.TrimSpace(line), " | ")
		words := strings.Fields(facts)
		e := canon.Event{
			ID: fmt.Sprintf("e%d", len(out)+1), OccurredAt: moment(t, words[0]), Type: words[1], Summary: summary,
			Ref: canon.Ref{Connection: "x", Stream: strings.Split(words[1], ".")[0], ID: words[2]}, Data: map[string]any{},
		}
		if summary == "" {
			e.Summary = words[1] + " " + words[2]
		}
		for _, w := range words[3:] {
			key, value, isData := strings.Cut(w, "=")
			n, err := strconv.ParseFloat(value, 64)
			switch {
			case !isData:
				minor, err := strconv.ParseInt(w[3:], 10, 64)
				if err != nil {
					t.Fatalf("%q is not an amount", w)
				}
				e.Amount = &canon.Money{Minor: minor, Currency: w[:3]}
			case key == "value" && err == nil:
				e.Value = &n
			default:
				e.Data[key] = value
			}
		}
		out = append(out, e)
	}
	return out
}

// render prints a result for people.
func render(r Result) string {
	var b strings.Builder
	const form = "2006-01-02 15:04"
	for _, e := range r.Path {
		fmt.Fprintf(&b, "%s %s %s>%s cycle %v [%s] (%v)\n  %s\n", e.OccurredAt.Format(form), e.Data["direction"], e.Data["from"], e.Data["to"], e.Data["cycle"], e.Data["rule"], e.Data["evidence"], e.Summary)
	}
	a := r.Assessment
	fmt.Fprintf(&b, "stage %q since %s: %s\n", a.StageLabel, a.StageSince.Format(form), a.StageReason)
	if len(a.Flags) > 0 {
		fmt.Fprintf(&b, "flags %s\n", strings.Join(a.Flags, " "))
	}
	if a.MRR != nil {
		fmt.Fprintf(&b, "mrr %s\n", a.MRR)
	}
	value := "-"
	if a.Health.Value != nil {
		value = fmt.Sprintf("%.2f", *a.Health.Value)
	}
	fmt.Fprintf(&b, "health %s %s coverage %.2f\n", value, a.Health.Band, a.Health.Coverage)
	for _, c := range a.Health.Contributions {
		if c.NA != "" {
			fmt.Fprintf(&b, "  %s NA: %s\n", c.Measure, c.NA)
			continue
		}
		fmt.Fprintf(&b, "  %s worth %.1f × %.4f = %.2f: %s %v\n", c.Measure, c.Curve, c.Weight, c.Points, c.Reason, c.Evidence)
	}
	for _, c := range a.Health.Caps {
		fmt.Fprintf(&b, "  cap %s %v: %s\n", c.Name, c.Max, c.Reason)
	}
	for _, one := range a.Scores {
		value := "-"
		if one.Value != nil {
			value = fmt.Sprintf("%.2f", *one.Value)
		}
		fmt.Fprintf(&b, "%s %s %s coverage %.2f\n", one.Name, value, one.Band, one.Coverage)
	}
	if a.Verdict != "" {
		fmt.Fprintf(&b, "verdict %s: %s\n", a.Verdict, a.VerdictReason)
	}
	if !a.NextAt.IsZero() {
		fmt.Fprintf(&b, "next %s\n", a.NextAt.Format(form))
	}
	return b.String()
}
