package main

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

const (
	// erasureVault and erasureSecret are where the vault keeps the key of the marks. No connection has such a name.
	erasureVault, erasureSecret = ".erasure", "key"
	// erasuresNote is the name under which the store keeps which erasure was last begun or lifted.
	erasuresNote = "erasures"
	// beltPatience is how long an erasure holds up others for pages and calls that are under way, liveBeltPatience how
	// long one that holds up nobody waits before it begins again.
	beltPatience, liveBeltPatience = 30 * time.Second, time.Hour
)

// makeErasureKey returns the key of the marks, which it draws where there is none. It is never drawn anew while
// anybody is erased: nobody would be recognised any more.
func makeErasureKey(ctx context.Context, db *store.DB, keys store.Keys) ([]byte, error) {
	vault := db.Vault(erasureVault, keys)
	release, err := vault.Lease(ctx, erasureSecret)
	if err != nil {
		return nil, err
	}
	defer release()
	key, err := vault.Load(ctx, erasureSecret)
	if err != nil || len(key) > 0 {
		return key, err
	}
	key = make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key, vault.Save(ctx, erasureSecret, key)
}

// vaultKeys are the keys of the configuration's vault.
func (c *cli) vaultKeys() (keys store.Keys, err error) {
	cfg, err := c.load()
	if err != nil {
		return keys, err
	}
	return loadKeys(cfg, c.env)
}

// makeErasureKey is makeErasureKey for a command that has the store alone.
func (c *cli) makeErasureKey(ctx context.Context, db *store.DB) ([]byte, error) {
	keys, err := c.vaultKeys()
	if err != nil {
		return nil, err
	}
	return makeErasureKey(ctx, db, keys)
}

// erasureKey returns the key of the marks, nil where nobody was erased yet.
func (a *app) erasureKey(ctx context.Context) ([]byte, error) {
	return a.db.Vault(erasureVault, *a.keys).Load(ctx, erasureSecret)
}

// keepErased finishes erasures that are asked for while the hub runs, until ctx ends.
func (a *app) keepErased(ctx context.Context) error {
	last := ""
	for wait(ctx, time.Second) {
		now, err := a.db.Meta(ctx, erasuresNote)
		if err == nil && now != last {
			a.pipe.Reconsider()
			last = now
		}
		if err == nil {
			_, err = a.finishErasures(ctx, liveBeltPatience)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Warn("an erasure could not be finished; it is tried again", "error", err)
			wait(ctx, beltPatience)
		}
	}
	return nil
}

// finishErasures removes whatever is left of those whose erasure has begun, of one erasure after the other, the oldest
// first. It may be interrupted anywhere: what is left is found again by the marks. It waits at most patience for what is
// under way.
func (a *app) finishErasures(ctx context.Context, patience time.Duration) ([]canon.Erasure, error) {
	es, err := a.db.Erasures(ctx)
	if err != nil {
		return nil, err
	}
	es = slices.DeleteFunc(es, func(e canon.Erasure) bool { return e.State != canon.ErasurePending })
	if len(es) == 0 {
		return nil, nil
	}
	slices.Reverse(es)
	// From here on nothing of them comes in.
	a.pipe.Reconsider()
	for i := range es {
		if err := a.eraseOne(ctx, &es[i], es[i+1:]); err != nil {
			return nil, err
		}
	}
	if err := a.bus.PurgeTaken(ctx, patience); err != nil {
		return nil, err
	}
	// What a rebuild that was interrupted has left beside the store holds everything once more.
	if err := store.DropBeside(ctx, storeURL(a.cfg)); err != nil {
		return nil, err
	}
	if err := a.db.Wipe(ctx); err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	return es, a.db.InTx(ctx, now, func(tx *store.Tx) error {
		for i := range es {
			e := &es[i]
			e.State, e.DoneAt = canon.ErasureDone, now
			if err := tx.PutErasure(ctx, *e); err != nil {
				return err
			}
			if err := tx.AddAudit(ctx, canon.AuditEntry{Actor: e.Author, Action: "erased", Object: e.ID, Counts: e.Counts}); err != nil {
				return err
			}
		}
		return nil
	})
}

// eraseOne removes those of one erasure from the store and from the bus, and adds to its counts. What belongs to them
// together with others who are erased goes as well, as the gate keeps it out; but for those of later erasures, which count
// it theirs.
func (a *app) eraseOne(ctx context.Context, e *canon.Erasure, later []canon.Erasure) error {
	var without []string
	for _, l := range later {
		without = append(without, l.ID)
	}
	known, err := a.pipe.Erased(ctx, without...)
	if err != nil {
		return err
	}
	counts, err := a.eraseStored(ctx, known)
	if err != nil {
		return err
	}
	if err := a.keep(ctx, purgingMeta, "1"); err != nil {
		return err
	}
	if err := a.eraseCarried(ctx, known, counts); err != nil {
		return err
	}
	if err := a.keep(ctx, purgingMeta, ""); err != nil {
		return err
	}
	// It may have been begun before.
	for name, n := range e.Counts {
		counts[name] += n
	}
	e.Counts = counts
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.PutErasure(ctx, *e) })
}

// purgingMeta is the name under which the store keeps that messages are being removed from the changes belt.
const purgingMeta = "erasure:purging"

func (a *app) keep(ctx context.Context, name, value string) error {
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.SetMeta(ctx, name, value) })
}

// renewBelt makes the changes belt anew where a hub was killed while it removed messages: their bytes may still lie
// there, of messages that are no longer on it. The relay fills it again.
func (a *app) renewBelt(ctx context.Context) error {
	purging, err := a.db.Meta(ctx, purgingMeta)
	if err != nil || purging == "" {
		return err
	}
	if err := a.bus.RenewChanges(ctx); err != nil {
		return err
	}
	a.log.Warn("the changes belt was made anew, because a hub was killed while it erased; consumers of others on it must be added again")
	return a.keep(ctx, purgingMeta, "")
}

// eraseStored removes those who are known from the store, and brings who is left up to date.
func (a *app) eraseStored(ctx context.Context, known *ingest.Marked) (map[string]int64, error) {
	counts, err := a.pipe.Scrub(ctx, known)
	if err != nil {
		return nil, err
	}
	a.wake()
	// What the relay and the fan have in hand was read before. They must be done with it, or it would come back.
	if err := a.await(ctx, func() (bool, error) {
		end, err := a.db.OutboxEnd(ctx)
		if err != nil {
			return false, err
		}
		last, _, err := a.bus.LastChange(ctx)
		if err != nil || last < end {
			return false, err
		}
		n, err := a.bus.ChangesWaiting(ctx, webhooksName)
		return n == 0, err
	}); err != nil {
		return nil, err
	}
	if err := a.pipe.ScrubTexts(ctx, known, counts); err != nil {
		return nil, err
	}
	if err := a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.EraseStray(ctx) }); err != nil {
		return nil, err
	}
	if a.pipe.Settled() {
		_, err = a.pipe.Settle(ctx)
		a.wake()
	}
	return counts, err
}

// eraseCarried removes those who are known from the bus: messages that tell of what the store does not hold any more, or
// that name them.
func (a *app) eraseCarried(ctx context.Context, known *ingest.Marked, counts map[string]int64) error {
	n, err := a.bus.PurgeChanges(ctx, func(ctx context.Context, ms []bus.Carried) ([]bool, error) {
		ids := map[string]bool{}
		for _, m := range ms {
			ids[m.Change] = true
		}
		delete(ids, "")
		told, err := a.db.Told(ctx, slices.Sorted(maps.Keys(ids)))
		out := make([]bool, len(ms))
		for i, m := range ms {
			out[i] = m.Change != "" && !told[m.Change] || known.Mentions(m.Data)
		}
		return out, err
	})
	counts["messages"] += int64(n)
	if err != nil {
		return err
	}
	if n, err = a.bus.PurgeHooks(ctx, known.Mentions); err != nil {
		return err
	}
	counts["calls"] += int64(n)
	return nil
}
