package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite", without cgo
)

const (
	postgres  = "postgres"
	mysqlName = "mysql"
	sqlite    = "sqlite"
)

// dialect is what the databases do differently.
type dialect struct {
	name string
	open func(address, dir string) (*sql.DB, error)
	// tx are the options of a transaction; begin sets up its session.
	tx    *sql.TxOptions
	begin func(ctx context.Context, tx *sql.Tx, timeout time.Duration) error
	// quote writes a column's name. placeholder stands for the nth argument, compared with a column of a type.
	quote       func(name string) string
	placeholder func(n int, columnType string) string
	// told is a column as its value comes back as an argument; ordered is one of an id as it is compared, so
	// that no two different values are equal.
	told    func(column string) string
	ordered func(column, columnType string) string
}

func dialects() map[string]dialect {
	doubled := func(q string) func(string) string {
		return func(name string) string { return q + strings.ReplaceAll(name, q, q+q) + q }
	}
	question := func(int, string) string { return "?" }
	same := func(column, _ string) string { return column }
	return map[string]dialect{
		postgres: {
			name: postgres, open: openPostgres, tx: &sql.TxOptions{ReadOnly: true}, begin: beginPostgres, quote: doubled(`"`),
			// The column that it is compared with gives the argument its type.
			placeholder: func(n int, _ string) string { return fmt.Sprintf("$%d", n) },
			told:        func(column string) string { return "(" + column + ")::text" },
			ordered:     same,
		},
		mysqlName: {
			name: mysqlName, open: openMySQL, tx: &sql.TxOptions{ReadOnly: true}, begin: beginMySQL, quote: doubled("`"),
			placeholder: func(_ int, columnType string) string {
				switch {
				case columnType == "DECIMAL":
					return "CAST(? AS DECIMAL(65,30))" // a text would be compared as a float
				case textual(columnType):
					return "CAST(? AS BINARY)"
				}
				return "?"
			},
			told: func(column string) string { return column },
			// Most collations hold texts for equal that are not.
			ordered: func(column, columnType string) string {
				if textual(columnType) {
					return "CAST(CONVERT(" + column + " USING utf8mb4) AS BINARY)"
				}
				return column
			},
		},
		sqlite: {
			name: sqlite, open: openSQLite, begin: func(context.Context, *sql.Tx, time.Duration) error { return nil }, quote: doubled(`"`),
			placeholder: question,
			// An expression has no declared type by which the driver would change the value.
			told:    func(column string) string { return "+" + column },
			ordered: func(column, _ string) string { return column + " COLLATE BINARY" },
		},
	}
}

func textual(columnType string) bool {
	return strings.Contains(columnType, "CHAR") || strings.Contains(columnType, "TEXT") || columnType == "ENUM" || columnType == "SET"
}

func openPostgres(address, _ string) (*sql.DB, error) {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return nil, errors.New("no address")
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	return db, nil
}

func beginPostgres(ctx context.Context, tx *sql.Tx, timeout time.Duration) error {
	// The last argument keeps a setting to the transaction.
	_, err := tx.ExecContext(ctx, "SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true), "+
		"set_config('IntervalStyle', 'iso_8601', true), set_config('extra_float_digits', '1', true), set_config('statement_timeout', $1, true)",
		strconv.FormatInt(timeout.Milliseconds(), 10))
	return err
}

// openMySQL takes a URL or the driver's own form, and keeps what could hurt switched off.
func openMySQL(address, _ string) (*sql.DB, error) {
	if rest, ok := strings.CutPrefix(address, "mysql://"); ok {
		u, err := url.Parse("mysql://" + rest)
		if err != nil {
			return nil, err
		}
		host := u.Host
		if u.Port() == "" {
			host += ":3306"
		}
		user := u.User.Username()
		if password, ok := u.User.Password(); ok {
			user += ":" + password
		}
		address = user + "@tcp(" + host + ")" + u.Path
		if u.RawQuery != "" {
			address += "?" + u.RawQuery
		}
	}
	cfg, err := mysql.ParseDSN(address)
	if err != nil {
		return nil, err
	}
	// Times come as texts, so that none is lost that Go cannot hold, such as 0000-00-00.
	cfg.ParseTime, cfg.MultiStatements, cfg.AllowAllFiles, cfg.InterpolateParams = false, false, false, false
	cfg.Logger = silent{}
	if cfg.Params == nil {
		cfg.Params = map[string]string{}
	}
	cfg.Params["time_zone"] = "'+00:00'"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// silent keeps the driver from writing to standard error; what fails is told by errors.
type silent struct{}

func (silent) Print(...any) {}

// beginMySQL sets the server's own time limit, whose name differs between MySQL and MariaDB. Without it the
// limit of the context still holds.
func beginMySQL(ctx context.Context, tx *sql.Tx, timeout time.Duration) error {
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SET SESSION max_execution_time = %d", timeout.Milliseconds())); err == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, fmt.Sprintf("SET SESSION max_statement_time = %f", timeout.Seconds()))
	var known *mysql.MySQLError
	if errors.As(err, &known) {
		return nil
	}
	return err
}

func openSQLite(address, dir string) (*sql.DB, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(address, "sqlite://"), "file:")
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	p := filepath.ToSlash(path)
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: p}).EscapedPath(), RawQuery: q.Encode()}).String())
}

// secretsOf returns what of an address must not be seen.
func secretsOf(address string) []string {
	out := []string{address}
	if u, err := url.Parse(address); err == nil {
		if password, ok := u.User.Password(); ok && password != "" {
			out = append(out, password, url.QueryEscape(password), url.PathEscape(password))
		}
	}
	if cfg, err := mysql.ParseDSN(address); err == nil && cfg.Passwd != "" {
		out = append(out, cfg.Passwd)
	}
	return out
}
