package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Streams returns the state of every stream ever pulled.
func (db *DB) Streams(ctx context.Context) ([]canon.StreamState, error) {
	ss, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT s.connection, s.connector, s.stream, s.cursor_text, s.status, s.records, s.changed, s.total,
			s.started_at, s.succeeded_at, s.failed_at, s.backfilled_at, s.error, s.notice,
			(SELECT COUNT(*) FROM records r WHERE r.connection = s.connection AND r.stream = s.stream),
			(SELECT COUNT(*) FROM dead_letters d WHERE d.connection = s.connection AND d.stream = s.stream)
			FROM streams s ORDER BY s.connection, s.stream`)
	}, func(r *sql.Rows) (canon.StreamState, error) {
		var s canon.StreamState
		var started, succeeded, failed, backfilled int64
		var why, notice string
		err := r.Scan(&s.Connection, &s.Connector, &s.Stream, &s.Cursor, &s.Status, &s.Records, &s.Changed, &s.Total,
			&started, &succeeded, &failed, &backfilled, &why, &notice, &s.Held, &s.DeadLetters)
		s.StartedAt, s.SucceededAt, s.FailedAt, s.BackfilledAt = instant(started), instant(succeeded), instant(failed), instant(backfilled)
		if err == nil && why != "" {
			s.Error = &canon.Error{}
			err = json.Unmarshal([]byte(why), s.Error)
		}
		if err == nil && notice != "" {
			s.Notice = &canon.Error{}
			err = json.Unmarshal([]byte(notice), s.Notice)
		}
		return s, err
	})
	if ss == nil {
		ss = []canon.StreamState{}
	}
	return ss, err
}

// Rounds returns when each stream last succeeded and when its first round ended, and nothing else of it: unlike
// Streams it costs nothing, however much is held.
func (db *DB) Rounds(ctx context.Context) ([]canon.StreamState, error) {
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT connection, stream, succeeded_at, backfilled_at FROM streams ORDER BY connection, stream")
	}, func(r *sql.Rows) (canon.StreamState, error) {
		var s canon.StreamState
		var succeeded, backfilled int64
		err := r.Scan(&s.Connection, &s.Stream, &succeeded, &backfilled)
		s.SucceededAt, s.BackfilledAt = instant(succeeded), instant(backfilled)
		return s, err
	})
}

// Checkpoint returns the cursor of a stream, "" where it was never read.
func (db *DB) Checkpoint(ctx context.Context, connection, stream string) (canon.Cursor, error) {
	var c string
	err := db.row(ctx, "SELECT COALESCE(MAX(cursor_text), '') FROM streams WHERE connection = $1 AND stream = $2", connection, stream).Scan(&c)
	return canon.Cursor(c), err
}

// DeadLetters returns dead letters, the newest first, by connection (or all), and the token of the next page.
func (db *DB) DeadLetters(ctx context.Context, connection, after string, limit int) ([]canon.DeadLetter, string, error) {
	limit = bounded(limit, 100, 1000)
	w := where{}
	w.add("connection = ", connection, connection != "")
	if after != "" {
		at, id, err := unpage(after)
		if err != nil {
			return nil, "", err
		}
		w.args = append(w.args, at, id)
		w.conds = append(w.conds, fmt.Sprintf("(recorded_at, id) < ($%d, $%d)", len(w.args)-1, len(w.args)))
	}
	ds, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf(`SELECT id, connection, stream, rid, code, path, reason, hint, version, raw, occurred_at, recorded_at
			FROM dead_letters%s ORDER BY recorded_at DESC, id DESC LIMIT %d`, w.String(), limit+1), w.args...)
	}, func(r *sql.Rows) (canon.DeadLetter, error) {
		var d canon.DeadLetter
		var raw []byte
		var occurred, recorded int64
		err := r.Scan(&d.ID, &d.Connection, &d.Stream, &d.RecordID, &d.Code, &d.Path, &d.Reason, &d.Hint, &d.Version, &raw, &occurred, &recorded)
		d.OccurredAt, d.RecordedAt = instant(occurred), instant(recorded)
		if json.Valid(raw) {
			d.Raw = raw
		} else if len(raw) > 0 {
			// What is not JSON is shown as a JSON string, so that lists stay valid JSON.
			d.Raw, _ = json.Marshal(strings.ToValidUTF8(string(raw), "\uFFFD"))
		}
		return d, err
	})
	if ds == nil {
		ds = []canon.DeadLetter{}
	}
	if len(ds) > limit {
		last := ds[limit-1]
		return ds[:limit], topage(micros(last.RecordedAt), last.ID), err
	}
	return ds, "", err
}

// Customer returns one customer by its id or that of any member, with members and assessment.
func (db *DB) Customer(ctx context.Context, id string) (canon.Customer, error) {
	id, err := db.Resolve(ctx, id)
	if err != nil {
		return canon.Customer{}, err
	}
	c := canon.Customer{ID: id, Members: []canon.Member{}}
	var fields string
	assessment := db.document()
	var first int64
	err = db.row(ctx, "SELECT type, name, domain, fields, first_seen_at, assessment FROM customers WHERE id = $1", id).
		Scan(&c.Type, &c.Name, &c.Domain, &fields, &first, assessment)
	if err != nil {
		return c, err
	}
	c.FirstSeenAt = instant(first)
	if err := json.Unmarshal([]byte(fields), &c.Fields); err != nil {
		return c, fmt.Errorf("stored fields of %s: %w", id, err)
	}
	if err := db.observed(ctx, c.Fields); err != nil {
		return c, err
	}
	if len(assessment.doc) > 0 {
		c.Assessment = &canon.Assessment{}
		if err := assessment.read(c.Assessment); err != nil {
			return c, fmt.Errorf("stored assessment of %s: %w", id, err)
		}
	}
	es, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT "+entityColumns+" FROM entities WHERE kind IN ('company', 'contact') AND customer = $1 AND deleted = 0 ORDER BY kind, name LIMIT 1000", id)
	}, readEntity)
	for _, e := range es {
		m := canon.Member{Kind: e.Entity.Kind, Ref: e.Entity.Ref, Why: e.Why}
		switch b := e.Entity.Body.(type) {
		case *canon.Company:
			m.Name, m.Email = b.Name, b.Email
		case *canon.Contact:
			m.Name = strings.TrimSpace(b.FirstName + " " + b.LastName)
			if m.Name == "" {
				m.Name = b.Name
			}
			if len(b.Emails) > 0 {
				m.Email = b.Emails[0]
			}
		}
		c.Members = append(c.Members, m)
	}
	return c, err
}

func topage(at int64, id string) string { return pageToken(strconv.FormatInt(at, 10), id) }

func unpage(s string) (at int64, id string, err error) {
	err = pageParts(s, 2, func(parts []string) (err error) {
		id = parts[1]
		at, err = strconv.ParseInt(parts[0], 10, 64)
		return err
	})
	return at, id, err
}

// Assessments returns the history of a customer's assessments, the newest first.
func (db *DB) Assessments(ctx context.Context, customer string, limit int) ([]canon.Assessment, error) {
	id, err := db.Resolve(ctx, customer)
	if err != nil {
		return nil, err
	}
	as, err := scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf("SELECT recorded_at, doc FROM assessments WHERE customer = $1 ORDER BY n DESC LIMIT %d", bounded(limit, 50, 1000)), id)
	}, func(r *sql.Rows) (canon.Assessment, error) {
		var a canon.Assessment
		var recorded int64
		doc := db.document()
		err := r.Scan(&recorded, doc)
		if err == nil {
			err = doc.read(&a)
		}
		a.RecordedAt = instant(recorded)
		return a, err
	})
	if as == nil {
		as = []canon.Assessment{}
	}
	return as, err
}

// Counts are the totals that an overview shows.
type Counts struct {
	Customers, Events, Records, Assessed, DeadLetters int64
	// Statements counts every event ever told, also those that are no longer in force.
	Statements                                  int64
	Entities, Stages, Bands, Deliveries, Pushes map[string]int64
}

// Counts returns the totals.
func (db *DB) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := db.row(ctx, `SELECT (SELECT COUNT(*) FROM customers WHERE gone = 0), (SELECT COUNT(*) FROM events WHERE superseded_at = 0),
		(SELECT COUNT(*) FROM records), (SELECT COUNT(*) FROM customers WHERE gone = 0 AND assessed > 0), (SELECT COUNT(*) FROM dead_letters),
		(SELECT COUNT(*) FROM events)`).
		Scan(&c.Customers, &c.Events, &c.Records, &c.Assessed, &c.DeadLetters, &c.Statements)
	for _, g := range []struct {
		to    *map[string]int64
		query string
	}{
		{&c.Entities, "SELECT kind, COUNT(*) FROM entities WHERE deleted = 0 GROUP BY kind"},
		{&c.Stages, "SELECT stage, COUNT(*) FROM customers WHERE gone = 0 AND assessed > 0 GROUP BY stage"},
		{&c.Bands, "SELECT band, COUNT(*) FROM customers WHERE gone = 0 AND assessed > 0 GROUP BY band"},
		{&c.Deliveries, "SELECT state, COUNT(*) FROM deliveries GROUP BY state"},
		{&c.Pushes, "SELECT state, COUNT(*) FROM pushed GROUP BY state"},
	} {
		if err != nil {
			return c, err
		}
		*g.to = map[string]int64{}
		type count struct {
			k string
			n int64
		}
		var ns []count
		ns, err = scan(func() (*sql.Rows, error) { return db.rows(ctx, g.query) }, func(r *sql.Rows) (count, error) {
			var v count
			err := r.Scan(&v.k, &v.n)
			return v, err
		})
		for _, v := range ns {
			(*g.to)[v.k] = v.n
		}
	}
	return c, err
}
