package lifecycle

import (
	"strings"
	"testing"
)

func TestDiff(t *testing.T) {
	src, err := PackYAML(DefaultPack)
	if err != nil {
		t.Fatal(err)
	}
	was := string(src)
	older, err := Parse("old.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	if list := Diff(older, older); len(list) > 0 {
		t.Fatalf("a policy differs from itself: %v", list)
	}
	for _, c := range []struct{ name, old, new, want, part, least string }{
		{"words", "doc: They stay, grow and recommend.", "doc: They love us.", "stage loyalty: doc They stay, grow and recommend. → They love us.", "patch", "1.0.1"},
		{"a threshold", "    value: 365\n", "    value: 300\n", "parameter loyalty_min_tenure: value 365 → 300", "minor", "1.1.0"},
		{"a condition", "overdue_days() >= 30 or last", "overdue_days() >= 45 or last", "stage retention, rule loyalty_lost: when overdue_days() >= 30 or last_value(\"survey.nps\", 365) <= 6 → overdue_days() >= 45 or last_value(\"survey.nps\", 365) <= 6", "minor", "1.1.0"},
		{"a dwell", "        for: 7d\n", "", "stage churned, rule subscription_over: for is gone, was 7d", "minor", "1.1.0"},
		{"a rule", "- rule: won_back", "- rule: regained", "stage conversion, rule won_back: is gone", "major", "2.0.0"},
		{"a flag", "  - key: trial\n    label: In a trial\n    when: trials() > 0\n", "", "flag trial: is gone", "major", "2.0.0"},
		{"a metric", "window: 28d", "window: 14d", "metric active_users_28d: window 28d → 14d", "minor", "1.1.0"},
		{"who is a customer", "    label: Conversion\n    doc: They became a customer and are being set up.\n    customer: true", "    label: Conversion\n    doc: They became a customer and are being set up.", "stage conversion: customer is now false", "major", "2.0.0"},
		{"spacing", "doc: They stay, grow and recommend.", "doc:   'They stay, grow and recommend.'", "", "", "1.0.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(was, c.old, c.new, 1)
			if text == was {
				t.Fatalf("%q is not in the pack", c.old)
			}
			newer, err := Parse("new.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			list := Diff(older, newer)
			var told []string
			for _, d := range list {
				told = append(told, d.What+": "+d.Change)
			}
			if got := strings.Join(told, "\n"); !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			ok, least := VersionCounted(older, newer, list)
			if VersionPart(list) != c.part || least != c.least || ok != (c.part == "") {
				t.Errorf("part %q, least %s, counted %v", VersionPart(list), least, ok)
			}
			counted, err := Parse("new.yaml", []byte(strings.Replace(text, "version: 1.0.0\n", "version: "+c.least+"\n", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if ok, _ := VersionCounted(older, counted, Diff(older, counted)); !ok {
				t.Errorf("%s is not enough", c.least)
			}
		})
	}
}

// Weights are told as numbers.
func TestDiffOfWeights(t *testing.T) {
	const policy = "policy: p\nversion: 1.0.0\nstages:\n  - {key: a, customer: true, enter: [{rule: r1, from: start, when: 'exists(\"*\")', reason: seen}]}\n"
	older, err := Parse("a", []byte(policy+soundCard))
	if err != nil {
		t.Fatal(err)
	}
	newer, err := Parse("b", []byte(policy+strings.NewReplacer("key: a, weight: 40", "key: a, weight: 45", "key: b, weight: 40", "key: b, weight: 35", "worst: 0", "worst: 1").Replace(soundCard)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range Diff(older, newer) {
		got = append(got, d.String())
	}
	want := `scorecard health: groups[a].weight 40 → 45 (minor)
scorecard health: groups[a].measures[a].curve.linear.worst 0 → 1 (minor)
scorecard health: groups[b].weight 40 → 35 (minor)
scorecard health: groups[b].measures[b].curve.linear.worst 0 → 1 (minor)
scorecard health: groups[c].measures[c].curve.linear.worst 0 → 1 (minor)`
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}
