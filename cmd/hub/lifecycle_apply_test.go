package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/store"
)

// smallHub is a hub that has taken in two companies from a file.
func smallHub(t *testing.T) (config, db string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hub.yaml": "data_dir: hub-data\nas_of: 2025-12-31T00:00:00Z\nconnections:\n  - name: shop\n    connector: file\n    mapping: mapping.yaml\n    settings: {folder: .}\n" +
			"    streams:\n      - name: customers\n        options: {path: customers.csv, id: id, kinds: company}\n",
		"mapping.yaml":  "streams:\n  customers:\n    rules:\n      - kind: company\n        created_at: since\n        fields: {name: name}\n",
		"customers.csv": "id,name,since\n1,North,2025-10-01\n2,South,2025-11-01\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config = filepath.Join(dir, "hub.yaml")
	hubRun(t, exitOK, "sync", "-c", config)
	return config, filepath.Join(dir, "hub-data", "hub.db")
}

// inSmallStore runs fn on a store that no hub has open.
func inSmallStore(t *testing.T, path string, fn func(context.Context, *store.DB) error) {
	t.Helper()
	db, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fn(t.Context(), db); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// TestAnAppliedPolicyThatCannotBeReadAnyMore wants hub to say so, and another to be applicable all the same.
func TestAnAppliedPolicyThatCannotBeReadAnyMore(t *testing.T) {
	config, db := smallHub(t)
	hubRun(t, exitOK, "lifecycle", "apply", "classic", "-c", config, "--yes", "--author", "ann")
	inSmallStore(t, db, func(ctx context.Context, db *store.DB) error {
		r, _, err := recordedPolicy(ctx, db)
		if err != nil {
			return err
		}
		r.Source, r.Hash = "policy: classic\nversion: 1.0.0\nretired_key: 1\n", "other"
		doc, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return db.InTx(ctx, r.At, func(tx *store.Tx) error { return tx.SetMeta(ctx, policyMeta, string(doc)) })
	})
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"sync", "-c", config}, streams{in: strings.NewReader(""), out: &errs, err: &errs}, os.LookupEnv); code != exitConfig || !strings.Contains(errs.String(), "hub lifecycle apply FILE --yes") {
		t.Errorf("sync ended with %d:\n%s", code, &errs)
	}
	out := string(hubRun(t, exitOK, "lifecycle", "apply", "classic", "-c", config, "--yes", "--author", "ann"))
	if !strings.Contains(out, "can no longer be read") || !strings.Contains(out, "classic@1.0.0 is in force; 2 customers assessed") {
		t.Error(out)
	}
	hubRun(t, exitOK, "sync", "-c", config)
}

// TestApplyBesideARunningHub wants a policy to be refused while a hub assesses by another.
func TestApplyBesideARunningHub(t *testing.T) {
	config, db := smallHub(t)
	unlock, err := store.Lock(t.Context(), filepath.Join(filepath.Dir(db), "hub.lock"))
	if err != nil {
		t.Fatal(err)
	}
	hubRun(t, exitOK, "lifecycle", "plan", "classic", "-c", config)
	var errs bytes.Buffer
	code := run(t.Context(), []string{"lifecycle", "apply", "classic", "--yes", "-c", config}, streams{in: strings.NewReader(""), out: &errs, err: &errs}, os.LookupEnv)
	if code != exitFailed || !strings.Contains(errs.String(), "was not put in force: another hub is running") {
		t.Errorf("apply ended with %d:\n%s", code, &errs)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	inSmallStore(t, db, func(ctx context.Context, db *store.DB) error {
		r, ok, err := recordedPolicy(ctx, db)
		if !ok || r.Applied || !strings.HasPrefix(r.Policy, "cyclic-saas@") {
			t.Errorf("in force: %+v", r.Policy)
		}
		return err
	})
}
