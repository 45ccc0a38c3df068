package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// PlayStates returns what is kept of the plays of customers; those of whom nothing is are not among them.
func (t *Tx) PlayStates(ctx context.Context, customers []string) (map[string]canon.PlayState, error) {
	rows, err := in(ctx, t, "SELECT customer, at, next_at, state FROM play_states WHERE customer", "", nil, customers, readPlayState)
	out := make(map[string]canon.PlayState, len(rows))
	for _, s := range rows {
		out[s.Customer] = s
	}
	return out, err
}

func readPlayState(r *sql.Rows) (canon.PlayState, error) {
	var s canon.PlayState
	var at, next int64
	var doc string
	err := r.Scan(&s.Customer, &at, &next, &doc)
	s.At, s.Next, s.Doc = instant(at), instant(next), []byte(doc)
	return s, err
}

// PutPlayStates keeps the state of customers' plays.
func (t *Tx) PutPlayStates(ctx context.Context, ss []canon.PlayState) error {
	rows := make([][]any, len(ss))
	for i, s := range ss {
		rows[i] = []any{s.Customer, micros(s.At), micros(s.Next), string(s.Doc)}
	}
	return t.insert(ctx, "INSERT INTO play_states (customer, at, next_at, state)",
		"ON CONFLICT (customer) DO UPDATE SET at = excluded.at, next_at = excluded.next_at, state = excluded.state", lastOfEach(rows))
}

// PlaysDue returns at most limit customers of whom a play is due by the moment at.
func (t *Tx) PlaysDue(ctx context.Context, at int64, limit int) ([]string, error) {
	return scan(func() (*sql.Rows, error) {
		return t.query(ctx, "SELECT customer FROM play_states WHERE next_at > 0 AND next_at <= $1 ORDER BY next_at, customer LIMIT $2", at, limit)
	}, readID)
}

// DropPlayStates forgets the state of customers' plays.
func (t *Tx) DropPlayStates(ctx context.Context, customers []string) error {
	return erase(ctx, t, "play_states WHERE customer", customers)
}

// AddFirings appends to the log of plays, and returns the ids of those that it did not hold yet.
func (t *Tx) AddFirings(ctx context.Context, fs []canon.Firing) (map[string]bool, error) {
	added := map[string]bool{}
	rows := make([][]any, len(fs))
	for i, f := range fs {
		f.RecordedAt = t.now
		doc, err := json.Marshal(f)
		if err != nil {
			return nil, err
		}
		rows[i] = []any{f.ID, f.Play, f.Category, f.Mode, f.Customer, micros(f.At), micros(t.now), f.Suppressed, flag(f.Holdout), string(doc)}
	}
	return added, pieces(rows, func(n int, args []any) error {
		ids, err := scan(func() (*sql.Rows, error) {
			return t.query(ctx, "INSERT INTO firings (id, play, category, mode, customer, at, recorded_at, suppressed, holdout, doc) VALUES "+
				t.tuples(n, len(args)/n)+" ON CONFLICT (id) DO NOTHING RETURNING id", args...)
		}, readID)
		for _, id := range ids {
			added[id] = true
		}
		return err
	})
}

// CameOn counts how many customers came to a play from one moment to another, not counting those that a guard other than
// that of the fleet held back, and how many of these the fleet's held back.
func (t *Tx) CameOn(ctx context.Context, play string, from, to time.Time) (came, held int64, err error) {
	_, err = scan(func() (*sql.Rows, error) {
		return t.query(ctx, `SELECT COUNT(DISTINCT customer), COALESCE(SUM(CASE WHEN suppressed = 'fleet' THEN 1 ELSE 0 END), 0)
			FROM firings WHERE play = $1 AND at >= $2 AND at < $3 AND suppressed IN ('', 'fleet')`, play, micros(from), micros(to))
	}, func(r *sql.Rows) (struct{}, error) { return struct{}{}, r.Scan(&came, &held) })
	return came, held, err
}

// LiveCustomers counts the customers of whom a record is left.
func (t *Tx) LiveCustomers(ctx context.Context) (int64, error) {
	return t.number(ctx, "SELECT COUNT(*) FROM customers WHERE gone = 0")
}

// SetPlayMode appends to the log of the modes that operators set.
func (t *Tx) SetPlayMode(ctx context.Context, m canon.PlayMode) error {
	return t.exec(ctx, "INSERT INTO play_modes (play, mode, author, reason, at) VALUES ($1, $2, $3, $4, $5)", m.Play, m.Mode, m.Author, m.Reason, micros(t.now))
}

const playModes = "SELECT seq, play, mode, author, reason, at FROM play_modes WHERE seq IN (SELECT MAX(seq) FROM play_modes GROUP BY play) ORDER BY play"

func readPlayMode(r *sql.Rows) (canon.PlayMode, error) {
	var m canon.PlayMode
	var at int64
	err := r.Scan(&m.Seq, &m.Play, &m.Mode, &m.Author, &m.Reason, &at)
	m.At = instant(at)
	return m, err
}

func byPlay(ms []canon.PlayMode, err error) (map[string]canon.PlayMode, error) {
	out := make(map[string]canon.PlayMode, len(ms))
	for _, m := range ms {
		out[m.Play] = m
	}
	return out, err
}

// PlayModes returns the modes in force that operators set, by play. An empty mode is that of the policy.
func (t *Tx) PlayModes(ctx context.Context) (map[string]canon.PlayMode, error) {
	return byPlay(scan(func() (*sql.Rows, error) { return t.query(ctx, playModes) }, readPlayMode))
}

// PlayModes returns the modes in force that operators set, by play. An empty mode is that of the policy.
func (db *DB) PlayModes(ctx context.Context) (map[string]canon.PlayMode, error) {
	return byPlay(scan(func() (*sql.Rows, error) { return db.rows(ctx, playModes) }, readPlayMode))
}

// PlayState returns what is kept of a customer's plays, the zero state where nothing is.
func (db *DB) PlayState(ctx context.Context, customer string) (canon.PlayState, error) {
	ss, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT customer, at, next_at, state FROM play_states WHERE customer = $1", customer)
	}, readPlayState)
	if err != nil || len(ss) == 0 {
		return canon.PlayState{Customer: customer}, err
	}
	return ss[0], nil
}

// Firings returns one page of the log of plays, the newest first.
func (db *DB) Firings(ctx context.Context, f canon.FiringFilter) (canon.FiringPage, error) {
	page := canon.FiringPage{Firings: []canon.Firing{}}
	w := where{}
	w.add("play = ", f.Play, f.Play != "")
	w.add("customer = ", f.Customer, f.Customer != "")
	w.add("category = ", f.Category, f.Category != "")
	w.add("mode = ", f.Mode, f.Mode != "")
	w.add("at >= ", micros(f.Since), !f.Since.IsZero())
	if f.Suppressed {
		w.conds = append(w.conds, "suppressed <> ''")
	}
	if f.Told {
		w.conds = append(w.conds, "suppressed = '' AND holdout = 0 AND mode = '"+canon.PlayLive+"'")
	}
	if f.After != "" {
		err := pageParts(f.After, 2, func(parts []string) error {
			at, err := strconv.ParseInt(parts[0], 10, 64)
			w.args = append(w.args, at, parts[1])
			w.conds = append(w.conds, fmt.Sprintf("(at, id) < ($%d, $%d)", len(w.args)-1, len(w.args)))
			return err
		})
		if err != nil {
			return page, err
		}
	}
	limit := bounded(f.Limit, 50, 1000)
	fs, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT recorded_at, doc FROM firings%s ORDER BY at DESC, id DESC LIMIT %d", w.String(), limit+1), w.args...)
	}, readFiring)
	if len(fs) > limit {
		fs = fs[:limit]
		last := fs[limit-1]
		page.Next = pageToken(strconv.FormatInt(micros(last.At), 10), last.ID)
	}
	page.Firings = append(page.Firings, fs...)
	return page, err
}

func readFiring(r *sql.Rows) (canon.Firing, error) {
	var f canon.Firing
	var at int64
	var doc string
	if err := r.Scan(&at, &doc); err != nil {
		return f, err
	}
	err := json.Unmarshal([]byte(doc), &f)
	f.RecordedAt = instant(at)
	return f, err
}

// PlayCounts counts what came of each play since a moment, sorted by play.
func (db *DB) PlayCounts(ctx context.Context, since time.Time) ([]canon.PlayCount, error) {
	type row struct {
		play, suppressed     string
		n, holdout, told, at int64
	}
	rows, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT play, suppressed, COUNT(*), CAST(SUM(holdout) AS BIGINT), SUM(CASE WHEN suppressed = '' AND holdout = 0 AND mode = '`+canon.PlayLive+`' THEN 1 ELSE 0 END), MAX(at)
			FROM firings WHERE at >= $1 GROUP BY play, suppressed ORDER BY play, suppressed`, micros(since))
	}, func(r *sql.Rows) (x row, err error) {
		err = r.Scan(&x.play, &x.suppressed, &x.n, &x.holdout, &x.told, &x.at)
		return x, err
	})
	var out []canon.PlayCount
	for _, x := range rows {
		if len(out) == 0 || out[len(out)-1].Play != x.play {
			out = append(out, canon.PlayCount{Play: x.play, Suppressed: map[string]int64{}})
		}
		c := &out[len(out)-1]
		if x.suppressed == "" {
			c.Fired, c.Holdout, c.Told, c.LastAt = x.n, x.holdout, x.told, instant(x.at)
		} else {
			c.Suppressed[x.suppressed] = x.n
		}
	}
	return out, err
}
