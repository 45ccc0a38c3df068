package identity

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Reading says how a file of records is read.
type Reading struct {
	// Kind is KindContact or KindCompany; "" for what the columns tell.
	Kind canon.Kind
	// System is the connection that the records come from, where no column tells.
	System string
	// Columns names, by field ("last_name", "city"…, "id", "system", "truth"), the column that holds it, beside the
	// names that are known.
	Columns map[string]string
}

// Labelled is a record with what it goes by and what the file itself tells of the truth.
type Labelled struct {
	Node  Node
	Truth string
}

// layout is where a file's values stand.
type layout struct {
	kind              canon.Kind
	id, system, truth int
	fields            []placed
}

type placed struct {
	column int
	field  field
}

// ReadRecords reads a CSV file, or one JSON object a line, and calls fn with each record. The kind is the one that
// was read as.
func ReadRecords(in io.Reader, how Reading, fn func(Labelled) error) (canon.Kind, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	if start, err := buffered.Peek(1); err == nil && start[0] == '{' {
		return readLines(buffered, how, fn)
	}
	rows, head, err := openCSV(buffered)
	if err != nil {
		return "", err
	}
	at, err := arrange(head, how)
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return at.kind, nil
		}
		if err != nil {
			return "", canon.Errorf("records.read", "record %d cannot be read: %w", n, err)
		}
		if err := fn(at.record(row, how.System, n)); err != nil {
			return "", err
		}
	}
}

// readLines reads JSON objects; each may have keys of its own.
func readLines(in io.Reader, how Reading, fn func(Labelled) error) (canon.Kind, error) {
	d := json.NewDecoder(in)
	d.UseNumber()
	for n := 1; ; n++ {
		var object map[string]any
		err := d.Decode(&object)
		if errors.Is(err, io.EOF) {
			return how.Kind, nil
		}
		if err != nil {
			return "", canon.Errorf("records.read", "record %d cannot be read: %w", n, err).WithHint("write one JSON object a line")
		}
		head, row := flatten(object)
		at, err := arrange(head, how)
		if err != nil {
			return "", err
		}
		how.Kind = at.kind
		if err := fn(at.record(row, how.System, n)); err != nil {
			return "", err
		}
	}
}

// flatten returns an object's keys as columns with their values, sorted.
func flatten(object map[string]any) (head, row []string) {
	keys := make([]string, 0, len(object))
	for k := range object {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		var value string
		switch v := object[k].(type) {
		case nil:
		case string:
			value = v
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = fmt.Sprint(v[i])
			}
			value = strings.Join(parts, ";")
		case map[string]any:
			inner, values := flatten(v)
			head, row = append(head, inner...), append(row, values...)
			continue
		default:
			value = fmt.Sprint(v)
		}
		head, row = append(head, columnKey(k)), append(row, value)
	}
	return head, row
}

// arrange finds the columns of a head.
func arrange(head []string, how Reading) (layout, error) {
	at := layout{kind: how.Kind, id: -1, system: -1, truth: -1}
	taken := map[int]bool{}
	named := func(name string, names []string) (int, error) {
		if own := how.Columns[name]; own != "" {
			i := slices.Index(head, columnKey(own))
			if i < 0 {
				return -1, canon.Errorf("records.column", "there is no column %q", own).WithHint("the columns are %s", strings.Join(head, ", "))
			}
			return i, nil
		}
		return findColumn(head, names), nil
	}
	for _, own := range []struct {
		name  string
		names []string
		at    *int
	}{{"id", truthIDs, &at.id}, {"system", truthSystems, &at.system}, {"truth", nil, &at.truth}} {
		i, err := named(own.name, own.names)
		if err != nil {
			return at, err
		}
		*own.at = i
		taken[i] = i >= 0
	}
	if at.kind == "" {
		told := slices.Clone(head)
		for name := range how.Columns {
			told = append(told, columnKey(name))
		}
		at.kind = kindOf(told)
	}
	for _, f := range recordFields() {
		if at.kind == canon.KindContact && f.contact == nil || at.kind == canon.KindCompany && f.company == nil {
			continue
		}
		i, err := named(f.name, f.names)
		if err != nil {
			return at, err
		}
		if i >= 0 && !taken[i] {
			taken[i] = true
			at.fields = append(at.fields, placed{i, f})
		}
	}
	if len(at.fields) == 0 {
		return at, canon.Errorf("records.columns", "none of the columns %s is known", strings.Join(head, ", ")).WithHint("--columns last_name=nom,city=ville names them")
	}
	return at, nil
}

// kindOf tells from the columns what the records are.
func kindOf(head []string) canon.Kind {
	has := func(list string) bool { return findColumn(head, columnNames(list)) >= 0 }
	switch {
	case has("firstname givenname forename lastname surname familyname dob dateofbirth birthdate"):
		return canon.KindContact
	case has("company companyname organization organisation accountname businessname legalname domain website vat vatid vatnumber registrationid companynumber"):
		return canon.KindCompany
	}
	return canon.KindContact
}

func (at layout) record(row []string, system string, n int) Labelled {
	ref := canon.Ref{Connection: cell(row, at.system), Stream: "records", ID: cell(row, at.id)}
	if ref.Connection == "" {
		ref.Connection = system
	}
	if ref.ID == "" {
		ref.ID = "row-" + strconv.Itoa(n)
	}
	e := canon.Entity{Kind: at.kind, Ref: ref}
	if at.kind == canon.KindCompany {
		b := &canon.Company{}
		for _, p := range at.fields {
			if v := cell(row, p.column); v != "" {
				p.field.company(b, v)
			}
		}
		e.Body = b
	} else {
		b := &canon.Contact{}
		for _, p := range at.fields {
			if v := cell(row, p.column); v != "" {
				p.field.contact(b, v)
			}
		}
		e.Body = b
	}
	l := Labelled{Truth: cell(row, at.truth)}
	l.Node = NewNode(e, time.Time{})
	return l
}
