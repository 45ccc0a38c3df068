package evidence

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// keptWorld are customers of whom two assessments were kept, 100 and 20 days ago; the later one is off by some points.
func keptWorld(customers int, off float64) *KeptDrift {
	k := NewKeptDrift(worldEnd)
	kept := func(days int, score, use float64) canon.Assessment {
		steady := score
		return canon.Assessment{At: worldEnd.AddDate(0, 0, -days), Health: canon.Score{Name: "health", Version: "health@1.0.0", Value: &score, Contributions: []canon.Contribution{
			{Measure: "use", Value: &use}, {Measure: "steady", Value: new(float64)}, {Measure: "absent", NA: "not told"}}},
			Scores: []canon.Score{{Name: "renewal", Value: &steady}, {Name: "unknown"}}}
	}
	for i := range customers {
		v := float64(i % 50)
		old := kept(118, v, v)
		late := kept(30, v+off, v+off)
		*late.Scores[0].Value = v
		k.Add([]canon.Assessment{late, old})
	}
	return k
}

func TestKeptDriftNamesWhatMoved(t *testing.T) {
	got := keptWorld(200, 40).Moved()
	if len(got) != 1 || got[0].Score != "health" || got[0].PSI <= 0.25 || got[0].Customers != 200 {
		t.Fatalf("%+v", got)
	}
	if m := got[0].Measures; len(m) != 1 || !strings.HasPrefix(m[0], "use ") {
		t.Errorf("measures: %v", m)
	}
	if fmt.Sprint(got[0].Versions) != "[health@1.0.0]" {
		t.Errorf("versions: %v", got[0].Versions)
	}
}

func TestKeptDriftIsQuiet(t *testing.T) {
	if got := keptWorld(200, 0).Moved(); len(got) != 0 {
		t.Errorf("nothing moved, yet %+v", got)
	}
	if got := keptWorld(99, 40).Moved(); len(got) != 0 {
		t.Errorf("too few customers, yet %+v", got)
	}
	// Who was assessed for the first time within the last days has no before.
	k := NewKeptDrift(worldEnd)
	for range 300 {
		k.Add([]canon.Assessment{{At: worldEnd.AddDate(0, 0, -3), Health: canon.Score{Name: "health", Value: new(float64)}}})
	}
	if got := k.Moved(); len(got) != 0 {
		t.Errorf("there is no before, yet %+v", got)
	}
}
