package bus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/canon"
)

// doneHeader names the inbox that hears when a batch is committed.
const doneHeader = "Hub-Done"

func splitAddr(addr string) (string, int, error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		return "", 0, err
	}
	if port == 0 {
		// The server's own word for "any free port".
		port = -1
	}
	return host, port, nil
}

// token makes a name fit for one part of a subject.
func token(s string) string {
	if s == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		if r == '.' || r == '*' || r == '>' || r == '/' || r <= ' ' {
			return '_'
		}
		return r
	}, s)
}

// Split cuts a batch into parts that each fit into one message. All but the last are marked Part and carry
// the cursor that the page was read with.
func Split(b canon.Batch) []canon.Batch { return split(b, maxPayload) }

func split(b canon.Batch, limit int) []canon.Batch {
	var out []canon.Batch
	rest, size, from := b.Records, 0, 0
	const perRecord = 512
	for i, r := range rest {
		n := len(r.Raw) + len(r.ID) + perRecord
		if i > from && size+n > limit-1<<16 {
			p := b
			p.Part, p.Last, p.Next, p.Rejects, p.Records = true, false, b.From, nil, rest[from:i]
			out = append(out, p)
			from, size = i, 0
		}
		size += n
	}
	b.Records = rest[from:]
	return append(out, b)
}

// envelope is the head of a message; the raw records follow it, one behind the other.
type envelope struct {
	Connection string             `json:"connection"`
	Connector  string             `json:"connector"`
	Stream     string             `json:"stream"`
	Run        string             `json:"run"`
	Seq        int64              `json:"seq"`
	From       canon.Cursor       `json:"from"`
	Next       canon.Cursor       `json:"next"`
	Last       bool               `json:"last,omitempty"`
	Part       bool               `json:"part,omitempty"`
	Total      int64              `json:"total,omitempty"`
	ReadAt     time.Time          `json:"read_at"`
	Records    []envelopeRecord   `json:"records"`
	Rejects    []canon.DeadLetter `json:"rejects,omitempty"`
}

type envelopeRecord struct {
	ID       string `json:"id"`
	Version  int64  `json:"v"`
	Observed int64  `json:"o"`
	Deleted  bool   `json:"d,omitempty"`
	Len      int    `json:"n"`
}

// Encode writes a batch as a message: one line of JSON, then the raw bytes of its records. Raw records are
// not wrapped in JSON again, so that their bytes arrive as the vendor sent them.
func Encode(b canon.Batch) ([]byte, error) {
	e := envelope{b.Connection, b.Connector, b.Stream, b.Run, b.Seq, b.From, b.Next, b.Last, b.Part, b.Total, b.ReadAt, make([]envelopeRecord, len(b.Records)), b.Rejects}
	size := 0
	for i, r := range b.Records {
		e.Records[i] = envelopeRecord{r.ID, r.Version, r.ObservedAt.UnixMicro(), r.Deleted, len(r.Raw)}
		size += len(r.Raw)
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
	return out, nil
}

// Decode reads what Encode wrote.
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
		Last: e.Last, Part: e.Part, Total: e.Total, ReadAt: e.ReadAt, Rejects: e.Rejects, Records: make([]canon.Record, len(e.Records))}
	for i, r := range e.Records {
		if r.Len < 0 || r.Len > len(body) {
			return canon.Batch{}, fmt.Errorf("batch: record %d is cut off", i)
		}
		b.Records[i] = canon.Record{Ref: canon.Ref{Connection: e.Connection, Stream: e.Stream, ID: r.ID},
			Version: r.Version, ObservedAt: time.UnixMicro(r.Observed).UTC(), Deleted: r.Deleted, Raw: body[:r.Len:r.Len]}
		body = body[r.Len:]
	}
	if len(body) != 0 {
		return canon.Batch{}, errors.New("batch: bytes behind the last record")
	}
	return b, nil
}

// Receipts hears of the batches that it sent: one number, the batch's Seq, per committed batch.
type Receipts struct {
	bus   *Bus
	inbox string
	sub   *nats.Subscription
	done  chan int64
}

// Done delivers the Seq of each batch that was committed.
func (r *Receipts) Done() <-chan int64 { return r.done }

// Receipts opens an inbox. Close it.
func (b *Bus) Receipts(buffer int) (*Receipts, error) {
	r := &Receipts{bus: b, inbox: b.conn.NewInbox(), done: make(chan int64, buffer)}
	sub, err := b.conn.Subscribe(r.inbox, func(m *nats.Msg) {
		if n, err := strconv.ParseInt(string(m.Data), 10, 64); err == nil {
			select {
			case r.done <- n:
			default:
				// The sender counts what it has under way, and never more than the buffer holds.
			}
		}
	})
	if err != nil {
		return nil, err
	}
	r.sub = sub
	// The subscription must stand before the first batch is sent.
	return r, b.conn.Flush()
}

// Close closes the inbox.
func (r *Receipts) Close() error { return r.sub.Unsubscribe() }

// Send puts a batch on the records belt and returns when the server has it.
func (r *Receipts) Send(ctx context.Context, b canon.Batch) error {
	data, err := Encode(b)
	if err != nil {
		return err
	}
	if len(data) > maxPayload+1<<14 {
		return canon.Errorf("record.too_large", "a record of %s/%s is larger than %d MiB", b.Connection, b.Stream, maxPayload>>20).
			WithHint("leave large attachments out of the stream's properties")
	}
	m := &nats.Msg{Subject: recordsPrefix + token(b.Connection) + "." + token(b.Stream), Data: data, Header: nats.Header{doneHeader: {r.inbox}}}
	if _, err := r.bus.js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("records belt: %w", err)
	}
	return nil
}

// Records consumes the records belt until ctx ends: take is called with one batch after the other, in
// order. Where it returns nil the batch is taken off the belt and its sender is told; otherwise the batch is
// tried again, after a growing pause, up to half a minute: what cannot be committed now is kept.
func (b *Bus) Records(ctx context.Context, take func(context.Context, canon.Batch) error) error {
	cons, err := b.js.CreateOrUpdateConsumer(ctx, RecordsStream, jetstream.ConsumerConfig{
		Durable: "ingest", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1, AckWait: 2 * time.Minute, MaxDeliver: -1,
	})
	if err != nil {
		return fmt.Errorf("records belt: %w", err)
	}
	return consume(ctx, cons, 1, func(m jetstream.Msg) error {
		batch, err := Decode(m.Data())
		if err != nil {
			// Nothing can be made of the bytes. The stream's cursor stays before the page, so the page is
			// read again in the next round.
			return errors.Join(m.Term(), b.receipt(m, 0))
		}
		for pause := 100 * time.Millisecond; ; pause = min(pause*2, 30*time.Second) {
			err := take(ctx, batch)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_ = m.InProgress()
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause):
			}
		}
		if err := m.DoubleAck(ctx); err != nil {
			return err
		}
		return b.receipt(m, batch.Seq)
	})
}

// receipt tells the sender of a batch that it is off the belt.
func (b *Bus) receipt(m jetstream.Msg, seq int64) error {
	if inbox := m.Headers().Get(doneHeader); inbox != "" {
		return b.conn.Publish(inbox, strconv.AppendInt(nil, seq, 10))
	}
	return nil
}

// RecordsWaiting returns how many batches are on the records belt.
func (b *Bus) RecordsWaiting(ctx context.Context) (uint64, error) {
	s, err := b.js.Stream(ctx, RecordsStream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Msgs, nil
}

// consume hands messages to fn, one at a time, until ctx ends. An error of fn ends it.
func consume(ctx context.Context, cons jetstream.Consumer, ahead int, fn func(jetstream.Msg) error) error {
	it, err := cons.Messages(jetstream.PullMaxMessages(ahead))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, it.Stop)
	defer stop()
	defer it.Stop()
	for {
		m, err := it.Next()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if err := fn(m); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}
