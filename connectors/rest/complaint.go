package rest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// complaintsMax is how many complaints about one file are told.
const complaintsMax = 50

// Complaint is one thing that is wrong with a connector.yaml, and where.
type Complaint struct {
	File string `json:"file"`
	// Line and Column count from 1.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path is the key, such as streams[0].full.request, "" for the file as a whole.
	Path string `json:"path,omitempty"`
	// Message is one sentence, Hint says what to do.
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// String returns "file:line:column: message (hint)".
func (c Complaint) String() string {
	s := fmt.Sprintf("%s:%d:%d: %s", c.File, c.Line, c.Column, c.Message)
	if c.Hint != "" {
		s += " (" + c.Hint + ")"
	}
	return s
}

// Complaints are all that is wrong with one file, in the order of their places. It is an error, and what an
// error with the code spec.invalid wraps.
type Complaints []Complaint

// Error returns one complaint per line.
func (cs Complaints) Error() string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.String()
	}
	return strings.Join(lines, "\n")
}

// complaints collects what is wrong.
type complaints struct {
	file   string
	places map[string]place
	found  Complaints
}

// place is where a key stands.
type place struct{ line, column int }

// add tells what is wrong at path. What stands behind the first ": " of format is the hint.
func (c *complaints) add(path, format string, args ...any) {
	message, hint, _ := strings.Cut(fmt.Sprintf(strings.Replace(format, ": ", "\x00", 1), args...), "\x00")
	c.say(path, message, hint)
}

func (c *complaints) say(path, message, hint string) {
	if len(c.found) >= complaintsMax {
		return
	}
	at := c.position(path)
	c.found = append(c.found, Complaint{File: c.file, Line: at.line, Column: at.column, Path: path, Message: message, Hint: hint})
}

// position finds the nearest place that stands in the file at or above the path.
func (c *complaints) position(path string) place {
	for p := path; p != ""; {
		if at, ok := c.places[p]; ok {
			return at
		}
		cut := strings.LastIndexAny(p, ".[")
		if cut < 0 {
			break
		}
		p = p[:cut]
	}
	return place{1, 1}
}

func (c *complaints) err() error {
	if len(c.found) == 0 {
		return nil
	}
	slices.SortStableFunc(c.found, func(a, b Complaint) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return canon.Errorf("spec.invalid", "%w", c.found).
		WithHint("Correct the lines; connectors/rest/SYNTAX.md lists every key.")
}

func (c *complaints) oneOf(path, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.add(path, "%q is unknown here: use one of %s", value, strings.Join(allowed, ", "))
	}
}

// nearest returns the known word that a mistyped one most likely meant, "" where none is near.
func nearest(word string, known []string) string {
	best, at := "", len(word)/3+2
	if len(word) > 60 {
		return ""
	}
	for _, k := range known {
		if d := distance(strings.ToLower(word), k); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance counts the single-letter edits between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			edit := diagonal
			if a[i] != b[j] {
				edit++
			}
			diagonal = row[j+1]
			row[j+1] = min(edit, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
