package sqlsource

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// stream is one declared stream with its options read.
type stream struct {
	name    string
	query   string
	id      []string
	cursor  string
	deleted string
	// overlap is how far behind the last cursor value a round begins: a duration for times, a number for
	// numbers.
	overlap      time.Duration
	overlapBy    int64
	overlapGiven bool
	// settle is how old a row's cursor must be to be read.
	settle time.Duration
	page   int
	kinds  []canon.Kind
	guard  float64
}

const (
	defaultPage    = 500
	maxPage        = 10_000
	defaultGuard   = 0.05
	defaultOverlap = time.Minute
)

type option func(st *stream, value string) error

func options() map[string]option {
	return map[string]option{
		"query":   func(st *stream, v string) error { st.query = v; return nil },
		"id":      func(st *stream, v string) (err error) { st.id, err = names(v, "+"); return err },
		"cursor":  func(st *stream, v string) error { st.cursor = v; return nil },
		"deleted": func(st *stream, v string) error { st.deleted = v; return nil },
		"overlap": setOverlap,
		"settle": func(st *stream, v string) (err error) {
			if st.settle, err = time.ParseDuration(v); err != nil || st.settle < 0 {
				return fmt.Errorf("is %q, want a duration such as 30s", v)
			}
			return nil
		},
		"page": func(st *stream, v string) (err error) {
			if st.page, err = strconv.Atoi(v); err != nil || st.page < 1 || st.page > maxPage {
				return fmt.Errorf("is %q, want 1 to %d", v, maxPage)
			}
			return nil
		},
		"guard": func(st *stream, v string) (err error) {
			if st.guard, err = strconv.ParseFloat(v, 64); err != nil || !(st.guard >= 0 && st.guard <= 1) {
				return fmt.Errorf("is %q, want 0 to 1", v)
			}
			return nil
		},
		"kinds": func(st *stream, v string) error {
			list, err := names(v, ",")
			for _, name := range list {
				if !slices.Contains(canon.Kinds(), canon.Kind(name)) {
					return fmt.Errorf("has %q, want some of %v", name, canon.Kinds())
				}
				st.kinds = append(st.kinds, canon.Kind(name))
			}
			return err
		},
	}
}

func setOverlap(st *stream, v string) error {
	st.overlapGiven = true
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
		st.overlapBy = n
		return nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return fmt.Errorf("is %q, want a duration such as 1m, or a number", v)
	}
	st.overlap = d
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

func parseStream(sc connectors.StreamConfig, d dialect) (stream, error) {
	st := stream{name: sc.Name, page: defaultPage, guard: defaultGuard}
	known := options()
	for _, name := range slices.Sorted(maps.Keys(sc.Options)) {
		set, ok := known[name]
		if !ok {
			return stream{}, canon.Errorf("sql.option", "stream %s: there is no option %q", sc.Name, name).
				WithHint("the options are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if sc.Options[name] == "" {
			continue
		}
		if err := set(&st, sc.Options[name]); err != nil {
			return stream{}, canon.Errorf("sql.option", "stream %s: option %s %w", sc.Name, name, err).
				WithHint("see hub connectors sql for what the option takes")
		}
	}
	if !st.overlapGiven {
		st.overlap = defaultOverlap
	}
	if st.query == "" || len(st.id) == 0 {
		return stream{}, canon.Errorf("sql.option", "stream %s needs the options query and id", sc.Name).
			WithHint("add them under the stream's options in hub.yaml")
	}
	var err error
	if st.query, err = onlyReads(st.query, d); err != nil {
		return stream{}, canon.Errorf("sql.query", "stream %s: the query %w", sc.Name, err).
			WithHint("write one SELECT, or WITH … SELECT, without placeholders")
	}
	if st.cursor == "" && st.settle > 0 {
		return stream{}, canon.Errorf("sql.option", "stream %s: option settle needs the option cursor", sc.Name).
			WithHint("name the column with the time of change, or leave settle out")
	}
	return st, nil
}
