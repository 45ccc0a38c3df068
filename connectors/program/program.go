// Package program is the connector for programs that speak the Singer or the Airbyte protocol: Hub starts
// them, reads their standard output line by line and keeps their state.
//
// It starts no shell, installs nothing and isolates nothing: a program runs with the rights of Hub. It knows
// nothing of what the records mean: that is for the mapping file, which the user must bring.
package program

import (
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

//go:embed BEHAVIOR.md
var behavior string

// Definition returns the facts of the connector.
func Definition() connectors.Definition {
	return connectors.Definition{
		Name:     "program",
		Title:    "Programs (Singer, Airbyte)",
		Category: "other",
		Doc: "Runs a Singer tap or an Airbyte source as a program of its own and reads what it prints. For systems that Hub has " +
			"no connector for; a mapping file of your own says what the records mean. The program has the rights of Hub.",
		Settings: []connectors.Setting{
			{Name: "protocol", Title: "Protocol", Required: true, Doc: "singer or airbyte."},
			{Name: "command", Title: "Command", Required: true,
				Doc: "The program and its arguments, as words or as a JSON array. No shell reads it. {dir} stands for the folder of its files, for mounting it into a container."},
			{Name: "config", Title: "Configuration", Secret: true, Default: "",
				Doc: "The program's own configuration, a JSON object. It reaches the program in a file that only Hub's user may read."},
			{Name: "catalog", Title: "Catalog file", Doc: "For Singer taps that cannot discover: the catalog's file, relative to hub.yaml."},
			{Name: "env", Title: "Environment", Doc: "Names of Hub's environment variables that the program may see, separated by spaces. It sees no others.",
				Default: "PATH HOME LANG LC_ALL TZ SYSTEMROOT"},
			{Name: "timeout", Title: "Longest silence", Doc: "A program that prints nothing for so long is ended.", Default: "30m"},
			{Name: "grace", Title: "Grace", Doc: "How long a program may take to end when it is asked to, before it is killed.", Default: "10s"},
			{Name: "memory_mb", Title: "Memory", Doc: "The most memory, in MB, that each of its processes may use. Linux only; empty for no limit."},
			{Name: "max_line_mb", Title: "Longest line", Doc: "A line longer than so many MB becomes a dead letter.", Default: "16"},
		},
		Behavior: behavior,
		Open:     open,
	}
}

// dialect is what the two protocols do differently.
type dialect interface {
	// discover asks the program for its streams.
	discover(ctx context.Context) ([]source, error)
	// check finds out whether the program can work with its configuration.
	check(ctx context.Context) error
	// read tells how to start the program for one stream, behind a state.
	read(st *stream, src source, state []byte) launch
	// take reads one line of a run.
	take(r *run, text []byte) (event, error)
	// late reads a line that came when the run was over, for what must not get lost.
	late(text []byte)
}

// conn is one configured program. It is safe for concurrent use.
type conn struct {
	connection string
	dir        string
	log        *slog.Logger
	now        func() time.Time
	vault      connectors.Vault
	set        settings
	dialect    dialect
	declared   []stream

	mu sync.Mutex
	// config is what the program is started with: the setting, or what the program made of it.
	config  []byte
	secrets []string
	// runs are the programs left running behind a page, by stream.
	runs    map[string]*run
	closed  bool
	reaping sync.WaitGroup

	// discovering is held while the program is asked for its streams, which found and foundAt keep.
	discovering sync.Mutex
	found       []source
	foundAt     time.Time
}

func open(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
	set, err := parseSettings(s, env.Dir)
	if err != nil {
		return nil, err
	}
	c := &conn{connection: env.Connection, dir: env.Dir, log: env.Log, now: env.Now, vault: env.Vault, set: set, runs: map[string]*run{}}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.use(set.config)
	c.dialect = &singer{c}
	if set.airbyte {
		c.dialect = &airbyte{c}
	}
	for _, sc := range env.Streams {
		st, err := parseStream(sc)
		if err != nil {
			return nil, err
		}
		c.declared = append(c.declared, st)
	}
	return c, nil
}

// patience is how long Streams waits for a program to tell its streams.
const patience = 2 * time.Minute

// Check asks the program whether its configuration works, and for the declared streams.
func (c *conn) Check(ctx context.Context) error {
	if err := c.dialect.check(ctx); err != nil {
		return err
	}
	c.discovering.Lock()
	c.foundAt = time.Time{}
	c.discovering.Unlock()
	found, err := c.sources(ctx)
	if err != nil {
		return err
	}
	for i := range c.declared {
		if _, err := c.sourceOf(&c.declared[i], found); err != nil {
			return err
		}
	}
	return nil
}

// Streams lists the declared streams. Where none is declared, the program is asked; one that does not answer
// has none.
func (c *conn) Streams() []connectors.Stream {
	list := c.declared
	if len(list) == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		found, err := c.sources(ctx)
		if err != nil {
			c.log.Warn("the program did not tell its streams", "connection", c.connection, "error", err)
		}
		list = undeclared(found)
	}
	out := make([]connectors.Stream, len(list))
	for i, st := range list {
		out[i] = connectors.Stream{Name: st.name, Title: st.source, Kinds: st.kinds}
	}
	return out
}

// stream returns the stream of that name, and what the program says of it.
func (c *conn) stream(ctx context.Context, name string) (*stream, source, error) {
	list := c.declared
	unknown := canon.Errorf("stream.unknown", "connection %s has no stream %q", c.connection, name).
		WithHint("declare it under streams: in hub.yaml; `hub check` tells what the program has")
	if len(list) > 0 && find(list, name) == nil {
		return nil, source{}, unknown
	}
	found, err := c.sources(ctx)
	if err != nil {
		return nil, source{}, err
	}
	if len(list) == 0 {
		list = undeclared(found)
	}
	st := find(list, name)
	if st == nil {
		return nil, source{}, unknown
	}
	src, err := c.sourceOf(st, found)
	return st, src, err
}

// Close ends the programs left running behind pages.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	runs := c.runs
	c.runs = map[string]*run{}
	c.mu.Unlock()
	var errs []error
	for _, r := range runs {
		r.reaper.Stop()
		errs = append(errs, r.stop())
	}
	c.reaping.Wait()
	return errors.Join(errs...)
}
