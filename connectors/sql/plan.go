package sqlsource

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/lifecyclehub/hub/canon"
)

// column is one column of a query's result.
type column struct {
	name, typ string
	// quoted is the name as JSON, ref as SQL.
	quoted []byte
	ref    string
}

func columnsOf(types []*sql.ColumnType) []column {
	out := make([]column, len(types))
	for i, t := range types {
		typ := strings.ToUpper(t.DatabaseTypeName())
		if cut := strings.IndexByte(typ, '('); cut > 0 {
			typ = typ[:cut]
		}
		out[i] = column{name: t.Name(), typ: typ, quoted: quote(t.Name())}
	}
	return out
}

// plan is what was learned of a stream's query.
type plan struct {
	// order are the columns by which rows are ordered: the cursor's where there is one, and the id's.
	order   []column
	deleted string
}

// plan asks the database for the query's columns, once.
func (c *conn) plan(ctx context.Context, tx *sql.Tx, st *stream) (*plan, error) {
	c.mu.Lock()
	held := c.plans[st.name]
	c.mu.Unlock()
	if held != nil {
		return held, nil
	}
	rows, err := tx.QueryContext(ctx, "SELECT hub_q.* FROM ("+st.query+"\n) AS hub_q WHERE 1 = 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err = errors.Join(err, rows.Err()); err != nil {
		return nil, err
	}
	columns := columnsOf(types)
	for i, col := range columns {
		if slices.ContainsFunc(columns[:i], func(o column) bool { return o.name == col.name }) {
			return nil, canon.Errorf("sql.columns", "stream %s: the query has two columns %q", st.name, col.name).
				WithHint("give one of them another name with AS")
		}
	}
	p := &plan{}
	want := append([][2]string{}, [2]string{"cursor", st.cursor}, [2]string{"deleted", st.deleted})
	for _, id := range st.id {
		want = append(want, [2]string{"id", id})
	}
	for _, w := range want {
		if w[1] == "" {
			continue
		}
		col, err := c.column(st, columns, w)
		if err != nil {
			return nil, err
		}
		if w[0] == "deleted" {
			p.deleted = col.name
			continue
		}
		p.order = append(p.order, col)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plans[st.name] = p
	return p, nil
}

// column finds the column that an option names, by its exact name or else in any case.
func (c *conn) column(st *stream, columns []column, want [2]string) (column, error) {
	var there []string
	i := slices.IndexFunc(columns, func(col column) bool { return col.name == want[1] })
	for j, col := range columns {
		there = append(there, col.name)
		if i < 0 && strings.EqualFold(col.name, want[1]) {
			i = j
		}
	}
	if i < 0 {
		return column{}, canon.Errorf("sql.columns", "stream %s: the query has no column %q, which the option %s names; it has %s",
			st.name, want[1], want[0], clip(strings.Join(there, ", "))).WithHint("correct the option, or add the column to the query")
	}
	col := columns[i]
	col.ref = "hub_q." + c.dialect.quote(col.name)
	return col, nil
}

// fault tells what went wrong in a word that is the same for all databases.
func (c *conn) fault(st *stream, err error) error {
	var known *canon.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	text := err.Error()
	for _, s := range c.secrets {
		text = strings.ReplaceAll(text, s, "[redacted]")
	}
	code, hint, retry := "sql.failed", "see what the database says", false
	var state interface{ SQLState() string }
	var number *mysql.MySQLError
	var network net.Error
	switch {
	case errors.As(err, &state):
		code, hint, retry = ofState(state.SQLState())
	case errors.As(err, &number):
		code, hint, retry = ofNumber(number.Number)
	case errors.Is(err, context.DeadlineExceeded):
		code, hint, retry = slow()
	case errors.As(err, &network), errors.Is(err, mysql.ErrInvalidConn):
		code, hint, retry = unreachable()
	case c.dialect.name == sqlite:
		code, hint, retry = ofSQLite(text)
	}
	// The cause is not kept: its text may hold what was redacted.
	e := canon.Errorf(code, "stream %s: %s", st.name, text).WithHint("%s", hint)
	e.Retry = retry
	return e
}

func slow() (code, hint string, retry bool) {
	return "sql.timeout", "add an index on the cursor and id columns, or raise the setting timeout", true
}

func unreachable() (code, hint string, retry bool) {
	return "net.unreachable", "check the network and the setting url; Hub goes on by itself later", true
}

func denied() (code, hint string, retry bool) {
	return "auth.denied", "check user and password in the setting url", false
}

func forbidden() (code, hint string, retry bool) {
	return "auth.forbidden", "let the account read the tables that the query names", false
}

func badQuery() (code, hint string, retry bool) {
	return "sql.query", "correct the option query", false
}

// ofState reads PostgreSQL's codes.
func ofState(state string) (code, hint string, retry bool) {
	switch {
	case strings.HasPrefix(state, "28"):
		return denied()
	case state == "42501":
		return forbidden()
	case state == "57014":
		return slow()
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"), strings.HasPrefix(state, "53"):
		return unreachable()
	case strings.HasPrefix(state, "40"):
		return "sql.conflict", "Hub goes on by itself later", true
	case strings.HasPrefix(state, "42"), strings.HasPrefix(state, "22"), strings.HasPrefix(state, "25"):
		return badQuery()
	case state == "3D000":
		return "sql.missing", "there is no such database; check the setting url", false
	}
	return "sql.failed", "see what the database says", false
}

// ofNumber reads MySQL's codes.
func ofNumber(number uint16) (code, hint string, retry bool) {
	switch number {
	case 1045, 1698:
		return denied()
	case 1044, 1142, 1143, 1370:
		return forbidden()
	case 1049:
		return "sql.missing", "there is no such database; check the setting url", false
	case 3024, 1969, 1317:
		return slow()
	case 1040, 1053, 1203, 1205, 1213:
		return unreachable()
	case 1054, 1060, 1064, 1146, 1792, 1305:
		return badQuery()
	}
	return "sql.failed", "see what the database says", false
}

// ofSQLite has only words to go by where the driver's code is plain "error".
func ofSQLite(text string) (code, hint string, retry bool) {
	switch {
	case strings.Contains(text, "unable to open database file"):
		return "sql.missing", "there is no such file, or Hub may not read it; check the setting url", false
	case strings.Contains(text, "file is not a database"), strings.Contains(text, "malformed"):
		return "sql.damaged", "the file is no SQLite database, or it is damaged", false
	case strings.Contains(text, "SQLITE_BUSY"), strings.Contains(text, "locked"):
		return "sql.busy", "another program writes to the file; Hub goes on by itself later", true
	}
	return badQuery()
}

func clip(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
