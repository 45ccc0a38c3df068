package lifecycle

import (
	"encoding/binary"
	"math"

	"github.com/lifecyclehub/hub/canon"
)

// scribe writes a book. Texts that repeat are written once.
type scribe struct {
	out   []byte
	texts map[string]uint64
}

func (s *scribe) uint(v uint64) { s.out = binary.AppendUvarint(s.out, v) }
func (s *scribe) int(v int64)   { s.out = binary.AppendVarint(s.out, v) }
func (s *scribe) float(v float64) {
	s.out = binary.LittleEndian.AppendUint64(s.out, math.Float64bits(v))
}

func (s *scribe) bool(v bool) {
	if v {
		s.out = append(s.out, 1)
		return
	}
	s.out = append(s.out, 0)
}

func (s *scribe) text(v string) {
	s.uint(uint64(len(v)))
	s.out = append(s.out, v...)
}

// word writes a text that is likely to come again.
func (s *scribe) word(v string) {
	if n, ok := s.texts[v]; ok {
		s.uint(n)
		return
	}
	s.texts[v] = uint64(len(s.texts)) + 1
	s.uint(0)
	s.text(v)
}

func (s *scribe) ref(r canon.Ref) {
	s.word(r.Connection)
	s.word(r.Stream)
	s.text(r.ID)
}

func (s *scribe) money(m *canon.Money) {
	s.bool(m != nil)
	if m != nil {
		s.int(m.Minor)
		s.word(m.Currency)
	}
}

// reader reads what a scribe wrote. After the first fault all it reads is zero.
type reader struct {
	in    string
	words []string
	bad   bool
	// room is how many points a series may get. The slices of a book's many series are cut out of few.
	room   int
	wholes slab[int64]
	halves slab[int32]
	floats slab[float64]
}

// slab is memory that slices are cut out of.
type slab[T int32 | int64 | float64] struct{ rest []T }

// slabSize is how much memory is made at once, unless one slice takes more.
const slabSize = 1024

// take returns a slice of n zeros with room for more to be appended.
func (s *slab[T]) take(n, room int) []T {
	size := n + room
	if size > len(s.rest) {
		s.rest = make([]T, max(size, slabSize))
	}
	out := s.rest[:n:size]
	s.rest = s.rest[size:]
	return out
}

func (r *reader) fail() { r.bad, r.in = true, "" }

func (r *reader) uint() uint64 {
	var v uint64
	for i := range min(len(r.in), binary.MaxVarintLen64) {
		b := r.in[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.in = r.in[i+1:]
			return v
		}
	}
	r.fail()
	return 0
}

func (r *reader) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

// size reads how many things follow, of which each takes at least one byte.
func (r *reader) size() int {
	n := r.uint()
	if n > uint64(len(r.in)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) float() float64 {
	if len(r.in) < 8 {
		r.fail()
		return 0
	}
	var v uint64
	for i := range 8 {
		v |= uint64(r.in[i]) << (8 * i)
	}
	r.in = r.in[8:]
	return math.Float64frombits(v)
}

func (r *reader) bool() bool {
	if len(r.in) == 0 {
		r.fail()
		return false
	}
	b := r.in[0]
	r.in = r.in[1:]
	return b != 0
}

func (r *reader) text() string {
	n := r.size()
	v := r.in[:n]
	r.in = r.in[n:]
	return v
}

func (r *reader) word() string {
	n := r.uint()
	if n == 0 {
		v := r.text()
		r.words = append(r.words, v)
		return v
	}
	if n > uint64(len(r.words)) {
		r.fail()
		return ""
	}
	return r.words[n-1]
}

func (r *reader) ref() canon.Ref {
	return canon.Ref{Connection: r.word(), Stream: r.word(), ID: r.text()}
}

func (r *reader) money() *canon.Money {
	if !r.bool() {
		return nil
	}
	return &canon.Money{Minor: r.int(), Currency: r.word()}
}
