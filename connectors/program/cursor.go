package program

import (
	"bytes"
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// cursor says how far a stream has been read: the program's last state, and how many records came behind it.
// A program cannot be started in between two states, so a pull that begins there begins at the state.
type cursor struct {
	State json.RawMessage `json:"state,omitempty"`
	// Part counts records and rejects behind State; Again, how often the program was started from it anew.
	Part  int64 `json:"part,omitempty"`
	Again int64 `json:"again,omitempty"`
	// Round is when the full list began that is being read. "" between rounds and where none is.
	Round string `json:"round,omitempty"`
	// List is the table version that the records of a Singer tap carry while it lists a whole table, Active
	// the last one that it declared complete.
	List   string `json:"list,omitempty"`
	Active string `json:"active,omitempty"`
	// Holes says that something in the full list could not be read, so that nothing on it can be missing.
	Holes bool `json:"holes,omitempty"`
}

// maxState bounds a state, as every page carries it.
const maxState = 1 << 20

func parseCursor(from canon.Cursor) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(from)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil || dec.More() || c.Part < 0 || c.Again < 0 {
		return cursor{}, canon.Errorf("cursor.invalid", "the cursor of a program's stream cannot be read").
			WithHint("reset the stream; the program then starts without a state")
	}
	if bytes.Equal(c.State, []byte("null")) {
		c.State = nil
	}
	return c, nil
}

func (c cursor) encode() canon.Cursor { return canon.Cursor(encode(c)) }
