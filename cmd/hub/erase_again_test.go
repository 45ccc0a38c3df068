package main

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// erasures lists the erasures of a hub, the newest first.
func erasures(t *testing.T, dir string) []canon.Erasure {
	t.Helper()
	var list struct{ Erasures []canon.Erasure }
	if err := json.Unmarshal([]byte(hubDo(t, dir, "erase", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	return list.Erasures
}

// TestErasedTwice: whom an erasure keeps out already is not erased again, by whatever they are named; once it is lifted,
// they are.
func TestErasedTwice(t *testing.T) {
	dir := settle(t, peopleWorld(false), "")
	hubDo(t, dir, "sync")
	hubDo(t, dir, "erase", theMail, "--yes")
	for _, who := range []string{theMail, "PHILIPPA.Fairweather@umbrella.example", "crm/people/p90"} {
		for _, again := range [][]string{{"erase", who}, {"erase", who, "--yes"}} {
			if said := hubDo(t, dir, again...); !strings.Contains(said, "is erased already (era_") || !strings.Contains(said, "nothing to do") {
				t.Errorf("%v said:\n%s", again, said)
			}
		}
		var out struct{ Already bool }
		if said := hubDo(t, dir, "erase", who, "--yes", "--json"); json.Unmarshal([]byte(said), &out) != nil || !out.Already {
			t.Errorf("erased again: %s", said)
		}
	}
	es := erasures(t, dir)
	if len(es) != 1 {
		t.Fatalf("erasures: %+v", es)
	}
	hubDo(t, dir, "erase", "lift", es[0].ID)
	if said := hubDo(t, dir, "erase", theMail, "--yes"); !strings.Contains(said, "done") || len(erasures(t, dir)) != 2 {
		t.Errorf("after it was lifted, erasing again said:\n%s", said)
	}
}

// TestErasuresCountTheirOwn: of several erasures that are finished together each tells what it removed.
func TestErasuresCountTheirOwn(t *testing.T) {
	dir := settle(t, peopleWorld(false), echo(t))
	hubDo(t, dir, "sync")
	cfg, _ := connected(t, dir)
	keys, err := loadKeys(cfg, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), storeOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	key, err := makeErasureKey(t.Context(), db, keys)
	if err != nil {
		t.Fatal(err)
	}
	// Both are asked for before either is done.
	of := map[string]string{}
	for _, who := range []string{theMail, "otto@number7.example"} {
		s, err := ingest.FindSubject(t.Context(), db, who)
		if err != nil {
			t.Fatal(err)
		}
		if of[who], err = entomb(t.Context(), db, s, key, eraseOptions{who: who}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	hubDo(t, dir, "erase", "resume")
	noTraces(t, "after both", dir)
	for _, e := range erasures(t, dir) {
		want := map[string]int64{"contact": 1, "ticket": 1, "records": 2}
		if e.ID == of[theMail] {
			want = map[string]int64{"contact": 2, "ticket": 1, "records": 3}
		}
		got := map[string]int64{"contact": e.Counts["contact"], "ticket": e.Counts["ticket"], "records": e.Counts["records"]}
		if e.State != canon.ErasureDone || !maps.Equal(want, got) || (e.ID == of[theMail]) != (e.Counts["versions_redacted"] > 0) {
			t.Errorf("%s is %s and counts %v, want %v", e.ID, e.State, e.Counts, want)
		}
	}
}
