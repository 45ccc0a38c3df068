package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// hubRun runs hub in this process and returns what it printed.
func hubRun(t *testing.T, want int, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs}, func(string) (string, bool) { return "", false }); code != want {
		t.Fatalf("hub %s ended with %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	return out.Bytes()
}

// answersOf is where every customer of a store stands.
func answersOf(t *testing.T, path string) (out map[string]planAnswer, fired map[string]int) {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	out, fired = map[string]planAnswer{}, map[string]int{}
	err = db.Histories(t.Context(), canon.HistoryAsk{}, func(hs []canon.History) error {
		for _, h := range hs {
			if h.Assessment == nil {
				continue
			}
			a := planAnswer{Stage: h.Assessment.Stage, Verdict: h.Assessment.Verdict, Bands: map[string]string{}, Segments: h.Assessment.Segments}
			for name, s := range scoresOf(h.Assessment) {
				a.Bands[name] = s.Band
			}
			out[h.Profile.ID] = a
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := db.Firings(t.Context(), canon.FiringFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range page.Firings {
		if f.Suppressed == "" {
			fired[f.Play]++
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return out, fired
}

// edited is a shipped policy with other texts in the place of some, counted up.
func edited(t *testing.T, pairs ...string) []byte {
	t.Helper()
	src, err := lifecycle.PackYAML(lifecycle.DefaultPack)
	if err != nil {
		t.Fatal(err)
	}
	s := string(src)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(s, pairs[i]) {
			t.Fatalf("the policy does not say %q", pairs[i])
		}
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return []byte(s)
}

// greet is a play for everybody who pays, also for those who did before it was thought of.
const greet = `  - key: greet
    title: Greet
    do: Say hello.
    owner: success
    category: admin
    mode: live
    trigger: {enters: {segment: everybody_paying}}
    backfill: enter_now
`

// TestPlanForetellsApply plans policies, applies them, and wants every customer where the plan put them, everybody else
// where they were, and the plays that it told of.
func TestPlanForetellsApply(t *testing.T) {
	companies := 30
	if slow {
		companies = 20
	}
	_, dir := play(t, companies)
	config := filepath.Join(dir, "hub.yaml")
	hubRun(t, exitOK, "sync", "-c", config)
	db := filepath.Join(dir, "hub-data", "hub.db")
	policies := map[string][]byte{
		"1-stages": edited(t, "version: 1.0.0", "version: 2.0.0", "    value: 365\n    unit: days\n    doc: How long a customer must have been one to be loyal", "    value: 100\n    unit: days\n    doc: How long a customer must have been one to be loyal",
			"green: {from: 70, leaves_below: 65}", "green: {from: 85, leaves_below: 80}"),
		"2-classic": nil,
		"3-back":    edited(t),
		"4-segments": edited(t, "version: 1.0.0", "version: 3.0.0", "segments:\n", "segments:\n  - {key: everybody_paying, title: Everybody who pays, when: 'mrr() > 0'}\n",
			"\nplays:\n", "\nplays:\n"+greet, "fleet: {share: 10, least: 20}", "fleet: {share: 10, least: 5}"),
	}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		file := "classic"
		if src := policies[name]; src != nil {
			file = filepath.Join(dir, name+".yaml")
			if err := os.WriteFile(file, src, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		before, firedBefore := answersOf(t, db)
		var p policyPlan
		if err := json.Unmarshal(hubRun(t, exitOK, "lifecycle", "plan", file, "-c", config, "--json", "--customers", "100000"), &p); err != nil {
			t.Fatal(err)
		}
		if again, _ := answersOf(t, db); !cmp.Equal(before, again) {
			t.Fatalf("%s: a plan changed something: %s", name, cmp.Diff(before, again))
		}
		want := maps.Clone(before)
		for _, x := range p.List {
			want[x.ID] = *x.Assessed
		}
		hubRun(t, exitOK, "lifecycle", "apply", file, "-c", config, "--yes", "--author", "ann", "--reason", "a try")
		got, fired := answersOf(t, db)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: plan and apply differ (-plan +apply):\n%s", name, d)
		}
		for _, x := range p.Plays {
			firedBefore[x.Play] += x.Fires
		}
		maps.DeleteFunc(firedBefore, func(_ string, n int) bool { return n == 0 })
		if d := cmp.Diff(firedBefore, fired); d != "" {
			t.Errorf("%s: plays (-plan +apply):\n%s", name, d)
		}
		t.Logf("%s: %d of %d customers change, %d plays", name, p.Changed, p.Customers, len(p.Plays))
		if name == "4-segments" && !slices.ContainsFunc(p.Plays, func(x planPlay) bool { return x.Play == "greet" && x.Told > 0 && x.HeldBack > 0 }) {
			t.Errorf("plays that come at once: %+v", p.Plays)
		}
		if name == "2-classic" && p.Changed == 0 {
			t.Error("another stage graph changes nobody")
		}
		var then policyPlan
		if err := json.Unmarshal(hubRun(t, exitOK, "lifecycle", "plan", file, "-c", config, "--json"), &then); err != nil {
			t.Fatal(err)
		}
		if then.Changed != 0 || !then.InForce {
			t.Errorf("%s: %d customers would change by the policy that is in force", name, then.Changed)
		}
	}
	if n := auditedPolicies(t, db); n != len(policies) {
		t.Errorf("the audit tells of %d policies, want %d", n, len(policies))
	}
}

func auditedPolicies(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	es, err := db.Audit(context.WithoutCancel(t.Context()), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if e.Action == "policy" && e.Actor == "ann" && strings.HasSuffix(e.Object, ": a try") {
			n++
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}
