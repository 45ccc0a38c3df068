package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// PutCandidates stores candidates, given the rows of their two entities; a pair that is there already is replaced.
func (t *Tx) PutCandidates(ctx context.Context, rows [][2]int64, cs []canon.Candidate) error {
	vals := make([][]any, 0, len(cs))
	at := map[[2]int64]int{}
	for i, c := range cs {
		a, b := rows[i][0], rows[i][1]
		if a > b {
			a, b = b, a
		}
		why, err := json.Marshal(c.Why)
		if err != nil {
			return err
		}
		row := []any{a, b, canon.CandidateID(c.A, c.B), string(c.Kind), c.Rank, c.Score, flag(c.Contested), string(why), micros(t.now)}
		// PostgreSQL refuses to meet a row twice in one statement.
		if n, twice := at[[2]int64{a, b}]; twice {
			vals[n] = row
			continue
		}
		at[[2]int64{a, b}] = len(vals)
		vals = append(vals, row)
	}
	return t.insert(ctx, "INSERT INTO candidates (a, b, id, kind, rank, score, contested, why, recorded_at)",
		"ON CONFLICT (a, b) DO UPDATE SET rank = excluded.rank, score = excluded.score, contested = excluded.contested, why = excluded.why", vals)
}

// DropPairs forgets pairs, each by the rows of its two entities, the smaller first.
func (t *Tx) DropPairs(ctx context.Context, rows [][2]int64) error {
	return each(rows, 1, func(_ string, pairs []any) error {
		conds, args := make([]string, len(pairs)), make([]any, 0, 2*len(pairs))
		for i, p := range pairs {
			if p, ok := p.([2]int64); ok {
				conds[i] = fmt.Sprintf("(a = $%d AND b = $%d)", 2*i+1, 2*i+2)
				args = append(args, p[0], p[1])
			}
		}
		return t.exec(ctx, "DELETE FROM candidates WHERE "+strings.Join(conds, " OR "), args...)
	})
}

// CandidatesOf returns the pairs that any of the entities is in, by row, each with the rows of its two.
func (t *Tx) CandidatesOf(ctx context.Context, rows []int64) (map[[2]int64]canon.Candidate, error) {
	type pair struct {
		rows [2]int64
		c    canon.Candidate
	}
	out := map[[2]int64]canon.Candidate{}
	for _, side := range []string{"a", "b"} {
		ps, err := in(ctx, t, `SELECT c.a, c.b, c.id, c.kind, x.name, y.name, c.rank, c.score, c.contested, c.why FROM candidates c
			JOIN entities x ON x.id = c.a JOIN entities y ON y.id = c.b WHERE c.`+side, "", nil, rows, func(r *sql.Rows) (pair, error) {
			var p pair
			var contested int64
			var why string
			if err := r.Scan(&p.rows[0], &p.rows[1], &p.c.ID, &p.c.Kind, &p.c.A, &p.c.B, &p.c.Rank, &p.c.Score, &contested, &why); err != nil {
				return p, err
			}
			p.c.Contested = contested == 1
			p.c.A, p.c.B = min(p.c.A, p.c.B), max(p.c.A, p.c.B)
			return p, json.Unmarshal([]byte(why), &p.c.Why)
		})
		if err != nil {
			return nil, err
		}
		for _, p := range ps {
			out[p.rows] = p.c
		}
	}
	return out, nil
}

// CandidateFilter selects open candidates.
type CandidateFilter struct {
	// Kind keeps companies or contacts alone, MinScore those that are at least so alike.
	Kind     canon.Kind
	MinScore float64
	// Customer keeps the pairs with a member of this customer.
	Customer string
	// After is the page token, Limit the most candidates to return; 0 means 50.
	After string
	Limit int
	// Now is the moment by which decisions count, zero for the present.
	Now time.Time
}

// OpenCandidate is a candidate that nobody has decided about, with both entities.
type OpenCandidate struct {
	canon.Candidate
	// Left is A, Right is B.
	Left  CandidateSide `json:"left"`
	Right CandidateSide `json:"right"`
	// RecordedAt is when the pair was first found.
	RecordedAt time.Time `json:"recorded_at"`
}

// CandidateSide is one of the two.
type CandidateSide struct {
	Entity canon.Entity `json:"entity"`
	// Cluster is the company or person that it is part of, Customer whose it is, CustomerName that customer's name.
	Cluster      string `json:"cluster"`
	Customer     string `json:"customer"`
	CustomerName string `json:"customer_name,omitempty"`
}

// Candidates returns one page of the candidates that are open, the most alike first, and the token of the next. A pair is
// open while both entities live, stand apart, and no link or unlink that is in force says whether they are one.
func (db *DB) Candidates(ctx context.Context, f CandidateFilter) ([]OpenCandidate, string, error) {
	decided, err := db.decided(ctx, f.Now)
	if err != nil {
		return nil, "", err
	}
	out, limit := []OpenCandidate{}, bounded(f.Limit, 50, 1000)
	for after := f.After; ; {
		page, err := db.candidates(ctx, f, after, limit+1)
		if err != nil {
			return nil, "", err
		}
		for _, c := range page {
			if decided[[2]string{c.Left.Cluster, c.Right.Cluster}] {
				continue
			}
			if len(out) == limit {
				last := out[limit-1]
				return out, scorePage(last.Score, last.ID), nil
			}
			out = append(out, c)
		}
		if len(page) <= limit {
			return out, "", nil
		}
		after = scorePage(page[limit].Score, page[limit].ID)
	}
}

// decided returns the pairs of clusters, in both orders, that links and unlinks in force say something of.
func (db *DB) decided(ctx context.Context, now time.Time) (map[[2]string]bool, error) {
	if now.IsZero() {
		now = time.Now()
	}
	log, err := db.Decisions(ctx)
	if err != nil || len(log) == 0 {
		return nil, err
	}
	out, ds := map[[2]string]bool{}, pairs(log, now)
	names := map[string]string{}
	for _, d := range ds {
		names[d.A], names[d.B] = "", ""
	}
	var keys []string
	for name := range names {
		keys = append(keys, name)
	}
	err = each(keys, 1, func(ph string, args []any) error {
		_, err := scan(func() (*sql.Rows, error) {
			return db.rows(ctx, "SELECT name, cluster FROM entities WHERE name IN ("+ph+")", args...)
		}, func(r *sql.Rows) (struct{}, error) {
			var name, cluster string
			err := r.Scan(&name, &cluster)
			names[name] = cluster
			return struct{}{}, err
		})
		return err
	})
	for _, d := range ds {
		if a, b := names[d.A], names[d.B]; a != "" && b != "" {
			out[[2]string{a, b}], out[[2]string{b, a}] = true, true
		}
	}
	return out, err
}

// candidates reads pairs that live and stand apart.
func (db *DB) candidates(ctx context.Context, f CandidateFilter, after string, limit int) ([]OpenCandidate, error) {
	w := where{conds: []string{"x.deleted = 0", "y.deleted = 0", "x.cluster <> y.cluster"}}
	w.add("c.kind = ", string(f.Kind), f.Kind != "")
	w.add("c.score >= ", f.MinScore, f.MinScore > 0)
	if f.Customer != "" {
		w.args = append(w.args, f.Customer, f.Customer)
		w.conds = append(w.conds, fmt.Sprintf("(x.customer = $%d OR y.customer = $%d)", len(w.args)-1, len(w.args)))
	}
	if after != "" {
		score, id, err := unscorePage(after)
		if err != nil {
			return nil, err
		}
		w.args = append(w.args, score, score, id)
		n := len(w.args)
		w.conds = append(w.conds, fmt.Sprintf("(c.score < $%d OR (c.score = $%d AND c.id > $%d))", n-2, n-1, n))
	}
	return scan(func() (*sql.Rows, error) {
		return db.rows(ctx, fmt.Sprintf(`SELECT c.id, c.kind, c.rank, c.score, c.contested, c.why, c.recorded_at, x.name, x.doc, x.cluster, x.customer,
			COALESCE(cx.name, ''), y.name, y.doc, y.cluster, y.customer, COALESCE(cy.name, '')
			FROM candidates c JOIN entities x ON x.id = c.a JOIN entities y ON y.id = c.b
			LEFT JOIN customers cx ON cx.id = x.customer LEFT JOIN customers cy ON cy.id = y.customer%s ORDER BY c.score DESC, c.id LIMIT %d`, w.String(), limit), w.args...)
	}, readOpen)
}

func readOpen(r *sql.Rows) (OpenCandidate, error) {
	var c OpenCandidate
	var contested, at int64
	var why, left, right string
	err := r.Scan(&c.ID, &c.Kind, &c.Rank, &c.Score, &contested, &why, &at, &c.A, &left, &c.Left.Cluster, &c.Left.Customer, &c.Left.CustomerName,
		&c.B, &right, &c.Right.Cluster, &c.Right.Customer, &c.Right.CustomerName)
	if err != nil {
		return c, err
	}
	c.Contested, c.RecordedAt = contested == 1, instant(at)
	for doc, to := range map[*string]any{&why: &c.Why, &left: &c.Left.Entity, &right: &c.Right.Entity} {
		if err := json.Unmarshal([]byte(*doc), to); err != nil {
			return c, fmt.Errorf("stored candidate %s: %w", c.ID, err)
		}
	}
	if c.B < c.A {
		c.A, c.B, c.Left, c.Right = c.B, c.A, c.Right, c.Left
	}
	return c, nil
}

func scorePage(score float64, id string) string {
	return pageToken(strconv.FormatFloat(score, 'g', -1, 64), id)
}

func unscorePage(s string) (score float64, id string, err error) {
	err = pageParts(s, 2, func(parts []string) (err error) {
		id = parts[1]
		score, err = strconv.ParseFloat(parts[0], 64)
		return err
	})
	return score, id, err
}
