package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/store"
)

// connectOptions say how a connection gets its credential.
type connectOptions struct {
	set []string
	// again asks for a person's consent also where there is a token that serves.
	again, forget, noListen bool
	port                    int
	redirect                string
	patience                time.Duration
}

func (c *cli) connect() *cobra.Command {
	o := connectOptions{}
	cmd := &cobra.Command{
		Use:   "connect NAME",
		Short: "Give a connection its credential: keys and passwords, or a person's consent (OAuth)",
		Long: `connect asks for the settings that connection NAME of hub.yaml lacks, seals them in the store's vault, fetches the first
token where the vendor wants a person's consent, and makes one call to see that it works. What hub.yaml says wins over
what the vault keeps.

For consent it prints an address to open in a browser and waits on 127.0.0.1 for the vendor to send the browser back.
Where the browser is on another machine, --no-listen asks for the address that the browser ended at instead. The redirect
address must be registered at the vendor's app; --redirect names it where it is not http://127.0.0.1:PORT/callback.

In a script, --set gives settings: NAME=VALUE, NAME=env:VARIABLE, NAME=file:PATH, or NAME=- for a line of standard input.`,
		Example: "  hub connect hubspot\n  hub connect stripe --set api_key=env:STRIPE_KEY\n  hub connect salesforce --port 8765\n  hub connect quickbooks --no-listen --redirect https://hub.example.com/callback",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return c.connectTo(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.set, "set", nil, "a setting, as `NAME=VALUE`; may be repeated")
	f.IntVar(&o.port, "port", 0, "the port on 127.0.0.1 to wait on for the browser (default: any that is free)")
	f.StringVar(&o.redirect, "redirect", "", "the redirect address registered at the vendor's app")
	f.BoolVar(&o.noListen, "no-listen", false, "ask for the address that the browser ended at, in place of waiting for it")
	f.BoolVar(&o.again, "again", false, "ask for consent also where there is a token that serves")
	f.BoolVar(&o.forget, "forget", false, "remove what the vault keeps of the connection, and stop")
	f.DurationVar(&o.patience, "wait", 10*time.Minute, "how long to wait for the browser")
	return cmd
}

// connecting is one connection on its way to its credential.
type connecting struct {
	*cli
	connectOptions
	around surroundings
	at     int
	def    connectors.Definition
	// vault keeps given together with what it kept before.
	vault *store.Vault
	kept  connectors.Settings
	given connectors.Settings
	// lines is standard input where it is read by lines.
	lines *bufio.Reader
}

// linked is what connect tells in the end.
type linked struct {
	Connection string `json:"connection"`
	Connector  string `json:"connector"`
	Account    string `json:"account,omitempty"`
	// Sealed are the names of the settings that the vault keeps.
	Sealed []string `json:"sealed"`
	Token  *grant   `json:"token,omitempty"`
}

func (c *cli) connectTo(ctx context.Context, name string, o connectOptions) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(cfg.Connections, func(conn config.Connection) bool { return conn.Name == name })
	if i < 0 {
		return canon.Errorf("connection.unknown", "connection %q is not configured", name).
			WithHint("add it to `connections` in hub.yaml: name: %s, and connector: one of `hub connectors list`", name)
	}
	// The loud half of the way opens the store; the vault is in it.
	around, finish, err := c.checkAround(ctx, cfg, false)
	if err != nil {
		return err
	}
	defer finish()
	p := &connecting{cli: c, connectOptions: o, around: around, at: i, vault: around.db.Vault(name, *around.keys), lines: bufio.NewReader(c.in)}
	if o.forget {
		if err := p.vault.Forget(ctx); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "%s: nothing is kept any more\n", name)
		return nil
	}
	done, err := p.run(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return c.print(done)
	}
	fmt.Fprintf(c.out, "%s is connected to %s\n", name, strings.TrimSpace(p.def.Title+" "+done.Account))
	if len(done.Sealed) > 0 {
		fmt.Fprintf(c.out, "sealed in the vault: %s\n", strings.Join(done.Sealed, ", "))
	}
	if done.Token != nil {
		fmt.Fprintf(c.out, "token %s\n", done.Token.sentence(time.Now()))
	}
	return nil
}

func (p *connecting) run(ctx context.Context) (linked, error) {
	conf := p.around.cfg.Connections[p.at]
	done := linked{Connection: conf.Name, Connector: conf.Connector}
	var err error
	if p.def, err = p.around.definition(p.at); err != nil {
		return done, err
	}
	if p.kept, err = keptSettings(ctx, p.vault); err != nil {
		return done, err
	}
	if err = p.gather(conf); err != nil {
		return done, err
	}
	if err = p.consent(ctx, conf); err != nil {
		return done, err
	}
	conn, err := p.open(ctx, conf, nil)
	if err != nil {
		return done, err
	}
	err = conn.Check(ctx)
	if err == nil {
		done.Account = accountOf(ctx, conn)
	}
	if err = errors.Join(err, conn.Close()); err != nil {
		return done, err
	}
	if err = p.keep(ctx); err != nil {
		return done, err
	}
	done.Sealed = slices.Sorted(maps.Keys(p.kept))
	if g, ok, err := rest.GrantOf(ctx, p.vault); err == nil && ok {
		done.Token = &grant{Got: g.Got, Ends: g.Ends, Renews: g.Renews}
	}
	return done, nil
}

// keep seals what was given, beside what was kept before.
func (p *connecting) keep(ctx context.Context) error {
	if len(p.given) == 0 {
		return nil
	}
	maps.Copy(p.kept, p.given)
	return keepSettings(ctx, p.vault, p.kept)
}

// open opens the connection with all that is known. stand stands in for required settings that are not known yet.
func (p *connecting) open(ctx context.Context, conf config.Connection, stand connectors.Settings) (connectors.Conn, error) {
	all := connectors.Settings{}
	for _, s := range []connectors.Settings{stand, p.kept, p.given} {
		maps.Copy(all, s)
	}
	settings, err := settingsOf(p.around.cfg, fmt.Sprintf("connections[%d]", p.at), p.def, conf, all)
	if err != nil {
		return nil, err
	}
	env := connectors.Env{Connection: conf.Name, Now: time.Now, Log: p.around.log, Dir: p.around.cfg.Dir, Vault: p.vault, Budgets: p.around.budgets}
	for _, st := range conf.Streams {
		env.Streams = append(env.Streams, connectors.StreamConfig{Name: st.Name, Options: st.Options})
	}
	opened, err := p.def.Open(ctx, settings, env)
	if err != nil {
		return nil, openError(p.around.cfg, fmt.Sprintf("connections[%d]", p.at), conf, err)
	}
	return opened, nil
}

// gather takes the settings that the command line gives, and asks a person for those that are missing.
func (p *connecting) gather(conf config.Connection) error {
	p.given = connectors.Settings{}
	for _, text := range p.set {
		name, value, ok := strings.Cut(text, "=")
		i := slices.IndexFunc(p.def.Settings, func(s connectors.Setting) bool { return s.Name == name })
		if !ok || i < 0 {
			return canon.Errorf("usage", "%s has no setting %q", p.def.Title, name).WithHint("--set NAME=VALUE; `hub connectors show %s` lists the settings", p.def.Name)
		}
		value, err := p.value(p.def.Settings[i], value)
		if err != nil {
			return err
		}
		if conf.Settings[name].Reveal() != "" {
			fmt.Fprintf(p.err, "hub.yaml sets %s too, and what it says wins\n", name)
		}
		p.given[name] = value
	}
	if !p.asks() {
		return nil
	}
	for _, s := range p.def.Settings {
		if s.Default != "" || conf.Settings[s.Name].Reveal() != "" || p.kept[s.Name] != "" || p.given[s.Name] != "" {
			continue
		}
		value, err := p.ask(s)
		if err != nil {
			return err
		}
		if value != "" {
			p.given[s.Name] = value
		}
	}
	return nil
}

// value resolves what stands behind the = of --set.
func (p *connecting) value(s connectors.Setting, text string) (string, error) {
	if name, ok := strings.CutPrefix(text, "env:"); ok {
		v, there := p.env(name)
		if !there || v == "" {
			return "", canon.Errorf("connect.setting", "setting %s: the variable %s is not set", s.Name, name)
		}
		return v, nil
	}
	if path, ok := strings.CutPrefix(text, "file:"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return "", canon.Errorf("connect.setting", "setting %s: %w", s.Name, err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	if text == "-" {
		line, err := p.line()
		if line == "" {
			return "", canon.Errorf("connect.setting", "setting %s: standard input holds no line for it (%v)", s.Name, err)
		}
		return line, nil
	}
	if s.Secret {
		return "", canon.Errorf("usage", "the secret %s would stay in the shell's history and in the list of processes", s.Name).
			WithHint("give it as %s=env:VARIABLE, %s=file:PATH or %s=-", s.Name, s.Name, s.Name)
	}
	return text, nil
}

func (p *connecting) line() (string, error) {
	line, err := p.lines.ReadString('\n')
	return strings.TrimSpace(line), err
}

// asks says whether there is a person to ask.
func (p *connecting) asks() bool {
	f, ok := p.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ask asks a person for a setting. What is secret is not shown while it is typed.
func (p *connecting) ask(s connectors.Setting) (string, error) {
	optional := ""
	if !s.Required {
		optional = " (Enter to leave out)"
	}
	fmt.Fprintf(p.err, "%s: %s\n%s%s: ", s.Title, s.Doc, s.Name, optional)
	if !s.Secret {
		line, err := p.line()
		if err != nil {
			return "", canon.Errorf("connect.setting", "setting %s: %w", s.Name, err)
		}
		return line, nil
	}
	f, _ := p.in.(*os.File)
	b, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.err)
	if err != nil {
		return "", canon.Errorf("connect.setting", "setting %s: %w", s.Name, err)
	}
	return strings.TrimSpace(string(b)), nil
}

// accountOf says whose account a connection reads, "" where the vendor's answer does not tell.
func accountOf(ctx context.Context, conn connectors.Conn) string {
	n, ok := conn.(connectors.Named)
	if !ok {
		return ""
	}
	// The connection works; that it does not tell whose it is changes nothing.
	name, err := n.Account(ctx)
	if err != nil {
		return ""
	}
	return name
}
