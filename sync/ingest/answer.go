package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/timeline"
)

// subject is a customer while they are assessed.
type subject struct {
	state   canon.CustomerState
	profile canon.Profile
	// touched says that the golden record was made anew.
	touched bool
	facts   lifecycle.Facts
	// book holds all events, nil where it must be made anew; was is the book as it was stored.
	book *lifecycle.Book
	was  []byte
	side sidenote
	// told are the events in force where they were read: of whom the book is made anew, or whose path has changed.
	told   []canon.StoredEvent
	loaded bool
	// leads says that something was done for the first time.
	leads bool
}

// assessSome assesses a batch of customers.
func (w *work) assessSome(ctx context.Context, ids []string) error {
	subjects, err := w.subjects(ctx, ids)
	if err != nil {
		return err
	}
	if err := w.open(ctx, subjects); err != nil {
		return err
	}
	out := answers{books: map[string][]byte{}}
	var known []*subject
	for _, s := range subjects {
		if s.profile.Gone {
			w.farewell(&out, s)
			continue
		}
		known = append(known, s)
	}
	if err := w.answer(ctx, &out, known); err != nil {
		return err
	}
	if err := w.execute(ctx, out.plan); err != nil {
		return err
	}
	if err := w.tx.PutProfiles(ctx, out.profiles); err != nil {
		return err
	}
	if err := w.tx.AddAssessments(ctx, out.history); err != nil {
		return err
	}
	w.changes = append(w.changes, out.changes...)
	if err := w.plays(ctx, out.played); err != nil {
		return err
	}
	if err := w.tx.PutBooks(ctx, out.books); err != nil {
		return err
	}
	w.tx.KeepBooks(out.kept)
	if err := w.tx.Unmark(ctx, out.same); err != nil {
		return err
	}
	return w.tx.PutCustomerStates(ctx, out.states)
}

// answers collects what a batch of customers comes to.
type answers struct {
	plan     plan
	profiles []canon.Profile
	states   []canon.CustomerState
	history  []canon.CustomerState
	changes  []canon.Change
	played   []played
	// books are those to be stored, kept the customers whose book stands as it is stored, same those whose assessment does.
	books      map[string][]byte
	kept, same []string
}

// subjects reads what is kept of customers, and makes the golden records of those anew who are touched.
func (w *work) subjects(ctx context.Context, ids []string) ([]*subject, error) {
	states, err := w.tx.CustomerStates(ctx, ids)
	if err != nil {
		return nil, err
	}
	if _, err := w.ruled(ctx); err != nil {
		return nil, err
	}
	overrides, err := w.overrides(ctx, ids)
	if err != nil {
		return nil, err
	}
	terms, err := w.terms(ctx)
	if err != nil {
		return nil, err
	}
	var all []*subject
	var anew []string
	for _, id := range ids {
		s, ok := states[id]
		if !ok {
			continue
		}
		one := &subject{state: s, profile: s.Profile, touched: s.Touched || w.touched[id] || s.Assessment == nil || s.Assessment.Policy == ""}
		if one.touched {
			anew = append(anew, id)
		}
		all = append(all, one)
	}
	if err := w.mint(ctx, all, anew); err != nil {
		return nil, err
	}
	for _, s := range all {
		s.facts = lifecycle.Facts{
			Customer: s.state.ID, Type: s.profile.Type, Sources: *w.p.sources.Load(), Fields: fieldsOf(s.profile),
			Trusted: terms.trusted, Since: terms.since, Overrides: overrides[s.state.ID], Cohorts: terms.cohorts,
		}
	}
	return all, nil
}

// mint makes golden records anew.
func (w *work) mint(ctx context.Context, all []*subject, ids []string) error {
	members, err := w.tx.Members(ctx, ids)
	if err != nil {
		return err
	}
	of := map[string][]canon.StoredEntity{}
	for _, m := range members {
		of[m.Customer] = append(of[m.Customer], m)
	}
	var profiles []canon.Profile
	for _, s := range all {
		if s.touched {
			profiles = append(profiles, w.golden(s.state, of[s.state.ID]))
		}
	}
	if err := w.parents(ctx, profiles); err != nil {
		return err
	}
	for _, s := range all {
		if s.touched {
			s.profile, profiles = profiles[0], profiles[1:]
		}
	}
	return nil
}

// open opens the books of customers, and makes those anew that are missing, damaged, of another policy, or that cannot
// take what was added.
func (w *work) open(ctx context.Context, subjects []*subject) error {
	ids := make([]string, len(subjects))
	for i, s := range subjects {
		ids[i] = s.state.ID
	}
	docs, err := w.tx.Books(ctx, ids)
	if err != nil {
		return err
	}
	var anew []*subject
	for _, s := range subjects {
		if s.profile.Gone || !s.reopen(w, docs[s.state.ID]) {
			anew = append(anew, s)
		}
	}
	if err := w.load(ctx, anew); err != nil {
		return err
	}
	for _, s := range anew {
		s.begin(w.p.Policy)
	}
	w.p.counts.kept.Add(int64(len(subjects) - len(anew)))
	w.p.counts.anew.Add(int64(len(anew)))
	return nil
}

// load reads the events in force of customers.
func (w *work) load(ctx context.Context, subjects []*subject) error {
	var ids []string
	by := map[string]*subject{}
	for _, s := range subjects {
		if !s.loaded {
			ids = append(ids, s.state.ID)
			by[s.state.ID] = s
		}
	}
	events, err := w.tx.CustomerEvents(ctx, ids)
	if err != nil {
		return err
	}
	for _, e := range events {
		by[e.Customer].told = append(by[e.Customer].told, e)
	}
	for _, s := range by {
		s.loaded = true
	}
	return nil
}

// isFact says whether an event is told by a record, rather than worked out from others.
func isFact(typ string) bool { return !derived(typ) && !strings.HasPrefix(typ, milestones) }

// reopen takes what the transaction added into the stored book. It says whether that holds everything then.
func (s *subject) reopen(w *work, doc []byte) bool {
	side, rest, ok := readSidenote(doc)
	if !ok {
		return false
	}
	b, err := w.p.Policy.Book(rest)
	if err != nil || !b.Fits(s.facts, w.now) {
		return false
	}
	added := slices.Clone(w.added[s.state.ID])
	events := make([]canon.Event, 0, len(added))
	for _, e := range added {
		events = append(events, e.Event)
		seen(&s.state, e.OccurredAt)
	}
	for _, e := range timeline.Milestones(s.state.ID, events) {
		at, known := side.firsts[e.ID]
		if known && e.OccurredAt.UnixMicro() < at {
			return false
		}
		if !known {
			events = append(events, e)
			added = append(added, canon.StoredEvent{Event: e})
			added[len(added)-1].RecordedAt = w.tx.Now()
			s.leads = true
		}
	}
	if !b.Add(events) {
		return false
	}
	s.book, s.was, s.side, s.told = b, doc, side, added
	return true
}

// begin makes the book anew from all events.
func (s *subject) begin(p *lifecycle.Policy) {
	// Both are told by the events in force alone, so that what was taken back leaves no trace in them.
	s.state.FirstSeenAt, s.state.LastEventAt = time.Time{}, time.Time{}
	s.book, s.side, s.leads = p.Open(s.facts), sidenote{}, false
	facts := s.events()
	for _, e := range facts {
		seen(&s.state, e.OccurredAt)
	}
	s.book.Add(slices.Concat(facts, timeline.Milestones(s.state.ID, facts)))
}

// events are the facts among those that were read.
func (s *subject) events() []canon.Event {
	out := make([]canon.Event, 0, len(s.told))
	for _, e := range s.told {
		if isFact(e.Type) {
			out = append(out, e.Event)
		}
	}
	return out
}

// inForce are the stage changes and milestones among what was read, by id.
func (s *subject) inForce() map[string]canon.StoredEvent {
	out := map[string]canon.StoredEvent{}
	for _, e := range s.told {
		if !isFact(e.Type) {
			out[e.ID] = e
		}
	}
	return out
}

// farewell takes back what assessments told of a customer of whom no live record is left.
func (w *work) farewell(out *answers, s *subject) {
	out.profiles = append(out.profiles, s.profile)
	for _, e := range s.inForce() {
		out.plan.supersede = append(out.plan.supersede, e.Row)
	}
	s.state.Assessment, s.state.Doc = nil, nil
	out.states = append(out.states, s.state)
}

// answer assesses customers.
func (w *work) answer(ctx context.Context, out *answers, subjects []*subject) error {
	results := make([]lifecycle.Result, len(subjects))
	var moved []*subject
	for i, s := range subjects {
		results[i] = s.book.Assess(s.facts, w.now)
		if !s.loaded && (s.leads || s.side.path != pathSum(results[i].Path)) {
			moved = append(moved, s)
		}
	}
	for _, s := range moved {
		s.told = nil
	}
	if err := w.load(ctx, moved); err != nil {
		return err
	}
	for i, s := range subjects {
		if err := w.conclusion(out, s, results[i]); err != nil {
			return err
		}
	}
	return nil
}

// conclusion notes what the assessment of a customer comes to.
func (w *work) conclusion(out *answers, s *subject, res lifecycle.Result) error {
	next := res.Assessment
	next.Customer, next.RecordedAt = s.state.ID, w.tx.Now()
	if s.loaded {
		firsts := timeline.Milestones(s.state.ID, s.events())
		w.stages(out, s.state.ID, res.Path, s.inForce())
		w.firsts(out, firsts, s.inForce())
		s.side = sidenote{path: pathSum(res.Path), firsts: firstsOf(firsts)}
	}
	for _, score := range lifecycle.ScoreChanges(s.state.Assessment, next, s.state.Assessed+1) {
		score.Customer = s.state.ID
		out.plan.add = append(out.plan.add, canon.StoredEvent{Event: score, Revision: 1})
	}
	doc, err := json.Marshal(next)
	if err != nil {
		return err
	}
	w.scored = append(w.scored, assessed{s.profile, doc})
	if s.touched {
		out.profiles = append(out.profiles, s.profile)
	}
	if err := w.keep(out, s); err != nil {
		return err
	}
	// Also where nothing changed: time alone may bring a play.
	out.played = append(out.played, played{profile: s.profile, before: s.state.Assessment, after: &next, facts: s.facts, firstSeen: s.state.FirstSeenAt,
		told: s.told, whole: s.loaded})
	if !s.touched && bytes.Equal(answerOf(s.state.Doc), answerOf(doc)) {
		out.same = append(out.same, s.state.ID)
		return nil
	}
	s.state.Doc = doc
	if material(s.state.Assessment, next) {
		s.state.Assessed++
		kept := s.state
		kept.Assessment = &next
		out.history = append(out.history, kept)
		out.changes = append(out.changes, w.assessment(s.profile, kept))
	}
	s.state.Assessment = &next
	out.states = append(out.states, s.state)
	return nil
}

// keep stores the book where it has changed.
func (w *work) keep(out *answers, s *subject) error {
	doc, err := s.book.MarshalBinary()
	if err != nil {
		return err
	}
	doc = s.side.write(doc)
	if bytes.Equal(doc, s.was) {
		out.kept = append(out.kept, s.state.ID)
	} else {
		out.books[s.state.ID] = doc
	}
	return nil
}

// answerOf returns what an assessment's JSON tells besides whose it is and its own moment, nil where there is none.
func answerOf(doc []byte) []byte {
	// A quote within a text is escaped, so this is nowhere but before the policy, which comes next to the moments.
	i := bytes.Index(doc, []byte(`,"policy":`))
	if i < 0 {
		return nil
	}
	return doc[i:]
}
