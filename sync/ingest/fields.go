package ingest

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// maxFields bounds the catalogue of a stream: a vendor may use ids as names.
const maxFields = 2000

// seenAgain is how old the moment at which a field was last seen may get before it is written anew.
const seenAgain = time.Hour

// catalogue remembers what the records of each stream consist of.
type catalogue struct {
	mu      sync.Mutex
	streams map[[2]string]*streamFields
}

// streamFields is the catalogue of one stream.
type streamFields struct {
	connection, stream string
	seed               maphash.Seed
	by                 map[uint64]*field
	paths              map[string]*field
	// settled says that the first full round is over: what is new from then on is drift.
	settled bool
	// round counts the full rounds that this process has seen begin. In one, next is the cursor of the page that
	// must follow, looked how many records were looked at, and due how many fields it has not shown yet.
	round  uint64
	inside bool
	next   canon.Cursor
	looked int
	due    int
	// now is the moment of the batch; dirty and drift are what it has to write.
	now   time.Time
	dirty map[string]*field
	drift []canon.Drift
}

// field is one entry of a catalogue.
type field struct {
	canon.FieldState
	bits uint8
	// round is the last full round that held it; due says that the running one has not shown it yet.
	round uint64
	due   bool
}

// drop forgets a stream, so that it is read from the store again.
func (c *catalogue) drop(connection, stream string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.streams, [2]string{connection, stream})
}

// of returns the catalogue of a stream, as the store holds it at first.
func (c *catalogue) of(ctx context.Context, tx Tx, connection, stream string) (*streamFields, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]string{connection, stream}
	if s := c.streams[key]; s != nil {
		return s, nil
	}
	states, err := tx.FieldsOf(ctx, connection, stream)
	if err != nil {
		return nil, err
	}
	s := &streamFields{connection: connection, stream: stream, seed: maphash.MakeSeed(), by: map[uint64]*field{}, paths: map[string]*field{}}
	for _, f := range states {
		s.paths[f.Path] = &field{FieldState: f, bits: bitsOf(f.Types)}
	}
	if s.settled, err = tx.Backfilled(ctx, connection, stream); err != nil {
		return nil, err
	}
	// A hub that never looked does not know what is new.
	s.settled = s.settled && len(states) > 0
	if c.streams == nil {
		c.streams = map[[2]string]*streamFields{}
	}
	c.streams[key] = s
	return s, nil
}

// learn looks at what a batch's records consist of: at those that changed, and in a full round, where a field may turn
// out to have vanished, at all of them until every field known was met.
func (w *work) learn(ctx context.Context, b canon.Batch, as []*arrival) error {
	full := b.From == "" || w.list
	s, err := w.p.fields.of(ctx, w.tx, b.Connection, b.Stream)
	if err != nil {
		return err
	}
	s.now, s.dirty, s.drift = w.tx.Now(), map[string]*field{}, nil
	s.follow(b, full)
	for _, a := range as {
		for i := range a.recs {
			s.look(a.recs[i])
		}
	}
	for i := 0; i < len(b.Records) && s.inside && s.due > 0; i++ {
		s.look(b.Records[i])
	}
	if b.Last && !b.Part {
		s.vanished()
		s.inside, s.settled = false, true
	}
	return s.write(ctx, w.tx)
}

// follow keeps account of the pages of a full round. One that does not follow the page before it ends the account.
func (s *streamFields) follow(b canon.Batch, first bool) {
	switch {
	case s.inside && b.From == s.next:
	case first:
		s.begin()
	default:
		s.inside = false
	}
	s.next = b.Next
}

// begin begins the account of a full round.
func (s *streamFields) begin() {
	s.inside, s.looked, s.due = true, 0, 0
	s.round++
	for _, f := range s.paths {
		if f.due = f.GoneAt.IsZero() && !f.LastSeen.IsZero(); f.due {
			s.due++
		}
	}
}

func (s *streamFields) look(r canon.Record) {
	if r.Deleted || len(r.Raw) > maxScanned {
		return
	}
	s.looked++
	sc := scanner{seed: s.seed, field: s.meet}
	sc.record(r.Raw)
}

// meet notes one field of a record.
func (s *streamFields) meet(at found) {
	f := s.by[at.key]
	if f == nil {
		if f = s.discover(at); f == nil {
			return
		}
	}
	f.Samples++
	if f.round = s.round; f.due {
		f.due = false
		s.due--
	}
	if f.bits&at.bits != 0 && f.GoneAt.IsZero() && s.now.Sub(f.LastSeen) < seenAgain {
		return
	}
	s.update(f, at.bits)
}

// update notes that something of a field is new.
func (s *streamFields) update(f *field, bits uint8) {
	if f.FirstSeen.IsZero() {
		f.FirstSeen = s.now
		s.tell(f, canon.DriftNew, "")
	}
	if !f.GoneAt.IsZero() {
		f.GoneAt = time.Time{}
		s.tell(f, canon.DriftReturned, "")
	}
	if before := f.Types; f.bits&bits == 0 {
		f.bits |= bits
		f.Types = typesOf(f.bits)
		if len(before) > 0 && len(f.Types) > len(before) {
			s.tell(f, canon.DriftType, strings.Join(before, ", ")+" → "+strings.Join(f.Types, ", "))
		}
	}
	f.LastSeen = s.now
	s.dirty[f.Path] = f
}

func (s *streamFields) tell(f *field, what, detail string) {
	if s.settled {
		s.drift = append(s.drift, canon.Drift{Connection: s.connection, Stream: s.stream, Path: f.Path, What: what, Detail: detail, At: s.now})
	}
}

// discover finds the entry of a field that this process has not met, or makes one. It returns nil where the catalogue
// is full or the name too long.
func (s *streamFields) discover(at found) *field {
	path := s.path(at)
	if path == "" || len(path) > maxPath {
		return nil
	}
	f := s.paths[path]
	if f == nil {
		if len(s.paths) >= maxFields {
			return nil
		}
		f = &field{FieldState: canon.FieldState{Path: path}}
		s.paths[path] = f
	}
	s.by[at.key] = f
	return f
}

// path puts a field's name together. What holds it was met before.
func (s *streamFields) path(at found) string {
	name := "[]"
	if at.name != nil {
		if name = unquoted(at.name); name == "" {
			return ""
		}
	}
	if at.parent == 0 {
		return name
	}
	up := s.by[at.parent]
	switch {
	case up == nil:
		return ""
	case at.name == nil:
		return up.Path + name
	}
	return up.Path + "." + name
}

// vanished marks the fields that a full round did not hold.
func (s *streamFields) vanished() {
	if !s.inside || s.looked == 0 {
		return
	}
	for _, f := range s.paths {
		if f.round != s.round && f.GoneAt.IsZero() && !f.LastSeen.IsZero() {
			f.GoneAt = s.now
			s.tell(f, canon.DriftVanished, "no record of a full round held it")
			s.dirty[f.Path] = f
		}
	}
}

func (s *streamFields) write(ctx context.Context, tx Tx) error {
	if len(s.dirty) == 0 {
		return nil
	}
	fs := make([]canon.FieldState, 0, len(s.dirty))
	for _, f := range s.dirty {
		fs = append(fs, f.FieldState)
	}
	slices.SortFunc(fs, func(a, b canon.FieldState) int { return strings.Compare(a.Path, b.Path) })
	slices.SortFunc(s.drift, compareDrift)
	if err := tx.PutFields(ctx, s.connection, s.stream, fs); err != nil {
		return err
	}
	return tx.AddDrift(ctx, s.drift)
}

func compareDrift(a, b canon.Drift) int {
	if c := strings.Compare(a.Path, b.Path); c != 0 {
		return c
	}
	return strings.Compare(a.What, b.What)
}

// typeNames are the words of the bits, sorted.
var typeNames = [...]struct {
	bit  uint8
	name string
}{{typeArray, "array"}, {typeBool, "boolean"}, {typeNumber, "number"}, {typeObject, "object"}, {typeString, "string"}}

func typesOf(bits uint8) []string {
	out := []string{}
	for _, t := range typeNames {
		if bits&t.bit != 0 {
			out = append(out, t.name)
		}
	}
	return out
}

func bitsOf(names []string) uint8 {
	var bits uint8
	for _, t := range typeNames {
		if slices.Contains(names, t.name) {
			bits |= t.bit
		}
	}
	return bits
}

// Describe keeps what a vendor tells of the fields of a stream's records.
func (p *Pipeline) Describe(ctx context.Context, connection, stream string, infos []canon.FieldInfo) error {
	err := p.Atomic(ctx, func(tx Tx) error {
		p.fields.drop(connection, stream)
		s, err := p.fields.of(ctx, tx, connection, stream)
		if err != nil {
			return err
		}
		s.now, s.dirty, s.drift = tx.Now(), map[string]*field{}, nil
		s.describe(infos)
		return s.write(ctx, tx)
	})
	p.fields.drop(connection, stream)
	return err
}

// describe brings the declared fields up to date. The first description is no drift.
func (s *streamFields) describe(infos []canon.FieldInfo) {
	told := false
	for _, f := range s.paths {
		told = told || f.Declared
	}
	s.settled = s.settled && told
	named := map[string]bool{}
	for _, info := range infos {
		if info.Name == "" || len(info.Name) > maxPath || named[info.Name] {
			continue
		}
		f := s.declared(info.Name)
		if f == nil {
			continue
		}
		if bare := s.paths[info.Name]; bare != nil && bare != f {
			// Since it was first named, records have shown where they hold it.
			bare.Declared = false
			s.dirty[bare.Path] = bare
		}
		named[info.Name], named[f.Path] = true, true
		s.declare(f, info)
	}
	for path, f := range s.paths {
		if f.Declared && !named[path] && len(infos) > 0 {
			f.Declared, f.GoneAt = false, s.now
			s.tell(f, canon.DriftVanished, "the vendor no longer names it")
			s.dirty[path] = f
		}
	}
}

func (s *streamFields) declare(f *field, info canon.FieldInfo) {
	before := f.FieldState
	switch {
	case !f.Declared && f.FirstSeen.IsZero() && f.GoneAt.IsZero():
		s.tell(f, canon.DriftNew, "the vendor names it")
	case !f.GoneAt.IsZero() && !f.Declared:
		s.tell(f, canon.DriftReturned, "the vendor names it again")
		f.GoneAt = time.Time{}
	case f.Declared && f.VendorType != info.Type:
		s.tell(f, canon.DriftType, f.VendorType+" → "+info.Type)
	}
	f.Declared, f.Label, f.Doc, f.VendorType, f.Custom, f.Computed = true, info.Label, info.Doc, info.Type, info.Custom, info.Computed
	if before.Label != f.Label || before.Doc != f.Doc || before.VendorType != f.VendorType || !before.Declared ||
		before.Custom != f.Custom || before.Computed != f.Computed || !before.GoneAt.Equal(f.GoneAt) {
		s.dirty[f.Path] = f
	}
}

// declared finds the entry of a field that the vendor names: where records hold it one level below the top, as custom
// properties often are, that is the one.
func (s *streamFields) declared(name string) *field {
	if f := s.paths[name]; f != nil && !f.FirstSeen.IsZero() {
		return f
	}
	var below []string
	for path, f := range s.paths {
		if holder, leaf, ok := strings.Cut(path, "."); ok && leaf == name && !strings.HasSuffix(holder, "[]") && !f.FirstSeen.IsZero() {
			below = append(below, path)
		}
	}
	if len(below) > 0 {
		return s.paths[slices.Min(below)]
	}
	if f := s.paths[name]; f != nil {
		return f
	}
	if len(s.paths) >= maxFields {
		return nil
	}
	f := &field{FieldState: canon.FieldState{Path: name, Types: []string{}}}
	s.paths[name] = f
	return f
}
