package bus

import (
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// tokenMax bounds one part of a subject in bytes: a subject that fits into no protocol line would end the connection.
const tokenMax = 160

// token makes a name fit for one part of a subject, and for the name of a consumer.
func token(s string) string {
	if s == "" {
		return "_"
	}
	whole := s
	s = strings.Map(func(r rune) rune {
		// What no subject, no consumer's name and no terminal takes.
		if strings.ContainsRune(`.*>/\`, r) || r <= ' ' || r >= 0x7f && r <= 0xa0 || r == '\u2028' || r == '\u2029' {
			return '_'
		}
		return r
	}, s)
	if len(s) > tokenMax {
		// What tells two long names apart may stand at their ends.
		s = strings.ToValidUTF8(s[:tokenMax], "") + "-" + canon.Hash([]byte(whole))[:8]
	}
	return s
}

// ChangeSubject returns the subject that a change travels on: hub.changes.<customer>.<type>, so that a
// subscriber can follow one customer (hub.changes.cus_1.>), one kind (hub.changes.*.invoice.>) or all
// (hub.changes.>). The dots of a type part it into words; whatever else a subject cannot hold becomes "_", so
// that every change has a subject. The headers tell customer and type as they are.
func ChangeSubject(c canon.Change) string {
	// A server sorts subjects by their words, and a stream of too many is refused.
	const words = 8
	parts := strings.SplitN(c.Type, ".", words)
	for i, p := range parts {
		parts[i] = token(p)
	}
	return changesPrefix + token(c.Customer) + "." + strings.Join(parts, ".")
}
