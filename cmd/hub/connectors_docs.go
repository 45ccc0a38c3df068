package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
)

//go:generate go run . connectors docs ../../docs/connectors

func (c *cli) connectorDocs() *cobra.Command {
	return &cobra.Command{
		Use:     "docs DIR",
		Short:   "Write a page in Markdown about every connector into a folder",
		Example: "  hub connectors docs docs/connectors",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			known, err := c.catalog()
			if err != nil {
				return err
			}
			pages := connectorPages(cmd.Context(), known)
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return canon.Errorf("connector.docs", "the folder cannot be made: %w", err)
			}
			for _, name := range slices.Sorted(maps.Keys(pages)) {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(pages[name]), 0o644); err != nil {
					return canon.Errorf("connector.docs", "the page cannot be written: %w", err)
				}
			}
			fmt.Fprintf(c.out, "wrote %s into %s\n", plural(int64(len(pages)), "page", "pages"), args[0])
			return nil
		},
	}
}

// connectorPages returns a page about each connector, and one that lists them, by file name.
func connectorPages(ctx context.Context, known catalog) map[string]string {
	pages := map[string]string{}
	var list strings.Builder
	list.WriteString("# Connectors\n\nWritten by `hub connectors docs`; `hub connectors show NAME` tells the same.\n\n" +
		"| connector | what | streams | can |\n|---|---|---|---|\n")
	for _, e := range known {
		if e.Err != nil {
			continue
		}
		p := powersOf(ctx, e)
		pages[e.Name+".md"] = connectorPage(e, p)
		fmt.Fprintf(&list, "| [%s](%s.md) | %s (%s) | %s | %s |\n", e.Name, e.Name, cell(e.Title), e.Category, p.streamNames(), p.summary())
	}
	pages["README.md"] = list.String()
	return pages
}

// connectorPage is the page about one connector.
func connectorPage(e entry, p powers) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\n```yaml\nconnections:\n  - name: %s\n    connector: %s\n%s```\n", e.Title, e.Doc, e.Name, e.Name, exampleSettings(e))
	fmt.Fprintf(&b, "\n## Settings\n\n| setting | what | |\n|---|---|---|\n")
	for _, s := range e.Settings {
		var marks []string
		for _, m := range []struct {
			word string
			is   bool
		}{{"required", s.Required}, {"secret", s.Secret}, {"default `" + s.Default + "`", s.Default != ""}} {
			if m.is {
				marks = append(marks, m.word)
			}
		}
		fmt.Fprintf(&b, "| `%s` | **%s.** %s | %s |\n", s.Name, cell(s.Title), cell(s.Doc), cell(strings.Join(marks, ", ")))
	}
	if p.OAuth {
		fmt.Fprintf(&b, "\nWhere the settings name an app (OAuth), `hub connect %s` fetches the first token, with a person's consent; it is kept\nsealed and renewed. Other secrets may be given to `hub connect` too, in place of hub.yaml.\n", e.Name)
	}
	b.WriteString("\n## What it reads\n\n")
	if len(p.Streams) == 0 {
		b.WriteString("Streams are declared in hub.yaml.\n")
	} else {
		b.WriteString("| stream | what | becomes | later rounds | deleted records are found by | can |\n|---|---|---|---|---|---|\n")
		for _, s := range p.Streams {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, cell(s.Title), strings.Join(s.Kinds, ", "), s.rounds(p.Reads), strings.Join(s.Deletes, ", "), s.can())
		}
		b.WriteString("\n*write-back*: Hub can write fields into the records. *merges*: records that became one are told. *refetch*: single records can be\nread, after a webhook call. *fields*: the vendor lists the fields, for `hub connectors fields`.\n")
	}
	if e.Hook != nil {
		fmt.Fprintf(&b, "\n## Webhooks\n\nAddress: `https://YOUR-HUB/hooks/%s`, signature scheme `%s`", e.Name, p.Webhooks)
		if e.Hook.Secret != "" {
			fmt.Fprintf(&b, ", verified with the setting `%s`", e.Hook.Secret)
		}
		fmt.Fprintf(&b, ".\n\n%s\n\nSee [Let vendors call](../how-to/let-vendors-call.md).\n", strings.TrimSpace(e.Hook.Doc))
	}
	fmt.Fprintf(&b, "\n## What will surprise you\n\n%s\n", headings(e.Behavior))
	if excerpt := mappingExcerpt(e.Mapping); excerpt != "" {
		fmt.Fprintf(&b, "\n## The mapping begins with\n\n```yaml\n%s```\n\nThe whole file is `connectors/%s/mapping.yaml`; `mapping:` in hub.yaml names one of your own in its place.\n", excerpt, e.Name)
	} else {
		b.WriteString("\n## Mapping\n\nIt brings none: write one and name it by `mapping:` in hub.yaml. `hub map schema` describes the language.\n")
	}
	return b.String()
}

// exampleSettings are the required settings as they stand in hub.yaml.
func exampleSettings(e entry) string {
	var b strings.Builder
	for _, s := range e.Settings {
		if !s.Required {
			continue
		}
		value := "…"
		if s.Secret {
			value = "${" + strings.ToUpper(strings.ReplaceAll(e.Name, "-", "_")+"_"+s.Name) + "}"
		}
		fmt.Fprintf(&b, "      %s: %s\n", s.Name, value)
	}
	if b.Len() == 0 {
		return ""
	}
	return "    settings:\n" + b.String()
}

// mappingLines is how much of a mapping a page shows.
const mappingLines = 30

// mappingExcerpt returns the first lines of a mapping, without those that say what everyone knows.
func mappingExcerpt(src []byte) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(string(src)) {
		if n == 0 && (strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "") {
			continue
		}
		if n++; n > mappingLines {
			b.WriteString("# …\n")
			break
		}
		b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String()
}

// headings moves the headings of a text two levels down, so that they stand below the page's own, which takes the place
// of the first.
func headings(text string) string {
	var b strings.Builder
	text = strings.TrimSpace(text)
	if first, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(first, "# ") {
		text = rest
	}
	for line := range strings.Lines(strings.TrimSpace(text)) {
		if strings.HasPrefix(line, "#") {
			line = "##" + line
		}
		b.WriteString(line)
	}
	return b.String()
}

// cell makes a text fit into a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
}
