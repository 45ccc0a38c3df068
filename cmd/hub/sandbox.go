package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
)

// sandboxCommand serves the sandbox alone, for trying out hub.yaml and every other command against it.
func (c *cli) sandboxCommand() *cobra.Command {
	o := demoOptions{once: true}
	var file string
	var moving bool
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve the sandbox's vendors and write a hub.yaml for them, until stopped",
		Long: `sandbox serves the vendor servers that demo uses, and a receiver of webhooks, and writes a hub.yaml that is
connected to them. Every other command can then be tried out in a second terminal. The world stands still, so
that the same commands give the same answers, unless --move is given.`,
		Example: "  hub sandbox --write sandbox.yaml\n  hub sync -c sandbox.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			asOf, err := parseDay(o.asOf)
			if err != nil {
				return err
			}
			path, err := filepath.Abs(file)
			if err != nil {
				return err
			}
			st, err := setStage(ctx, o, asOf)
			if err != nil {
				return err
			}
			defer st.close()
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, os.ErrExist) {
				return canon.Errorf("init.exists", "%s is there already", path).WithHint("remove it, or name another file by --write")
			}
			if err != nil {
				return err
			}
			if _, err := f.WriteString(st.yaml(o, asOf)); err != nil {
				return errors.Join(err, f.Close())
			}
			if err := f.Close(); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "serving; in another terminal: hub sync -c %s\n", file)
			if !moving {
				<-ctx.Done()
			}
			for moving && wait(ctx, 4*time.Second) {
				for _, sentence := range st.world.Step(time.Now().Add(-worldLag)) {
					fmt.Fprintln(c.out, sentence)
				}
			}
			return os.Remove(path)
		},
	}
	cmd.Flags().IntVar(&o.companies, "companies", 300, "how many companies the world has")
	cmd.Flags().Int64Var(&o.seed, "seed", 1, "another seed is another world")
	cmd.Flags().StringVar(&o.asOf, "as-of", "", "let the world's history end at this moment, and assess as of then")
	cmd.Flags().StringVar(&file, "write", "sandbox.yaml", "the configuration `file` to write; it is removed at the end")
	cmd.Flags().BoolVar(&moving, "move", false, "let the world move every few seconds")
	return cmd
}
