package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors/airbyte"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
)

// ownFolder returns the folder that holds the user's connectors: connectors_dir, or ./connectors where hub.yaml names
// none; named says which.
func (c *cli) ownFolder() (dir string, named bool, err error) {
	cfg, err := c.load()
	switch {
	case canon.CodeOf(err) == "config.missing":
		return "connectors", false, nil
	case err != nil:
		return "", false, err
	case cfg.ConnectorsDir == "":
		return cfg.Path("connectors"), false, nil
	}
	return cfg.ConnectorsDir, true, nil
}

// placed says where a connector was put, and how Hub comes to know it.
func (c *cli) placed(folder string, named bool) {
	if !named {
		fmt.Fprintf(c.out, "add `connectors_dir: %s` to hub.yaml, so that Hub knows it\n", filepath.Dir(folder))
	}
}

// makeFolder makes a new folder for a connector, and refuses one that is there.
func makeFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return canon.Errorf("connector.folder", "the folder %s cannot be made: %w", filepath.Dir(dir), err)
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return canon.Errorf("connector.exists", "%s is there already", dir).WithHint("choose another name, or remove the folder")
	}
	if err != nil {
		return canon.Errorf("connector.folder", "the folder %s cannot be made: %w", dir, err)
	}
	return nil
}

func (c *cli) newConnector() *cobra.Command {
	var sample string
	var kind string
	o := rest.DraftOptions{}
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Draft a connector of your own from one answer of the vendor",
		Long: `new writes a folder with connector.yaml, mapping.yaml and BEHAVIOR.md from one saved answer to a request for a list. It
finds the list, the records' id and modification time and how the next page is found; comments in the files say what
was guessed. Go over them, then record an exchange and run ` + "`hub connectors test`" + `.`,
		Example: "  curl -s https://api.acme.example/v1/customers -H \"Authorization: Bearer $TOKEN\" > customers.json\n  hub connectors new acme --sample customers.json --url https://api.acme.example/v1/customers",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.Kind = canon.Kind(kind)
			return c.draft(args[0], sample, o)
		},
	}
	cmd.Flags().StringVar(&sample, "sample", "", "the `file` with the vendor's answer (required)")
	cmd.Flags().StringVar(&o.URL, "url", "https://api.example.com/records", "the address that gave the answer; credentials in it are left out")
	cmd.Flags().StringVar(&o.Stream, "stream", "", "the stream's name (default: the last word of the address)")
	cmd.Flags().StringVar(&o.Title, "title", "", "what people call the vendor (default: the name)")
	cmd.Flags().StringVar(&kind, "kind", "", "what a record becomes: company, contact, deal, ticket or subscription (default: guessed)")
	return cmd
}

func (c *cli) draft(name, sample string, o rest.DraftOptions) error {
	if sample == "" {
		return canon.Errorf("usage", "say which file holds the vendor's answer").WithHint("--sample customers.json")
	}
	answer, err := os.ReadFile(sample)
	if err != nil {
		return canon.Errorf("draft.sample", "the sample cannot be read: %w", err)
	}
	files, err := rest.Draft(name, answer, o)
	if err != nil {
		return err
	}
	root, named, err := c.ownFolder()
	if err != nil {
		return err
	}
	dir := filepath.Join(root, name)
	if err := makeFolder(dir); err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, file), files[file], 0o644); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "wrote %s\n", filepath.Join(dir, file))
	}
	c.placed(dir, named)
	fmt.Fprintf(c.out, "go over the comments in the files, then: hub connectors test %s\n", dir)
	return nil
}

func (c *cli) testConnector() *cobra.Command {
	return &cobra.Command{
		Use:   "test DIR",
		Short: "Hold a connector of your own to the laws that every connector keeps",
		Long: `test reads the connector in DIR and tries it against the exchange in DIR/testdata/exchange.json: that it resumes from
any page, loses nothing to refused or broken requests, stops when it is told to, keeps secrets to itself, and so on.
docs/how-to/add-a-connector.md describes the exchange.`,
		Example: "  hub connectors test connectors/acme",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			def, ok, err := loadConnector(args[0])
			if err != nil {
				return unreadable(args[0], err)
			}
			if !ok {
				return canon.Errorf("connector.files", "there is no connector in %s", args[0]).WithHint("a connector's folder holds connector.yaml or manifest.yaml; `hub connectors new` drafts one")
			}
			kept, err := connectortest.RunDir(def, args[0], c.out)
			if err != nil {
				return err
			}
			if !kept {
				return canon.Errorf("connector.laws", "the connector breaks laws").WithHint("the lines above say which and how")
			}
			return nil
		},
	}
}

var connectorName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// licenceFiles are copied along with a manifest.
var licenceFiles = []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "NOTICE", "metadata.yaml"}

// imported is what import tells of a manifest.
type imported struct {
	Name        string            `json:"name"`
	Dir         string            `json:"dir"`
	License     string            `json:"license"`
	Streams     []string          `json:"streams"`
	Unsupported []airbyte.Refused `json:"unsupported"`
}

func (c *cli) importManifest() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "import MANIFEST",
		Short: "Make a connector of a manifest in Airbyte's low-code format",
		Long: `import copies a manifest.yaml, unchanged and with the licence that stands beside it, into a folder of connectors_dir.
It names the streams that cannot be read and why. The manifest's licence is its author's: look at what it allows before
you use it. A mapping.yaml beside the manifest says what its records mean; until it is written they are kept as they are.`,
		Example: "  hub connectors import ~/manifests/source-acme/manifest.yaml --name acme",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return c.importFile(args[0], name) },
	}
	cmd.Flags().StringVar(&name, "name", "", "the connector's name in hub.yaml (default: the manifest's folder without source-)")
	return cmd
}

func (c *cli) importFile(path, name string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "manifest.yaml")
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return canon.Errorf("manifest.read", "the manifest cannot be read: %w", err)
	}
	from, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	if name == "" {
		name = strings.TrimPrefix(filepath.Base(from), "source-")
	}
	if !connectorName.MatchString(name) {
		return canon.Errorf("usage", "%q cannot be a connector's name", name).WithHint("--name with a-z, 0-9, - and _")
	}
	m, err := airbyte.Parse(name, src)
	if err != nil {
		return err
	}
	root, named, err := c.ownFolder()
	if err != nil {
		return err
	}
	out := imported{Name: name, Dir: filepath.Join(root, name), License: airbyte.License(from, src), Streams: m.Streams(), Unsupported: m.Unsupported()}
	if len(out.Streams) == 0 {
		return canon.Errorf("manifest.unsupported", "none of the manifest's streams can be read: %s", reasons(out.Unsupported)).
			WithHint("`hub connectors scan` shows what each manifest of a folder needs")
	}
	if err := c.copyManifest(out, from, src); err != nil {
		return err
	}
	if c.json {
		return c.print(out)
	}
	fmt.Fprintf(c.out, "imported %s into %s\nlicence: %s\n%s can be read: %s\n", name, out.Dir, out.License,
		plural(int64(len(out.Streams)), "stream", "streams"), strings.Join(out.Streams, ", "))
	for _, r := range out.Unsupported {
		fmt.Fprintf(c.out, "not read: %s: %s\n", r.Stream, r.Reason)
	}
	c.placed(out.Dir, named)
	fmt.Fprintf(c.out, "say in %s what the records mean; `hub map schema` describes the language\n", filepath.Join(out.Dir, "mapping.yaml"))
	return nil
}

func reasons(rs []airbyte.Refused) string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Stream+": "+r.Reason)
	}
	return strings.Join(out, "; ")
}

// copyManifest copies the manifest and what tells of its licence, and begins a mapping.
func (c *cli) copyManifest(o imported, from string, src []byte) error {
	if err := makeFolder(o.Dir); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "manifest.yaml"), src, 0o644); err != nil {
		return err
	}
	for _, name := range licenceFiles {
		if err := copyFile(filepath.Join(from, name), filepath.Join(o.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	var mapping strings.Builder
	fmt.Fprintf(&mapping, "# What the records of %s mean. Without rules they are kept as they came.\n# Streams: %s\nstreams: {}\n", o.Name, strings.Join(o.Streams, ", "))
	return os.WriteFile(filepath.Join(o.Dir, "mapping.yaml"), []byte(mapping.String()), 0o644)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, 1<<20))
	return errors.Join(err, out.Close())
}

func (c *cli) scanManifests() *cobra.Command {
	return &cobra.Command{
		Use:     "scan DIR",
		Short:   "Say of every Airbyte manifest below a folder how much of it can be read",
		Example: "  hub connectors scan ~/manifests\n  hub connectors scan ~/manifests --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := airbyte.Scan(args[0])
			if err != nil {
				return canon.Errorf("manifest.read", "the folder cannot be read: %w", err)
			}
			if len(list) == 0 {
				return canon.Errorf("manifest.unknown", "there is no manifest.yaml below %s", args[0])
			}
			if c.json {
				return c.print(list)
			}
			return airbyte.Report(c.out, list)
		},
	}
}

func (c *cli) connectorSchema() *cobra.Command {
	return &cobra.Command{Use: "schema", Short: "Print the JSON Schema of connector.yaml, for editors", Args: cobra.NoArgs, Example: "  hub connectors schema > connector.schema.json",
		RunE: func(*cobra.Command, []string) error {
			schema, err := rest.Schema()
			if err != nil {
				return err
			}
			_, err = c.out.Write(schema)
			return err
		}}
}
