package bus

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// The headers of a change on the belt beside those of CloudEvents.
const (
	positionHeader = "Hub-Position"
	typeHeader     = "Hub-Type"
	customerHeader = "Hub-Customer"
	// backfillHeader is "true" on history that was learnt while reading the past, and absent on news.
	backfillHeader = "Hub-Backfill"
	// againHeader stands on a change that an operator had sent again. It holds the position up to which changes had
	// been sent before, so that the end of the belt still tells how far it is filled.
	againHeader = "Hub-Again"
)

// defaultSource is the source of every event of a hub that was given no name.
const defaultSource = "/hub"

// headers returns the headers of a change: a CloudEvents 1.0 envelope in the binary mode of the NATS binding, whose
// data is the message body. In this mode the body is the change alone, so that it reads the same on NATS, in a webhook
// and in the API, a filter needs to parse nothing, and who knows nothing of CloudEvents loses nothing.
func headers(c canon.Change, source string) nats.Header {
	h := nats.Header{
		jetstream.MsgIDHeader: {c.ID}, positionHeader: {strconv.FormatInt(c.Position, 10)}, typeHeader: {oneLine(c.Type)}, customerHeader: {oneLine(c.Customer)},
		"ce-specversion": {"1.0"}, "ce-id": {attribute(c.ID)}, "ce-source": {attribute(source)}, "ce-type": {attribute(c.Type)},
		"ce-datacontenttype": {"application/json"},
	}
	// An attribute that is there must not be empty.
	if c.Customer != "" {
		h["ce-subject"] = []string{attribute(c.Customer)}
		h["ce-partitionkey"] = []string{attribute(c.Customer)}
	}
	for name, at := range map[string]time.Time{"ce-time": c.OccurredAt.UTC(), "ce-recordedtime": c.RecordedAt.UTC()} {
		// RFC 3339 has no other years; a vendor may.
		if year := at.Year(); !at.IsZero() && year >= 0 && year <= 9999 {
			h[name] = []string{at.Format(time.RFC3339Nano)}
		}
	}
	if c.Backfill {
		h[backfillHeader] = []string{"true"}
	}
	return h
}

// attribute is the text of an attribute as a header's value: all but printable ASCII, the space, the double quote and
// the percent sign is percent-encoded, as the binding says.
func attribute(s string) string {
	if !strings.ContainsFunc(s, encoded) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if !encoded(r) {
			b.WriteRune(r)
			continue
		}
		var bytes [utf8.UTFMax]byte
		for _, c := range bytes[:utf8.EncodeRune(bytes[:], r)] {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func encoded(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '%' }

// oneLine keeps a value from ending its header.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return '_'
		}
		return r
	}, s)
}
