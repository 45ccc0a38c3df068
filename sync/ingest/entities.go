package ingest

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/timeline"
)

// delta is what a batch does to one entity.
type delta struct {
	entity *canon.StoredEntity
	// known says that the entity was there before; was is its state then.
	known bool
	was   canon.StoredEntity
	// events are all that must be in force (full) or that must be there beside what is (not full), by id.
	events []canon.Event
	clock  map[string]bool
	full   bool
	// save says that the entity itself must be written, forget that no version of its record yields it any
	// more, as after a change of mapping. born says that the record was never seen before.
	// again says that its owner is to be found again, though it is as it was.
	save, forget, born, again bool
}

// entities maps the arrivals and works out what becomes of each entity.
func (w *work) entities(ctx context.Context, as []*arrival) ([]*delta, error) {
	var rows []int64
	for _, a := range as {
		if !a.fresh {
			rows = append(rows, a.held.Row)
		}
	}
	stored, err := w.tx.EntitiesOf(ctx, rows)
	if err != nil {
		return nil, err
	}
	known := map[int64]map[string]canon.StoredEntity{}
	for _, e := range stored {
		if known[e.Record] == nil {
			known[e.Record] = map[string]canon.StoredEntity{}
		}
		known[e.Record][e.Entity.Key()] = e
	}
	var out []*delta
	for _, a := range as {
		if a.whole || revives(a, known[a.held.Row]) {
			ds, err := w.retell(ctx, a, known[a.held.Row])
			if err != nil {
				return nil, err
			}
			out = append(out, ds...)
			continue
		}
		out = append(out, w.follow(a, known[a.held.Row])...)
	}
	return out, nil
}

// revives says that an entity of the record was gone and may live again. It then tells once more of what was told when it
// first came, and only its whole history says in which words.
func revives(a *arrival, known map[string]canon.StoredEntity) bool {
	if a.fresh || a.newest().Deleted {
		return false
	}
	for _, e := range known {
		if e.Entity.Deleted && !stub(e.Entity) {
			return true
		}
	}
	return false
}

// mapped is what one version of a record says of its entities.
type mapped struct {
	rec      canon.Record
	entities map[string]canon.Entity
	// faulty says that an entity that is missing may be missing because it could not be mapped.
	faulty bool
}

// mapRecord maps one version of a record. Its dead letters are complete.
func (w *work) mapRecord(rec canon.Record) (mapped, []canon.DeadLetter) {
	es, letters := w.m.Apply(rec)
	m := mapped{rec: rec, entities: make(map[string]canon.Entity, len(es)), faulty: len(letters) > 0}
	for _, e := range es {
		m.entities[e.Key()] = e
	}
	for i := range letters {
		letters[i].Connection, letters[i].Stream, letters[i].RecordID = rec.Connection, rec.Stream, rec.ID
		letters[i].Version = rec.Version
		if len(letters[i].Raw) == 0 {
			letters[i].Raw = rec.Raw
		}
		if letters[i].OccurredAt.IsZero() {
			letters[i].OccurredAt = rec.VersionTime()
		}
	}
	return m, letters
}

// next returns the state of an entity after a version, given the state before (nil for none), and whether
// the version says anything of it. What is deleted keeps its last body, so that people still see what it was.
func (m mapped) next(key string, before *canon.Entity) (canon.Entity, bool) {
	e, there := m.entities[key]
	switch {
	case !there && before == nil:
		return canon.Entity{}, false
	case !there && m.faulty:
		return canon.Entity{}, false
	case !there:
		// The record no longer yields the entity.
		e = m.bury(*before)
	case e.Deleted && before == nil:
		if !m.rec.Deleted || m.rec.Into == "" || !isNode(e.Kind) {
			// A tombstone of something never seen tells of nothing.
			return canon.Entity{}, false
		}
		// It tells where those belong who point to it.
		e = m.bury(canon.Entity{Kind: e.Kind, Ref: e.Ref, Part: e.Part})
	case e.Deleted:
		e = m.bury(*before)
	}
	return e, true
}

// bury returns e as deleted, for the reason that the record gives. What is known of a merge stands until the record
// lives again: a later tombstone that does not speak of it does not contradict it.
func (m mapped) bury(e canon.Entity) canon.Entity {
	e.Deleted = true
	switch {
	case !m.rec.Deleted:
		e.Reason, e.Into = "", ""
	case m.rec.Into != "":
		e.Reason, e.Into = m.rec.Reason, m.rec.Into
	case e.Into == "" && m.rec.Reason != "":
		e.Reason = m.rec.Reason
	}
	return e
}

// stub says that e is known only by a tombstone. It has no history to tell.
func stub(e canon.Entity) bool { return e.Deleted && e.Body == nil }

// stateOfVersion returns the state of an entity by a version of its record. A missing record, and one that came back
// unchanged, have the version of what was held, which says nothing of them: the time of the sighting must do.
func stateOfVersion(e canon.Entity, rec canon.Record, back bool) timeline.State {
	if back || rec.Missing() {
		return timeline.State{Entity: e, At: rec.ObservedAt.UTC()}
	}
	return timeline.State{Entity: e, Version: rec.Version, At: rec.VersionTime()}
}

// follow handles the common case: one version, newer than what is held.
func (w *work) follow(a *arrival, known map[string]canon.StoredEntity) []*delta {
	m, letters := w.mapRecord(a.newest())
	w.letters = append(w.letters, letters...)
	var out []*delta
	for _, key := range keysOf(m, known) {
		was, isKnown := known[key]
		var before *canon.Entity
		if isKnown {
			before = &was.Entity
		}
		e, ok := m.next(key, before)
		if !ok {
			continue
		}
		hash := entityHash(e)
		if isKnown && hash == was.Hash {
			continue
		}
		state := stateOfVersion(e, m.rec, a.back)
		d := &delta{known: isKnown, was: was, save: true, born: a.fresh,
			entity: &canon.StoredEntity{Row: was.Row, Record: a.held.Row, Entity: e, Hash: hash, Version: state.Version, At: state.At,
				Node: was.Node, Cluster: was.Cluster, Customer: was.Customer, Why: was.Why}}
		var prior *timeline.State
		if isKnown && !stub(was.Entity) {
			prior = &timeline.State{Entity: was.Entity, Version: was.Version, At: was.At}
		}
		if !stub(e) {
			d.events = timeline.Derive(prior, state)
		}
		d.tick(state, w.now)
		out = append(out, d)
	}
	return out
}

// tick adds what time alone tells of the newest state.
func (d *delta) tick(latest timeline.State, now time.Time) {
	told := map[string]bool{}
	for _, e := range d.events {
		told[e.ID] = true
	}
	d.clock = map[string]bool{}
	events, next := timeline.Clock(latest, now)
	for _, e := range events {
		if !told[e.ID] {
			d.events = append(d.events, e)
			d.clock[e.ID] = true
		}
	}
	d.entity.DueAt, d.entity.Clocked = next, len(d.clock) > 0
}

// retell works the whole history of a record's entities out again, from every version kept.
func (w *work) retell(ctx context.Context, a *arrival, known map[string]canon.StoredEntity) ([]*delta, error) {
	versions, err := w.tx.Versions(ctx, a.held)
	if err != nil {
		return nil, err
	}
	states := map[string][]timeline.State{}
	last := map[string]canon.Entity{}
	for i, v := range versions {
		m, letters := w.mapRecord(v)
		if i == len(versions)-1 {
			w.letters = append(w.letters, letters...)
		}
		back := i > 0 && versions[i-1].Missing() && versions[i-1].Version == v.Version
		for _, key := range keysOf(m, last) {
			var before *canon.Entity
			if b, ok := last[key]; ok {
				before = &b
			}
			e, ok := m.next(key, before)
			if !ok {
				continue
			}
			last[key] = e
			states[key] = append(states[key], stateOfVersion(e, v, back))
		}
	}
	var out []*delta
	for _, key := range union(states, known) {
		if d := w.retellOne(a, states[key], known[key]); d != nil {
			out = append(out, d)
		}
	}
	return out, nil
}

func (w *work) retellOne(a *arrival, states []timeline.State, was canon.StoredEntity) *delta {
	if len(states) == 0 {
		if was.Row == 0 {
			return nil
		}
		// The mapping yields it from no version: it is as though it had never been.
		return &delta{known: true, was: was, full: true, forget: true, entity: &was}
	}
	ordered := apart(states)
	latest := ordered[len(ordered)-1]
	d := &delta{known: was.Row != 0, was: was, full: true, born: a.fresh,
		entity: &canon.StoredEntity{Row: was.Row, Record: a.held.Row, Entity: latest.Entity, Hash: entityHash(latest.Entity), Version: latest.Version, At: latest.At,
			Node: was.Node, Cluster: was.Cluster, Customer: was.Customer, Why: was.Why}}
	seen := map[string]bool{}
	var prior *timeline.State
	for i := range ordered {
		if stub(ordered[i].Entity) {
			continue
		}
		for _, e := range timeline.Derive(prior, ordered[i]) {
			if !seen[e.ID] {
				seen[e.ID] = true
				d.events = append(d.events, e)
			}
		}
		prior = &ordered[i]
	}
	d.tick(latest, w.now)
	d.save = d.entity.Hash != was.Hash || !d.entity.DueAt.Equal(was.DueAt) || d.entity.Clocked != was.Clocked || d.entity.Version != was.Version
	return d
}

// apart leaves out the states that say the same as the state before them. The order of the versions stays: the
// vendor's, then that in which they were read.
func apart(states []timeline.State) []timeline.State {
	before := ""
	return slices.DeleteFunc(states, func(s timeline.State) bool {
		h := entityHash(s.Entity)
		same := h != "" && h == before
		before = h
		return same
	})
}

func keysOf[V any](m mapped, known map[string]V) []string { return union(m.entities, known) }

func union[A, B any](a map[string]A, b map[string]B) []string {
	keys := make([]string, 0, len(a)+len(b))
	for k := range a {
		keys = append(keys, k)
	}
	for k := range b {
		if _, both := a[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func entityHash(e canon.Entity) string {
	b, err := json.Marshal(e)
	if err != nil {
		// Entities hold nothing that JSON lacks: the mapping made them from JSON.
		return ""
	}
	return canon.Hash(b)
}

// isNode says whether entities of the kind are who a customer is made of.
func isNode(k canon.Kind) bool { return k == canon.KindCompany || k == canon.KindContact }
