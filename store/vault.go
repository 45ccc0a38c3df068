package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Vault keeps the secrets of one connection, sealed. It is safe for concurrent use, by several processes too.
type Vault struct {
	// Now is the clock that leases end by; nil means time.Now.
	Now func() time.Time

	db         *DB
	keys       Keys
	connection string
}

const (
	// leaseLife is how long a lease lasts where its owner was killed. Those who hold one take less.
	leaseLife = 2 * time.Minute
	// Who waits for a lease looks again after leaseLook.
	leaseLook = 50 * time.Millisecond
	// releaseLimit ends the giving back of a lease where the store does not answer: it ends by itself anyhow.
	releaseLimit = 5 * time.Second
)

// Vault returns the vault of a connection.
func (db *DB) Vault(connection string, keys Keys) *Vault {
	return &Vault{db: db, keys: keys, connection: text(connection)}
}

func (v *Vault) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// Load returns the value kept under name, nil where there is none. Its errors have the codes vault.key, where
// the key is not at hand, and vault.broken.
func (v *Vault) Load(ctx context.Context, name string) ([]byte, error) {
	return v.value(ctx, "SELECT value FROM vault WHERE connection = $1 AND name = $2", name)
}

// Previous returns the value that the last Save replaced, nil where there is none.
func (v *Vault) Previous(ctx context.Context, name string) ([]byte, error) {
	return v.value(ctx, "SELECT previous FROM vault WHERE connection = $1 AND name = $2", name)
}

func (v *Vault) value(ctx context.Context, query, name string) ([]byte, error) {
	var box []byte
	err := v.db.row(ctx, query, v.connection, name).Scan(&box)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the vault: %w", err)
	}
	return v.keys.open(v.connection, name, box)
}

// Save returns when the value is durable. The value before it is kept as the previous one; saving what is kept
// already changes nothing.
func (v *Vault) Save(ctx context.Context, name string, value []byte) error {
	return v.db.InTx(ctx, v.now(), func(tx *Tx) error {
		boxes, err := scan(func() (*sql.Rows, error) {
			return tx.query(ctx, "SELECT value FROM vault WHERE connection = $1 AND name = $2", v.connection, name)
		}, readBytes)
		if err != nil {
			return err
		}
		if len(boxes) == 1 {
			// What does not open may be replaced all the same.
			if old, err := v.keys.open(v.connection, name, boxes[0]); err == nil && bytes.Equal(old, value) {
				return nil
			}
		}
		return tx.exec(ctx, `INSERT INTO vault (connection, name, value, changed_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (connection, name) DO UPDATE SET previous = vault.value, value = excluded.value, changed_at = excluded.changed_at`,
			v.connection, name, v.keys.seal(v.connection, name, value), micros(tx.now))
	})
}

func readBytes(r *sql.Rows) ([]byte, error) {
	var b []byte
	err := r.Scan(&b)
	return b, err
}

// Lease waits until no other holds the lease of name, and takes it for two minutes or until release. It holds
// between processes as far as their clocks agree, and within one too.
func (v *Vault) Lease(ctx context.Context, name string) (release func(), err error) {
	owner := rand.Text()
	for {
		got, err := v.tryLease(ctx, name, owner)
		if err != nil {
			return nil, err
		}
		if got {
			return func() { v.release(context.WithoutCancel(ctx), name, owner) }, nil
		}
		timer := time.NewTimer(leaseLook)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

func (v *Vault) tryLease(ctx context.Context, name, owner string) (got bool, err error) {
	// Who only looks takes no turn at writing.
	now := v.now()
	var until int64
	err = v.db.row(ctx, "SELECT until FROM vault_leases WHERE connection = $1 AND name = $2", v.connection, name).Scan(&until)
	switch {
	case err == nil && until > micros(now):
		return false, nil
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return false, fmt.Errorf("read a lease: %w", err)
	}
	err = v.db.InTx(ctx, now, func(tx *Tx) error {
		owners, err := scan(func() (*sql.Rows, error) {
			return tx.query(ctx, `INSERT INTO vault_leases (connection, name, owner, until) VALUES ($1, $2, $3, $4)
				ON CONFLICT (connection, name) DO UPDATE SET owner = excluded.owner, until = excluded.until WHERE vault_leases.until <= $5 RETURNING owner`,
				v.connection, name, owner, micros(now.Add(leaseLife)), micros(now))
		}, readID)
		got = len(owners) == 1
		return err
	})
	return got && err == nil, err
}

func (v *Vault) release(ctx context.Context, name, owner string) {
	ctx, cancel := context.WithTimeout(ctx, releaseLimit)
	defer cancel()
	// A lease that is not given back ends by itself.
	_ = v.db.InTx(ctx, v.now(), func(tx *Tx) error {
		return tx.exec(ctx, "DELETE FROM vault_leases WHERE connection = $1 AND name = $2 AND owner = $3", v.connection, name, owner)
	})
}

// Forget removes all that is kept for the connection.
func (v *Vault) Forget(ctx context.Context) error {
	return v.db.InTx(ctx, v.now(), func(tx *Tx) error {
		return tx.exec(ctx, "DELETE FROM vault WHERE connection = $1", v.connection)
	})
}

// sealedRow is one row of the vault as it is stored.
type sealedRow struct {
	connection, name string
	value, previous  []byte
}

// Reseal seals everything anew with the first key, in one transaction, and returns how many values there are.
// Afterwards the other keys are needed no more. A value that none of the keys opens fails it, and nothing is
// changed.
func (db *DB) Reseal(ctx context.Context, keys Keys) (int, error) {
	n := 0
	err := db.InTx(ctx, time.Now(), func(tx *Tx) error {
		rows, err := scan(func() (*sql.Rows, error) {
			return tx.query(ctx, "SELECT connection, name, value, previous FROM vault ORDER BY connection, name")
		}, func(r *sql.Rows) (sealedRow, error) {
			var s sealedRow
			err := r.Scan(&s.connection, &s.name, &s.value, &s.previous)
			return s, err
		})
		if err != nil {
			return err
		}
		for _, s := range rows {
			if err := s.reseal(keys); err != nil {
				return err
			}
			if err := tx.exec(ctx, "UPDATE vault SET value = $1, previous = $2 WHERE connection = $3 AND name = $4", s.value, s.previous, s.connection, s.name); err != nil {
				return err
			}
		}
		n = len(rows)
		return nil
	})
	return n, err
}

func (s *sealedRow) reseal(keys Keys) error {
	for _, box := range []*[]byte{&s.value, &s.previous} {
		value, err := keys.open(s.connection, s.name, *box)
		if err != nil {
			return canon.AsError(err)
		}
		if value != nil {
			*box = keys.seal(s.connection, s.name, value)
		}
	}
	return nil
}
