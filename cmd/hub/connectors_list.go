package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

func (c *cli) connectors() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connectors",
		Short: "List, describe and make connectors",
		Long: `connectors tells which systems Hub can be connected to and what it can do with each, and helps to make connectors
of your own: as a folder with a connector.yaml, or of a manifest in Airbyte's low-code format. Folders in connectors_dir
(hub.yaml) are connectors like those that come with Hub.`,
		Example: "  hub connectors list\n  hub connectors show hubspot\n  hub connectors new acme --sample customers.json --url https://api.acme.example/v1/customers",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.listConnectors(cmd)
			}
			return c.showConnector(cmd, args[0])
		},
	}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the connectors and what each can do", Args: cobra.NoArgs, Example: "  hub connectors list\n  hub connectors list --json",
			RunE: func(cmd *cobra.Command, _ []string) error { return c.listConnectors(cmd) }},
		&cobra.Command{Use: "show NAME", Short: "Describe a connector: settings, streams, what will surprise you", Args: cobra.ExactArgs(1), Example: "  hub connectors show stripe",
			RunE: func(cmd *cobra.Command, args []string) error { return c.showConnector(cmd, args[0]) }},
		&cobra.Command{Use: "status", Short: "The same as `hub connections`", Hidden: true, Args: cobra.NoArgs, Example: "  hub connections",
			RunE: func(cmd *cobra.Command, _ []string) error { return c.showConnections(cmd.Context(), nil) }},
		c.fieldsCommand(), c.newConnector(), c.testConnector(), c.importManifest(), c.scanManifests(), c.connectorSchema(), c.connectorDocs(),
	)
	return cmd
}

func (c *cli) listConnectors(cmd *cobra.Command) error {
	known, err := c.catalog()
	if err != nil {
		return err
	}
	list := []powers{}
	for _, e := range known {
		list = append(list, powersOf(cmd.Context(), e))
	}
	if c.json {
		return c.print(list)
	}
	t := newTable(c.out, "connector", "what", "streams", "can")
	for _, p := range list {
		if p.Error != "" {
			t.AppendRow(table.Row{p.Name, p.Own, "", "cannot be read: " + p.Error})
			continue
		}
		what := p.Title + " (" + p.Category + ")"
		if p.Own != "" {
			what += " in " + p.Own
		}
		t.AppendRow(table.Row{p.Name, what, p.streamNames(), p.summary()})
	}
	t.Render()
	return nil
}

func (p powers) streamNames() string {
	var out []string
	for _, s := range p.Streams {
		out = append(out, s.Name)
	}
	if len(out) == 0 {
		return "as configured"
	}
	if len(out) > 6 {
		return fmt.Sprintf("%s and %d more", strings.Join(out[:5], ", "), len(out)-5)
	}
	return strings.Join(out, ", ")
}

// shown is a connector in full.
type shown struct {
	powers
	Doc      string               `json:"doc"`
	Settings []connectors.Setting `json:"settings"`
	HookDoc  string               `json:"webhook_setup,omitempty"`
	Behavior string               `json:"behavior"`
}

func (c *cli) showConnector(cmd *cobra.Command, name string) error {
	known, err := c.catalog()
	if err != nil {
		return err
	}
	e, err := known.entry(name)
	if err != nil {
		return err
	}
	s := shown{powers: powersOf(cmd.Context(), e), Doc: e.Doc, Settings: e.Settings, Behavior: e.Behavior}
	if e.Hook != nil {
		s.HookDoc = e.Hook.Doc
	}
	if c.json {
		return c.print(s)
	}
	s.write(c.out)
	return nil
}

func (s shown) write(w io.Writer) {
	fmt.Fprintf(w, "%s (%s)\n\n%s\n\ncan: %s\n", s.Title, s.Category, s.Doc, s.summary())
	if s.Own != "" {
		fmt.Fprintf(w, "folder: %s\n", s.Own)
	}
	fmt.Fprint(w, "\nsettings\n")
	for _, f := range s.Settings {
		fmt.Fprintf(w, "  %s%s  %s\n", f.Name, settingMarks(f), f.Doc)
	}
	if len(s.Streams) == 0 {
		fmt.Fprint(w, "\nstreams are declared in hub.yaml\n")
	} else {
		fmt.Fprintln(w)
		t := newTable(w, "stream", "becomes", "later rounds", "deletes", "can")
		for _, st := range s.Streams {
			t.AppendRow(table.Row{st.Name, strings.Join(st.Kinds, ", "), st.rounds(s.Reads), strings.Join(st.Deletes, ", "), st.can()})
		}
		t.Render()
	}
	if s.HookDoc != "" {
		fmt.Fprintf(w, "\nwebhooks (%s)\n  %s\n", s.Webhooks, s.HookDoc)
	}
	if !s.Mapping {
		fmt.Fprint(w, "\nbrings no mapping: write one and name it by `mapping:` in hub.yaml\n")
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(s.Behavior))
}

func settingMarks(f connectors.Setting) string {
	mark := ""
	if f.Required {
		mark += " (required)"
	}
	if f.Secret {
		mark += " (secret)"
	}
	if f.Default != "" {
		mark += " [" + f.Default + "]"
	}
	return mark
}

func (s streamPower) rounds(reads string) string {
	switch {
	case reads == "as configured":
		return ""
	case s.Incremental:
		return "what changed"
	}
	return "everything"
}

func (s streamPower) can() string {
	var out []string
	for _, w := range []struct {
		word string
		can  bool
	}{{"write-back", s.Push}, {"merges", s.Merges}, {"refetch", s.Fetch}, {"fields", s.Fields}} {
		if w.can {
			out = append(out, w.word)
		}
	}
	return strings.Join(out, ", ")
}

// unreadable returns what is wrong with a connector's folder, for people and with a hint.
func unreadable(dir string, err error) error {
	e := canon.AsError(err)
	if e.Hint == "" {
		return e.WithHint("look into %s", dir)
	}
	return e
}
