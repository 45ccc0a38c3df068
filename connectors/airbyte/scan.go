package airbyte

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Coverage is how much of a manifest can be read.
type Coverage struct {
	// Path is the manifest's, Name its folder's.
	Path string `json:"path"`
	Name string `json:"name"`
	// Streams counts all, Supported those that can be read.
	Streams     int       `json:"streams"`
	Supported   int       `json:"supported"`
	Unsupported []Refused `json:"unsupported,omitempty"`
	Components  []string  `json:"components,omitempty"`
	License     string    `json:"license"`
	// Error says why the manifest cannot be read at all.
	Error string `json:"error,omitempty"`
}

// Scan reads every manifest.yaml below dir. A manifest that cannot be read is in the list with its error.
func Scan(dir string) ([]Coverage, error) {
	var out []Coverage
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || (d.Name() != "manifest.yaml" && d.Name() != "manifest.yml") {
			return err
		}
		out = append(out, cover(path))
		return nil
	})
	slices.SortFunc(out, func(a, b Coverage) int { return cmp.Compare(a.Path, b.Path) })
	return out, err
}

func cover(path string) Coverage {
	folder := filepath.Dir(path)
	c := Coverage{Path: path, Name: filepath.Base(folder)}
	src, err := readFile(path)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	c.License = License(folder, src)
	m, err := Parse(c.Name, src)
	if err != nil {
		c.Error = err.Error()
		return c
	}
	c.Supported, c.Unsupported, c.Components = len(m.streams), m.refused, m.Components()
	c.Streams = c.Supported + len(c.Unsupported)
	return c
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSource+1))
}

// Report writes what Scan found, for people.
func Report(w io.Writer, list []Coverage) error {
	streams, supported, whole := 0, 0, 0
	for _, c := range list {
		if c.Error != "" {
			if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, c.Error); err != nil {
				return err
			}
			continue
		}
		streams, supported = streams+c.Streams, supported+c.Supported
		if c.Streams == c.Supported {
			whole++
		}
		if _, err := fmt.Fprintf(w, "%s: %d of %s (%s)\n", c.Name, c.Supported, plural(c.Streams, "stream"), c.License); err != nil {
			return err
		}
		for _, r := range c.Unsupported {
			if _, err := fmt.Fprintf(w, "  %s: %s\n", r.Stream, r.Reason); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "%s, %d whole; %d of %s can be read\n", plural(len(list), "manifest"), whole, supported, plural(streams, "stream"))
	return err
}

var (
	metadataLicense = regexp.MustCompile(`(?m)^\s+license:\s*["']?([A-Za-z0-9 .+-]+?)["']?\s*$`)
	headerLicense   = regexp.MustCompile(`(?i)(?:SPDX-License-Identifier|licen[sc]e)\s*[:=]\s*([A-Za-z0-9 .+-]+)`)
)

// License says under which licence a manifest stands: as its own head says, else the licence file beside it, else
// the metadata.yaml beside it; else it is the one that Airbyte's connectors have by default.
func License(dir string, src []byte) string {
	for line := range strings.Lines(head(string(src), 4<<10)) {
		text, isComment := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !isComment {
			if text == "" {
				continue
			}
			break
		}
		if m := headerLicense.FindStringSubmatch(text); m != nil {
			return strings.TrimSpace(m[1])
		}
		if l := licenseOf(text); l != "" {
			return l
		}
	}
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		b, err := readFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if l := licenseOf(head(string(b), 4<<10)); l != "" {
			return l
		}
		return "see " + name
	}
	if b, err := readFile(filepath.Join(dir, "metadata.yaml")); err == nil {
		if m := metadataLicense.FindSubmatch(b); m != nil {
			return string(m[1])
		}
	}
	return "ELv2 (default)"
}

func licenseOf(text string) string {
	for _, l := range [][2]string{{"MIT License", "MIT"}, {"Permission is hereby granted, free of charge", "MIT"}, {"Elastic License 2.0", "ELv2"}, {"Elastic License", "ELv2"},
		{"Apache License", "Apache-2.0"}, {"GNU AFFERO", "AGPL-3.0"}, {"Mozilla Public License", "MPL-2.0"}, {"BSD", "BSD"}} {
		if strings.Contains(strings.ToLower(text), strings.ToLower(l[0])) {
			return l[1]
		}
	}
	return ""
}
