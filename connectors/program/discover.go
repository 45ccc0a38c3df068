package program

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// source is a stream as the program tells of it.
type source struct {
	name, namespace string
	// alias is the name that messages may use instead.
	alias string
	// key are the paths of the fields that make the id; cursor is the path of the field that tells what is new.
	key    [][]string
	cursor []string
	// incremental says that the program can go on from a state.
	incremental bool
	// needsCursor says that it can do so only along a field that the user chooses.
	needsCursor bool
	// raw is the entry in the program's catalog.
	raw json.RawMessage
}

const (
	// foundFor is how long the program is not asked again for its streams.
	foundFor = time.Hour
	// maxCatalog bounds what a program may print of its streams.
	maxCatalog = 64 << 20
)

// sources returns the program's streams.
func (c *conn) sources(ctx context.Context) ([]source, error) {
	c.discovering.Lock()
	defer c.discovering.Unlock()
	now := c.now()
	if age := now.Sub(c.foundAt); !c.foundAt.IsZero() && age >= 0 && age < foundFor {
		return c.found, nil
	}
	found, err := c.dialect.discover(ctx)
	if err != nil {
		return nil, err
	}
	c.found, c.foundAt = found, now
	return found, nil
}

func (c *conn) sourceOf(st *stream, found []source) (source, error) {
	var there []string
	for _, src := range found {
		if src.name == st.source && (st.namespace == "" || src.namespace == st.namespace) {
			if st.mode == "incremental" && !st.incremental(src) {
				return source{}, canon.Errorf("settings.invalid", "stream %s: the program cannot read %q incrementally", st.name, st.source).
					WithHint("name the field that tells what is new by the option cursor, or leave the option mode out")
			}
			return src, nil
		}
		there = append(there, src.name)
	}
	return source{}, canon.Errorf("stream.missing", "the program has no stream %q", st.source).
		WithHint("set the option stream of %s to one of %s", st.name, clip(strings.Join(there, ", "), 500))
}

// run runs the program to its end and gives every line to take.
func (c *conn) run(ctx context.Context, l launch, take func(line) error) (err error) {
	p, err := c.start(ctx, l)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	for {
		l, err := p.next(ctx)
		if errors.Is(err, io.EOF) {
			return p.result(ctx)
		}
		if err != nil {
			return err
		}
		if err := take(l); err != nil {
			return err
		}
	}
}

func paths(names []string) [][]string {
	var out [][]string
	for _, n := range names {
		out = append(out, []string{n})
	}
	return out
}
