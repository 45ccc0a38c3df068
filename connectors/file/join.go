package file

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// maxValues bounds what a join or distinct may hold in memory.
const maxValues = 2_000_000

// joined is the key and wanted columns of another file, held in memory.
type joined struct {
	state  string
	values map[string]string
}

func (c *conn) join(ctx context.Context, st *stream, j join) (joined, error) {
	other := stream{name: st.name, path: j.file, jsonl: st.jsonl, delimiter: st.delimiter, encoding: st.encoding, id: []string{j.key, j.wanted}}
	other.parquet = strings.HasSuffix(strings.ToLower(j.file), parquetExt)
	files, err := c.files(&other)
	if err != nil {
		return joined{}, err
	}
	if len(files) != 1 {
		return joined{}, canon.Errorf("file.option", "stream %s: the join's path %s matches %d files, want one", st.name, j.file, len(files)).
			WithHint("name the one file to join")
	}
	state := files[0].signature()
	key := j.file + "\x00" + j.key + "\x00" + j.wanted + "\x00" + st.name
	c.mu.Lock()
	held, ok := c.joined[key]
	c.mu.Unlock()
	if ok && held.state == state {
		return held, nil
	}
	held = joined{state: state, values: map[string]string{}}
	if err := c.eachRow(ctx, &other, files[0], func(r row) error {
		k, _ := r.value(j.key)
		v, _ := r.value(j.wanted)
		if _, ok := held.values[k]; !ok && len(held.values) == maxValues {
			return tooMany(files[0].name, j.key)
		}
		held.values[k] = v
		return nil
	}); err != nil {
		return joined{}, err
	}
	c.mu.Lock()
	c.joined[key] = held
	c.mu.Unlock()
	return held, nil
}

// eachRow calls fn for every readable row of a file. Rows that cannot be read are told of by the stream
// whose file it is.
func (c *conn) eachRow(ctx context.Context, st *stream, f found, fn func(row) error) (err error) {
	r, err := c.openRows(st, f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		rw, bad, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return sourceError(f.name, err)
		}
		if bad != nil {
			continue
		}
		if err := fn(rw); err != nil {
			return err
		}
	}
}

func tooMany(name, column string) error {
	return canon.Errorf("file.too_many", "%s: the column %q has more than %d values", name, column, maxValues).
		WithHint("prepare the file with a tool made for it, then name the result")
}

// withMember returns a JSON object with one more member at its end.
func withMember(raw []byte, name, value string) []byte {
	body := bytes.TrimRight(bytes.TrimSuffix(raw, []byte("}")), " \t")
	out := make([]byte, 0, len(raw)+len(name)+len(value)+8)
	out = append(out, body...)
	if !bytes.HasSuffix(body, []byte("{")) {
		out = append(out, ',')
	}
	out = append(append(out, quote(name)...), ':')
	return append(append(out, quote(value)...), '}')
}
