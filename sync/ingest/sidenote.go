package ingest

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"slices"

	"github.com/lifecyclehub/hub/canon"
)

// sidenote stands before a customer's book and says what of it has been told: a sum of the path that the stage changes in
// force make up, and when each feature was first used. By it is known, without reading events, that nothing of these
// changes.
type sidenote struct {
	path uint64
	// firsts are moments in microseconds by the milestone's id.
	firsts map[string]int64
}

const sidenoteVersion = 1

func (n sidenote) write(book []byte) []byte {
	out := make([]byte, 0, len(book)+64)
	out = append(out, sidenoteVersion)
	out = binary.LittleEndian.AppendUint64(out, n.path)
	out = binary.AppendUvarint(out, uint64(len(n.firsts)))
	for _, id := range slices.Sorted(maps.Keys(n.firsts)) {
		out = binary.AppendUvarint(out, uint64(len(id)))
		out = append(out, id...)
		out = binary.AppendVarint(out, n.firsts[id])
	}
	return append(out, book...)
}

// readSidenote returns the note and the book behind it, and false where the bytes hold none.
func readSidenote(doc []byte) (n sidenote, book []byte, ok bool) {
	if len(doc) < 10 || doc[0] != sidenoteVersion {
		return n, nil, false
	}
	n.path = binary.LittleEndian.Uint64(doc[1:])
	rest := doc[9:]
	count, size := binary.Uvarint(rest)
	if size <= 0 || count > uint64(len(rest)) {
		return n, nil, false
	}
	rest = rest[size:]
	n.firsts = make(map[string]int64, count)
	for range count {
		length, size := binary.Uvarint(rest)
		if size <= 0 || length > uint64(len(rest)-size) {
			return n, nil, false
		}
		id := string(rest[size : size+int(length)])
		rest = rest[size+int(length):]
		at, size := binary.Varint(rest)
		if size <= 0 {
			return n, nil, false
		}
		n.firsts[id], rest = at, rest[size:]
	}
	return n, rest, true
}

func firstsOf(milestones []canon.Event) map[string]int64 {
	out := make(map[string]int64, len(milestones))
	for _, e := range milestones {
		out[e.ID] = e.OccurredAt.UnixMicro()
	}
	return out
}

// pathSum is a sum of what the stage changes of a path say.
func pathSum(path []canon.Event) uint64 {
	h := fnv.New64a()
	for _, e := range path {
		_, _ = h.Write([]byte(e.ID))
		_, _ = h.Write([]byte(e.Summary))
		for _, k := range slices.Sorted(maps.Keys(e.Data)) {
			_, _ = h.Write([]byte(k))
			switch v := e.Data[k].(type) {
			case string:
				_, _ = h.Write([]byte(v))
			case float64:
				_, _ = h.Write(binary.AppendVarint(nil, int64(v)))
			}
			_, _ = h.Write([]byte{0})
		}
	}
	return h.Sum64()
}
