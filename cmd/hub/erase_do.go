package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// eraseDo erases somebody.
func (c *cli) eraseDo(ctx context.Context, o eraseOptions) error {
	e, already, err := c.entomb(ctx, o)
	if err != nil && canon.AsError(err).Code == "person.unknown" {
		// An erasure that was interrupted may have removed already by what they could be named.
		if rest, ferr := c.eraseRest(ctx); ferr != nil || len(rest) > 0 {
			return errors.Join(ferr, c.eraseReport(rest))
		}
	}
	if err != nil {
		return err
	}
	if already && e.State == canon.ErasureDone {
		if c.json {
			return c.print(map[string]any{"erasures": []canon.Erasure{e}, "already": true})
		}
		fmt.Fprintln(c.out, alreadyErased(o.who, e))
		return nil
	}
	done, err := c.eraseRest(ctx)
	if err != nil {
		return err
	}
	return c.eraseReport(slices.DeleteFunc(done, func(d canon.Erasure) bool { return d.ID != e.ID && len(done) > 1 }))
}

func alreadyErased(who string, e canon.Erasure) string {
	if e.State == canon.ErasurePending {
		return fmt.Sprintf("the erasure of %s has begun (%s, %s); `hub erase resume` finishes it", who, e.ID, minute(e.At))
	}
	return fmt.Sprintf("%s is erased already (%s, %s); nothing to do", who, e.ID, minute(e.At))
}

// subject finds whom to erase, and the erasure that did it already, or has begun to, where nothing else is to be done.
func (c *cli) subject(ctx context.Context, db *store.DB, who string) (s ingest.Subject, earlier canon.Erasure, err error) {
	keys, err := c.vaultKeys()
	if err != nil {
		return s, earlier, err
	}
	key, err := db.Vault(erasureVault, keys).Load(ctx, erasureSecret)
	if err != nil {
		return s, earlier, err
	}
	s, err = ingest.FindSubject(ctx, db, who)
	if ref, rerr := canon.ParseRef(who); err != nil && rerr == nil && canon.CodeOf(err) == "person.unknown" {
		// A record that is not held may be one that was erased.
		gone := ingest.Subject{Scope: canon.Scope{Refs: []canon.Ref{ref}}}
		if earlier, ferr := erasureOf(ctx, db, gone.Marks(key, "")); ferr != nil || earlier.ID != "" {
			return gone, earlier, ferr
		}
	}
	if err != nil || s.Empty() {
		return s, earlier, err
	}
	earlier, err = erasureOf(ctx, db, s.Marks(key, ""))
	if earlier.State == canon.ErasureDone && len(s.Scope.Refs) > 0 {
		// Something came in all the same, or stayed.
		earlier = canon.Erasure{}
	}
	return s, earlier, err
}

// erasureOf returns an erasure that holds all the marks; none where there is none.
func erasureOf(ctx context.Context, db *store.DB, marks []canon.Mark) (found canon.Erasure, err error) {
	missing := map[string]int{}
	if err := db.InTx(ctx, time.Now(), func(tx *store.Tx) error {
		held, err := tx.Marks(ctx)
		wanted := map[string]bool{}
		for _, m := range marks {
			wanted[m.Sum] = true
		}
		for _, m := range held {
			if _, met := missing[m.Erasure]; !met {
				missing[m.Erasure] = len(wanted)
			}
			if wanted[m.Sum] {
				missing[m.Erasure]--
			}
		}
		return err
	}); err != nil {
		return found, err
	}
	es, err := db.Erasures(ctx)
	for _, e := range es {
		if n, there := missing[e.ID]; there && n == 0 {
			return e, err
		}
	}
	return found, err
}

// entomb keeps by what the subject is recognised, which blocks them from then on. It returns the erasure, which may be one
// that did so already.
func (c *cli) entomb(ctx context.Context, o eraseOptions) (e canon.Erasure, already bool, err error) {
	err = c.withStore(ctx, func(db *store.DB) error {
		s, earlier, err := c.subject(ctx, db, o.who)
		if err != nil {
			return err
		}
		if earlier.ID != "" {
			e, already = earlier, true
			return nil
		}
		if s.Empty() {
			return canon.Errorf("person.unknown", "nothing is known by which %s could be recognised", o.who).
				WithHint("name the person by an e-mail address, which is recognised wherever it comes up")
		}
		key, err := c.makeErasureKey(ctx, db)
		if err != nil {
			return err
		}
		e.ID, err = entomb(ctx, db, s, key, o)
		return err
	})
	return e, already, err
}

func entomb(ctx context.Context, db *store.DB, s ingest.Subject, key []byte, o eraseOptions) (string, error) {
	now := time.Now().UTC()
	marks := s.Marks(key, "")
	sums := []string{now.Format(time.RFC3339Nano)}
	for _, m := range marks {
		sums = append(sums, m.Sum)
	}
	e := canon.Erasure{ID: canon.ID("era", sums...), Kind: s.Kind, State: canon.ErasurePending, Author: cmp.Or(o.author, "unknown"), Reason: o.reason, At: now}
	for i := range marks {
		marks[i].Erasure = e.ID
	}
	if text, hit := passing(s).Redact(e.Reason); hit {
		// Who writes the name into the reason would keep it.
		e.Reason = text
	}
	return e.ID, db.InTx(ctx, now, func(tx *store.Tx) error {
		if err := tx.AddErasure(ctx, e); err != nil {
			return err
		}
		if err := tx.AddMarks(ctx, marks); err != nil {
			return err
		}
		if err := tx.SetMeta(ctx, erasuresNote, e.ID); err != nil {
			return err
		}
		if err := tellErased(ctx, tx, e, s.Affected); err != nil {
			return err
		}
		return tx.AddAudit(ctx, canon.AuditEntry{Actor: e.Author, Action: "erase", Object: e.ID, Subject: subjectMark(marks)})
	})
}

// subjectMark is the keyed hash by which entries about the same person are told to be so.
func subjectMark(marks []canon.Mark) string {
	for _, kind := range []string{canon.MarkMail, canon.MarkRef, canon.MarkPhone, canon.MarkName} {
		for _, m := range marks {
			if m.Kind == kind {
				return m.Sum[:32]
			}
		}
	}
	return ""
}

// tellErased lets everybody who follows the customers know that somebody of them was erased.
func tellErased(ctx context.Context, tx *store.Tx, e canon.Erasure, customers []string) error {
	n := map[string]int64{}
	for _, id := range customers {
		n[id] = 1
	}
	first, err := tx.NextSequences(ctx, n)
	if err != nil {
		return err
	}
	var cs []canon.Change
	for _, id := range customers {
		data, err := compact(map[string]any{"customer": map[string]string{"id": id}, "erasure": map[string]string{"id": e.ID, "kind": e.Kind}})
		if err != nil {
			return err
		}
		cs = append(cs, canon.Change{ID: canon.ID("chg", e.ID, id), Type: canon.ErasedType, Customer: id, Sequence: first[id], OccurredAt: e.At,
			RecordedAt: tx.Now(), Current: true, Data: data})
	}
	return tx.AddChanges(ctx, cs)
}

// eraseRest finishes what is pending: itself, or by the hub that runs on the data already.
func (c *cli) eraseRest(ctx context.Context) (done []canon.Erasure, err error) {
	err = c.withApp(ctx, func(ctx context.Context, _ *errgroup.Group, a *app) error {
		// What an earlier process left on the belt comes first: it must not come behind.
		if err := a.await(ctx, func() (bool, error) {
			n, err := a.bus.RecordsWaiting(ctx)
			return n == 0, err
		}); err != nil {
			return err
		}
		if done, err = a.finishErasures(ctx, beltPatience); err != nil {
			return err
		}
		if err := a.assess(ctx); err != nil {
			return err
		}
		return a.settleOut(ctx)
	})
	if err == nil || canon.AsError(err).Code != "data.in_use" {
		return done, err
	}
	fmt.Fprintln(c.err, "the hub that is running removes the rest…")
	err = c.withStore(ctx, func(db *store.DB) error {
		before, err := db.Erasures(ctx)
		if err != nil {
			return err
		}
		for {
			busy, err := db.Erasing(ctx)
			if err != nil {
				return err
			}
			if !busy {
				break
			}
			if !wait(ctx, 200*time.Millisecond) {
				return ctx.Err()
			}
		}
		pending := map[string]bool{}
		for _, e := range before {
			pending[e.ID] = e.State == canon.ErasurePending
		}
		now, err := db.Erasures(ctx)
		for _, e := range now {
			if pending[e.ID] {
				done = append(done, e)
			}
		}
		return err
	})
	return done, err
}

func (c *cli) eraseReport(es []canon.Erasure) error {
	if c.json {
		return c.print(map[string]any{"erasures": es})
	}
	for _, e := range es {
		fmt.Fprintf(c.out, "%s  %s  %s\n", e.ID, e.Kind, e.State)
		for _, name := range slices.Sorted(maps.Keys(e.Counts)) {
			fmt.Fprintf(c.out, "  %-20s %d\n", name, e.Counts[name])
		}
	}
	return nil
}
