package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/config"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/store"
)

// policyMeta is the name under which the store keeps the policy by which its customers are assessed.
const policyMeta = "policy:applied"

// policyRecord is the policy in force, as the store keeps it: whole, so that a file that was edited or lost since can be
// compared with it.
type policyRecord struct {
	Policy string `json:"policy"`
	// File is the file or pack that it was read from, Hash the sum of Source.
	File   string `json:"file"`
	Hash   string `json:"hash"`
	Source string `json:"source"`
	// Applied says that it was put in force by `hub lifecycle apply`; hub.yaml does not replace it then.
	Applied bool      `json:"applied,omitempty"`
	Author  string    `json:"author,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	At      time.Time `json:"at"`
}

// recordedPolicy reads the policy in force; false where no customer has been assessed by a recorded one yet.
func recordedPolicy(ctx context.Context, db *store.DB) (policyRecord, bool, error) {
	doc, err := db.Meta(ctx, policyMeta)
	if err != nil {
		return policyRecord{}, false, err
	}
	return decodePolicy(doc)
}

func decodePolicy(doc string) (r policyRecord, ok bool, err error) {
	if doc == "" {
		return r, false, nil
	}
	if err := json.Unmarshal([]byte(doc), &r); err != nil {
		return r, false, fmt.Errorf("stored policy: %w", err)
	}
	return r, true, nil
}

// read parses the policy of a record.
func (r policyRecord) read() (*lifecycle.Policy, error) {
	p, err := lifecycle.Parse(r.File, []byte(r.Source))
	if err != nil {
		return nil, canon.Errorf("policy.applied", "%s, in force since %s, cannot be read by this version of hub: %w", r.Policy, minute(r.At), err).
			WithHint("`hub lifecycle apply FILE --yes` puts another in force")
	}
	return p, nil
}

// policyText is a policy with the text that it was read from.
type policyText struct {
	policy *lifecycle.Policy
	file   string
	source []byte
}

func (t policyText) hash() string { return canon.Hash(t.source) }

func (t policyText) record() policyRecord {
	return policyRecord{Policy: t.policy.Name(), File: t.file, Hash: t.hash(), Source: string(t.source)}
}

// configuredPolicy reads the policy that hub.yaml names.
func configuredPolicy(cfg *config.Config) (t policyText, err error) {
	switch {
	case cfg.Lifecycle == "":
		t.file = lifecycle.DefaultPack
	case cfg.LifecycleIsPack():
		t.file = cfg.Lifecycle
	default:
		return readPolicy(cfg.Lifecycle)
	}
	return packText(t.file)
}

func packText(name string) (t policyText, err error) {
	t.file = name
	if t.source, err = lifecycle.PackYAML(name); err == nil {
		t.policy, err = lifecycle.Pack(name)
	}
	return t, err
}

func readPolicy(path string) (t policyText, err error) {
	t.file = path
	if t.source, err = readPolicyFile(path); err != nil {
		return t, err
	}
	t.policy, err = lifecycle.Parse(path, t.source)
	return t, err
}

// policyInForce returns the policy by which customers are assessed: the one that was applied, or else the one that hub.yaml
// names. It writes nothing.
func policyInForce(ctx context.Context, db *store.DB, cfg *config.Config) (*lifecycle.Policy, error) {
	r, ok, err := recordedPolicy(ctx, db)
	if err != nil {
		return nil, err
	}
	if !ok || !r.Applied {
		return loadPolicy(cfg)
	}
	return r.read()
}

// govern takes the policy in force, and says so where hub.yaml names another.
func (a *app) govern(ctx context.Context) (err error) {
	if a.policy, err = policyInForce(ctx, a.db, a.cfg); err != nil {
		return err
	}
	r, ok, err := recordedPolicy(ctx, a.db)
	if err != nil || !ok || !r.Applied {
		return err
	}
	named, err := configuredPolicy(a.cfg)
	if err == nil && named.hash() != r.Hash {
		a.log.Warn("hub.yaml names a policy that is not in force: customers are assessed by the one that was applied", "named", named.policy.Name()+" ("+named.file+")",
			"in_force", r.Policy, "applied", minute(r.At), "by", r.Author, "compare", "hub lifecycle plan", "apply", "hub lifecycle apply")
	}
	return err
}

// keepPolicy records the policy that customers are assessed by from now on. Where it is another one than before, every
// customer is marked to be assessed by it.
func (a *app) keepPolicy(ctx context.Context) error {
	was, ok, err := recordedPolicy(ctx, a.db)
	if err != nil || ok && was.Applied {
		return err
	}
	now, err := configuredPolicy(a.cfg)
	if err != nil || ok && was.Hash == now.hash() {
		return err
	}
	if ok {
		a.tellSwitch(was, now)
	}
	r := now.record()
	r.Author = "hub.yaml"
	return a.db.InTx(ctx, time.Now(), func(tx *store.Tx) error { return putPolicy(ctx, tx, policySwitch{was: was, is: r}) })
}

// tellSwitch says that the edited policy takes effect.
func (a *app) tellSwitch(was policyRecord, now policyText) {
	a.log.Warn("the lifecycle policy is another one: every customer is assessed anew", "was", was.Policy, "is", now.policy.Name(), "file", now.file)
	older, err := was.read()
	if err != nil {
		return
	}
	if counted, least := lifecycle.VersionCounted(older, now.policy, lifecycle.Diff(older, now.policy)); !counted {
		a.log.Warn("the policy says something else, but its version does not tell so", "policy", now.policy.Name(), "version_should_be", least)
	}
}

// policySwitch is one policy in the place of another.
type policySwitch struct {
	was, is policyRecord
	counts  map[string]int64
}

// putPolicy puts a policy in force, writes down who did, and marks everybody to be assessed by it, all or nothing.
func putPolicy(ctx context.Context, tx *store.Tx, s policySwitch) error {
	s.is.At = tx.Now()
	doc, err := json.Marshal(s.is)
	if err != nil {
		return err
	}
	if err := tx.SetMeta(ctx, policyMeta, string(doc)); err != nil {
		return err
	}
	if s.was.Hash == s.is.Hash && s.was.Applied == s.is.Applied {
		return nil
	}
	if err := tx.MarkStale(ctx, nil); err != nil {
		return err
	}
	if s.was.Hash == "" && !s.is.Applied {
		return nil
	}
	object := s.is.Policy + " " + shortHash(s.is.Hash)
	if s.was.Hash != "" {
		object += " after " + s.was.Policy + " " + shortHash(s.was.Hash)
	}
	if s.is.Reason != "" {
		object += ": " + s.is.Reason
	}
	return tx.AddAudit(ctx, canon.AuditEntry{Actor: s.is.Author, Action: "policy", Object: object, Counts: s.counts})
}

func shortHash(h string) string { return h[:min(len(h), 12)] }
