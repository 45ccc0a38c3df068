package lifecycle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// bookVersion counts the forms that books have had.
const bookVersion = 2

var errBook = errors.New("the bytes are no book of this policy")

// bookHead is how many bytes stand before what a book says: its version, the policy's fingerprint, a sum of the rest, and
// where the tail begins.
const bookHead = 17

// encode writes the book as it is before its tail was walked over. The tail comes last, so that the folded part is taken
// over as it was read for as long as nothing was folded since.
func (b *Book) encode() []byte {
	s := &scribe{out: make([]byte, bookHead, max(4096, bookHead+len(b.folded)+512*len(b.tail))), texts: make(map[string]uint64, 64)}
	s.out[0] = bookVersion
	binary.LittleEndian.PutUint64(s.out[1:], b.policy.fingerprint)
	if b.folded != nil {
		s.out = append(s.out, b.folded...)
	} else {
		b.writeFolded(s)
		b.folded = bytes.Clone(s.out[bookHead:])
	}
	binary.LittleEndian.PutUint32(s.out[13:], uint32(len(s.out)-bookHead))
	clear(s.texts)
	s.entries(b.tail, true)
	binary.LittleEndian.PutUint32(s.out[9:], crc32.ChecksumIEEE(s.out[13:]))
	return s.out
}

// writeFolded writes all but the tail.
func (b *Book) writeFolded(s *scribe) {
	s.text(b.customer)
	s.int(b.through)
	s.terms(b.terms)
	s.out = append(binary.AppendUvarint(s.out, uint64(len(b.closed))), b.closed...)
	if b.through != always {
		s.entries(b.ledger.entries, b.policy.asksData())
		s.series(b.ledger)
		s.state(b.walker.frame.state)
		s.walker(b.walker)
		b.walker.read.write(s)
	}
}

// asksData says whether somebody asks for what past events hold besides value and amount.
func (p *Policy) asksData() bool {
	return slices.ContainsFunc(p.patterns, func(q pattern) bool { return q.need.whole || !q.need.noted })
}

// readBook reads a book.
func (p *Policy) readBook(doc []byte) (*Book, error) {
	if len(doc) < bookHead || doc[0] != bookVersion || binary.LittleEndian.Uint64(doc[1:]) != p.fingerprint || binary.LittleEndian.Uint32(doc[9:]) != crc32.ChecksumIEEE(doc[13:]) {
		return nil, errBook
	}
	return p.unsealed(doc)
}

// unsealed reads a book whose sum has been looked at.
func (p *Policy) unsealed(doc []byte) (*Book, error) {
	if len(doc) < bookHead || uint64(binary.LittleEndian.Uint32(doc[13:])) > uint64(len(doc)-bookHead) {
		return nil, errBook
	}
	said, end := string(doc[bookHead:]), int(binary.LittleEndian.Uint32(doc[13:]))
	tail := &reader{in: said[end:], words: make([]string, 0, 16)}
	later := tail.entries(true)
	r := &reader{in: said[:end], words: make([]string, 0, 64), room: len(later) + 2}
	b := &Book{policy: p, doc: doc, customer: r.text(), through: r.int(), ledger: p.ledger()}
	b.terms = r.terms()
	if n := r.size(); n > 0 {
		b.closed = []byte(r.in[:n])
		r.in = r.in[n:]
	}
	f := &frame{ledger: b.ledger, state: newState(), customerType: b.terms.customerType}
	if b.through == always {
		b.walker = newWalker(p, f, b.customer)
		b.walker.read = &readings{}
	} else {
		b.ledger.entries = r.entries(p.asksData())
		r.series(b.ledger)
		r.state(f.state)
		b.walker = r.walker(p, f, b.customer)
		b.walker.read = p.readReadings(r)
	}
	b.tail = later
	if r.bad || len(r.in) > 0 || tail.bad || len(tail.in) > 0 {
		return nil, errBook
	}
	b.folded = doc[bookHead : bookHead+end]
	return b, nil
}

func (s *scribe) terms(t terms) {
	s.word(t.customerType)
	s.int(t.since)
	s.uint(t.fields)
	s.uint(t.cohorts)
	s.uint(uint64(len(t.trust)))
	for _, k := range t.trust {
		s.word(string(k.kind))
		s.int(k.until)
	}
}

func (r *reader) terms() terms {
	t := terms{customerType: r.word(), since: r.int(), fields: r.uint(), cohorts: r.uint()}
	for range r.size() {
		t.trust = append(t.trust, trusted{canon.Kind(r.word()), r.int()})
	}
	return t
}

// entries writes events; those that are yet to be walked over whole, of the others only what is told of them.
func (s *scribe) entries(list []entry, whole bool) {
	s.uint(uint64(len(list)))
	before := int64(0)
	for _, e := range list {
		s.int(e.at - before)
		before = e.at
		s.word(e.ev.Type)
		s.text(e.ev.ID)
		s.ref(e.ev.Ref)
		s.word(string(e.ev.Kind))
		s.word(e.ev.Part)
		s.text(e.ev.Summary)
		s.bool(e.ev.Value != nil)
		if e.ev.Value != nil {
			s.float(*e.ev.Value)
		}
		s.money(e.ev.Amount)
		if whole {
			s.data(e.ev.Data)
		}
	}
}

func (r *reader) entries(whole bool) []entry {
	n := r.size()
	events, out := make([]canon.Event, n), make([]entry, n, n+tailMost)
	at := int64(0)
	for i := range n {
		at += r.int()
		e := &events[i]
		e.Type = r.word()
		e.ID, e.Ref, e.Kind, e.Part, e.Summary = r.text(), r.ref(), canon.Kind(r.word()), r.word(), r.text()
		if r.bool() {
			v := r.float()
			e.Value = &v
		}
		e.Amount = r.money()
		if whole {
			e.Data = r.data()
		}
		e.OccurredAt = time.UnixMicro(at).UTC()
		out[i] = entry{at, rankOf(e.Type), e}
	}
	return out
}

// The kinds of value that an event's data may hold.
const (
	heldText = iota
	heldNumber
	heldTrue
	heldFalse
)

func (s *scribe) data(d map[string]any) {
	s.uint(uint64(len(d)))
	for _, k := range slices.Sorted(maps.Keys(d)) {
		s.word(k)
		switch v := d[k].(type) {
		case string:
			s.out = append(s.out, heldText)
			s.text(v)
		case float64:
			s.out = append(s.out, heldNumber)
			s.float(v)
		case bool:
			if v {
				s.out = append(s.out, heldTrue)
			} else {
				s.out = append(s.out, heldFalse)
			}
		default:
			// Nothing else survives being stored.
			s.out = append(s.out, heldText)
			s.text("")
		}
	}
}

func (r *reader) data() map[string]any {
	n := r.size()
	if n == 0 {
		return nil
	}
	d := make(map[string]any, n)
	for range n {
		k := r.word()
		kind := byte(0xff)
		if len(r.in) > 0 {
			kind, r.in = r.in[0], r.in[1:]
		}
		switch kind {
		case heldText:
			d[k] = r.text()
		case heldNumber:
			d[k] = r.float()
		case heldTrue, heldFalse:
			d[k] = kind == heldTrue
		default:
			r.fail()
		}
	}
	return d
}

// The forms in which a series' values stand.
const (
	valuesCounted = iota // each event's value is 1
	valuesWhole
	valuesPlain
)

func (s *scribe) series(l *ledger) {
	s.uint(uint64(len(l.series)))
	for i := range l.series {
		q := &l.series[i]
		s.uint(uint64(len(q.at)))
		if len(q.at) == 0 {
			continue
		}
		s.int(q.first)
		before := q.first
		for _, at := range q.at {
			s.uint(uint64(at - before))
			before = at
		}
		s.uint(uint64(len(q.held)))
		last := int32(0)
		for _, at := range q.held {
			s.uint(uint64(at - last))
			last = at
		}
		s.bool(q.counts != nil)
		for k := 1; k < len(q.counts); k++ {
			s.uint(uint64(q.counts[k] - q.counts[k-1]))
		}
		s.values(q)
		s.uint(uint64(len(q.money)))
		for _, m := range q.money {
			s.word(m.currency)
			for k := 1; k < len(m.sums); k++ {
				s.int(m.sums[k] - m.sums[k-1])
			}
		}
	}
}

func (s *scribe) values(q *series) {
	form := valuesCounted
	for k := 1; k < len(q.values); k++ {
		count := float64(k)
		if q.counts != nil {
			count = float64(q.counts[k])
		}
		if v := q.values[k]; v != count {
			form = max(form, valuesWhole)
			if v != math.Trunc(v) || math.Abs(v) > 1<<52 || v == 0 && math.Signbit(v) {
				form = valuesPlain
				break
			}
		}
	}
	s.out = append(s.out, byte(form))
	for k := 1; k < len(q.values) && form != valuesCounted; k++ {
		if form == valuesWhole {
			s.int(int64(q.values[k]) - int64(q.values[k-1]))
		} else {
			s.float(q.values[k])
		}
	}
}

func (r *reader) series(l *ledger) {
	if r.size() != len(l.series) {
		r.fail()
		return
	}
	for i := range l.series {
		q := &l.series[i]
		n := r.size()
		if n == 0 {
			continue
		}
		q.first = r.int()
		q.at = r.wholes.take(n, r.room)
		before := q.first
		for k := range q.at {
			before += int64(r.uint())
			q.at[k] = before
		}
		held := r.size()
		q.held = r.halves.take(held, r.room)
		last := uint64(0)
		for k := range q.held {
			last += r.uint()
			if last >= uint64(len(l.entries)) {
				r.fail()
				return
			}
			q.held[k] = int32(last)
		}
		if r.bool() {
			q.counts = r.halves.take(n+1, r.room)
			for k := range n {
				q.counts[k+1] = q.counts[k] + int32(r.uint())
			}
		}
		r.values(q)
		q.money = make([]moneySums, r.size())
		for m := range q.money {
			q.money[m] = moneySums{r.word(), r.wholes.take(n+1, r.room)}
			for k := range n {
				q.money[m].sums[k+1] = q.money[m].sums[k] + r.int()
			}
			if r.bad {
				return
			}
		}
	}
}

func (r *reader) values(q *series) {
	n := len(q.at)
	q.values = r.floats.take(n+1, r.room)
	if len(r.in) == 0 {
		r.fail()
		return
	}
	form := r.in[0]
	r.in = r.in[1:]
	for k := range n {
		switch {
		case form == valuesWhole:
			q.values[k+1] = q.values[k] + float64(r.int())
		case form == valuesPlain:
			q.values[k+1] = r.float()
		case q.counts != nil:
			q.values[k+1] = float64(q.counts[k+1])
		default:
			q.values[k+1] = float64(k + 1)
		}
	}
}

// byRef lists the keys of a map in their order.
func byRef[T any](m map[canon.Ref]T) []canon.Ref {
	return slices.SortedFunc(maps.Keys(m), canon.Ref.Compare)
}
