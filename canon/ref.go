package canon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Ref names one object at a vendor: which connection, which stream, which id. It is how everything in Hub
// points back to its source.
type Ref struct {
	Connection string `json:"connection"`
	Stream     string `json:"stream"`
	ID         string `json:"id"`
}

// String returns "connection/stream/id". Only the id may contain a slash.
func (r Ref) String() string { return r.Connection + "/" + r.Stream + "/" + r.ID }

// Key returns the key that an entity of the kind which this record yields holds as its own reference.
func (r Ref) Key(kind Kind) string { return "ref:" + string(kind) + ":" + r.String() }

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// Compare orders refs by connection, stream, id. The order is total, so it can break ties.
func (r Ref) Compare(o Ref) int {
	if c := strings.Compare(r.Connection, o.Connection); c != 0 {
		return c
	}
	if c := strings.Compare(r.Stream, o.Stream); c != 0 {
		return c
	}
	return strings.Compare(r.ID, o.ID)
}

// ParseRef reads what String wrote.
func ParseRef(s string) (Ref, error) {
	parts := strings.SplitN(s, "/", 3)
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Ref{}, fmt.Errorf("reference %q: want connection/stream/id", s)
	}
	return Ref{parts[0], parts[1], parts[2]}, nil
}

// ID derives an id from its parts: prefix, an underscore and 20 hex digits of SHA-256 over the parts, each
// followed by a zero byte. The same parts give the same id on every machine, so a replay yields the ids of
// the first run.
func ID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	var sum [sha256.Size]byte
	return prefix + "_" + hex.EncodeToString(h.Sum(sum[:0])[:10])
}

// Hash returns 32 hex digits of SHA-256 over b: equal content, equal hash.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
