package push

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// TestHumanEditsSurvive: whatever people, vendor and crashes do between and during Applies, a value that a
// person set is never overwritten; and once the faults are over, one Apply settles all that nobody else
// touched, and the next one writes nothing.
func TestHumanEditsSurvive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := []string{"1", "2", "3", "4"}
		w := newWorld(all...)
		w.size = rapid.IntRange(1, 5).Draw(rt, "batch size")
		human := map[string]string{} // by record and field
		check := func() {
			for key, value := range human {
				if got := w.value(key[:1], key[2:]); got != value {
					rt.Fatalf("%s: a person set %q, now it is %q", key, value, got)
				}
			}
		}
		for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "a person edits") {
				key := rapid.SampledFrom(all).Draw(rt, "record") + " " + rapid.SampledFrom([]string{"hub_stage", "hub_health"}).Draw(rt, "field")
				human[key] = fmt.Sprintf("person-%d", i)
				w.records[key[:1]][key[2:]] = human[key]
			}
			disturb(rt, w)
			// A crash shows as an error; what follows finds whatever it left.
			_, _ = w.writer.Apply(context.Background(), w.target, randomWish(rt, all), Options{})
			check()
		}
		w.mend()
		w.fault = func() error { return nil }
		want := randomWish(rt, all)
		w.apply(t, want)
		check()
		settledValues(rt, w, want, human)
		pushes := w.pushes
		if r := w.apply(t, want); r.Written != 0 || w.pushes != pushes {
			rt.Fatalf("a second Apply wrote: %+v", r)
		}
	})
}

// randomWish gives each record a stage and a health of a few, "" included.
func randomWish(rt *rapid.T, all []string) []Desired {
	var want []Desired
	for _, id := range all {
		stage := rapid.SampledFrom([]string{"reach", "loyalty", "churned", ""}).Draw(rt, "stage")
		health := rapid.SampledFrom([]string{"10", "87", "87.0", ""}).Draw(rt, "health")
		want = append(want, wish(stage, health, id)...)
	}
	return want
}

// disturb sets what goes wrong in the next Apply: refused records, cut calls that arrived or not, and a
// process that dies at one of its saves.
func disturb(rt *rapid.T, w *world) {
	w.mend()
	bad := rapid.SampledFrom([]string{"", "", "2", "3"}).Draw(rt, "bad record")
	fault := rapid.SampledFrom([]error{
		errDown, canon.Errorf("request.invalid", "no"), &canon.Error{Code: "rate.limited", Message: "slow down", Retry: true},
	}).Draw(rt, "fault")
	w.tookFirst = rapid.Bool().Draw(rt, "taken all the same")
	switch rapid.SampledFrom([]string{"none", "row", "batch", "push", "read back"}).Draw(rt, "where") {
	case "row":
		w.refuse = func(id string) error {
			if id == bad {
				return fault
			}
			return nil
		}
	case "batch":
		w.pushFault = func(ids []string) error {
			if slices.Contains(ids, bad) {
				return fault
			}
			return nil
		}
	case "push":
		w.pushFault = func([]string) error { return fault }
	case "read back":
		pushes := w.pushes
		w.readFault = func([]string) error {
			if w.pushes > pushes {
				return fault
			}
			return nil
		}
	}
	left := rapid.IntRange(0, 6).Draw(rt, "saves before the crash")
	w.fault = func() error {
		if left--; left < 0 {
			return errDown
		}
		return nil
	}
}

// settledValues checks that every field that no person touched says what is wanted.
func settledValues(rt *rapid.T, w *world, want []Desired, human map[string]string) {
	for _, d := range want {
		for _, f := range w.target.Fields {
			got := w.value(d.Ref.ID, f.Name)
			if _, touched := human[d.Ref.ID+" "+f.Name]; !touched && !same(f.Type, got, d.Values[f.Value]) {
				rt.Fatalf("%s %s is %q, want %q: %+v", d.Ref.ID, f.Name, got, d.Values[f.Value], w.rows[d.Ref][f.Name])
			}
		}
	}
}
