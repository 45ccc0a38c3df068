package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/store"
)

// TestOnPostgres takes the whole road on PostgreSQL, killed once on the way, and wants the state that SQLite has.
func TestOnPostgres(t *testing.T) {
	server := os.Getenv("HUB_TEST_POSTGRES")
	if server == "" {
		t.Skip("postgres: HUB_TEST_POSTGRES is not set")
	}
	_, calm := play(t, 40)
	syncOnce(t, calm, true)

	u := schemaOf(t, server, "hub_road_")

	_, dir := play(t, 40)
	storeAt(t, dir, u)
	killAfter(t, dir, 700_000_000)
	syncOnce(t, dir, true)
	second, _ := syncOnce(t, dir, true)
	if second.Round.Events+second.Round.Pushes+second.Round.Deliveries != 0 {
		t.Errorf("the second round was not empty: %+v", second.Round)
	}
	db, err := store.Open(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	got := stateOf(t, db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	differ(t, "on PostgreSQL", state(t, calm), got)
}

// schemaOf makes a schema for a test and returns the url of a store in it.
func schemaOf(t *testing.T, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	name += strconv.Itoa(os.Getpid())
	admin(t, server, "CREATE SCHEMA "+name)
	t.Cleanup(func() { admin(t, server, "DROP SCHEMA "+name+" CASCADE") })
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// storeAt configures the hub in dir to keep its store at url.
func storeAt(t *testing.T, dir, url string) {
	t.Helper()
	name := filepath.Join(dir, "hub.yaml")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, name, strings.Replace(string(b), "data_dir: hub-data\n", "data_dir: hub-data\nstore: {url: \""+url+"\"}\n", 1))
}

// admin runs a statement beside the store, by the driver that the store brings.
func admin(t *testing.T, server, statement string) {
	t.Helper()
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}
