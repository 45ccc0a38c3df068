package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

func keyText(n byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{n}, 32))
}

func keys(t *testing.T, ns ...byte) store.Keys {
	t.Helper()
	var words []string
	for _, n := range ns {
		words = append(words, keyText(n))
	}
	return must[store.Keys](t)(store.ParseKeys(strings.Join(words, " ")))
}

func save(t *testing.T, v *store.Vault, name, value string) {
	t.Helper()
	if err := v.Save(t.Context(), name, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// kept returns what the vault holds under name and what it held before; nil shows as "none".
func kept(t *testing.T, v *store.Vault, name string) [2]string {
	t.Helper()
	out := [2]string{"none", "none"}
	for i, read := range []func(context.Context, string) ([]byte, error){v.Load, v.Previous} {
		if b := must[[]byte](t)(read(t.Context(), name)); b != nil {
			out[i] = string(b)
		}
	}
	return out
}

func TestVaultKeepsTheLastTwo(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		db := open(t, url)
		v, other := db.Vault("crm", keys(t, 1)), db.Vault("billing", keys(t, 1))
		same(t, "an empty vault", [2]string{"none", "none"}, kept(t, v, "token"))
		save(t, v, "token", "one")
		same(t, "after one save", [2]string{"one", "none"}, kept(t, v, "token"))
		save(t, v, "token", "two")
		save(t, v, "token", "two")
		save(t, v, "empty", "")
		same(t, "the same value twice", [2]string{"two", "one"}, kept(t, v, "token"))
		same(t, "an empty value", [2]string{"", "none"}, kept(t, v, "empty"))
		same(t, "another connection", [2]string{"none", "none"}, kept(t, other, "token"))
		again := open(t, url)
		same(t, "another process", [2]string{"two", "one"}, kept(t, again.Vault("crm", keys(t, 9, 1)), "token"))
		if err := v.Forget(t.Context()); err != nil {
			t.Fatal(err)
		}
		same(t, "after Forget", [2]string{"none", "none"}, kept(t, v, "token"))
	})
}

// TestVaultIsSealed: the file shows nothing, and what was moved, changed or sealed with another key does not open.
func TestVaultIsSealed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hub.db")
	db := open(t, path)
	v := db.Vault("crm", keys(t, 1))
	save(t, v, "token", "a-very-secret-value")
	save(t, v, "moved", "another-secret-value")
	raw := must[*sql.DB](t)(sql.Open("sqlite", path))
	t.Cleanup(func() {
		if err := raw.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("secret-value")) {
			t.Errorf("%s shows the value", filepath.Base(file))
		}
	}
	_, err := db.Vault("crm", keys(t, 2)).Load(t.Context(), "token")
	same(t, "without the key", "vault.key", canon.CodeOf(err))
	for _, change := range []string{
		"UPDATE vault SET value = (SELECT value FROM vault WHERE name = 'token') WHERE name = 'moved'",
		"UPDATE vault SET value = substr(value, 1, length(value) - 1) || x'00' WHERE name = 'moved'",
		"UPDATE vault SET value = x'0102' WHERE name = 'moved'",
	} {
		if _, err := raw.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		_, err := v.Load(t.Context(), "moved")
		same(t, change, "vault.broken", canon.CodeOf(err))
		if strings.Contains(fmt.Sprint(err, keys(t, 1)), "secret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	save(t, v, "moved", "new")
	same(t, "a broken value is replaced", "new", string(must[[]byte](t)(v.Load(t.Context(), "moved"))))
}

func TestReseal(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		v := db.Vault("crm", keys(t, 1))
		save(t, v, "token", "one")
		save(t, v, "token", "two")
		save(t, v, "single", "alone")
		if _, err := db.Reseal(t.Context(), keys(t, 3)); canon.CodeOf(err) != "vault.key" {
			t.Errorf("resealing without the old key gave %v", err)
		}
		same(t, "values", 2, must[int](t)(db.Reseal(t.Context(), keys(t, 2, 1))))
		v = db.Vault("crm", keys(t, 2))
		same(t, "with the new key alone", [2]string{"two", "one"}, kept(t, v, "token"))
		same(t, "without a previous one", [2]string{"alone", "none"}, kept(t, v, "single"))
	})
}

// TestLeaseIsOne: of many who want the lease, in two processes, one has it at a time.
func TestLeaseIsOne(t *testing.T) {
	urls(t, func(t *testing.T, url string) {
		vaults := []*store.Vault{open(t, url).Vault("crm", keys(t, 1)), open(t, url).Vault("crm", keys(t, 1))}
		var inside, turns atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				release, err := vaults[i%2].Lease(t.Context(), "token")
				if err != nil {
					t.Error(err)
					return
				}
				if inside.Add(1) != 1 {
					t.Error("two hold the lease at once")
				}
				turns.Add(1)
				inside.Add(-1)
				release()
			})
		}
		wg.Wait()
		same(t, "turns", int64(8), turns.Load())
	})
}

// TestLeaseOfTheKilled: a lease that is not given back ends; one that was taken over is not given back by its
// old owner; and waiting ends with the context.
func TestLeaseOfTheKilled(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		now := day
		v := db.Vault("crm", keys(t, 1))
		v.Now = func() time.Time { return now }
		killed := must[func()](t)(v.Lease(t.Context(), "token"))
		_ = must[func()](t)(v.Lease(t.Context(), "another name"))
		waits := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			release, err := v.Lease(ctx, "token")
			if err == nil {
				release()
			}
			return err
		}
		if err := waits(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a held lease gave %v", err)
		}
		now = now.Add(2*time.Minute + time.Second)
		release := must[func()](t)(v.Lease(t.Context(), "token"))
		killed()
		if err := waits(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the old owner gave the new one's lease away: %v", err)
		}
		release()
		if err := waits(); err != nil {
			t.Errorf("a lease that was given back: %v", err)
		}
	})
}

func TestLoadKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "hub.key")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := store.LoadKeys(dir, ""); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	files := must[[]os.DirEntry](t)(os.ReadDir(dir))
	info := must[os.FileInfo](t)(os.Stat(path))
	if len(files) != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("the folder holds %v, the key file has mode %v", files, info.Mode())
	}
	db := open(t, filepath.Join(dir, "hub.db"))
	v := db.Vault("crm", must[store.Keys](t)(store.LoadKeys(dir, "")))
	save(t, v, "token", "one")
	ring := must[store.Keys](t)(store.AddKey(dir))
	if _, err := db.Reseal(t.Context(), ring); err != nil {
		t.Fatal(err)
	}
	text := string(must[[]byte](t)(os.ReadFile(path)))
	newest, _, _ := strings.Cut(text, "\n")
	same(t, "keys after AddKey", 2, strings.Count(text, "\n"))
	same(t, "what the new key opens", "one", string(must[[]byte](t)(db.Vault("crm", must[store.Keys](t)(store.LoadKeys(dir, newest))).Load(t.Context(), "token"))))
}

func TestBadKeys(t *testing.T) {
	for name, env := range map[string]string{"short": "c2hvcnQ=", "no base64": "hunter2-hunter2-hunter2", "one of two": keyText(1) + "," + keyText(2)[:20]} {
		_, err := store.LoadKeys(t.TempDir(), env)
		e := canon.AsError(err)
		if e == nil || e.Code != "vault.key" || e.Hint == "" || strings.Contains(e.Message, env) {
			t.Errorf("%s: got %#v", name, e)
		}
	}
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"empty", "", 0o600}, {"short", "c2hvcnQ=", 0o600}, {"open to all", keyText(1), 0o644}, {"open to the group", keyText(1), 0o640},
	} {
		if runtime.GOOS == "windows" && c.mode != 0o600 {
			continue
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "hub.key")
		if err := errors.Join(os.WriteFile(path, []byte(c.text), 0o600), os.Chmod(path, c.mode)); err != nil {
			t.Fatal(err)
		}
		_, err := store.LoadKeys(dir, "")
		if e := canon.AsError(err); e == nil || e.Code != "vault.key" || e.Hint == "" {
			t.Errorf("%s: got %#v", c.name, e)
		}
		same(t, c.name+": the file is left alone", c.text, string(must[[]byte](t)(os.ReadFile(path))))
	}
	dir := t.TempDir()
	if err := os.Symlink(os.DevNull, filepath.Join(dir, "hub.key")); err == nil {
		if _, err := store.LoadKeys(dir, ""); canon.CodeOf(err) != "vault.key" {
			t.Errorf("a link gave %v", err)
		}
	}
}
