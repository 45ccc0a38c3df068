package bus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Split cuts a batch into parts that each fit into one message of the server that the bus is connected to. All
// but the last are marked Part and carry the cursor that the page was read with. A record that fits into no
// message becomes a dead letter, so that it does not stop its stream.
func (b *Bus) Split(batch canon.Batch) []canon.Batch { return split(batch, b.limit()) }

// limit is the size of the largest message body that Send accepts.
func (b *Bus) limit() int {
	const headers = 4 << 10
	return int(min(maxPayload, b.conn.MaxPayload()-headers))
}

func split(b canon.Batch, limit int) []canon.Batch {
	records, rejects := b.Records, b.Rejects
	b.Records, b.Rejects = nil, nil
	// A head that takes more than half is refused by Send; it must not make a dead letter of every record.
	room := max(limit-headSize(b), limit/2)
	var out []canon.Batch
	size := 0
	// fit makes room for n bytes in the part at hand, which is b.
	fit := func(n int) {
		if size > 0 && size+n > room {
			p := b
			p.Part, p.Last, p.Next = true, false, b.From
			out = append(out, p)
			b.Records, b.Rejects, size = nil, nil, 0
		}
		size += n
	}
	for i, r := range records {
		n := recordSize(r)
		if n > room {
			rejects = append(rejects[:len(rejects):len(rejects)], tooLarge(r, b.ReadAt, limit))
			continue
		}
		fit(n)
		if len(b.Records) == 0 {
			b.Records = make([]canon.Record, 0, len(records)-i)
		}
		b.Records = append(b.Records, r)
	}
	for _, d := range rejects {
		n := rejectSize(d)
		if n > room {
			d.Raw = nil
			n = rejectSize(d)
		}
		fit(n)
		b.Rejects = append(b.Rejects, d)
	}
	return append(out, b)
}

func tooLarge(r canon.Record, readAt time.Time, limit int) canon.DeadLetter {
	return canon.DeadLetter{Connection: r.Connection, Stream: r.Stream, RecordID: r.ID, Code: "record.too_large", Version: r.Version,
		Reason:     fmt.Sprintf("The record is %d bytes long, and a message holds at most %d.", len(r.Raw), limit),
		Hint:       "Leave large attachments out of the stream's properties.",
		OccurredAt: readAt, RecordedAt: readAt}
}

// headSize bounds the bytes of a message beside its records and rejects.
func headSize(b canon.Batch) int {
	// As JSON a byte takes six at most.
	return 640 + 6*(len(b.Connection)+len(b.Connector)+len(b.Stream)+len(b.Run)+len(b.From)+max(len(b.From), len(b.Next)))
}

func recordSize(r canon.Record) int { return 160 + 6*(len(r.ID)+len(r.Into)) + len(r.Raw) }

func rejectSize(d canon.DeadLetter) int {
	return 512 + 6*(len(d.ID)+len(d.Connection)+len(d.Stream)+len(d.RecordID)+len(d.Code)+len(d.Path)+len(d.Reason)+len(d.Hint)) + len(d.Raw)
}

// envelope is the head of a message; the raw bytes of records and rejects follow it, one behind the other.
type envelope struct {
	Connection string           `json:"connection"`
	Connector  string           `json:"connector"`
	Stream     string           `json:"stream"`
	Run        string           `json:"run"`
	Seq        int64            `json:"seq"`
	From       canon.Cursor     `json:"from"`
	Next       canon.Cursor     `json:"next"`
	Last       bool             `json:"last,omitempty"`
	Part       bool             `json:"part,omitempty"`
	Total      int64            `json:"total,omitempty"`
	ReadAt     time.Time        `json:"read_at"`
	Sweep      *canon.Sweep     `json:"sweep,omitempty"`
	Records    []envelopeRecord `json:"records"`
	Rejects    []envelopeReject `json:"rejects,omitempty"`
}

type envelopeRecord struct {
	ID       string `json:"id"`
	Version  int64  `json:"v"`
	Observed int64  `json:"o"`
	Deleted  bool   `json:"d,omitempty"`
	Reason   string `json:"r,omitempty"`
	Into     string `json:"i,omitempty"`
	Sound    bool   `json:"s,omitempty"`
	Len      int    `json:"n"`
}

// envelopeReject has its raw bytes outside, because what is rejected need not be JSON.
type envelopeReject struct {
	canon.DeadLetter
	Len int `json:"n"`
}

// Encode writes a batch as a message: one line of JSON, then the raw bytes of its records and rejects. They
// are not wrapped in JSON again, so that they arrive as the vendor sent them.
func Encode(b canon.Batch) ([]byte, error) {
	e := envelope{Connection: b.Connection, Connector: b.Connector, Stream: b.Stream, Run: b.Run, Seq: b.Seq, From: b.From, Next: b.Next,
		Last: b.Last, Part: b.Part, Total: b.Total, ReadAt: b.ReadAt, Sweep: b.Sweep, Records: make([]envelopeRecord, len(b.Records)), Rejects: make([]envelopeReject, len(b.Rejects))}
	size := 0
	for i, r := range b.Records {
		e.Records[i] = envelopeRecord{r.ID, r.Version, r.ObservedAt.UnixMicro(), r.Deleted, r.Reason, r.Into, r.Sound, len(r.Raw)}
		size += len(r.Raw)
	}
	for i, d := range b.Rejects {
		e.Rejects[i] = envelopeReject{d, len(d.Raw)}
		e.Rejects[i].Raw = nil
		size += len(d.Raw)
	}
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(head)+1+size)
	out = append(append(out, head...), '\n')
	for _, r := range b.Records {
		out = append(out, r.Raw...)
	}
	for _, d := range b.Rejects {
		out = append(out, d.Raw...)
	}
	return out, nil
}

// Decode reads what Encode wrote. The raw bytes are part of msg.
func Decode(msg []byte) (canon.Batch, error) {
	head, body, ok := bytes.Cut(msg, []byte{'\n'})
	var e envelope
	if !ok {
		return canon.Batch{}, errors.New("batch: no end of the head")
	}
	if err := json.Unmarshal(head, &e); err != nil {
		return canon.Batch{}, fmt.Errorf("batch: head: %w", err)
	}
	b := canon.Batch{Connection: e.Connection, Connector: e.Connector, Stream: e.Stream, Run: e.Run, Seq: e.Seq, From: e.From, Next: e.Next,
		Last: e.Last, Part: e.Part, Total: e.Total, ReadAt: e.ReadAt, Sweep: e.Sweep, Records: make([]canon.Record, len(e.Records))}
	cut := func(n int) ([]byte, error) {
		if n < 0 || n > len(body) {
			return nil, errors.New("batch: a record is cut off")
		}
		raw := body[:n:n]
		body = body[n:]
		return raw, nil
	}
	for i, r := range e.Records {
		raw, err := cut(r.Len)
		if err != nil {
			return canon.Batch{}, err
		}
		b.Records[i] = canon.Record{Ref: canon.Ref{Connection: e.Connection, Stream: e.Stream, ID: r.ID},
			Version: r.Version, ObservedAt: time.UnixMicro(r.Observed).UTC(), Deleted: r.Deleted,
			Reason: r.Reason, Into: r.Into, Sound: r.Sound, Raw: raw}
	}
	for _, d := range e.Rejects {
		raw, err := cut(d.Len)
		if err != nil {
			return canon.Batch{}, err
		}
		if d.Raw = nil; len(raw) > 0 {
			d.Raw = raw
		}
		b.Rejects = append(b.Rejects, d.DeadLetter)
	}
	if len(body) != 0 {
		return canon.Batch{}, errors.New("batch: bytes behind the last record")
	}
	return b, nil
}
