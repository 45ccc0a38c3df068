package rest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// folderFileMax is the largest file that is read of a connector's folder.
const folderFileMax = 1 << 20

// LoadDir makes a connector of a folder with connector.yaml, mapping.yaml and BEHAVIOR.md (which may be missing).
// What a shipped connector tells in Go stands under about. Its errors are spec.invalid, which wraps Complaints,
// and connector.files.
func LoadDir(dir string) (connectors.Definition, error) {
	files := map[string][]byte{}
	for name, needed := range map[string]bool{"connector.yaml": true, "mapping.yaml": true, "BEHAVIOR.md": false} {
		b, err := readFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist) && !needed:
		case err != nil:
			return connectors.Definition{}, canon.Errorf("connector.files", "the connector in %s has no %s that can be read: %w", dir, name, err).
				WithHint("A connector's folder holds connector.yaml, mapping.yaml and BEHAVIOR.md.")
		}
		files[name] = b
	}
	name := filepath.Base(filepath.Clean(dir))
	file := filepath.Join(dir, "connector.yaml")
	spec, err := parse(name, file, files["connector.yaml"])
	if err != nil {
		return connectors.Definition{}, err
	}
	about := spec.About
	if about == nil {
		return connectors.Definition{}, canon.Errorf("spec.invalid", "%w", Complaints{{File: file, Line: 1, Column: 1, Path: "about",
			Message: "the connector does not say what it is", Hint: "add about with title, category, doc and settings"}}).
			WithHint("Correct the lines; connectors/rest/SYNTAX.md lists every key.")
	}
	return Define(about.definition(name, files), files["connector.yaml"], nil), nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, folderFileMax+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(b) > folderFileMax {
		return nil, errors.New("it is larger than 1 MiB")
	}
	return b, nil
}

// definition is what about tells, with the folder's other files.
func (a *About) definition(folder string, files map[string][]byte) connectors.Definition {
	def := connectors.Definition{
		Name: or(a.Name, folder), Title: or(a.Title, folder), Doc: a.Doc, Category: or(a.Category, "other"),
		Mapping: files["mapping.yaml"], Behavior: string(files["BEHAVIOR.md"]),
	}
	for _, s := range a.Settings {
		def.Settings = append(def.Settings, connectors.Setting(s))
	}
	if h := a.Hook; h != nil {
		def.Hook = &connectors.Hook{Scheme: h.Scheme, Secret: h.Secret, Doc: h.Doc}
	}
	return def
}

var settingName = regexp.MustCompile(`\$\{setting\.([a-z0-9_]+)`)

// settings tells variables of settings that about does not declare.
func (c *complaints) settings(a *About, src []byte) {
	known := []string{}
	for _, s := range a.Settings {
		known = append(known, s.Name)
	}
	told := map[string]bool{}
	for _, m := range settingName.FindAllSubmatchIndex(src, -1) {
		name := string(src[m[2]:m[3]])
		line := bytes.LastIndexByte(src[:m[0]], '\n') + 1
		if slices.Contains(known, name) || told[name] || strings.HasPrefix(strings.TrimSpace(string(src[line:m[0]])), "#") {
			continue
		}
		told[name] = true
		key := "about.settings." + name
		c.places[key] = place{bytes.Count(src[:m[0]], []byte("\n")) + 1, m[0] - line + 1}
		c.add(key, "setting %q is not declared: add it under about.settings", name)
	}
	if h := a.Hook; h != nil && h.Secret != "" && !slices.Contains(known, h.Secret) {
		c.add("about.hook.secret", "setting %q is not declared: add it under about.settings", h.Secret)
	}
}
