package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1 // something was lost, failed or refused
	exitUsage    = 2 // the command line is off
	exitConfig   = 3 // hub.yaml, a mapping or a policy is off
	exitNotFound = 4 // what was asked for does not exist
	exitStopped  = 130
)

// cli is one call of hub.
type cli struct {
	streams
	env    func(string) (string, bool)
	config string
	json   bool
}

// run runs hub with the arguments and returns its exit code.
func run(ctx context.Context, args []string, s streams, env func(string) (string, bool)) int {
	c := &cli{streams: s, env: env}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return c.fail(ctx, err)
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "hub",
		Short: "One timeline per customer, where each stands, and the answer back to every system",
		Long: `hub turns what a company's CRM, billing and support systems know into one timeline per customer, tells
where each customer stands and how they are doing, and gives that answer back: into fields of the CRM, and to
webhook and NATS subscribers.

Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 wrong configuration, 4 not found, 130 stopped.`,
		Example:       "  hub demo            see it all on a sandbox, with nothing to configure\n  hub init            write a hub.yaml to start from\n  hub check           say what is wrong with it\n  hub run             keep everything in step",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&c.config, "config", "c", "hub.yaml", "the configuration `file`")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON for machines")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(c.demo(), c.sandboxCommand(), c.initialise(), c.check(), c.sync(), c.run(), c.customers(), c.timeline(), c.explain(), c.lifecycleCommand(), c.identity(),
		c.mapCommand(), c.webhooks(), c.deadletters(), c.bench(), c.connectors(), c.connect(), c.connections(), c.replayCommand(), c.vault(), c.pushes(),
		c.erase(), c.export(), c.audit(), c.plays(), c.segments(), c.override(), c.rebuild(), c.backtest(), c.reports(), c.version())
	wordUsage(root)
	return root
}

// fail tells what went wrong, and what to do, and returns the exit code for it.
func (c *cli) fail(ctx context.Context, err error) int {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(c.err, "stopped; everything committed so far is kept")
		return exitStopped
	}
	var status exitStatus
	if errors.As(err, &status) {
		return int(status)
	}
	var complaints config.Complaints
	if errors.As(err, &complaints) {
		fmt.Fprintln(c.err, complaints.Error())
		return exitConfig
	}
	if strings.HasPrefix(err.Error(), "unknown command") {
		err = canon.Errorf("usage", "%w", err).WithHint("`hub --help` lists the commands")
	}
	e := canon.AsError(err)
	if c.json {
		_ = json.NewEncoder(c.err).Encode(map[string]*canon.Error{"error": e})
	} else {
		fmt.Fprintf(c.err, "error: %s\n", err)
		if e.Hint != "" {
			fmt.Fprintf(c.err, "hint:  %s\n", e.Hint)
		}
	}
	switch {
	case e.Code == "usage" || strings.HasPrefix(e.Code, "request.") || strings.HasPrefix(e.Code, "pin."):
		return exitUsage
	case strings.HasPrefix(e.Code, "config.") || strings.HasPrefix(e.Code, "policy.") || strings.HasPrefix(e.Code, "mapping."):
		return exitConfig
	case strings.HasSuffix(e.Code, ".unknown") || e.Code == "not_found":
		return exitNotFound
	}
	return exitFailed
}

// print writes v as indented JSON.
func (c *cli) print(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// load reads the configuration.
func (c *cli) load() (*config.Config, error) {
	cfg, err := config.Load(c.config, c.env)
	if errors.Is(err, os.ErrNotExist) {
		return nil, canon.Errorf("config.missing", "there is no %s here", c.config).
			WithHint("`hub init` writes one to start from; -c names another file; `hub demo` needs none")
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return nil, canon.Errorf("config.read", "%s cannot be read: %w", c.config, path.Err).WithHint("-c names the configuration file, not its folder")
	}
	return cfg, err
}

// isTerminal says whether w is a terminal that a person looks at.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && terminal(int(f.Fd()))
}
