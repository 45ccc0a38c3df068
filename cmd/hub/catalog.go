package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/airbyte"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// catalog is every connector that a hub knows, by name: those that come with Hub, and the folders in
// connectors_dir, of which one takes the place of a shipped one of its name.
type catalog []entry

// entry is one connector.
type entry struct {
	connectors.Definition
	// Dir is its folder, "" for those that come with Hub.
	Dir string
	// Err says why the folder is no connector. Only the name is known then.
	Err error
}

// shipped are the connectors that come with Hub.
func shipped() catalog {
	var out catalog
	for _, d := range all.List() {
		out = append(out, entry{Definition: d})
	}
	return out
}

// knownConnectors reads connectors_dir. A folder that is no connector is told to whoever asks for it.
func knownConnectors(cfg *config.Config) (catalog, error) {
	out := shipped()
	if cfg.ConnectorsDir == "" {
		return out, nil
	}
	folders, err := os.ReadDir(cfg.ConnectorsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return nil, cfg.Complain("connectors_dir", "connectors_dir cannot be read: "+err.Error(), "name a folder that holds one folder per connector")
	}
	for _, f := range folders {
		dir := filepath.Join(cfg.ConnectorsDir, f.Name())
		def, ok, err := loadConnector(dir)
		if !ok {
			continue
		}
		e := entry{Definition: def, Dir: dir, Err: err}
		if err != nil {
			e.Name = f.Name()
		}
		out = slices.DeleteFunc(out, func(o entry) bool { return o.Dir == "" && o.Name == e.Name })
		out = append(out, e)
	}
	slices.SortStableFunc(out, func(a, b entry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// loadConnector reads the connector in a folder. ok is false where the folder holds none.
func loadConnector(dir string) (def connectors.Definition, ok bool, err error) {
	if isFile(filepath.Join(dir, "connector.yaml")) {
		def, err = rest.LoadDir(dir)
		return def, true, err
	}
	for _, name := range []string{"manifest.yaml", "manifest.yml"} {
		if path := filepath.Join(dir, name); isFile(path) {
			def, err = loadManifest(dir, path)
			return def, true, err
		}
	}
	return def, false, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// loadManifest makes a connector of a folder with an Airbyte manifest and, if somebody wrote one, a mapping.yaml.
func loadManifest(dir, path string) (connectors.Definition, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return connectors.Definition{}, canon.Errorf("connector.files", "%w", err)
	}
	name := filepath.Base(dir)
	m, err := airbyte.Parse(name, src)
	if err != nil {
		return connectors.Definition{}, err
	}
	mapping, err := os.ReadFile(filepath.Join(dir, "mapping.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return connectors.Definition{}, canon.Errorf("connector.files", "%w", err)
	}
	return airbyte.Define(name, m, mapping), nil
}

// definitions are those that can be opened.
func (c catalog) definitions() []connectors.Definition {
	var out []connectors.Definition
	for _, e := range c {
		if e.Err == nil {
			out = append(out, e.Definition)
		}
	}
	return out
}

// entry returns the connector of that name. Its error is connector.unknown, or says what is wrong in its folder.
func (c catalog) entry(name string) (entry, error) {
	i := slices.IndexFunc(c, func(e entry) bool { return e.Name == name })
	if i < 0 {
		return entry{}, canon.Errorf("connector.unknown", "there is no connector %q", name).WithHint("choose one of %s", strings.Join(c.names(), ", "))
	}
	return c[i], c[i].Err
}

func (c catalog) find(name string) (connectors.Definition, error) {
	e, err := c.entry(name)
	return e.Definition, err
}

func (c catalog) names() []string {
	var out []string
	for _, e := range c {
		out = append(out, e.Name)
	}
	return out
}

// catalog reads the connectors of the configuration, or those that come with Hub where there is none.
func (c *cli) catalog() (catalog, error) {
	cfg, err := c.load()
	switch {
	case err == nil:
		return knownConnectors(cfg)
	case canon.CodeOf(err) == "config.missing":
		return shipped(), nil
	}
	return nil, err
}
