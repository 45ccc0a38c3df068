package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// applyFlags are what the command line says of putting a policy in force.
type applyFlags struct {
	author, reason string
	yes, follow    bool
}

// mostReason bounds what is kept of a reason.
const mostReason = 500

func (c *cli) applyPolicy() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{Use: "apply [POLICY]", Short: "Put a policy in force: plan, ask, write down who and why, and assess everybody by it", Args: cobra.MaximumNArgs(1),
		Long: `apply says what the policy would change, as plan does, asks, and puts it in force. Its version must be counted up by as much
as it says otherwise. Who applied it, when and why stands in the audit. Nothing that was assessed or told before is rewritten.

Before the first apply, the policy that hub.yaml names is in force with the next start. From then on the applied one stays
in force, whatever becomes of the file, until another is applied; hub says so at every start where the two differ. --follow
goes back to following hub.yaml.`,
		Example: "  hub lifecycle apply lifecycle.yaml --reason 'dormant after 30 days, agreed with success'\n  hub lifecycle apply --yes --author ci",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.follow && len(args) > 0 {
				return canon.Errorf("usage", "--follow takes the policy that hub.yaml names").WithHint("leave the file out, or --follow")
			}
			return c.apply(cmd.Context(), args, f)
		}}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, in your words; it is kept and shown")
	cmd.Flags().StringVar(&f.author, "author", "", "who decides (default $USER)")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "take what hub.yaml names, now and whenever it changes")
	return cmd
}

// applied is what became of a policy that was applied.
type applied struct {
	*policyPlan
	Applied  bool   `json:"applied"`
	Author   string `json:"author"`
	Reason   string `json:"reason,omitempty"`
	Assessed int    `json:"assessed"`
	// Named is the policy of hub.yaml where that is another one.
	Named string `json:"named_by_configuration,omitempty"`
}

func (c *cli) apply(ctx context.Context, args []string, f applyFlags) error {
	w, err := c.planner(args)
	if err != nil {
		return err
	}
	w.most = 20
	if err := c.withStore(ctx, func(db *store.DB) error {
		w.db = db
		return w.run(ctx)
	}); err != nil {
		return err
	}
	if !c.json {
		w.out.write(c.out)
		if n := len(lifecycle.Lint(w.to.policy)); n > 0 {
			fmt.Fprintf(c.out, "%s: `hub lifecycle lint` tells them\n", plural(int64(n), "warning", "warnings"))
		}
	}
	is := w.to.record()
	is.Applied, is.Author, is.Reason = !f.follow, f.who(c), clipped(strings.TrimSpace(f.reason))
	if w.out.InForce && w.was.Applied == is.Applied {
		return c.reportApplied(applied{policyPlan: w.out, Author: w.was.Author, Reason: w.was.Reason})
	}
	if err := w.out.refused(); err != nil {
		return err
	}
	if ok, err := c.agreed(f, w.out); err != nil || !ok {
		return err
	}
	out := applied{policyPlan: w.out, Applied: true, Author: is.Author, Reason: is.Reason}
	if err := switchPolicy(ctx, w.cfg, policySwitch{was: w.was, is: is, counts: map[string]int64{"customers": int64(w.out.Customers), "changed": int64(w.out.Changed)}}); err != nil {
		return err
	}
	if out.Assessed, err = c.assessAnew(ctx, is); err != nil {
		return err
	}
	if named, err := configuredPolicy(w.cfg); err == nil && named.hash() != is.Hash {
		out.Named = named.policy.Name() + " (" + named.file + ")"
	}
	return c.reportApplied(out)
}

// clipped bounds a reason.
func clipped(s string) string {
	if r := []rune(s); len(r) > mostReason {
		s = string(r[:mostReason]) + "…"
	}
	return s
}

// who is who applies.
func (f applyFlags) who(c *cli) string {
	who := strings.TrimSpace(f.author)
	if who == "" {
		who, _ = c.env("USER")
	}
	if who == "" {
		if u, err := user.Current(); err == nil {
			who = u.Username
		}
	}
	return who
}

// agreed asks on a terminal whether to go on.
func (c *cli) agreed(f applyFlags, p *policyPlan) (bool, error) {
	if f.yes {
		return true, nil
	}
	in, ok := c.in.(*os.File)
	if !ok || !terminal(int(in.Fd())) || c.json {
		return false, canon.Errorf("lifecycle.unconfirmed", "%s was not put in force: nobody was there to ask", p.To).WithHint("read the plan above, then repeat with --yes")
	}
	fmt.Fprintf(c.err, "\nput %s in force? [y/N] ", p.To)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(c.out, "nothing was changed")
	return false, nil
}

// switchPolicy puts a policy in force while no hub runs on the data.
func switchPolicy(ctx context.Context, cfg *config.Config, s policySwitch) (err error) {
	a := &app{cfg: cfg}
	if err := a.lock(ctx); err != nil {
		if canon.CodeOf(err) == "data.in_use" {
			return canon.Errorf("data.in_use", "%s was not put in force: another hub is running on %s, and goes on by the policy that it began with", s.is.Policy, cfg.DataDir).
				WithHint("stop it, apply, and start it again; `hub lifecycle plan` may run beside it")
		}
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if a.db, err = openStore(ctx, cfg); err != nil {
		return err
	}
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		now, err := tx.Meta(ctx, policyMeta)
		if err != nil {
			return err
		}
		if was, ok, err := decodePolicy(now); err != nil || ok && was.Hash != s.was.Hash {
			return errors.Join(err, canon.Errorf("lifecycle.raced", "%s was put in force meanwhile, so that the plan no longer holds", was.Policy).WithHint("plan and apply again"))
		}
		return putPolicy(ctx, tx, s)
	})
}

// assessAnew assesses everybody by the policy in force, and lets the outside hear of it. What is not done when it is stopped
// is done with the next start.
func (c *cli) assessAnew(ctx context.Context, is policyRecord) (n int, err error) {
	err = c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		if n, err = a.pipe.Settle(ctx); err != nil {
			return err
		}
		a.wake()
		return a.tellFor(ctx, applyPatience)
	})
	if err != nil {
		return n, fmt.Errorf("%s is in force, and the next `hub sync` or `hub run` goes on assessing by it: %w", is.Policy, err)
	}
	return n, nil
}

// applyPatience is how long apply waits for webhooks and write-back: a vendor that does not answer must not keep it.
const applyPatience = 20 * time.Second

// tellFor waits until what is to be told has reached the outside, but no longer than that. The rest waits on the belt.
func (a *app) tellFor(ctx context.Context, most time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := a.settleOut(limited)
	if err != nil && ctx.Err() == nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		a.log.Warn("not everything has reached webhooks and vendors; the next `hub sync` or `hub run` goes on with it", "waited", most)
		return nil
	}
	return err
}

func (c *cli) reportApplied(out applied) error {
	if c.json {
		return c.print(out)
	}
	if !out.Applied {
		fmt.Fprintf(c.out, "\n%s is in force already; nothing was changed\n", out.To)
		return nil
	}
	fmt.Fprintf(c.out, "\n%s is in force; %s assessed\n", out.To, plural(int64(out.Assessed), "customer", "customers"))
	if out.Named != "" {
		fmt.Fprintf(c.out, "hub.yaml names %s: until it names this one, hub says so at every start and keeps to this one\n", out.Named)
	}
	return nil
}
