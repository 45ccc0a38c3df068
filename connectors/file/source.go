package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/text/transform"

	"github.com/lifecyclehub/hub/canon"
)

// found is a file that a stream's path matches, as it was when it was looked at.
type found struct {
	// name is relative to the folder, with slashes; path is for the operating system.
	name  string
	path  string
	mtime time.Time
	size  int64
}

// signature tells one state of the file from another.
func (f found) signature() string { return fmt.Sprintf("%d:%d", f.mtime.UnixMicro(), f.size) }

// files lists what the stream's path matches, by name. A plain path that is not there is an error, a
// pattern that matches nothing yet is not.
func (c *conn) files(st *stream) ([]found, error) {
	base, pattern := splitPattern(st.path)
	root := filepath.FromSlash(base)
	if !filepath.IsAbs(root) {
		root = filepath.Join(c.folder, root)
	}
	// Only the pattern is matched, so the folder's own name may hold any character.
	matches, err := fs.Glob(os.DirFS(root), pattern)
	if err != nil {
		return nil, unreadable(st.path, err)
	}
	var out []found
	for _, m := range matches {
		f := found{name: path.Join(base, m), path: filepath.Join(root, filepath.FromSlash(m))}
		info, err := os.Stat(f.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // went away since it was listed
		}
		if err != nil {
			return nil, unreadable(f.name, err)
		}
		if info.Mode().IsRegular() {
			f.mtime, f.size = info.ModTime().UTC(), info.Size()
			out = append(out, f)
		}
	}
	if len(out) == 0 && !hasMeta(st.path) {
		return nil, c.missing(st)
	}
	return out, nil
}

// splitPattern cuts a path where its first element with a wildcard begins; without one, before its last.
func splitPattern(p string) (base, pattern string) {
	elements := strings.Split(path.Clean(filepath.ToSlash(p)), "/")
	cut := 0
	for cut < len(elements)-1 && !hasMeta(elements[cut]) {
		cut++
	}
	base = strings.Join(elements[:cut], "/")
	if base == "" && strings.HasPrefix(p, "/") {
		base = "/"
	}
	return base, strings.Join(elements[cut:], "/")
}

func hasMeta(p string) bool { return strings.ContainsAny(p, `*?[\`) }

// source is the text of a file as UTF-8: unzipped, decoded, without byte order mark. Offsets count bytes of
// this text.
type source struct {
	file  *os.File
	zip   *gzip.Reader
	buf   *bufio.Reader
	plain bool // the text is the file's own bytes, so that it can be sought
	mark  int64
}

var byteOrderMark = []byte("\ufeff")

const bufferSize = 64 << 10

// openSource opens the text. The caller closes it.
func openSource(f found, st *stream) (*source, error) {
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	s := &source{file: file}
	var r io.Reader = file
	zipped := strings.HasSuffix(strings.ToLower(f.path), ".gz")
	if zipped {
		if s.zip, err = gzip.NewReader(bufio.NewReaderSize(file, bufferSize)); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		r = s.zip
	}
	s.plain = !zipped && st.encoding == nil
	if st.encoding != nil {
		r = transform.NewReader(r, st.encoding.NewDecoder())
	}
	s.buf = bufio.NewReaderSize(r, bufferSize)
	head, err := s.buf.Peek(len(byteOrderMark))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, s.Close())
	}
	if bytes.Equal(head, byteOrderMark) {
		s.mark = int64(len(byteOrderMark))
		if _, err := s.buf.Discard(len(byteOrderMark)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// skip moves from offset at to offset to, which lies behind it.
func (s *source) skip(at, to int64) error {
	if s.plain {
		if _, err := s.file.Seek(s.mark+to, io.SeekStart); err != nil {
			return err
		}
		s.buf.Reset(s.file)
		return nil
	}
	_, err := io.CopyN(io.Discard, s.buf, to-at)
	return err
}

// Close closes the file.
func (s *source) Close() error {
	if s.zip == nil {
		return s.file.Close()
	}
	return errors.Join(s.zip.Close(), s.file.Close())
}

// sourceError wraps what went wrong below the rows.
func sourceError(name string, err error) error {
	var known *canon.Error
	if errors.As(err, &known) {
		return err
	}
	return unreadable(name, err)
}
