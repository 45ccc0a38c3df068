package ingest

import (
	"context"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// apply writes entities, keys, owners and events.
func (w *work) apply(ctx context.Context, ds []*delta) error {
	slices.SortFunc(ds, func(a, b *delta) int { return strings.Compare(a.entity.Entity.Key(), b.entity.Entity.Key()) })
	fresh := map[int64]bool{}
	var save []*canon.StoredEntity
	for _, d := range ds {
		if !d.forget && isNode(d.entity.Entity.Kind) && d.entity.Node == "" {
			d.entity.Node = identity.NewNode(d.entity.Entity, d.entity.At).ID()
		}
		if d.save {
			save = append(save, d.entity)
		}
	}
	if err := w.tx.PutEntities(ctx, save); err != nil {
		return err
	}
	for _, d := range ds {
		if !d.known {
			fresh[d.entity.Row] = true
			w.born[d.entity.Row] = d.entity
		}
	}
	oldKeys, err := w.keys(ctx, save, fresh)
	if err != nil {
		return err
	}
	if err := w.forget(ctx, ds, oldKeys); err != nil {
		return err
	}
	w.result.Entities += len(save)
	if err := w.resolve(ctx, ds, oldKeys); err != nil {
		return err
	}
	for _, d := range ds {
		w.touch(d.entity.Customer)
	}
	return w.events(ctx, ds)
}

// forget removes what no record yields any more, and notes the evidence that it held.
func (w *work) forget(ctx context.Context, ds []*delta, oldKeys map[int64][]string) error {
	var rows []int64
	for _, d := range ds {
		if d.forget {
			rows = append(rows, d.entity.Row)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	keys, err := w.tx.KeysOf(ctx, rows)
	if err != nil {
		return err
	}
	for row, e := range keys {
		oldKeys[row], w.blocks[row] = e.Evidence, e.Blocks
		delete(w.moves, row)
	}
	w.result.Entities += len(rows)
	return w.tx.Forget(ctx, rows)
}

func (w *work) touch(customer string) {
	if customer != "" {
		w.touched[customer] = true
	}
}

// keys brings the keys of saved entities up to date and returns the evidence that each held before.
func (w *work) keys(ctx context.Context, es []*canon.StoredEntity, fresh map[int64]bool) (map[int64][]string, error) {
	var old []int64
	for _, e := range es {
		if !fresh[e.Row] {
			old = append(old, e.Row)
		}
	}
	before, err := w.tx.KeysOf(ctx, old)
	if err != nil {
		return nil, err
	}
	evidence := map[int64][]string{}
	var put []*canon.StoredEntity
	for _, e := range es {
		w.derive(e)
		b := before[e.Row]
		evidence[e.Row] = b.Evidence
		if len(b.Blocks) > 0 {
			w.blocks[e.Row] = b.Blocks
		}
		if fresh[e.Row] || !sameKeys(e, b) {
			put = append(put, e)
		}
	}
	return evidence, w.tx.PutKeys(ctx, put, fresh)
}

// derive works out the keys of an entity.
func (w *work) derive(e *canon.StoredEntity) {
	e.Evidence, e.Anchors, e.Blocks = nil, nil, nil
	if isNode(e.Entity.Kind) {
		n := identity.NewNode(e.Entity, e.At)
		e.Evidence, e.Blocks = w.p.Rules.Evidence(n), w.blocksOf(n)
		if slices.ContainsFunc(e.Evidence, func(k string) bool { return strings.HasPrefix(k, "dom:") }) {
			e.Anchors = w.p.Rules.Anchors(n)
		}
	}
	e.OwnerKeys = w.p.Rules.OwnerKeys(e.Entity)
	if parent := parentKey(e.Entity); parent != "" && !slices.Contains(e.OwnerKeys, parent) {
		e.OwnerKeys = append(e.OwnerKeys, parent)
	}
}

func sameKeys(a *canon.StoredEntity, b canon.StoredEntity) bool {
	return slices.Equal(a.Evidence, b.Evidence) && slices.Equal(a.Anchors, b.Anchors) && slices.Equal(a.OwnerKeys, b.OwnerKeys) && slices.Equal(a.Blocks, b.Blocks)
}

// parentKey returns the key that finds a company's parent, "" where it has none.
func parentKey(e canon.Entity) string {
	if b, ok := e.Body.(*canon.Company); ok && b != nil && !b.Parent.IsZero() {
		return identity.RefKey(canon.KindCompany, b.Parent)
	}
	return ""
}
