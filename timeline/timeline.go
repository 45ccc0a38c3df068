// Package timeline tells what happened to an entity: from two neighbouring states of it, from the passing of
// time since the newest one, or from all states seen.
//
// It is pure. It does not resolve whose event it is, stores nothing and reads no clock.
package timeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// State is an entity as one version of its record tells it.
type State struct {
	Entity  canon.Entity
	Version int64
	// At is the version's time (canon.Record.VersionTime).
	At time.Time
}

// Derive returns what the pair of neighbouring states tells, sorted by time and id. A nil before marks the
// first state known: it tells everything that the snapshot says of the past. No event is later than after.At.
//
// A moment that the vendor dates has an id that is derived from the moment, so it stays the same whichever
// state tells it; a change without a date of its own happens at after.At and its id is derived from the
// version.
func Derive(before *State, after State) []canon.Event {
	t := newTelling()
	if before != nil && before.Version == after.Version && before.At.Equal(after.At) {
		// The vendor's version does not tell the two apart, so the content must.
		t.nth = canon.Hash(content(after.Entity))
	}
	switch {
	case before == nil && after.Entity.Deleted:
		t.end(after)
	case before == nil:
		for _, f := range due(facts(nil, after), after.At) {
			t.tell(after, f)
		}
	case before.Entity.Deleted && after.Entity.Deleted:
	case before.Entity.Deleted:
		restored(t, after)
	default:
		changed(t, *before, after)
	}
	return t.sorted()
}

// Clock returns what time alone has made true of the newest state between its own time and now, and when the
// next such moment comes; zero for never.
//
// The events stand until the next state arrives. Derive of that pair tells them again, under the same ids,
// unless the state contradicts them: then they are superseded.
func Clock(latest State, now time.Time) (events []canon.Event, next time.Time) {
	t := newTelling()
	for _, f := range pending(latest) {
		if !f.at.After(now) {
			t.tell(latest, f)
			continue
		}
		if next.IsZero() || f.at.Before(next) {
			// Rounded up, so that it is never before the moment.
			next = micro(f.at.Add(time.Microsecond - time.Nanosecond))
		}
	}
	return t.sorted(), next
}

// History returns everything that the states tell by now, whatever their order: the events of all pairs of
// neighbours and of the clock since the newest state, each id once with the earliest pair's words, sorted by
// time and id. next is when time alone will add something; zero for never.
func History(states []State, now time.Time) (events []canon.Event, next time.Time) {
	ordered := Order(states)
	if len(ordered) == 0 {
		return nil, time.Time{}
	}
	t := newTelling()
	var before *State
	for i := range ordered {
		t.add(Derive(before, ordered[i]))
		before = &ordered[i]
	}
	more, next := Clock(*before, now)
	t.add(more)
	return t.sorted(), next
}

// Order returns the states sorted by version, time and content, without those that say the same as the
// state before them. States must be of one entity.
func Order(states []State) []State {
	type line struct {
		state   State
		content []byte
	}
	lines := make([]line, len(states))
	for i, s := range states {
		lines[i] = line{s, content(s.Entity)}
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(
			cmp.Compare(a.state.Version, b.state.Version),
			a.state.At.Compare(b.state.At),
			bytes.Compare(a.content, b.content),
		)
	})
	lines = slices.CompactFunc(lines, func(a, b line) bool { return a.content != nil && bytes.Equal(a.content, b.content) })
	ordered := make([]State, len(lines))
	for i, l := range lines {
		ordered[i] = l.state
	}
	return ordered
}

// content returns what the entity says in bytes, nil where JSON cannot say it (a date beyond the year 9999).
func content(e canon.Entity) []byte {
	b, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return b
}

// changed tells what a pair of living states, or a living and a deleted one, say.
func changed(t *telling, before, after State) {
	var own []fact
	if !after.Entity.Deleted {
		own = due(facts(&before, after), after.At)
	}
	retold := map[string]bool{}
	for _, f := range pending(before) {
		// What the clock may have told of the older state stays true, and in its words, unless the newer
		// one knows better.
		repeated := slices.ContainsFunc(own, func(o fact) bool { return o.planned && o.key == f.key && o.at.Equal(f.at) })
		if !f.at.After(after.At) && (after.Entity.Deleted || repeated || !refuted(f, after)) {
			t.tell(before, f)
			retold[f.key] = true
		}
	}
	if after.Entity.Deleted {
		t.end(after)
		return
	}
	held := map[string]bool{}
	for _, f := range due(facts(nil, before), before.At) {
		held[f.key] = true
	}
	for _, f := range own {
		if !held[f.key] && !retold[f.key] {
			t.tell(after, f)
		}
	}
	for _, f := range changes(before, after) {
		t.tell(after, f)
	}
}

// restored tells of an entity that came back. What it was before its deletion is not known here, so only
// moments with a date are told: their ids are those that they had before.
func restored(t *telling, after State) {
	kind := string(after.Entity.Kind)
	t.tell(after, fact{typ: kind + ".restored", summary: words(after.Entity) + " came back after it was deleted."})
	for _, f := range due(facts(nil, after), after.At) {
		if dated(f, after.At) {
			t.tell(after, f)
		}
	}
}

// end tells that an entity is gone. Of companies and persons it also tells in a word of its own what became of them.
func (t *telling) end(s State) {
	f := deletion(s)
	t.tell(s, f)
	family := familyOf(s.Entity.Kind)
	if family == "" {
		return
	}
	switch s.Entity.Reason {
	case "merged":
		t.tell(s, fact{typ: family + ".merged", key: family + ".merged", data: f.data, summary: words(s.Entity) + " became part of another record."})
	case "archived":
		t.tell(s, fact{typ: family + ".archived", key: family + ".archived", summary: words(s.Entity) + " was archived."})
	}
}

// familyOf names the family of the events that tell who a company or person is, "" for other kinds.
func familyOf(k canon.Kind) string {
	switch k {
	case canon.KindCompany:
		return "company"
	case canon.KindContact:
		return "person"
	}
	return ""
}

func deletion(s State) fact {
	kind := string(s.Entity.Kind)
	f := fact{typ: kind + ".deleted", key: kind + ".deleted", summary: words(s.Entity) + " was deleted.", data: map[string]any{}}
	put(f.data, "reason", s.Entity.Reason)
	if s.Entity.Into != "" {
		put(f.data, "into", s.Entity.Into)
		f.summary = words(s.Entity) + " was merged into " + s.Entity.Into + "."
	}
	return f
}

// fact is something that a state says of its entity.
type fact struct {
	typ string
	// key is equal where two states say the same thing, whatever their dates.
	key string
	// at is the vendor's date, zero where there is none.
	at time.Time
	// planned marks what comes true when its date does. Any other fact holds already.
	planned bool
	// versioned gives the event the version's id in spite of its date: the date is borrowed, and another
	// version may tell something else of the same moment.
	versioned bool
	summary   string
	amount    *canon.Money
	value     *float64
	data      map[string]any
}

// due returns the facts that hold at the moment.
func due(fs []fact, at time.Time) []fact {
	return slices.DeleteFunc(fs, func(f fact) bool { return f.planned && (f.at.IsZero() || f.at.After(at)) })
}

// pending returns the planned facts whose date follows the state's time.
func pending(s State) []fact {
	if s.Entity.Deleted {
		return nil
	}
	return slices.DeleteFunc(facts(nil, s), func(f fact) bool { return !f.planned || !f.at.After(s.At) })
}

// dated reports whether the fact happens at the vendor's date. A fact that holds already cannot happen later
// than the state that says so.
func dated(f fact, at time.Time) bool { return !f.at.IsZero() && !f.at.After(at) }

// telling collects events, each id once.
type telling struct {
	events []canon.Event
	known  map[string]bool
	// nth goes into ids that are derived from the version.
	nth string
}

func newTelling() *telling { return &telling{known: map[string]bool{}} }

func (t *telling) tell(s State, f fact) {
	at, version, nth := micro(s.At), versionOf(s), t.nth
	if f.planned || dated(f, s.At) {
		at = micro(f.at)
		if !f.versioned {
			version, nth = stamp(at), ""
		}
	}
	if len(f.data) == 0 {
		f.data = nil
	}
	e := s.Entity
	t.add([]canon.Event{{
		ID:         canon.EventID(e.Ref, e.Kind, e.Part, version, f.typ, nth),
		Type:       f.typ,
		Ref:        e.Ref,
		Kind:       e.Kind,
		Part:       e.Part,
		Version:    s.Version,
		OccurredAt: at,
		Summary:    f.summary,
		Amount:     f.amount,
		Value:      f.value,
		Data:       f.data,
	}})
}

// versionOf names a state in ids. Where the vendor has no versions, its time must do.
func versionOf(s State) string {
	if s.Version == 0 {
		return "v0" + stamp(s.At)
	}
	return "v" + strconv.FormatInt(s.Version, 10)
}

func (t *telling) add(events []canon.Event) {
	for _, e := range events {
		if !t.known[e.ID] {
			t.known[e.ID] = true
			t.events = append(t.events, e)
		}
	}
}

func (t *telling) sorted() []canon.Event {
	slices.SortFunc(t.events, func(a, b canon.Event) int {
		if c := a.OccurredAt.Compare(b.OccurredAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return t.events
}

// micro cuts to the microsecond, which is what stores keep.
func micro(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
