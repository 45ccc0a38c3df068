package main

import (
	"net/url"
	"os"
	"testing"

	"github.com/lifecyclehub/hub/store"
)

// TestRebuildOnPostgres damages a store on PostgreSQL, and wants it found, mended, and nothing left beside it.
func TestRebuildOnPostgres(t *testing.T) {
	server := os.Getenv("HUB_TEST_POSTGRES")
	if server == "" {
		t.Skip("postgres: HUB_TEST_POSTGRES is not set")
	}
	u := schemaOf(t, server, "hub_rebuilt_")
	_, dir := play(t, 15)
	storeAt(t, dir, u)
	syncOnce(t, dir, true)
	content := func() string {
		t.Helper()
		db, err := store.Open(t.Context(), u)
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
		admin(t, u, d.statement)
	}
	if r := rebuildIn(t, dir, false); len(r.Differences) == 0 {
		t.Errorf("%+v", r)
	}
	if r := rebuildIn(t, dir, true, "--switch"); !r.Equal || !r.Switched {
		t.Errorf("%+v", r)
	}
	differ(t, "mended", want, content())
	// It fails where the schema is still there.
	beside, err := store.Beside(u)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(beside)
	if err != nil {
		t.Fatal(err)
	}
	admin(t, server, "CREATE SCHEMA "+at.Query().Get("search_path"))
	admin(t, server, "DROP SCHEMA "+at.Query().Get("search_path"))
}
