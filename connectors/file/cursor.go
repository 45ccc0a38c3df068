package file

import (
	"encoding/json"

	"github.com/lifecyclehub/hub/canon"
)

// cursor says how far a stream has been read: the files that are done, by name with their state, and the
// place in the one that is not.
type cursor struct {
	Done map[string]string `json:"done,omitempty"`
	// After is the last file of this round that is done; the round goes on with the names behind it, so
	// that it ends whatever is written to files meanwhile.
	After string `json:"after,omitempty"`
	// File is being read; State is the state it was in. The next row begins at byte Offset of its text, in
	// line Line. Tail bytes before it have the hash Hash.
	File   string `json:"file,omitempty"`
	State  string `json:"state,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	Line   int    `json:"line,omitempty"`
	Tail   int    `json:"tail,omitempty"`
	Hash   string `json:"hash,omitempty"`
}

func parseCursor(from canon.Cursor) (cursor, error) {
	var c cursor
	if from == "" {
		return c, nil
	}
	err := json.Unmarshal([]byte(from), &c)
	if err != nil || c.Offset < 0 || c.Tail < 0 || int64(c.Tail) > c.Offset || c.Line < 0 {
		return cursor{}, canon.Errorf("cursor.invalid", "the cursor of a file stream cannot be read").
			WithHint("reset the stream; its files are then read from the start")
	}
	return c, nil
}

func (c cursor) encode() canon.Cursor {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // plain values always encode
	}
	return canon.Cursor(b)
}
