package canon

import (
	"encoding/json"
	"time"
)

// Cursor says how far a stream has been read. It is opaque to all but the connector that wrote it; "" is
// the beginning.
type Cursor string

// Record is one object exactly as the vendor gave it.
type Record struct {
	Ref
	// Version orders the states of one record at the vendor: its updated_at in microseconds since 1970,
	// or its sequence number. Zero where the vendor tells neither.
	Version int64 `json:"version"`
	// ObservedAt is when Hub read the record (for files: the file's modification time). It breaks ties
	// between states of equal Version.
	ObservedAt time.Time `json:"observed_at"`
	// Deleted marks a tombstone. Raw may then hold only what is left of the object, or nothing.
	Deleted bool `json:"deleted,omitempty"`
	// Reason says why a record is gone: "deleted", "archived", "merged", or "missing" where a full list no
	// longer holds it. "" where the vendor does not say, and where the record is not gone.
	Reason string `json:"reason,omitempty"`
	// Into is the id of the record, of the same stream, that a merged one became part of.
	Into string          `json:"into,omitempty"`
	Raw  json.RawMessage `json:"raw,omitempty"`
	// Sound says that whoever read Raw has seen that it is valid JSON, so that nobody needs to look again.
	Sound bool `json:"-"`
}

// ReasonMissing is the Reason of records that a full list no longer holds.
const ReasonMissing = "missing"

// Sweep says that a page belongs to a full list: what was held before and is on none of its pages is gone.
type Sweep struct {
	// Round names the list. Its pages share it.
	Round string `json:"round"`
	// Guard is the largest share of the held records, 0 to 1, that may be found missing at once. Where more
	// are, none is taken as deleted, and an operator is told.
	Guard float64 `json:"guard"`
}

// Missing reports whether r is the tombstone of a record that a full list no longer holds.
func (r Record) Missing() bool { return r.Deleted && r.Reason == ReasonMissing }

// ContentHash identifies the record's content: its raw bytes, whether it is deleted, and why and into what.
func (r Record) ContentHash() string {
	raw := r.Raw
	if r.Reason != "" || r.Into != "" {
		raw = append(append(raw[:len(raw):len(raw)], 0), r.Reason+"\x00"+r.Into...)
	}
	h := Hash(raw)
	if r.Deleted {
		return "d" + h[1:]
	}
	return h
}

// VersionTime returns the moment that Version stands for, or ObservedAt where Version is no time between the
// years 2000 and 2200, as with sequence numbers, and where the record is missing: its Version is then that of
// what was held.
func (r Record) VersionTime() time.Time {
	const year2000, year2200 = 946684800 * 1e6, 7258118400 * 1e6
	if r.Version < year2000 || r.Version >= year2200 || r.Missing() {
		return r.ObservedAt.UTC()
	}
	return time.UnixMicro(r.Version).UTC()
}

// Batch is what travels on the records belt: one page of one stream, with the cursor that follows it. A
// page too large for one message is split; only the last part carries the new cursor.
type Batch struct {
	Connection string
	Connector  string
	Stream     string
	// Run is the id of the pull that read this page; Seq counts its batches from 1.
	Run string
	Seq int64
	// From is the cursor that the page was read with, Next the one that follows it. The cursor moves only
	// where the stored one equals From, so that a page that arrives late or twice cannot turn it back.
	From, Next Cursor
	// Last marks the end of the stream's round: everything that the vendor had has been read.
	Last bool
	// Part marks all parts of a split page but the final one. From and Next are then equal.
	Part bool
	// Total is the number of records that the vendor says the round has, 0 where it does not say.
	Total int64
	// ReadAt is when the page was read.
	ReadAt time.Time
	// Sweep is set for pages of a full list by which missing records are found.
	Sweep   *Sweep
	Records []Record
	// Rejects are objects that could not become records (no id, for instance).
	Rejects []DeadLetter
}

// DeadLetter is an input that could not be used, with the reason. It is kept until a replay succeeds.
type DeadLetter struct {
	ID         string `json:"id"`
	Connection string `json:"connection"`
	Stream     string `json:"stream"`
	// RecordID is empty where the object had none.
	RecordID string `json:"record_id,omitempty"`
	// Code is stable and dotted (map.type), Path says where in the object (properties.amount), Reason is
	// one sentence, Hint says what to do.
	Code       string          `json:"code"`
	Path       string          `json:"path,omitempty"`
	Reason     string          `json:"reason"`
	Hint       string          `json:"hint,omitempty"`
	Version    int64           `json:"version,omitempty"`
	Raw        json.RawMessage `json:"raw,omitempty"`
	OccurredAt time.Time       `json:"occurred_at"`
	RecordedAt time.Time       `json:"recorded_at"`
}

// WithID returns d with its derived id: the same fault of the same object is the same dead letter.
func (d DeadLetter) WithID() DeadLetter {
	object := d.RecordID
	if object == "" {
		object = Hash(d.Raw)
	}
	d.ID = ID("dl", d.Connection, d.Stream, object, d.Code, d.Path)
	return d
}

// StreamState is what Hub knows of one stream of one connection.
type StreamState struct {
	Connection string `json:"connection"`
	Connector  string `json:"connector"`
	Stream     string `json:"stream"`
	Cursor     Cursor `json:"cursor,omitempty"`
	// Status is "never", "pulling", "ok" or "failed".
	Status string `json:"status"`
	// Records counts records received, Changed those that differed from what was known, Held the distinct
	// records held now.
	Records     int64 `json:"records"`
	Changed     int64 `json:"changed"`
	Held        int64 `json:"held"`
	DeadLetters int64 `json:"dead_letters"`
	// Total is the vendor's own count for the running round, 0 where unknown.
	Total       int64     `json:"total,omitempty"`
	StartedAt   time.Time `json:"started_at,omitzero"`
	SucceededAt time.Time `json:"succeeded_at,omitzero"`
	FailedAt    time.Time `json:"failed_at,omitzero"`
	// BackfilledAt is when the first full round ended.
	BackfilledAt time.Time `json:"backfilled_at,omitzero"`
	Error        *Error    `json:"error,omitempty"`
	// Notice is what an operator should decide: the stream works, but something was not done by itself.
	Notice *Error `json:"notice,omitempty"`
}
