package identity

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCompare(t *testing.T) {
	before := map[string]string{"a": "1", "b": "1", "c": "2", "d": "3", "e": "4", "f": "5", "g": "5", "h": "6", "i": ""}
	after := map[string]string{"a": "1", "b": "1", "c": "1", "d": "7", "e": "4", "f": "5", "g": "8", "j": "9"}
	want := Changes{
		Merges:  []Merge{{Into: "1", From: []string{"1", "2"}, Entities: []string{"c"}}},
		Splits:  []Split{{From: "5", Into: []string{"5", "8"}, Entities: []string{"g"}}},
		Renamed: []Rename{{From: "3", To: "7"}}, Added: []string{"j"}, Gone: []string{"h"}, Moved: 3,
	}
	if diff := cmp.Diff(want, Compare(before, after)); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if c := Compare(before, before); !c.Empty() {
		t.Errorf("equal outcomes differ by %+v", c)
	}
}

// TestCompareTellsEveryMove: what Compare says of two outcomes is what a reader of both would find.
func TestCompareTellsEveryMove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		outcome := rapid.MapOfN(rapid.StringMatching(`[a-f]`), rapid.SampledFrom([]string{"1", "2", "3"}), 0, 6)
		before, after := outcome.Draw(t, "before"), outcome.Draw(t, "after")
		c := Compare(before, after)
		moved := 0
		merges, splits := map[string]map[string]bool{}, map[string]map[string]bool{}
		for e, was := range before {
			is, there := after[e]
			if !there {
				continue
			}
			if was != is {
				moved++
			}
			if merges[is] == nil {
				merges[is] = map[string]bool{}
			}
			if splits[was] == nil {
				splits[was] = map[string]bool{}
			}
			merges[is][was], splits[was][is] = true, true
		}
		if c.Moved != moved || c.Empty() != cmp.Equal(before, after) {
			t.Fatalf("%d moved, want %d; empty %v", c.Moved, moved, c.Empty())
		}
		for _, m := range c.Merges {
			if len(m.From) != len(merges[m.Into]) || len(m.From) < 2 {
				t.Fatalf("merge %+v, want of %v", m, merges[m.Into])
			}
			delete(merges, m.Into)
		}
		for _, s := range c.Splits {
			if len(s.Into) != len(splits[s.From]) || len(s.Into) < 2 {
				t.Fatalf("split %+v, want into %v", s, splits[s.From])
			}
			delete(splits, s.From)
		}
		for id, of := range merges {
			if len(of) > 1 {
				t.Fatalf("nothing told of the merge into %s of %v", id, of)
			}
		}
		for id, into := range splits {
			if len(into) > 1 {
				t.Fatalf("nothing told of the split of %s into %v", id, into)
			}
		}
	})
}
