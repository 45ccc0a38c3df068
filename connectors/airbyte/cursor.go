package airbyte

import (
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// maxMarks bounds how many partitions have a mark of their own. Where there are more, all share one.
const maxMarks = 2000

// cursor is what canon.Cursor holds: everything that the next page depends on. Times are microseconds.
type cursor struct {
	// Mark is the latest date seen in the rounds that have ended; Marks is that of each partition. Shared says that
	// there are too many partitions for marks of their own, and Took how long the last round was under way,
	// which the next one looks back.
	Mark   int64            `json:"mark,omitempty"`
	Marks  map[string]int64 `json:"marks,omitempty"`
	Shared bool             `json:"shared,omitempty"`
	Took   int64            `json:"took,omitempty"`
	// Parents are the cursors of parents that are read incrementally.
	Parents map[string]*cursor `json:"parents,omitempty"`
	// Ended is when the last round began that was read to its end.
	Ended int64  `json:"ended,omitempty"`
	Round *round `json:"round,omitempty"`
}

// round is a round under way.
type round struct {
	Start int64 `json:"start"`
	// Later says that the incremental half of a StateDelegatingStream is read.
	Later bool   `json:"later,omitempty"`
	Route *route `json:"route,omitempty"`
	// Slice is the partition that is being read, nil between two.
	Slice *slice `json:"slice,omitempty"`
	// From and To bound the partition, At is where the running window begins.
	From int64 `json:"from,omitempty"`
	To   int64 `json:"to,omitempty"`
	At   int64 `json:"at,omitempty"`
	// Token is the next page's, Paged says that the window's first page was read.
	Token json.RawMessage `json:"token,omitempty"`
	Paged bool            `json:"paged,omitempty"`
	// Seen is the latest date in the partition, High in the round, Count the records since paging began.
	Seen  int64 `json:"seen,omitempty"`
	High  int64 `json:"high,omitempty"`
	Count int   `json:"count,omitempty"`
	Reset int   `json:"reset,omitempty"`
	Guard guard `json:"guard,omitzero"`
	Pages guard `json:"pages,omitzero"`
}

func readCursor(from canon.Cursor) (*cursor, error) {
	c := &cursor{}
	if from == "" {
		return c, nil
	}
	if err := json.Unmarshal([]byte(from), c); err != nil {
		return nil, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
			WithHint("Reset the stream to read it from the beginning.")
	}
	return c, nil
}

func (c *cursor) write() (canon.Cursor, error) {
	b, err := json.Marshal(c)
	return canon.Cursor(b), err
}

func (c *cursor) copy() (*cursor, error) {
	s, err := c.write()
	if err != nil {
		return nil, err
	}
	return readCursor(s)
}

// begin starts a round.
func (c *cursor) begin(s *stream, start int64) {
	c.Round = &round{Start: start}
	if s.later == nil || c.Ended == 0 {
		return
	}
	r := s.retention
	if (r != delta{}) && r.after(time.UnixMicro(c.Ended)).Before(time.UnixMicro(start)) {
		// What changed since is no longer told in full.
		return
	}
	c.Round.Later = true
	if c.Mark == 0 {
		c.Mark = c.Ended
	}
}

// markOf is the mark of a partition, and how much further to look back than the manifest says.
func (c *cursor) markOf(s *stream, key string) (int64, time.Duration) {
	if s.cursor == nil {
		return 0, 0
	}
	if key == "" {
		return c.Mark, 0
	}
	if c.Shared || s.cursor.global {
		return c.Mark, time.Duration(c.Took) * time.Microsecond
	}
	return c.Marks[key], 0
}

// closePartition keeps the partition's mark: it was read to its end.
func (c *cursor) closePartition(s *stream) {
	r := c.Round
	key := r.Slice.key()
	if r.Seen != 0 {
		r.High = max(r.High, r.Seen)
		switch {
		case s.cursor == nil || s.cursor.global || c.Shared:
		case key == "":
			c.Mark = max(c.Mark, r.Seen)
		default:
			if c.Marks == nil {
				c.Marks = map[string]int64{}
			}
			c.Marks[key] = max(c.Marks[key], r.Seen)
		}
	}
	*r = round{Start: r.Start, Later: r.Later, Route: r.Route, High: r.High}
}

// end closes the round.
func (c *cursor) end(s *stream, now int64) {
	r := c.Round
	if len(c.Marks) > maxMarks {
		c.Shared = true
	}
	if r.High != 0 {
		c.Mark = max(c.Mark, r.High)
	}
	if c.Shared {
		c.Marks = nil
	}
	if r.Route != nil && len(r.Route.Done) > 0 {
		c.Parents = r.Route.Done
	}
	if c.Took = 0; c.Shared || s.cursor != nil && s.cursor.global {
		c.Took = max(now-r.Start, 0)
	}
	c.Ended, c.Round = r.Start, nil
}
