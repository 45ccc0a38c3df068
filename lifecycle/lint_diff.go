package lifecycle

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Difference is one thing that a policy says otherwise than another.
type Difference struct {
	// What names the thing, as in stage loyalty or scorecard health; Change says in words what differs.
	What   string `json:"what"`
	Change string `json:"change"`
	// Part is what of the version such a change counts up: major where answers are of another kind, minor where other
	// answers come out, patch where only words differ.
	Part string `json:"part"`
}

// String returns "what: change (part)".
func (d Difference) String() string { return d.What + ": " + d.Change + " (" + d.Part + ")" }

// The parts of a version.
const (
	partMajor = "major"
	partMinor = "minor"
	partPatch = "patch"
)

// Diff tells in words what the newer of two policies says otherwise, by what it means and not by how the files are
// written.
func Diff(older, newer *Policy) []Difference {
	d := &differ{}
	a, b := older.spec, newer.spec
	d.text("policy", "name", a.Policy, b.Policy, partMajor)
	d.text("policy", "doc", a.Doc, b.Doc, partPatch)
	d.parameters(a.Parameters, b.Parameters)
	listed(d, "metric", a.Metrics, b.Metrics, func(m metricSpec) string { return m.Key }, d.metric)
	listed(d, "stage", a.Stages, b.Stages, func(s stageSpec) string { return s.Key }, d.stage)
	if order := keysInBoth(a.Stages, b.Stages, func(s stageSpec) string { return s.Key }); !slices.Equal(order[0], order[1]) {
		d.add("stages", partMajor, "stand in another order: %s", strings.Join(order[1], ", "))
	}
	listed(d, "flag", a.Flags, b.Flags, func(f flagSpec) string { return f.Key }, func(what string, a, b flagSpec) { d.fields(what, a, b) })
	listed(d, "scorecard", a.Scorecards, b.Scorecards, cardKey, func(what string, a, b scorecardSpec) { d.fields(what, a, b) })
	listed(d, "verdict", a.Verdicts, b.Verdicts, func(v verdictSpec) string { return v.Key }, func(what string, a, b verdictSpec) { d.fields(what, a, b) })
	listed(d, "segment", a.Segments, b.Segments, func(s segmentSpec) string { return s.Key }, func(what string, a, b segmentSpec) { d.fields(what, a, b) })
	listed(d, "play", a.Plays, b.Plays, func(p playSpec) string { return p.Key }, func(what string, a, b playSpec) { d.fields(what, a, b) })
	d.fields("play rules", a.PlayRules, b.PlayRules)
	return d.out
}

// VersionPart is the part of a policy's version that the differences count up, "" where there are none.
func VersionPart(list []Difference) string {
	for _, part := range []string{partMajor, partMinor, partPatch} {
		if slices.ContainsFunc(list, func(d Difference) bool { return d.Part == part }) {
			return part
		}
	}
	return ""
}

// VersionCounted says whether the newer policy's version is counted up at least by what the differences ask for, and
// which version would be.
func VersionCounted(older, newer *Policy, list []Difference) (ok bool, least string) {
	if older.name != newer.name {
		return true, newer.version // another policy counts for itself
	}
	was, is := versionOf(older.version), versionOf(newer.version)
	want := was
	switch VersionPart(list) {
	case partMajor:
		want = [3]int{was[0] + 1, 0, 0}
	case partMinor:
		want = [3]int{was[0], was[1] + 1, 0}
	case partPatch:
		want = [3]int{was[0], was[1], was[2] + 1}
	}
	return slices.Compare(is[:], want[:]) >= 0, fmt.Sprintf("%d.%d.%d", want[0], want[1], want[2])
}

func versionOf(s string) [3]int {
	var out [3]int
	for i, part := range strings.SplitN(s, ".", 3) {
		out[i], _ = strconv.Atoi(part) // checked when the policy was read
	}
	return out
}

func cardKey(s scorecardSpec) string {
	if s.Card != "" && s.Card != s.Name {
		return s.Name + "/" + s.Card
	}
	return s.Name
}

// differ collects differences.
type differ struct{ out []Difference }

func (d *differ) add(what, part, format string, args ...any) {
	d.out = append(d.out, Difference{what, fmt.Sprintf(format, args...), part})
}

func (d *differ) text(what, name, a, b, part string) {
	if a != b {
		d.add(what, part, "%s %s", name, fromInto(a, b))
	}
}

// fromInto tells of a change of a text.
func fromInto(a, b string) string {
	switch {
	case a == "":
		return "is now " + quotedShort(b)
	case b == "":
		return "is gone, was " + quotedShort(a)
	}
	return quotedShort(a) + " → " + quotedShort(b)
}

// mostQuoted bounds what a difference repeats of a text.
const mostQuoted = 160

func quotedShort(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > mostQuoted {
		s = string(r[:mostQuoted]) + "…"
	}
	return s
}

// keysInBoth are the keys that both lists have, in the order of each.
func keysInBoth[T any](a, b []T, key func(T) string) [2][]string {
	pick := func(list, other []T) (out []string) {
		for _, one := range list {
			if slices.ContainsFunc(other, func(o T) bool { return key(o) == key(one) }) {
				out = append(out, key(one))
			}
		}
		return out
	}
	return [2][]string{pick(a, b), pick(b, a)}
}

// listed compares two lists of things that have keys.
func listed[T any](d *differ, kind string, a, b []T, key func(T) string, differ func(what string, a, b T)) {
	gone, added := partMajor, partMinor
	if kind == "metric" || kind == "play" || kind == "segment" {
		gone = partMinor
	}
	if kind == "stage" {
		added = partMajor
	}
	for _, old := range a {
		i := slices.IndexFunc(b, func(o T) bool { return key(o) == key(old) })
		if i < 0 {
			d.add(kind+" "+key(old), gone, "is gone")
			continue
		}
		if what := kind + " " + key(old); !reflect.DeepEqual(old, b[i]) {
			differ(what, old, b[i])
		}
	}
	for _, one := range b {
		if !slices.ContainsFunc(a, func(o T) bool { return key(o) == key(one) }) {
			d.add(kind+" "+key(one), added, "is new")
		}
	}
}

func (d *differ) parameters(a, b map[string]parameterSpec) {
	for _, key := range slices.Sorted(maps.Keys(a)) {
		now, there := b[key]
		if !there {
			d.add("parameter "+key, partMinor, "is gone")
			continue
		}
		d.fields("parameter "+key, a[key], now)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, there := a[key]; !there {
			d.add("parameter "+key, partMinor, "is new")
		}
	}
}

func (d *differ) metric(what string, a, b metricSpec) { d.fields(what, a, b) }

// stage compares stages, and their rules by name.
func (d *differ) stage(what string, a, b stageSpec) {
	enterA, enterB, exitsA, exitsB := a.Enter, b.Enter, a.Exits, b.Exits
	a.Enter, b.Enter, a.Exits, b.Exits = nil, nil, nil, nil
	d.fields(what, a, b)
	listed(d, what+", rule", enterA, enterB, func(e enterSpec) string { return e.Rule }, func(what string, a, b enterSpec) { d.fields(what, a, b) })
	listed(d, what+", exit", exitsA, exitsB, func(e exitSpec) string { return e.Rule }, func(what string, a, b exitSpec) { d.fields(what, a, b) })
}
