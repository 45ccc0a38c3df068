package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/store"
)

// rules turns the identity section of hub.yaml into rules. Where it does not say, CRMs come before support
// and support before billing, and only billing streams may hold several accounts of one customer.
func rules(cfg *config.Config, vs []*vendor) *identity.Rules {
	id := cfg.Identity
	r, known := identity.Pack(id.Pack)
	if !known {
		r, _ = identity.Pack("company")
	}
	r.SourceOrder, r.GenericLimit, r.Region, r.GroupVATs = id.SourceOrder, id.GenericLimit, id.Region, id.GroupVATs
	r.FreeMail, r.Own = domainKeys(id.FreeMail), domainKeys(id.Own)
	r.Agencies = append(r.Agencies, id.Agencies...)
	if id.Grain != "" {
		r.Grain = id.Grain
	}
	if id.MaxMembers > 0 {
		r.MaxMembers = id.MaxMembers
	}
	if id.StaleAfter != nil {
		if r.StaleAfter = *id.StaleAfter; r.StaleAfter == 0 {
			r.StaleAfter = -1 // zero means the default there
		}
	}
	for kind, l := range id.Limits {
		if r.Limits == nil {
			r.Limits = map[string]identity.Limit{}
		}
		r.Limits[kind] = identity.Limit{Max: l.Max, Window: l.Window}
	}
	if id.Propose != nil {
		r.Matching.Propose = *id.Propose
	}
	if id.Auto != nil {
		r.Matching.Auto = *id.Auto
	}
	r.Survivorship = survivorship(id, vs)
	systems(&r, id, vs)
	return &r
}

// systems fills in what follows from the connections.
func systems(r *identity.Rules, id config.Identity, vs []*vendor) {
	if len(r.SourceOrder) == 0 {
		rank := map[string]int{"crm": 0, "support": 1, "billing": 2, "usage": 3, "file": 4}
		sorted := slices.Clone(vs)
		slices.SortStableFunc(sorted, func(a, b *vendor) int { return rank[a.def.Category] - rank[b.def.Category] })
		for _, v := range sorted {
			r.SourceOrder = append(r.SourceOrder, v.cfg.Name)
		}
	}
	r.Single = map[string]bool{}
	for _, v := range vs {
		if v.def.Category == "billing" {
			for _, s := range v.streams {
				r.Single[v.cfg.Name+"/"+s] = false
			}
		}
	}
	for k, single := range id.Single {
		r.Single[k] = single
	}
}

// survivorship turns what hub.yaml says of golden records into rules.
func survivorship(id config.Identity, vs []*vendor) identity.Survivorship {
	s := identity.Survivorship{Fields: map[string]identity.Survival{}, Systems: map[string]identity.System{}}
	for field, f := range id.Survivorship {
		s.Fields[field] = identity.Survival{Policy: f.Policy, Sources: f.Sources, Only: f.Only, Custom: f.Custom}
	}
	for _, v := range vs {
		s.Systems[v.cfg.Name] = identity.System{Connector: v.def.Name, Category: v.def.Category}
	}
	return s
}

func domainKeys(domains []string) []string {
	out := make([]string, 0, len(domains))
	for _, d := range domains {
		if key := identity.DomainKey(d); key != "" {
			out = append(out, key)
		}
	}
	return out
}

// keptRules is the name under which the store keeps the rules that its customers were made by, for those who look into
// it with a configuration that names no connections, such as the one that a demo leaves behind.
const keptRules = "identity:rules"

// keepRules notes the rules in the store.
func (a *app) keepRules(ctx context.Context) error {
	doc, err := json.Marshal(a.rules)
	if err != nil {
		return err
	}
	kept, err := a.db.Meta(ctx, keptRules)
	if err != nil || kept == string(doc) {
		return err
	}
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return tx.SetMeta(ctx, keptRules, string(doc)) })
}

// rulesAtHand returns the rules of a configuration. What follows from connections is taken from the rules that the store
// keeps where the configuration has none.
func rulesAtHand(ctx context.Context, db *store.DB, cfg *config.Config, vs []*vendor) (*identity.Rules, error) {
	own := rules(cfg, vs)
	if len(vs) > 0 {
		return own, nil
	}
	doc, err := db.Meta(ctx, keptRules)
	if err != nil || doc == "" {
		return own, err
	}
	var kept identity.Rules
	if err := json.Unmarshal([]byte(doc), &kept); err != nil {
		return nil, fmt.Errorf("stored rules: %w", err)
	}
	if reflect.DeepEqual(cfg.Identity, config.Default().Identity) {
		return &kept, nil
	}
	if len(own.SourceOrder) == 0 {
		own.SourceOrder = kept.SourceOrder
	}
	for stream, single := range kept.Single {
		if _, told := own.Single[stream]; !told {
			own.Single[stream] = single
		}
	}
	own.Survivorship.Systems = kept.Survivorship.Systems
	return own, nil
}
