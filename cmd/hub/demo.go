package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/sync/pull"
	"github.com/lifecyclehub/hub/webhooks"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	once      bool
	rounds    int
	companies int
	seed      int64
	data      string
	asOf      string
	listen    string
}

func (c *cli) demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it all: a sandbox of vendors, pulled, resolved, assessed, written back and delivered",
		Long: `demo starts a sandbox of vendor servers on this machine (HubSpot, Stripe, Zendesk, with the history of some 300
made-up companies), pulls everything, resolves customers, writes their timelines, assesses them, writes fields
back into the sandbox's HubSpot and delivers signed webhooks to a receiver that verifies them. Then it lives on:
the sandbox's world keeps moving, and the console shows it happen. Nothing leaves this machine.`,
		Example: "  hub demo\n  hub demo --once --json\n  hub demo --companies 2000 --data ./demo-data",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.runDemo(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.once, "once", false, "stop after the first full round")
	cmd.Flags().IntVar(&o.rounds, "rounds", 1, "with --once: so many rounds over the unchanged world; later ones must change nothing")
	cmd.Flags().IntVar(&o.companies, "companies", 300, "how many companies the world has")
	cmd.Flags().Int64Var(&o.seed, "seed", 1, "another seed is another world")
	cmd.Flags().StringVar(&o.data, "data", "", "keep the data in this `folder` (default: a temporary one)")
	cmd.Flags().StringVar(&o.asOf, "as-of", "", "let the world's history end at this moment, and assess as of then (with --once)")
	cmd.Flags().StringVar(&o.listen, "listen", "", "serve the console on this address")
	return cmd
}

// worldLag is how far the sandbox's clock is behind: vendors keep the newest minute or two of their feeds back,
// and so do the connectors, and what happens in the demo should show at once.
const worldLag = 3 * time.Minute

// stage is what a demo plays on.
type stage struct {
	world    *sandbox.World
	servers  *sandbox.Servers
	receiver *sandbox.Receiver
	hook     string
	secret   string
	// connected is the hub.yaml up to its connections.
	connected string
	close     func()
}

func (c *cli) runDemo(ctx context.Context, o demoOptions) (err error) {
	asOf, err := parseDay(o.asOf)
	if err != nil {
		return err
	}
	dir := o.data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hub-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !c.json {
			fmt.Fprintf(c.err, format+"\n", args...)
		}
	}
	say("building a world of %d companies with 24 months of history …", o.companies)
	st, err := setStage(ctx, o, asOf)
	if err != nil {
		return err
	}
	defer st.close()
	cfg, err := st.config(dir, o, asOf)
	if err != nil {
		return err
	}
	say("sandbox: HubSpot %s, Stripe %s, Zendesk %s", st.servers.URLs[sandbox.VendorHubSpot], st.servers.URLs[sandbox.VendorStripe], st.servers.URLs[sandbox.VendorZendesk])
	a, err := open(ctx, cfg, c.env, newLog(c.err, cfg.Log))
	if err != nil {
		return err
	}
	err = serve(ctx, a, func(ctx context.Context, g *errgroup.Group) error {
		if o.once {
			if o.data != "" {
				if err := st.leave(filepath.Join(dir, "hub.yaml")); err != nil {
					return err
				}
			}
			return c.demoOnce(ctx, a, st, o)
		}
		return c.demoLive(ctx, g, a, st)
	})
	err = errors.Join(err, a.close())
	if ctx.Err() != nil && !o.once {
		say("stopped")
		return nil
	}
	return err
}

// setStage builds the world and starts its servers and the receiver of webhooks.
func setStage(ctx context.Context, o demoOptions, asOf time.Time) (*stage, error) {
	if asOf.IsZero() {
		asOf = time.Now().Add(-worldLag)
	}
	st := &stage{world: sandbox.NewWorld(sandbox.Options{Seed: o.seed, Companies: o.companies, Now: asOf}), secret: webhooks.NewSecret()}
	var err error
	if st.servers, err = sandbox.Serve(ctx, st.world); err != nil {
		return nil, err
	}
	st.receiver = sandbox.NewReceiver(func(h http.Header, body []byte) error { return webhooks.Verify(h, body, time.Now(), st.secret) }, 100)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, st.servers.Close())
	}
	srv := &http.Server{Handler: st.receiver, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with ErrServerClosed when the stage is closed
	}()
	st.hook = "http://" + l.Addr().String() + "/hook"
	st.close = func() {
		_ = srv.Close()
		<-done
		_ = st.servers.Close()
	}
	return st, nil
}

// yaml returns the hub.yaml that is connected to the stage.
func (st *stage) yaml(o demoOptions, asOf time.Time) string {
	head := ""
	if !asOf.IsZero() && o.once {
		head = "as_of: " + asOf.Format(time.RFC3339) + "\n"
	}
	if o.listen != "" {
		head += "api: {listen: \"" + o.listen + "\"}\n"
	}
	st.connected = fmt.Sprintf(`%sdata_dir: hub-data
sync: {every: 3s}
connections:
  - name: hubspot
    connector: hubspot
    settings: {base_url: "%s", token: "%s", requests_per_10s: "20000"}
    push: {enabled: true}
  - name: stripe
    connector: stripe
    settings: {base_url: "%s", api_key: "%s"}
  - name: zendesk
    connector: zendesk
    settings: {base_url: "%s", email: "%s", api_token: "%s", exports_per_minute: "6000"}
`, head, st.servers.URLs[sandbox.VendorHubSpot], sandbox.HubSpotToken, st.servers.URLs[sandbox.VendorStripe], sandbox.StripeKey,
		st.servers.URLs[sandbox.VendorZendesk], sandbox.ZendeskEmail, sandbox.ZendeskToken)
	return st.connected + fmt.Sprintf(`webhooks:
  - name: demo-receiver
    url: "%s"
    secrets: ["%s"]
    types: [stage.changed, score.changed]
    backfill: current
    concurrency: 8
webhooks_allow: [127.0.0.0/8]
`, st.hook, st.secret)
}

// leave writes the hub.yaml by which other commands find what the demo has gathered. The vendors in it are gone when the
// demo ends.
func (st *stage) leave(file string) error {
	return os.WriteFile(file, []byte("# Written by hub demo, so that other commands find its data. Its vendors end with the demo.\n"+st.connected), 0o600)
}

// config returns the configuration of the demo, as if its hub.yaml stood in dir.
func (st *stage) config(dir string, o demoOptions, asOf time.Time) (*config.Config, error) {
	return config.Parse(filepath.Join(dir, "hub.yaml"), []byte(st.yaml(o, asOf)), func(string) (string, bool) { return "", false })
}

// demoSummary is what demo --once prints: the first round, and what the rounds after it did.
type demoSummary struct {
	summary
	Verified int            `json:"receiver_verified"`
	Rejected int            `json:"receiver_rejected"`
	Again    []roundSummary `json:"again,omitempty"`
}

func (c *cli) demoOnce(ctx context.Context, a *app, st *stage, o demoOptions) error {
	s, err := c.once(ctx, a)
	if err != nil {
		return err
	}
	out := demoSummary{summary: s}
	for range o.rounds - 1 {
		s, err := c.once(ctx, a)
		if err != nil {
			return err
		}
		out.Again = append(out.Again, s.Round)
	}
	n := st.receiver.Counts()
	out.Verified, out.Rejected = n.Verified, n.Rejected
	if c.json {
		if err := c.print(out); err != nil {
			return err
		}
	} else {
		out.write(c.out)
		fmt.Fprintf(c.out, "receiver     %d verified, %d rejected\n", n.Verified, n.Rejected)
	}
	return out.verdict()
}

func (d demoSummary) verdict() error {
	if err := d.summary.verdict(); err != nil {
		return err
	}
	if int64(d.Verified) != d.Deliveries.Delivered || d.Rejected > 0 {
		return canon.Errorf("demo.receiver", "the receiver verified %d of %d deliveries and rejected %d", d.Verified, d.Deliveries.Delivered, d.Rejected)
	}
	for _, r := range d.Again {
		if r.Events+r.Pushes+r.Deliveries > 0 {
			return canon.Errorf("demo.again", "a round over the unchanged world told %d events, pushed %d fields and made %d deliveries", r.Events, r.Pushes, r.Deliveries)
		}
	}
	return nil
}

// demoLive serves the console, runs the first round, and lets the world move until ctx ends.
func (c *cli) demoLive(ctx context.Context, g *errgroup.Group, a *app, st *stage) error {
	served, err := a.listen(ctx, g)
	if err != nil {
		return err
	}
	if served.taken {
		fmt.Fprintf(c.err, "%s is taken; the console is at %s instead\n", a.cfg.API.Listen, served.url)
	}
	login := served.url + "/?token=" + served.token
	fmt.Fprintf(c.err, "console: %s\n\n", login)
	s, err := c.once(ctx, a)
	if err != nil {
		return err
	}
	if c.json {
		if err := c.print(s); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(c.out)
		s.write(c.out)
	}
	if err := s.verdict(); err != nil {
		return err
	}
	c.tryThese(a, st, login, served)
	a.live(ctx, g, func(pull.Progress) {})
	for wait(ctx, 4*time.Second) {
		for _, sentence := range st.world.Step(time.Now().Add(-worldLag)) {
			fmt.Fprintf(c.out, "%s  %s\n", time.Now().Format(time.TimeOnly), sentence)
		}
	}
	return ctx.Err()
}

// tryThese ends the first round with what a reader may look at.
func (c *cli) tryThese(a *app, st *stage, login string, s served) {
	config := filepath.Join(a.cfg.Dir, "hub.yaml")
	note := ""
	if err := st.leave(config); err != nil {
		note = " (could not write " + config + ")"
	}
	fmt.Fprintf(c.out, `
Five things to try%s:
  1. Open the console, pick a customer, and read why they stand where they stand:
     %s
  2. Ask the same on the command line:
     hub customers --band red --sort mrr -c %s
  3. Read a timeline:
     hub timeline --all --newest --limit 20 -c %s
  4. See what could not be used, and why:
     hub deadletters -c %s
  5. Follow the changes as they happen:
     curl -N -H 'Authorization: Bearer %s' %s/api/v1/stream

The world now moves every few seconds; Ctrl-C ends it.

`, note, login, config, config, config, s.token, s.url)
}
