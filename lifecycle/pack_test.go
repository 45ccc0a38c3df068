package lifecycle

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// packs runs a test for each shipped policy.
func packs(t *testing.T, test func(*testing.T, *Policy)) {
	for _, name := range Packs() {
		t.Run(name, func(t *testing.T) {
			p, err := Pack(name)
			if err != nil {
				t.Fatal(complaintsOf(t, err))
			}
			test(t, p)
		})
	}
}

func TestPacks(t *testing.T) {
	if want := []string{"cyclic-saas", "classic", "encyclopaedia"}; !slices.Equal(Packs(), want) {
		t.Fatalf("packs %v, want %v", Packs(), want)
	}
	packs(t, func(t *testing.T, p *Policy) {
		var keys []string
		for _, s := range p.Stages() {
			keys = append(keys, s.Key)
			if s.Label == "" || s.Doc == "" || len(s.Events) == 0 || len(s.Owners.Responsible) == 0 {
				t.Errorf("stage %s lacks a label, doc, events or owners", s.Key)
			}
		}
		if want := []string{"reach", "acquisition", "conversion", "retention", "loyalty", "churned"}; !slices.Equal(keys, want) {
			t.Errorf("stages %v, want %v", keys, want)
		}
		for _, key := range []string{"dormant", "at_risk", "in_renewal_window", "notice_served", "reference_ready", "stuck"} {
			if !slices.ContainsFunc(p.Flags(), func(f Flag) bool { return f.Key == key }) {
				t.Errorf("there is no flag %s", key)
			}
		}
	})
	if _, err := Pack("nope"); err == nil {
		t.Error("an unknown pack is taken")
	}
}

// Every stage can be reached, left and, where it is no exit, left for good with a reason.
func TestStagesCanBeLeft(t *testing.T) {
	packs(t, func(t *testing.T, p *Policy) {
		for i, s := range p.stages {
			out := p.leaving[i]
			if len(out) == 0 {
				t.Errorf("nobody leaves %s", s.Key)
			}
			exits := slices.ContainsFunc(out, func(r int) bool { return p.stages[p.rules[r].to].Exit && p.rules[r].code != "" })
			if !s.Exit && !exits {
				t.Errorf("%s has no exit with a reason code", s.Key)
			}
		}
	})
}

// The pages of the shipped policies are in testdata/packs, for people to read.
func TestPackPages(t *testing.T) {
	packs(t, func(t *testing.T, p *Policy) {
		for ext, got := range map[string]string{"md": p.Markdown(), "mmd": p.Mermaid()} {
			name := "testdata/packs/" + p.name + "." + ext
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}
