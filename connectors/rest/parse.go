package rest

import (
	"bytes"
	"errors"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/lifecyclehub/hub/canon"
)

// The bounds of a connector.yaml. The YAML parser takes time that grows with the square of a mapping's keys, and
// worse with depth, so what no person writes is refused before it is parsed.
const (
	sourceMax = 256 << 10
	linesMax  = 8000
	lineMax   = 8 << 10
	depthMax  = 64
)

// Parse reads a connector.yaml. name is the connector's; it also names the file in complaints, as
// NAME/connector.yaml:line:column. Every complaint found is told, in one error with code "spec.invalid" that
// wraps Complaints.
func Parse(name string, src []byte) (*Spec, error) {
	return parse(name, name+"/connector.yaml", src)
}

func parse(name, file string, src []byte) (*Spec, error) {
	c := &complaints{file: file, places: map[string]place{}}
	if c.bound(src); len(c.found) > 0 {
		return nil, c.err()
	}
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		return nil, c.broken(err)
	}
	k := &keys{complaints: c, anchors: map[string]ast.Node{}}
	k.document(tree)
	if len(c.found) > 0 {
		return nil, c.err()
	}
	spec := &Spec{name: name}
	if err := yaml.UnmarshalWithOptions(src, spec, yaml.Strict()); err != nil {
		return nil, c.broken(err)
	}
	spec.inherit()
	c.spec(spec)
	if spec.About != nil {
		c.settings(spec.About, src)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return spec, nil
}

// document walks the one document of a file.
func (k *keys) document(tree *ast.File) {
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		k.say("", "the file holds no connector", "write one YAML document with base_url, check and streams")
		return
	}
	body := tree.Docs[0].Body
	ast.Walk(k, body)
	k.walk("", body, reflect.TypeFor[Spec]())
	if k.steps > stepsMax {
		k.say("", "the file's anchors and aliases make it too large", "write out less by aliases that name other aliases")
	}
}

// bound refuses what is larger, deeper or longer than any file that a person writes.
func (c *complaints) bound(src []byte) {
	if len(src) > sourceMax || bytes.Count(src, []byte("\n")) > linesMax {
		c.say("", "the file is larger than 256 KiB or 8000 lines", "split the connector, or leave out what is not needed")
		return
	}
	line := 0
	for text := range bytes.SplitSeq(src, []byte("\n")) {
		line++
		indent := len(text) - len(bytes.TrimLeft(text, " -?:"))
		open := bytes.Count(text, []byte("{")) + bytes.Count(text, []byte("["))
		if len(text) > lineMax || indent > 4*depthMax || open > depthMax {
			c.places["line"] = place{line, 1}
			c.say("line", "this line is too long or too deep", "write it over several lines, with less nesting")
			return
		}
	}
}

// broken tells what the YAML parser says.
func (c *complaints) broken(err error) error {
	message := err.Error()
	var pos yaml.Error
	if errors.As(err, &pos) {
		message = pos.GetMessage()
		if tk := pos.GetToken(); tk != nil && tk.Position != nil {
			c.places["broken"] = place{tk.Position.Line, tk.Position.Column}
		}
	}
	var own *canon.Error
	if errors.As(err, &own) {
		message = own.Message
	}
	c.say("broken", message, "the line or the one before it is not as YAML wants it")
	c.found[len(c.found)-1].Path = ""
	return c.err()
}

// inherit gives feeds and fetches what the stream says for all of them.
func (s *Spec) inherit() {
	for i := range s.Streams {
		st := &s.Streams[i]
		if st.Fetch != nil {
			st.Fetch.Shape = st.Fetch.or(st.Shape)
		}
		if st.Partitions != nil && st.Partitions.As == "" {
			st.Partitions.As = "value"
		}
	}
}
