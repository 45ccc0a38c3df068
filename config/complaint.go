package config

import (
	"cmp"
	"fmt"
	"strings"
)

// Complaint is one thing that is wrong with the file, and where.
type Complaint struct {
	File string `json:"file"`
	// Line and Column count from 1; both are 0 for what concerns the file as a whole.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Path is the key, such as connections[0].name, "" for the file as a whole.
	Path string `json:"path,omitempty"`
	// Message is one sentence, Hint says what to do. Neither holds a value that may be secret.
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// String returns "file:line:column: message (hint)".
func (c Complaint) String() string {
	s := c.File
	if c.Line > 0 {
		s += fmt.Sprintf(":%d:%d", c.Line, c.Column)
	}
	s += ": " + c.Message
	if c.Hint != "" {
		s += " (" + c.Hint + ")"
	}
	return s
}

// Complaints are all that is wrong with one file, in the order of their places. It is an error.
type Complaints []Complaint

// Error returns one complaint per line.
func (cs Complaints) Error() string {
	lines := make([]string, len(cs))
	for i, c := range cs {
		lines[i] = c.String()
	}
	return strings.Join(lines, "\n")
}

func compareComplaints(a, b Complaint) int {
	return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
}

// nearest returns the known word that a mistyped one most likely meant, "" where none is near.
func nearest(word string, known []string) string {
	best, at := "", len(word)/3+2
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
