package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/store"
)

// TestRebuildOnPostgres damages a store on PostgreSQL, and wants it found, mended, and nothing left beside it.
func TestRebuildOnPostgres(t *testing.T) {
	server := os.Getenv("HUB_TEST_POSTGRES")
	if server == "" {
		t.Skip("postgres: HUB_TEST_POSTGRES is not set")
	}
	schema := "hub_rebuilt_" + strconv.Itoa(os.Getpid())
	admin(t, server, "CREATE SCHEMA "+schema)
	t.Cleanup(func() { admin(t, server, "DROP SCHEMA "+schema+" CASCADE") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	_, dir := play(t, 15)
	name := filepath.Join(dir, "hub.yaml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	yaml := strings.Replace(string(b), "data_dir: hub-data\n", "data_dir: hub-data\nstore: {url: \""+u.String()+"\"}\n", 1)
	if err := os.WriteFile(name, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	syncOnce(t, dir, true)
	content := func() string {
		t.Helper()
		db, err := store.Open(t.Context(), u.String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		return stateOf(t, db)
	}
	want := content()
	if r := rebuildIn(t, dir, true); !r.Equal || r.Versions < 100 {
		t.Errorf("%+v", r)
	}
	for _, d := range damages {
		admin(t, u.String(), d.statement)
	}
	if r := rebuildIn(t, dir, false); len(r.Differences) == 0 {
		t.Errorf("%+v", r)
	}
	if r := rebuildIn(t, dir, true, "--switch"); !r.Equal || !r.Switched {
		t.Errorf("%+v", r)
	}
	differ(t, "mended", want, content())
	// It fails where the schema is still there.
	admin(t, server, "CREATE SCHEMA "+schema+"_rebuild")
	admin(t, server, "DROP SCHEMA "+schema+"_rebuild")
}
