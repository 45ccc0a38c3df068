package rest

import (
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// The phases of a round. Between rounds the phase is "".
const (
	phaseFull     = "full"
	phaseChanges  = "changes"
	phaseArchived = "archived"
)

// seenMax bounds what a cursor remembers of records already told. Behind it records are told twice, which
// is harmless, rather than the cursor growing without end.
const seenMax = 1000

// cursor is what canon.Cursor holds: everything that the next page depends on. Times are microseconds.
type cursor struct {
	Phase string `json:"phase,omitempty"`
	// Start is when the running round began, Mark the watermark: everything before it has been read. Since
	// is where the running window begins.
	Start int64 `json:"start,omitempty"`
	Mark  int64 `json:"mark,omitempty"`
	Since int64 `json:"since,omitempty"`
	// Full is when the last full round began.
	Full int64 `json:"full,omitempty"`
	// Token is where the next page is; it outlives the round in mode continue.
	Token string `json:"token,omitempty"`
	// Count is the number of records read in the window, Tie the moment whose records are being drained by
	// id, 0 for none.
	Count int   `json:"count,omitempty"`
	Tie   int64 `json:"tie,omitempty"`
	// Floor is the least version of a record, where a full round stands in for lost changes.
	Floor int64 `json:"floor,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Seen are marks of records already told; in a window those of the moment SeenAt.
	Seen   []string `json:"seen,omitempty"`
	SeenAt int64    `json:"seen_at,omitempty"`
	Guard  guard    `json:"guard,omitzero"`
}

func readCursor(from canon.Cursor) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(from), &c); err != nil {
		return c, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
			WithHint("Reset the stream to read it from the beginning.")
	}
	return c, nil
}

func (c cursor) write() (canon.Cursor, error) {
	b, err := json.Marshal(c)
	return canon.Cursor(b), err
}

func micros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// begin starts a round at now.
func (c *cursor) begin(st *Stream, now time.Time) {
	token, seen := c.Token, c.Seen
	full := c.Full
	*c = cursor{Start: now.UnixMicro(), Full: now.UnixMicro(), Mark: c.Mark, Phase: phaseFull}
	ch := st.Changes
	if c.Mark == 0 || ch == nil {
		return
	}
	switch {
	case ch.Mode == "continue":
		c.Token, c.Seen, c.Since = token, seen, c.Mark-time.Duration(ch.Overlap).Microseconds()
	case ch.Retention > 0 && now.Sub(micros(c.Mark)) > time.Duration(ch.Retention):
		// What the list says now is newer than anything known, though the vendor tells no version.
		c.Floor = c.Start
	case ch.Refresh > 0 && now.Sub(micros(full)) >= time.Duration(ch.Refresh):
	default:
		c.Full = full
		c.Phase, c.Since = phaseChanges, c.Mark-time.Duration(ch.Overlap).Microseconds()
	}
}

// advance leaves the phase that was just read to its end, and reports whether the round goes on.
func (c *cursor) advance(st *Stream) bool {
	if st.Archived != nil && c.Phase != phaseArchived {
		*c = cursor{Phase: phaseArchived, Start: c.Start, Mark: c.Mark, Full: c.Full}
		return true
	}
	settle := time.Duration(0)
	next := cursor{Full: c.Full}
	if st.Changes != nil {
		settle = time.Duration(st.Changes.Settle)
		if st.Changes.Mode == "continue" {
			next.Token, next.Seen = c.Token, c.Seen
		}
	}
	// Never past the round's start: what changed while it ran may or may not have been seen.
	next.Mark = max(c.Mark, c.Start-settle.Microseconds())
	*c = next
	return false
}

// guard finds page tokens that come back, in constant memory (Brent's algorithm): it keeps one earlier
// token and replaces it after ever longer stretches, so any cycle is found within a few turns.
type guard struct {
	Hash  string `json:"h,omitempty"`
	Power int    `json:"p,omitempty"`
	Steps int    `json:"s,omitempty"`
}

func (g *guard) repeats(token string) bool {
	h := canon.Hash([]byte(token))[:16]
	if h == g.Hash {
		return true
	}
	if g.Steps == g.Power {
		g.Hash, g.Power, g.Steps = h, max(1, g.Power*2), 0
	}
	g.Steps++
	return false
}

// mark returns the short hash under which a record is remembered.
func mark(rec canon.Record) string {
	return canon.ID(rec.ID, rec.ContentHash())[len(rec.ID)+1:][:12]
}

func remember(seen, fresh []string) []string {
	seen = append(seen, fresh...)
	if len(seen) > seenMax {
		seen = seen[len(seen)-seenMax:]
	}
	return seen
}
