package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
)

func (c *cli) initialise() *cobra.Command {
	var schema, policy bool
	pack := lifecycle.DefaultPack
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Write a hub.yaml to start from",
		Example: "  hub init\n  hub init --schema > hub.schema.json\n  hub init --lifecycle > lifecycle.yaml\n  hub init --lifecycle --pack classic > lifecycle.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch {
			case schema:
				_, err := c.out.Write(config.Schema())
				return err
			case policy:
				src, err := lifecycle.PackYAML(pack)
				if err != nil {
					return err
				}
				_, err = c.out.Write(src)
				return err
			}
			f, err := os.OpenFile(c.config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, os.ErrExist) {
				return canon.Errorf("init.exists", "%s is there already", c.config).WithHint("edit it, or name another file by -c")
			}
			if err != nil {
				return err
			}
			if _, err := f.Write(config.Starter()); err != nil {
				return errors.Join(err, f.Close())
			}
			fmt.Fprintf(c.out, "wrote %s; fill in your connections, then run `hub check`\n", c.config)
			return f.Close()
		},
	}
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of hub.yaml, for editors")
	cmd.Flags().BoolVar(&policy, "lifecycle", false, "print a lifecycle policy that comes with Hub, to be changed and named in hub.yaml")
	cmd.Flags().StringVar(&pack, "pack", pack, "with --lifecycle: which `policy` (hub lifecycle packs lists them)")
	return cmd
}

// checked is one line of what check found.
type checked struct {
	What  string       `json:"what"`
	OK    bool         `json:"ok"`
	Error *canon.Error `json:"error,omitempty"`
}

// asError returns err as a canon.Error, complaints about hub.yaml included.
func asError(err error) *canon.Error {
	var complaints config.Complaints
	if errors.As(err, &complaints) {
		return &canon.Error{Code: "config.invalid", Message: complaints.Error()}
	}
	return canon.AsError(err)
}

func (c *cli) check() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check the configuration, the mappings, the policy, the store and the vendors' answers",
		Example: "  hub check\n  hub check --offline",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			cfg, err := c.load()
			if err != nil {
				return err
			}
			out := []checked{{What: "configuration " + c.config, OK: true}}
			add := func(what string, err error) { out = append(out, checked{what, err == nil, asError(err)}) }
			_, err = loadPolicy(cfg)
			add("lifecycle policy "+cmp.Or(cfg.Lifecycle, "that comes with Hub"), err)
			_, err = endpoints(cfg)
			add(plural(int64(len(cfg.Webhooks)), "webhook endpoint", "webhook endpoints"), err)
			around, finish, err := c.checkAround(ctx, cfg, offline)
			add("connectors and store", err)
			if err != nil {
				return c.checkedReport(out)
			}
			defer finish()
			for i, conn := range cfg.Connections {
				v, err := openVendor(ctx, around, i)
				if err == nil {
					_, err = targets(v)
				}
				if err == nil && !offline {
					err = v.conn.Check(ctx)
				}
				if v != nil && v.conn != nil {
					err = errors.Join(err, v.conn.Close())
				}
				add("connection "+conn.Name, err)
			}
			return c.checkedReport(out)
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "do not call vendors and do not open the store")
	return cmd
}

// checkAround returns what connections are opened in to be checked. Offline there is no store, and so no vault.
func (c *cli) checkAround(ctx context.Context, cfg *config.Config, offline bool) (s surroundings, finish func(), err error) {
	s = surroundings{cfg: cfg, log: newLog(c.err, cfg.Log), budgets: &connectors.Budgets{}}
	if s.known, err = knownConnectors(cfg); err != nil || offline {
		return s, func() {}, err
	}
	if s.db, err = openStore(ctx, cfg); err != nil {
		return s, func() {}, err
	}
	keys, err := loadKeys(cfg, c.env)
	if err != nil {
		return s, func() {}, errors.Join(err, s.db.Close())
	}
	s.keys = &keys
	// Nothing was written: what fails on closing has no one to tell.
	return s, func() { _ = s.db.Close() }, nil
}

func (c *cli) checkedReport(out []checked) error {
	bad := 0
	for _, o := range out {
		if !o.OK {
			bad++
		}
	}
	if c.json {
		if err := c.print(out); err != nil {
			return err
		}
	} else {
		for _, o := range out {
			if o.OK {
				fmt.Fprintf(c.out, "ok    %s\n", o.What)
				continue
			}
			fmt.Fprintf(c.out, "FAIL  %s\n      %s\n", o.What, o.Error.Message)
			if o.Error.Hint != "" {
				fmt.Fprintf(c.out, "      %s\n", o.Error.Hint)
			}
		}
	}
	if bad > 0 {
		return canon.Errorf("config.check", "%s", plural(int64(bad), "thing is to be mended", "things are to be mended"))
	}
	return nil
}

func (c *cli) mapCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "map", Short: "Work on mappings", Example: "  hub map test connectors/hubspot/mapping.yaml record.json --stream companies"}
	var stream string
	test := &cobra.Command{
		Use:   "test FILE RECORD.json",
		Short: "Show side by side what became of each part of a record",
		Long: `test maps one record and shows, side by side, which part of it became what, what could not be used and why,
and which parts nobody used. FILE is a mapping; "builtin:hubspot" means the one that comes with a connector.`,
		Example: "  hub map test builtin:stripe invoice.json --stream invoices\n  hub map test mapping.yaml record.json --stream companies --json",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return c.mapTest(args[0], args[1], stream)
		},
	}
	test.Flags().StringVar(&stream, "stream", "", "the record's stream (default: the file's only one)")
	schema := &cobra.Command{Use: "schema", Short: "Print the JSON Schema of mapping files, for editors", Args: cobra.NoArgs, Example: "  hub map schema > mapping.schema.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := c.out.Write(mapping.Schema())
			return err
		}}
	cmd.AddCommand(test, schema)
	return cmd
}

func (c *cli) version() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Example: "  hub version --json",
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.print(map[string]string{"version": version(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			fmt.Fprintf(c.out, "hub %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		}}
}

// version is the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" })
	if i < 0 {
		return "development"
	}
	return "development-" + info.Settings[i].Value[:min(12, len(info.Settings[i].Value))]
}
