package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/lifecyclehub/hub/canon"
)

// Complaint is one fault of a policy file.
type Complaint struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String returns "file:line:column: message".
func (c Complaint) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", c.File, c.Line, c.Column, c.Message)
}

// Complaints are all faults of a policy file in the order of its lines. It is the cause of the error that
// Parse returns.
type Complaints []Complaint

func (c Complaints) Error() string {
	lines := make([]string, len(c))
	for i, one := range c {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// refusal turns complaints into the error of Parse: the first one in words, the others by number.
func refusal(list Complaints) error {
	slices.SortStableFunc(list, func(a, b Complaint) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	message := list[0].String()
	if len(list) > 1 {
		message += fmt.Sprintf(" (and %d more)", len(list)-1)
	}
	return &canon.Error{Code: "policy.invalid", Message: message, Hint: list[0].Hint, Cause: list}
}

// places are the positions of a file's keys and items by path, as in "stages[0].enter[1].when".
type places map[string]token.Position

// find returns where the path stands, or the nearest place around it.
func (p places) find(path string) (line, column int) {
	for {
		if at, ok := p[path]; ok {
			return at.Line, at.Column
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return 1, 1
		}
		path = path[:i]
	}
}

// note walks the tree and keeps each value's position.
func (p places) note(path string, n ast.Node) {
	if n == nil || n.GetToken() == nil {
		return
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, v := range n.Values {
			p.note(path, v)
		}
	case *ast.MappingValueNode:
		key := strings.TrimPrefix(path+"."+n.Key.GetToken().Value, ".")
		p[key] = *n.Key.GetToken().Position
		p.note(key, n.Value)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			item := fmt.Sprintf("%s[%d]", path, i)
			if t := v.GetToken(); t != nil && t.Position != nil {
				p[item] = *t.Position
			}
			p.note(item, v)
		}
	case *ast.AnchorNode:
		p.note(path, n.Value)
	default:
		if t := n.GetToken(); t.Position != nil {
			p[path] = *t.Position
		}
	}
}
