// Package sqlsource is the connector for SQL databases: PostgreSQL, MySQL and SQLite. Every stream is a query
// of the user's, read page by page along a cursor column.
//
// It writes nothing, follows no replication log and knows nothing of what the columns mean: that is for the
// mapping file, which the user must bring.
package sqlsource

import (
	"context"
	"database/sql"
	_ "embed"
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
		Name:     "sql",
		Title:    "SQL databases (PostgreSQL, MySQL, SQLite)",
		Category: "other",
		Doc: "Reads the rows of queries of your own from a database: every stream names a SELECT, its id columns and the column " +
			"that tells what is new. Nothing is written. A mapping file of your own says what the columns mean.",
		Settings: []connectors.Setting{
			{Name: "driver", Title: "Kind of database", Required: true, Doc: "postgres, mysql (also MariaDB) or sqlite."},
			{Name: "url", Title: "Address", Secret: true, Required: true,
				Doc: "postgres://user:password@host/database, mysql://user:password@host/database, or the path of an SQLite file, relative to hub.yaml. Use an account that may only read."},
			{Name: "timeout", Title: "Longest query", Doc: "A query that takes longer is ended.", Default: "5m"},
		},
		Behavior: behavior,
		Open:     open,
	}
}

// conn is one database. It is safe for concurrent use.
type conn struct {
	connection string
	dialect    dialect
	db         *sql.DB
	secrets    []string
	timeout    time.Duration
	now        func() time.Time
	streams    []stream

	mu sync.Mutex
	// plans holds, by stream, what was learned of its query's columns.
	plans map[string]*plan
}

func open(_ context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
	c := &conn{connection: env.Connection, now: env.Now, plans: map[string]*plan{}}
	if c.now == nil {
		c.now = time.Now
	}
	var err error
	if c.timeout, err = time.ParseDuration(s["timeout"]); err != nil || c.timeout <= 0 {
		return nil, canon.Errorf("settings.invalid", "the setting timeout is %q, want a duration such as 5m", s["timeout"]).
			WithHint("correct it in hub.yaml")
	}
	var ok bool
	if c.dialect, ok = dialects()[s["driver"]]; !ok {
		return nil, canon.Errorf("settings.invalid", "the setting driver is %q, want postgres, mysql or sqlite", s["driver"]).
			WithHint("correct it in hub.yaml")
	}
	if len(env.Streams) == 0 {
		return nil, canon.Errorf("sql.option", "connection %s declares no streams", env.Connection).
			WithHint("add streams: with a name and options query and id for each")
	}
	for _, sc := range env.Streams {
		st, err := parseStream(sc, c.dialect)
		if err != nil {
			return nil, err
		}
		c.streams = append(c.streams, st)
	}
	c.secrets = secretsOf(s["url"])
	if c.db, err = c.dialect.open(s["url"], env.Dir); err != nil {
		// A parser's error may quote what it cannot read.
		return nil, canon.Errorf("settings.invalid", "the setting url is no address of a %s database", c.dialect.name).
			WithHint("see hub connectors sql for how it is written")
	}
	c.db.SetMaxOpenConns(4)
	c.db.SetMaxIdleConns(1)
	c.db.SetConnMaxIdleTime(5 * time.Minute)
	return c, nil
}

// Check reaches the database and prepares every stream's query.
func (c *conn) Check(ctx context.Context) error {
	for i := range c.streams {
		c.mu.Lock()
		delete(c.plans, c.streams[i].name)
		c.mu.Unlock()
		if err := c.session(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := c.plan(ctx, tx, &c.streams[i])
			return err
		}); err != nil {
			return c.fault(&c.streams[i], err)
		}
	}
	return nil
}

// Streams lists the declared streams.
func (c *conn) Streams() []connectors.Stream {
	out := make([]connectors.Stream, len(c.streams))
	for i, st := range c.streams {
		out[i] = connectors.Stream{Name: st.name, Title: st.name, Kinds: st.kinds}
	}
	return out
}

// Close ends the connections to the database.
func (c *conn) Close() error { return c.db.Close() }

// session runs fn in a transaction that only reads, as far as the database knows of such, and for no longer
// than the setting allows.
func (c *conn) session(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	tx, err := c.db.BeginTx(ctx, c.dialect.tx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := c.dialect.begin(ctx, tx, c.timeout); err != nil {
		return err
	}
	return fn(ctx, tx)
}

func (c *conn) stream(name string) (*stream, error) {
	for i := range c.streams {
		if c.streams[i].name == name {
			return &c.streams[i], nil
		}
	}
	return nil, canon.Errorf("stream.unknown", "connection %s has no stream %q", c.connection, name).
		WithHint("declare it under streams: in hub.yaml")
}
