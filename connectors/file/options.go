package file

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// stream is one declared stream with its options read.
type stream struct {
	name      string
	path      string
	jsonl     bool
	parquet   bool
	id        []string
	version   string
	delimiter rune
	// encoding is nil for UTF-8.
	encoding  encoding.Encoding
	header    []string
	page      int
	kinds     []canon.Kind
	types     []columnType
	joins     []join
	distinct  string
	skipEmpty string
}

type columnType struct{ column, kind string }

// join adds the column wanted of another file to every row, found by the row's column in the file's key.
type join struct{ column, file, key, wanted string }

const (
	parquetExt  = ".parquet"
	defaultPage = 500
	maxPage     = 10_000
)

// option reads one option into a stream; the error's text ends the sentence "option x …".
type option func(st *stream, value string) error

func options() map[string]option {
	return map[string]option{
		"path":       setPath,
		"format":     setFormat,
		"id":         func(st *stream, v string) (err error) { st.id, err = names(v, "+"); return err },
		"version":    func(st *stream, v string) error { st.version = v; return nil },
		"delimiter":  setDelimiter,
		"encoding":   setEncoding,
		"header":     func(st *stream, v string) (err error) { st.header, err = names(v, ","); return err },
		"page":       setPage,
		"kinds":      setKinds,
		"types":      setTypes,
		"join":       setJoins,
		"distinct":   func(st *stream, v string) error { st.distinct = v; return nil },
		"skip_empty": func(st *stream, v string) error { st.skipEmpty = v; return nil },
	}
}

func parseStream(sc connectors.StreamConfig) (stream, error) {
	st := stream{name: sc.Name, page: defaultPage}
	known := options()
	for _, name := range slices.Sorted(maps.Keys(sc.Options)) {
		set, ok := known[name]
		if !ok {
			return stream{}, canon.Errorf("file.option", "stream %s: there is no option %q", sc.Name, name).
				WithHint("the options are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if sc.Options[name] == "" {
			continue
		}
		if err := set(&st, sc.Options[name]); err != nil {
			return stream{}, canon.Errorf("file.option", "stream %s: option %s %w", sc.Name, name, err).
				WithHint("see hub connectors file for what the option takes")
		}
	}
	for name, missing := range map[string]bool{"path": st.path == "", "id": len(st.id) == 0} {
		if missing {
			return stream{}, canon.Errorf("file.option", "stream %s needs the option %s", sc.Name, name).
				WithHint("add it under the stream's options in hub.yaml")
		}
	}
	ext := filepath.Ext(strings.TrimSuffix(strings.ToLower(st.path), ".gz"))
	if sc.Options["format"] == "" {
		st.jsonl, st.parquet = ext == ".jsonl" || ext == ".ndjson", ext == parquetExt
	}
	if st.delimiter == 0 {
		st.delimiter = ','
		if ext == ".tsv" {
			st.delimiter = '\t'
		}
	}
	return st, nil
}

// columns lists every column that the options name and a row must therefore have, with the option.
func (st *stream) columns() [][2]string {
	var out [][2]string
	add := func(option, column string) {
		if column != "" {
			out = append(out, [2]string{option, column})
		}
	}
	for _, c := range st.id {
		add("id", c)
	}
	for _, j := range st.joins {
		add("join", j.column)
	}
	for _, t := range st.types {
		add("types", t.column)
	}
	add("version", st.version)
	add("distinct", st.distinct)
	add("skip_empty", st.skipEmpty)
	return out
}

func setFormat(st *stream, v string) error {
	st.jsonl, st.parquet = v == "jsonl", v == "parquet"
	if v != "csv" && !st.jsonl && !st.parquet {
		return fmt.Errorf("is %q, want csv, jsonl or parquet", v)
	}
	return nil
}

func names(v, separator string) ([]string, error) {
	var out []string
	for part := range strings.SplitSeq(v, separator) {
		part = strings.TrimSpace(part)
		if part == "" {
			return nil, fmt.Errorf("is %q, want names separated by %q", v, separator)
		}
		out = append(out, part)
	}
	return out, nil
}

func setDelimiter(st *stream, v string) error {
	if v == "tab" || v == `\t` {
		v = "\t"
	}
	r, size := utf8.DecodeRuneInString(v)
	if size != len(v) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r) {
		return fmt.Errorf("is %q, want one character or tab", v)
	}
	st.delimiter = r
	return nil
}

func setEncoding(st *stream, v string) error {
	switch strings.ToLower(v) {
	case "utf-8", "utf8":
		st.encoding = nil
	case "latin1", "iso-8859-1":
		st.encoding = charmap.ISO8859_1
	case "windows-1252":
		st.encoding = charmap.Windows1252
	default:
		return fmt.Errorf("is %q, want utf-8, latin1 or windows-1252", v)
	}
	return nil
}

func setPage(st *stream, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxPage {
		return fmt.Errorf("is %q, want 1 to %d", v, maxPage)
	}
	st.page = n
	return nil
}

func setKinds(st *stream, v string) error {
	list, err := names(v, ",")
	if err != nil {
		return err
	}
	for _, name := range list {
		if !slices.Contains(canon.Kinds(), canon.Kind(name)) {
			return fmt.Errorf("has %q, want some of %v", name, canon.Kinds())
		}
		st.kinds = append(st.kinds, canon.Kind(name))
	}
	return nil
}

func setTypes(st *stream, v string) error {
	list, err := names(v, ",")
	if err != nil {
		return err
	}
	for _, pair := range list {
		column, kind, _ := strings.Cut(pair, "=")
		if !slices.Contains([]string{"int", "number", "time", "bool"}, kind) || column == "" {
			return fmt.Errorf("has %q, want column=int, number, time or bool", pair)
		}
		st.types = append(st.types, columnType{column, kind})
	}
	return nil
}

func setJoins(st *stream, v string) error {
	list, err := names(v, ";")
	if err != nil {
		return err
	}
	for _, text := range list {
		column, rest, _ := strings.Cut(text, "=")
		parts := strings.Split(rest, ":")
		if len(parts) != 3 || slices.Contains(parts, "") || column == "" {
			return fmt.Errorf("has %q, want column=file:key:wanted", text)
		}
		st.joins = append(st.joins, join{column, parts[0], parts[1], parts[2]})
	}
	return nil
}

func setPath(st *stream, v string) error {
	st.path = filepath.ToSlash(v)
	if _, err := path.Match(st.path, ""); err != nil {
		return fmt.Errorf("is %q, which is not a pattern: %w", v, err)
	}
	return nil
}
