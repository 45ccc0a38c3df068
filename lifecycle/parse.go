package lifecycle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// MaxSource bounds a policy file, in bytes.
const MaxSource = 1 << 20

// Parse reads a policy file. The name stands in complaints. Its error is a canon.Error with the code
// policy.invalid, whose cause is Complaints: every fault with line, column and hint.
func Parse(name string, src []byte) (*Policy, error) { return parse(name, src, false) }

func parse(name string, src []byte, thorough bool) (*Policy, error) {
	if len(src) > MaxSource {
		return nil, refusal(Complaints{{File: name, Line: 1, Column: 1, Message: "the policy file is larger than 1 MB", Hint: "a policy is a few hundred lines"}})
	}
	spec, where, fault := decode(name, src)
	if fault != nil {
		return nil, refusal(Complaints{*fault})
	}
	nameRules(spec.Stages)
	b := &builder{file: name, where: where, compiler: newCompiler(), policy: &Policy{name: spec.Policy, version: spec.Version, file: name, source: bytes.Clone(src), spec: spec, where: where}, thorough: thorough}
	b.build(spec)
	if len(b.complaints) > 0 {
		return nil, refusal(b.complaints)
	}
	b.policy.fingerprint, b.policy.tails = stamp(src), tails{tailMost, tailLeast, tailStale, tailDays}
	b.policy.asked = b.policy.asking()
	return b.policy, nil
}

// nameRules gives a name to every rule that has none.
func nameRules(stages []stageSpec) {
	for _, s := range stages {
		for i := range s.Enter {
			if s.Enter[i].Rule == "" {
				s.Enter[i].Rule = fmt.Sprintf("%s.%d", s.Key, i+1)
			}
		}
		for i := range s.Exits {
			if s.Exits[i].Rule == "" {
				s.Exits[i].Rule = fmt.Sprintf("%s.exit.%d", s.Key, i+1)
			}
		}
	}
}

// decode reads the YAML with strict keys. The YAML library is known to panic on some malformed input; a
// policy file is foreign input, so a panic becomes a complaint.
func decode(name string, src []byte) (spec policySpec, where places, fault *Complaint) {
	defer func() {
		if r := recover(); r != nil {
			fault = &Complaint{File: name, Line: 1, Column: 1, Message: fmt.Sprintf("the file is not YAML: %v", r), Hint: "check indentation, quotes and brackets"}
		}
	}()
	if !utf8.Valid(src) || bytes.IndexByte(src, 0) >= 0 {
		return spec, nil, &Complaint{File: name, Line: 1, Column: 1, Message: "the file is not text in UTF-8", Hint: "save it as UTF-8, without a byte of zero"}
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff")) // what some editors begin UTF-8 with
	tree, err := parser.ParseBytes(src, 0)
	if err != nil {
		return spec, nil, complaintOf(name, err)
	}
	where = places{}
	for _, doc := range tree.Docs {
		where.note("", doc.Body)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(src), yaml.Strict())
	if err := decoder.Decode(&spec); err != nil && !errors.Is(err, io.EOF) {
		return spec, nil, complaintOf(name, err)
	}
	if len(tree.Docs) > 1 {
		return spec, nil, &Complaint{File: name, Line: 1, Column: 1, Message: "the file holds several YAML documents", Hint: "keep one policy per file, without a --- between"}
	}
	return spec, where, nil
}

// complaintOf turns the YAML library's error into a complaint with its position.
func complaintOf(name string, err error) *Complaint {
	c := &Complaint{File: name, Line: 1, Column: 1, Message: err.Error(), Hint: "see the shipped policy (hub init writes it) for the keys and their form"}
	var at yaml.Error
	if errors.As(err, &at) {
		c.Message = strings.Replace(at.GetMessage(), "unknown field", "unknown key", 1)
		if t := at.GetToken(); t != nil && t.Position != nil {
			c.Line, c.Column = t.Position.Line, t.Position.Column
		}
	}
	var typed *yaml.TypeError
	if errors.As(err, &typed) {
		c.Message = fmt.Sprintf("%s is needed here", wordFor(typed.DstType))
	}
	return c
}

// wordFor names a type as a writer of YAML knows it.
func wordFor(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Float64:
		return "a number"
	case reflect.Int:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Pointer:
		return wordFor(t.Elem())
	}
	return "a block of keys"
}
