package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
)

func (c *cli) lifecycleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lifecycle",
		Short: "Read, check, compare and draw lifecycle policies",
		Long: `lifecycle works on policies: the stages that customers pass, the flags, metrics and scores they get, and the plays that
follow. POLICY is a file, or the name of a pack that comes with Hub; without it, it is the policy that hub.yaml names.`,
		Example: "  hub lifecycle show\n  hub lifecycle lint lifecycle.yaml --strict\n  hub lifecycle diff cyclic-saas lifecycle.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return c.showPolicy(nil) },
	}
	cmd.AddCommand(
		&cobra.Command{Use: "show [POLICY]", Short: "Tell the stages with their rules, events and metrics, and the flags, scores and parameters", Args: cobra.MaximumNArgs(1),
			Example: "  hub lifecycle show\n  hub lifecycle show classic --json", RunE: func(_ *cobra.Command, args []string) error { return c.showPolicy(args) }},
		c.lintPolicy(),
		c.diffPolicies(),
		c.planPolicy(),
		c.applyPolicy(),
		c.drawPolicy("mermaid", "Draw the stage graph as a Mermaid diagram", (*lifecycle.Policy).Mermaid),
		c.drawPolicy("markdown", "Tell the whole policy as a Markdown page", (*lifecycle.Policy).Markdown),
		c.listPacks(),
	)
	return cmd
}

// policyNamed reads the policy that the arguments name: a file, a pack, or that of hub.yaml.
func (c *cli) policyNamed(args []string) (*lifecycle.Policy, error) {
	if len(args) > 0 {
		if _, err := os.Stat(args[0]); err != nil && slices.Contains(lifecycle.Packs(), args[0]) {
			return lifecycle.Pack(args[0])
		}
		return policyFile(args[0])
	}
	cfg, err := c.load()
	if canon.CodeOf(err) == "config.missing" {
		return lifecycle.Default(), nil
	}
	if err != nil {
		return nil, err
	}
	return loadPolicy(cfg)
}

// wrong is everything that is wrong with a policy file, one thing a line, and the error that says how many.
func (c *cli) wrong(out io.Writer, err error) error {
	var list lifecycle.Complaints
	if !errors.As(err, &list) || len(list) < 2 {
		return err
	}
	for _, one := range list {
		fmt.Fprintf(out, "%s (%s)\n", one, one.Hint)
	}
	return canon.Errorf("policy.invalid", "%s in %s", plural(int64(len(list)), "thing is wrong", "things are wrong"), list[0].File).WithHint("each stands above with its place")
}

func (c *cli) drawPolicy(use, short string, draw func(*lifecycle.Policy) string) *cobra.Command {
	return &cobra.Command{Use: use + " [POLICY]", Short: short, Args: cobra.MaximumNArgs(1), Example: "  hub lifecycle " + use + " > lifecycle." + map[string]string{"mermaid": "mmd", "markdown": "md"}[use],
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := c.policyNamed(args)
			if err != nil {
				return c.wrong(c.err, err)
			}
			if c.json {
				return c.print(map[string]string{"policy": p.Name(), use: draw(p)})
			}
			_, err = io.WriteString(c.out, draw(p))
			return err
		}}
}

type packRow struct {
	Name    string `json:"name"`
	Policy  string `json:"policy"`
	Summary string `json:"summary"`
	Default bool   `json:"default,omitempty"`
	Stages  int    `json:"stages"`
	Scores  int    `json:"scores"`
	Plays   int    `json:"plays"`
}

func (c *cli) listPacks() *cobra.Command {
	return &cobra.Command{Use: "packs", Short: "List the policies that come with Hub", Args: cobra.NoArgs, Example: "  hub lifecycle packs\n  hub init --lifecycle --pack classic > lifecycle.yaml",
		RunE: func(*cobra.Command, []string) error {
			rows := []packRow{}
			for _, name := range lifecycle.Packs() {
				p, err := lifecycle.Pack(name)
				if err != nil {
					return err
				}
				rows = append(rows, packRow{name, p.Name(), p.Doc(), name == lifecycle.DefaultPack, len(p.Stages()), len(p.ScoreNames()), len(p.Plays())})
			}
			if c.json {
				return c.print(rows)
			}
			t := newTable(c.out, "pack", "stages", "scores", "plays", "what")
			for _, r := range rows {
				name := r.Name
				if r.Default {
					name += " (default)"
				}
				t.AppendRow([]any{name, r.Stages, r.Scores, r.Plays, r.Summary})
			}
			t.Render()
			return nil
		}}
}

func (c *cli) diffPolicies() *cobra.Command {
	return &cobra.Command{Use: "diff OLD NEW", Short: "Tell in words what one policy says otherwise than another, and whether its version is counted up enough", Args: cobra.ExactArgs(2),
		Long: `diff compares two policies by what they mean: stages, rules, weights, thresholds. Each difference says what of the version
it counts up: major where answers are of another kind, minor where other answers come out, patch where only words differ.
It ends with exit code 1 where NEW has not been counted up by as much.`,
		Example: "  hub lifecycle diff cyclic-saas lifecycle.yaml\n  hub lifecycle diff old.yaml new.yaml --json",
		RunE: func(_ *cobra.Command, args []string) error {
			older, err := c.policyNamed(args[:1])
			if err != nil {
				return c.wrong(c.err, err)
			}
			newer, err := c.policyNamed(args[1:])
			if err != nil {
				return c.wrong(c.err, err)
			}
			list := lifecycle.Diff(older, newer)
			ok, least := lifecycle.VersionCounted(older, newer, list)
			if c.json {
				if list == nil {
					list = []lifecycle.Difference{}
				}
				err = c.print(map[string]any{"old": older.Name(), "new": newer.Name(), "differences": list, "part": lifecycle.VersionPart(list), "version_counted": ok, "least_version": least})
			} else {
				for _, d := range list {
					fmt.Fprintln(c.out, d)
				}
				if len(list) == 0 {
					fmt.Fprintf(c.out, "%s and %s say the same\n", older.Name(), newer.Name())
				}
			}
			if err == nil && !ok {
				err = canon.Errorf("lifecycle.version", "%s must be counted up to %s at least (%s)", newer.Name(), least, lifecycle.VersionPart(list)).WithHint("the version is told with every answer; write version: %s into the newer file", least)
			}
			return err
		}}
}

func (c *cli) lintPolicy() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{Use: "lint [POLICY]", Short: "Say what is wrong with a policy, and what in it hardly works as meant", Args: cobra.MaximumNArgs(1),
		Long: `lint tells errors, which keep a policy from being used, and warnings: rules that never come to anything, stages that nobody
can leave, weights that hide what they should show, measures that nothing is done about, and, where hub.yaml has
connections, events that none of them delivers. Errors end with exit code 3, warnings with 1 where --strict asks for it.`,
		Example: "  hub lifecycle lint\n  hub lifecycle lint lifecycle.yaml --strict",
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := c.policyNamed(args)
			if err != nil {
				return c.wrong(c.err, err)
			}
			list := append(lifecycle.Lint(p), c.undelivered(p)...)
			if c.json {
				if err := c.print(map[string]any{"policy": p.Name(), "warnings": slices.Concat([]lifecycle.Warning{}, list)}); err != nil {
					return err
				}
			} else {
				for _, w := range list {
					fmt.Fprintf(c.out, "%s\n    %s\n", w, w.Hint)
				}
				if len(list) == 0 {
					fmt.Fprintf(c.out, "%s is sound: %s\n", p.Name(), policyCounts(p))
				}
			}
			if strict && len(list) > 0 {
				return canon.Errorf("lifecycle.lint", "%s", plural(int64(len(list)), "warning", "warnings")).WithHint("mend them, or leave --strict out")
			}
			return nil
		}}
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on warnings too")
	return cmd
}

func policyCounts(p *lifecycle.Policy) string {
	return strings.Join([]string{
		plural(int64(len(p.Stages())), "stage", "stages"), plural(int64(len(p.Flags())), "flag", "flags"), plural(int64(len(p.ScoreNames())), "score", "scores"),
		plural(int64(len(p.Metrics())), "metric", "metrics"), plural(int64(len(p.Plays())), "play", "plays"),
	}, ", ")
}

// undelivered warns of events that no configured connection delivers. Where there is no configuration, or one of a
// connector that is not known here, nothing is said.
func (c *cli) undelivered(p *lifecycle.Policy) []lifecycle.Warning {
	cfg, err := c.load()
	if err != nil || len(cfg.Connections) == 0 {
		return nil
	}
	known, err := knownConnectors(cfg)
	if err != nil {
		return nil
	}
	var kinds []canon.Kind
	for _, conn := range cfg.Connections {
		i := slices.IndexFunc(known, func(e entry) bool { return e.Name == conn.Connector })
		if i < 0 {
			return nil
		}
		if len(known[i].Streams) == 0 {
			return nil // what it delivers depends on its settings
		}
		for _, s := range known[i].Streams {
			kinds = append(kinds, s.Kinds...)
		}
	}
	return lifecycle.LintKinds(p, kinds)
}
