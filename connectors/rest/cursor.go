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
	phaseDelayed  = "delayed"
	phaseArchived = "archived"
)

// seenMax bounds what a cursor remembers of records already told. Behind it records are told twice, which
// is harmless, rather than the cursor growing without end.
const seenMax = 1000

// cursor is what canon.Cursor holds: everything that the next page depends on. Times are microseconds.
//
// A round goes through phases, a phase through partitions, a partition through windows of time, a window
// through pages.
type cursor struct {
	Phase string `json:"phase,omitempty"`
	// Start is when the running round began, Mark the watermark: everything before it has been read. Trail
	// is the watermark of the delayed pass.
	Start int64 `json:"start,omitempty"`
	Mark  int64 `json:"mark,omitempty"`
	Trail int64 `json:"trail,omitempty"`
	// Since is where the running window begins, Until where it ends; Begin and End are those of the phase, of
	// which the window may be a piece.
	Since int64 `json:"since,omitempty"`
	Until int64 `json:"until,omitempty"`
	Begin int64 `json:"begin,omitempty"`
	End   int64 `json:"end,omitempty"`
	// Full is when the last full round began, Swept the last one by which missing records are found; Sweep
	// says that the running round is one.
	Full  int64 `json:"full,omitempty"`
	Swept int64 `json:"swept,omitempty"`
	Sweep bool  `json:"sweep,omitempty"`
	// Token is where the next page is; it outlives the round in mode continue.
	Token string `json:"token,omitempty"`
	// Count and Pages are what was read of the list, Key the last record's key where it restarts behind that.
	Count int    `json:"count,omitempty"`
	Pages int    `json:"pages,omitempty"`
	Key   string `json:"key,omitempty"`
	// Tie is the moment whose records are being drained by id, 0 for none.
	Tie int64 `json:"tie,omitempty"`
	// Floor is the least version of a record, where a full round stands in for lost changes.
	Floor int64 `json:"floor,omitempty"`
	Total int64 `json:"total,omitempty"`
	// Seen are marks of records already told; in a list that restarts those of the moment SeenAt. Edge are those
	// at the end of the window before, EdgeNext those at the end of this one, Told those that the delayed pass
	// need not tell.
	Seen     []string `json:"seen,omitempty"`
	SeenAt   int64    `json:"seen_at,omitempty"`
	Edge     []string `json:"edge,omitempty"`
	EdgeNext []string `json:"edge_next,omitempty"`
	Told     []string `json:"told,omitempty"`
	Guard    guard    `json:"guard,omitzero"`
	// Part is the running partition, Parent where the parent stream's next round begins.
	Part   *part        `json:"part,omitempty"`
	Parent canon.Cursor `json:"parent,omitempty"`
	Job    *jobState    `json:"job,omitempty"`
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
func (c *cursor) begin(st *Stream, now time.Time, loc *time.Location) {
	old := *c
	*c = cursor{Start: now.UnixMicro(), Full: now.UnixMicro(), Mark: old.Mark, Trail: old.Trail, Told: old.Told,
		Swept: old.Swept, Parent: old.Parent, Phase: phaseFull}
	sweeps := st.Sweep != nil && now.Sub(micros(old.Swept)) >= time.Duration(st.Sweep.Every)
	if !c.goesOn(st, old, now, sweeps) && sweeps {
		c.Sweep, c.Swept = true, c.Start
	}
	c.open(st, loc)
}

// goesOn turns the round into one of changes, where it need not be full.
func (c *cursor) goesOn(st *Stream, old cursor, now time.Time, sweeps bool) bool {
	ch := st.Changes
	if c.Mark == 0 || ch == nil {
		return false
	}
	since := now.Sub(micros(c.Mark))
	switch {
	case ch.Mode == "continue":
		c.Token, c.Seen = old.Token, old.Seen
		return true
	case ch.Retention > 0 && since > time.Duration(ch.Retention):
		c.Floor = c.floorOf(ch)
		return false
	case sweeps, ch.Refresh > 0 && now.Sub(micros(old.Full)) >= time.Duration(ch.Refresh):
		if ch.Mode == "events" {
			c.Floor = c.floorOf(ch)
		}
		return false
	case st.Archived != nil && st.Archived.Retention > 0 && since > time.Duration(st.Archived.Retention):
		return false
	}
	c.Full, c.Phase = old.Full, phaseChanges
	return true
}

// floorOf is the least version of what a list tells where objects have none of their own: newer than what was known
// before, as the list is, but older than any change that may come while the list is read, which the vendor's clock
// dates.
func (c *cursor) floorOf(ch *Changes) int64 {
	return c.Start - time.Duration(ch.Settle).Microseconds()
}

// open sets the phase's window, and the first piece of it.
func (c *cursor) open(st *Stream, loc *time.Location) {
	c.Begin, c.End = 0, c.Start
	if ch := st.Changes; ch != nil && c.Mark > 0 && (c.Phase == phaseChanges || ch.Mode == "continue") {
		c.Begin = floor(c.Mark-time.Duration(ch.Overlap).Microseconds(), loc)
	}
	switch c.Phase {
	case phaseDelayed:
		c.Begin, c.End = floor(c.Trail, loc), c.Start-time.Duration(st.Delayed.Lag).Microseconds()
	case phaseArchived:
		if c.Mark > 0 {
			overlap := int64(0)
			if st.Changes != nil {
				overlap = time.Duration(st.Changes.Overlap).Microseconds()
			}
			c.Begin = c.Mark - overlap
		}
		if r := st.Archived.Retention; r > 0 {
			c.Begin = max(c.Begin, c.Start-time.Duration(r).Microseconds())
		}
	}
	c.Since = c.Begin
	c.Until = c.pieceEnd(st, loc)
}

// pieceEnd is where the window that begins at Since ends.
func (c *cursor) pieceEnd(st *Stream, loc *time.Location) int64 {
	step := Duration(0)
	switch {
	case c.Phase == phaseArchived:
		step, loc = st.Archived.Step, nil
	case c.Phase != phaseFull && st.Changes != nil:
		step = st.Changes.Step
	}
	if step == 0 || c.Since == 0 {
		return c.End
	}
	end := floor(c.Since+time.Duration(step).Microseconds(), loc)
	if end <= c.Since {
		end = c.Since + max(time.Duration(step), 24*time.Hour).Microseconds()
	}
	return min(end, c.End)
}

// floor moves a moment back to midnight at loc, where the vendor searches by the day.
func floor(us int64, loc *time.Location) int64 {
	if loc == nil || us <= 0 {
		return us
	}
	t := time.UnixMicro(us).In(loc)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, loc).UnixMicro()
}

// restart forgets the place within the list.
func (c *cursor) restart() {
	c.Token, c.Key, c.Count, c.Pages, c.Tie, c.Guard, c.Job = "", "", 0, 0, 0, guard{}, nil
}

// nextPiece moves to the next piece of the phase's window, if there is one.
func (c *cursor) nextPiece(st *Stream, loc *time.Location) bool {
	if c.Until >= c.End || c.Since == 0 {
		return false
	}
	c.restart()
	c.Edge, c.EdgeNext = c.EdgeNext, nil
	c.Since = c.Until
	c.Until = c.pieceEnd(st, loc)
	return true
}

// nextPhase leaves the phase that was just read to its end, and reports whether the round goes on.
func (c *cursor) nextPhase(st *Stream, loc *time.Location) bool {
	next := cursor{Start: c.Start, Mark: c.Mark, Full: c.Full, Trail: c.Trail, Told: c.Told, Swept: c.Swept, Sweep: c.Sweep, Parent: c.Parent}
	switch {
	case c.Phase == phaseChanges && c.delayedIsDue(st):
		next.Phase = phaseDelayed
	case c.Phase != phaseArchived && st.Archived != nil:
		next.Phase = phaseArchived
	}
	if c.Phase == phaseDelayed {
		next.Trail = max(c.Trail, c.End)
	}
	if next.Phase != "" {
		next.open(st, loc)
		*c = next
		return true
	}
	settle := time.Duration(0)
	if st.Changes != nil {
		settle = time.Duration(st.Changes.Settle)
		if st.Changes.Mode == "continue" {
			next.Token, next.Seen = c.Token, c.Seen
		}
	}
	// Never past the round's start: what changed while it ran may or may not have been seen.
	next.Mark = max(c.Mark, c.Start-settle.Microseconds())
	next.Start, next.Sweep = 0, false
	if st.Delayed != nil && next.Trail == 0 {
		next.Trail = min(next.Mark, c.Start-time.Duration(st.Delayed.Lag).Microseconds())
	}
	*c = next
	return false
}

// delayedIsDue says whether the delayed pass has a window worth asking for.
func (c *cursor) delayedIsDue(st *Stream) bool {
	if st.Delayed == nil || c.Trail == 0 {
		return false
	}
	lag := time.Duration(st.Delayed.Lag)
	return time.Duration(c.Start-c.Trail)*time.Microsecond >= lag+min(lag/4, 5*time.Minute)
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

// mark returns the short hash under which a record is remembered. The id counts, as tombstones hold nothing else
// that tells them apart.
func mark(rec canon.Record) string { return canon.ID("", rec.ID, rec.ContentHash())[1:13] }

func remember(seen, fresh []string) []string {
	seen = append(seen, fresh...)
	if len(seen) > seenMax {
		seen = seen[len(seen)-seenMax:]
	}
	return seen
}
