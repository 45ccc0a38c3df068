package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// resolveAt returns the customer that id meant at a moment of knowledge, 0 for now. An id that has become part of
// another customer since meant itself; a record meant whom it was with.
func (db *DB) resolveAt(ctx context.Context, id string, known int64) (string, error) {
	if known == 0 {
		return db.Resolve(ctx, id)
	}
	var was string
	err := db.row(ctx, `SELECT COALESCE((SELECT m.origin FROM moves m WHERE m.entity = x.id AND m.at > $1 ORDER BY m.at, m.seq LIMIT 1), x.customer)
		FROM entities x WHERE x.node = $2 AND x.node <> '' OR x.name IN ($3, $4, $5) ORDER BY x.id LIMIT 1`, known, id, id, id+"#company", id+"#contact").Scan(&was)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	if was == "" {
		// The record that the id was derived from may have been forgotten since; who left the id later was there.
		err := db.row(ctx, "SELECT COALESCE(MAX(origin), '') FROM moves WHERE origin = $1 AND at > $2", id, known).Scan(&was)
		if err != nil || was != "" {
			return was, err
		}
		return db.Resolve(ctx, id)
	}
	return was, nil
}

// person is who a question is about: the rows of the contacts that are the person, and the keys by which what belongs
// to them is found.
type person struct {
	rows []int64
	keys []string
}

// maxPerson bounds how many records and keys of one person a question is about.
const maxPerson = 200

func (db *DB) person(ctx context.Context, id string) (person, error) {
	var p person
	var err error
	p.rows, err = scan(func() (*sql.Rows, error) {
		return db.rows(ctx, `SELECT id FROM entities WHERE kind = 'contact' AND (name IN ($1, $2) OR node = $3 AND node <> ''
			OR cluster <> '' AND cluster IN (SELECT cluster FROM entities WHERE kind = 'contact' AND (name IN ($4, $5) OR node = $6 AND node <> '')))
			ORDER BY id LIMIT $7`, id, id+"#contact", id, id, id+"#contact", id, maxPerson)
	}, func(r *sql.Rows) (int64, error) {
		var row int64
		err := r.Scan(&row)
		return row, err
	})
	if err != nil {
		return p, err
	}
	if len(p.rows) == 0 {
		return p, canon.Errorf("person.unknown", "no contact has the id %.80q", id).
			WithHint("name a contact by its record (connection/stream/id); `hub explain CUSTOMER` lists a customer's")
	}
	rows := make([]string, len(p.rows))
	for i, r := range p.rows {
		rows[i] = strconv.FormatInt(r, 10)
	}
	p.keys, err = scan(func() (*sql.Rows, error) {
		return db.rows(ctx, "SELECT DISTINCT name FROM keys WHERE entity IN ("+strings.Join(rows, ", ")+") AND role = $1 ORDER BY name LIMIT $2", roleEvidence, maxPerson)
	}, readID)
	kept := p.keys[:0]
	for _, k := range p.keys {
		if strings.HasPrefix(k, "ref:contact:") || strings.HasPrefix(k, "mail:") {
			kept = append(kept, k)
		}
	}
	p.keys = kept
	return p, err
}

// AssessmentAt returns the assessment that was in force of a customer at a moment, by what was known at another; zero is
// now. It returns a canon.Error assessment.unknown where there was none yet.
func (db *DB) AssessmentAt(ctx context.Context, customer string, at, knownAt time.Time) (canon.Assessment, error) {
	var a canon.Assessment
	id, err := db.resolveAt(ctx, customer, micros(knownAt))
	if err != nil {
		return a, err
	}
	w := where{}
	w.add("customer = ", id, true)
	w.add("at <= ", micros(at), !at.IsZero())
	w.add("recorded_at <= ", micros(knownAt), !knownAt.IsZero())
	var recorded int64
	doc := db.document()
	err = db.row(ctx, "SELECT recorded_at, doc FROM assessments"+w.String()+" ORDER BY n DESC LIMIT 1", w.args...).Scan(&recorded, doc)
	if errors.Is(err, sql.ErrNoRows) {
		return a, canon.Errorf("assessment.unknown", "nothing had been assessed of customer %s by then", id).WithHint("name a later moment")
	}
	if err != nil {
		return a, err
	}
	err = doc.read(&a)
	a.RecordedAt = instant(recorded)
	return a, err
}
