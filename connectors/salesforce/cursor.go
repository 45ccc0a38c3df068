package salesforce

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// The phases of a round. Between rounds the phase is "".
const (
	phaseFull    = "full"
	phaseJob     = "job"     // everything, by a job of Bulk API 2.0
	phaseChanges = "changes" // what was modified
	phaseRelated = "related" // whose contact roles were modified
	phaseBin     = "bin"     // what lies in the recycle bin
	phaseLog     = "log"     // what the log of deletions names
)

const (
	// overlap is read again in every round: a transaction's records are stamped before it is committed, and
	// it may take ten minutes.
	overlap = 10 * time.Minute
	// logEvery is how often the log of deletions is read, for what was deleted for good.
	logEvery = time.Hour
	// horizon is how far back deletions are asked for. Salesforce keeps them for 15 days.
	horizon = 14 * 24 * time.Hour
	// guarded is the largest share of a stream that may turn out missing at once.
	guarded = 0.05
)

// cursor is what canon.Cursor holds. Times are microseconds.
type cursor struct {
	Phase string `json:"phase,omitempty"`
	// Start is when the running round began, Mark the watermark: everything before it has been read. Full is
	// when the last full round began.
	Start int64 `json:"start,omitempty"`
	Mark  int64 `json:"mark,omitempty"`
	Full  int64 `json:"full,omitempty"`
	// Token is the path of the next page, Last the newest modification time read in this phase, LastID the id
	// of the last record.
	Token  string `json:"token,omitempty"`
	Last   int64  `json:"last,omitempty"`
	LastID string `json:"last_id,omitempty"`
	// Job is the running query job, Locator where its next part is, Ready that it has a result.
	Job     string `json:"job,omitempty"`
	Locator string `json:"locator,omitempty"`
	Ready   bool   `json:"ready,omitempty"`
	// NoJob says that a job has failed in this round.
	NoJob bool `json:"no_job,omitempty"`
	// Fields stands for the columns that are read, Logged is until when the log of deletions was read.
	Fields string `json:"fields,omitempty"`
	Logged int64  `json:"logged,omitempty"`
	// Sweep names the full list that this round is, by which missing records are found.
	Sweep string `json:"sweep,omitempty"`
	Total int64  `json:"total,omitempty"`
	Guard guard  `json:"guard,omitzero"`
}

func readCursor(from canon.Cursor) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(from)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, canon.Errorf("cursor.invalid", "the stream's cursor cannot be read: %w", err).
			WithHint("Reset the stream to read it from the beginning.")
	}
	return c, nil
}

func (c cursor) write() (canon.Cursor, error) {
	b, err := json.Marshal(c)
	return canon.Cursor(b), err
}

func (c cursor) since() int64 { return c.Mark - overlap.Microseconds() }

// enter begins a phase.
func (c *cursor) enter(phase string) {
	c.Phase, c.Token, c.Last, c.LastID, c.Job, c.Locator, c.Ready, c.Guard = phase, "", 0, "", "", "", false, guard{}
}

// full makes the round a full one. Where records were held before, those that are missing are gone.
func (c *cursor) full(start time.Time) {
	c.enter(phaseFull)
	c.Full = start.UnixMicro()
	if c.Mark > 0 {
		c.Sweep = start.Format(time.RFC3339Nano)
	}
}

// guard finds page tokens that come back, in constant memory (Brent's algorithm): it keeps one earlier token
// and replaces it after ever longer stretches, so any cycle is found within a few turns.
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
