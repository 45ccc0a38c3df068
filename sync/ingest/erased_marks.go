package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// signer makes marks. Its key is the hub's own: without it marks cannot be tried out.
type signer struct{ key []byte }

func (s signer) sum(kind, value string) string {
	h := hmac.New(sha256.New, s.key)
	_, _ = h.Write([]byte(kind + "\x00" + value))
	return hex.EncodeToString(h.Sum(nil))
}

// basis begins a hint: FNV-1a over the key's first bytes, the kind and the value.
func (s signer) basis(kind string) uint64 {
	h := uint64(14695981039346656037)
	if len(s.key) >= 8 {
		h ^= binary.BigEndian.Uint64(s.key)
	}
	return mix(h, kind)
}

// prime is that of FNV-1a.
const prime = 1099511628211

func mix(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return h
}

// hintOf folds the sum into the 16 bits that a hint has.
func hintOf(h uint64) uint16 { return uint16(h ^ h>>16 ^ h>>32 ^ h>>48) }

func (s signer) mark(erasure, kind, value string) canon.Mark {
	return canon.Mark{Erasure: erasure, Kind: kind, Sum: s.sum(kind, value), Hint: int64(hintOf(mix(s.basis(kind), value)))}
}

// Marked recognises what erased people were known by. Its zero value recognises nothing.
type Marked struct {
	signer
	refs, owners, mails, phones, persons, parts *markSet
}

// markSet are the marks of one kind.
type markSet struct {
	signer
	kind  string
	basis uint64
	hints [1 << 10]uint64
	sums  map[string]bool
}

// NewMarked returns what recognises by marks that were made with the key.
func NewMarked(key []byte, marks []canon.Mark) *Marked {
	k := &Marked{signer: signer{key}}
	sets := map[string]**markSet{canon.MarkRef: &k.refs, canon.MarkOwner: &k.owners, canon.MarkMail: &k.mails, canon.MarkPhone: &k.phones,
		canon.MarkName: &k.persons, canon.MarkPart: &k.parts}
	for _, m := range marks {
		at := sets[m.Kind]
		if at == nil {
			continue
		}
		if *at == nil {
			*at = &markSet{signer: k.signer, kind: m.Kind, basis: k.basis(m.Kind), sums: map[string]bool{}}
		}
		(*at).hints[uint16(m.Hint)>>6] |= 1 << (m.Hint & 63)
		(*at).sums[m.Sum] = true
	}
	return k
}

// empty says that nobody is erased.
func (k *Marked) empty() bool {
	return k == nil || k.refs == nil && k.owners == nil && k.mails == nil && k.phones == nil && k.persons == nil
}

// hinted says whether a value with this sum may be marked.
func (m *markSet) hinted(h uint64) bool {
	n := hintOf(h)
	return m.hints[n>>6]&(1<<(n&63)) != 0
}

// has says whether a value is marked. Most that are not are told apart without an HMAC.
func (m *markSet) has(value string) bool {
	return m != nil && m.hinted(mix(m.basis, value)) && m.sums[m.sum(m.kind, value)]
}

func (k *Marked) ref(r canon.Ref) bool { return !r.IsZero() && k.refs.has(r.String()) }

// mail says whether an address is marked, however it is spelled.
func (k *Marked) mail(address string) bool {
	key := identity.EmailKey(address)
	return key != "" && k.mails.has(key)
}

// phone says whether a phone number is marked.
func (k *Marked) phone(number string) bool {
	for _, key := range phoneKeys(number) {
		if k.phones.has(key) {
			return true
		}
	}
	return false
}
