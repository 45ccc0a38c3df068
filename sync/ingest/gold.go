package ingest

import (
	"context"
	"slices"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
)

// golden makes a customer's profile from its members.
func (w *work) golden(s canon.CustomerState, members []canon.StoredEntity) canon.Profile {
	p := canon.Profile{ID: s.ID, Type: "person", Gone: true}
	for _, m := range members {
		if m.Entity.Kind == canon.KindCompany {
			p.Type = "company"
		}
		if !m.Entity.Deleted {
			p.Gone = false
		}
	}
	gold := w.p.Rules.Golden(members, w.pins(members), w.now)
	p.Name, p.Domain, p.Fields = gold.Name, gold.Domain, gold.Fields
	if p.Fields == nil {
		p.Fields = []canon.Field{}
	}
	return p
}

// pins returns what decisions say of the golden record that members have.
func (w *work) pins(members []canon.StoredEntity) []canon.Decision {
	if w.ruling.decisions == nil {
		return nil
	}
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Entity.Key()
	}
	return w.ruling.decisions.Pins(names)
}

// parents puts the customer of a parent's record in the place of the record, and leaves out what is no other customer.
func (w *work) parents(ctx context.Context, ps []canon.Profile) error {
	named := func(fn func(p *canon.Profile, f *canon.Field, key string)) {
		for i := range ps {
			for j := range ps[i].Fields {
				f := &ps[i].Fields[j]
				if ref, err := canon.ParseRef(f.Value); f.Name == "parent" && err == nil {
					fn(&ps[i], f, identity.RefKey(canon.KindCompany, ref))
				}
			}
		}
	}
	var keys []string
	named(func(_ *canon.Profile, _ *canon.Field, key string) { keys = append(keys, key) })
	if len(keys) == 0 {
		return nil
	}
	found, err := (&resolution{work: w, rules: w.ruling}).find(ctx, keys)
	if err != nil {
		return err
	}
	named(func(p *canon.Profile, f *canon.Field, key string) {
		if f.Value = found[key]; f.Value == p.ID {
			f.Value = ""
		}
	})
	for i := range ps {
		ps[i].Fields = slices.DeleteFunc(ps[i].Fields, func(f canon.Field) bool { return f.Name == "parent" && f.Value == "" })
	}
	return nil
}
