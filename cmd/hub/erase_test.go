package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestErasedStaysErased erases a person from a world that was synced, told of and delivered: nothing is left in any
// file, nothing comes back with the next full list, and everybody else stands as though she had never been.
func TestErasedStaysErased(t *testing.T) {
	erasedStaysErased(t, settle(t, peopleWorld(false), echo(t)))
}

// TestErasedStaysErasedOnPostgres is the same where the store is a server's.
func TestErasedStaysErasedOnPostgres(t *testing.T) {
	server := os.Getenv("HUB_TEST_POSTGRES")
	if server == "" {
		t.Skip("postgres: HUB_TEST_POSTGRES is not set")
	}
	u := schemaOf(t, server, "hub_erase_")
	dir := settle(t, peopleWorld(false), echo(t))
	b, err := os.ReadFile(filepath.Join(dir, "hub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hub.yaml"), string(b)+"store: {url: \""+u+"\"}\n")
	writeFile(t, filepath.Join(dir, "store.url"), u)
	erasedStaysErased(t, dir)
}

func erasedStaysErased(t *testing.T, dir string) {
	t.Helper()
	hubDo(t, dir, "sync")
	if len(tracesIn(t, dir)) < 4 {
		t.Fatal("the world holds too few traces to prove anything")
	}
	shown := hubDo(t, dir, "erase", theMail)
	if !strings.Contains(shown, "nothing was done") || !strings.Contains(shown, "philippa fairweather") {
		t.Errorf("the dry run shows:\n%s", shown)
	}
	if len(tracesIn(t, dir)) < 4 {
		t.Fatal("the dry run erased")
	}
	done := hubDo(t, dir, "erase", theMail, "--yes", "--reason", "asked by "+theName)
	t.Logf("%s", done)
	noTraces(t, "after the erasure", dir)

	never := settle(t, peopleWorld(true), "")
	hubDo(t, never, "sync")
	want := worldState(t, never)
	differ(t, "after the erasure", want, worldState(t, dir))
	hubDo(t, dir, "sync", "--full")
	noTraces(t, "after the next full list", dir)
	differ(t, "after the next full list", want, worldState(t, dir))
	if _, onServer := os.Stat(filepath.Join(dir, "store.url")); onServer != nil {
		// What is left follows from the records that are left.
		hubDo(t, dir, "rebuild")
	}
	listed := hubDo(t, dir, "erase", "list")
	if !strings.Contains(listed, "done") || strings.Contains(strings.ToLower(listed), "philippa") {
		t.Errorf("the list of erasures:\n%s", listed)
	}
	if audit := hubDo(t, dir, "audit"); strings.Count(audit, "era_") < 2 {
		t.Errorf("the audit:\n%s", audit)
	}
}

// worldState is the state without what an erasure may leave in the history of scores.
func worldState(t *testing.T, dir string) string {
	t.Helper()
	db, err := store.Open(t.Context(), storeOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	return told(t, db)
}

// TestErasedFromVendors erases people whom three vendors know, to one of which values were written back.
func TestErasedFromVendors(t *testing.T) {
	_, dir := play(t, 12)
	syncOnce(t, dir, true)
	db, err := store.Open(t.Context(), storeOf(dir))
	if err != nil {
		t.Fatal(err)
	}
	vendors := map[string]map[string]bool{}
	es, err := db.EveryEntity(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if b, ok := e.Entity.Body.(*canon.Contact); ok && !e.Entity.Deleted {
			for _, m := range b.Emails {
				if vendors[m] == nil {
					vendors[m] = map[string]bool{}
				}
				vendors[m][e.Entity.Ref.Connection] = true
			}
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	erased := 0
	for _, m := range slices.Sorted(maps.Keys(vendors)) {
		if len(vendors[m]) < 2 || erased == 3 {
			continue
		}
		erased++
		shown := hubDo(t, dir, "erase", m, "--json")
		var s traces
		if err := json.Unmarshal([]byte(shown), &s); err != nil || !slices.Contains(s.Emails, m) || s.Removed["records"] < 2 {
			t.Fatalf("%v\n%s", err, shown)
		}
		hubDo(t, dir, "erase", m, "--yes")
		for _, trace := range tracesOfIn(t, dir, s.Emails) {
			t.Errorf("after the erasure: %s", trace)
		}
		syncOnce(t, dir, true)
		hubDo(t, dir, "sync", "--full", "--json")
		for _, trace := range tracesOfIn(t, dir, s.Emails) {
			t.Errorf("after the next full list: %s", trace)
		}
	}
	if erased < 2 {
		t.Errorf("only %d people are known to several vendors", erased)
	}
}

// TestErasedOfAConnectionThatIsGone erases what was read of a connection that is not configured any more, and that no
// mapping is at hand for.
func TestErasedOfAConnectionThatIsGone(t *testing.T) {
	dir := settle(t, peopleWorld(false), echo(t))
	hubDo(t, dir, "sync")
	b, err := os.ReadFile(filepath.Join(dir, "hub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hub.yaml"), strings.Replace(string(b), "name: crm", "name: another", 1))
	hubDo(t, dir, "erase", theMail, "--yes")
	noTraces(t, "after the erasure", dir)
}

// TestErasureIsLifted lets a person in again.
func TestErasureIsLifted(t *testing.T) {
	dir := settle(t, peopleWorld(false), "")
	hubDo(t, dir, "sync")
	before := hers(t, dir)
	hubDo(t, dir, "erase", "crm/people/p90", "--yes")
	noTraces(t, "after the erasure", dir)
	es := erasures(t, dir)
	if len(es) != 1 {
		t.Fatalf("erasures: %+v", es)
	}
	hubDo(t, dir, "erase", "lift", es[0].ID)
	hubDo(t, dir, "sync", "--full")
	differ(t, "after she came back", before, hers(t, dir))
}

// hers are the events of her own records.
func hers(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(worldState(t, dir)) {
		if strings.Contains(line, `"id":"p9`) || strings.Contains(line, `"id":"t90"`) {
			out.WriteString(line)
		}
	}
	if out.Len() == 0 {
		t.Error("there are none of hers")
	}
	return out.String()
}

// TestErasureKilledAtAnyMoment kills erasures and wants that doing it again completes them.
func TestErasureKilledAtAnyMoment(t *testing.T) {
	kills := 5
	if slow || testing.Short() {
		kills = 2
	}
	never := settle(t, peopleWorld(true), "")
	hubDo(t, never, "sync")
	want := worldState(t, never)
	dir := settle(t, peopleWorld(false), echo(t))
	hubDo(t, dir, "sync")
	saved := filepath.Join(t.TempDir(), "saved")
	copyFolder(t, filepath.Join(dir, "hub-data"), saved)
	begun := time.Now()
	hubDo(t, dir, "erase", theMail, "--yes")
	whole := time.Since(begun)
	for range kills {
		if err := os.RemoveAll(filepath.Join(dir, "hub-data")); err != nil {
			t.Fatal(err)
		}
		copyFolder(t, saved, filepath.Join(dir, "hub-data"))
		cmd, out := program(t.Context(), t, dir, "erase", theMail, "--yes")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait(t.Context(), time.Duration(rand.Float64()*float64(whole)))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		hubDo(t, dir, "erase", theMail, "--yes")
		noTraces(t, "after a kill: "+out.String(), dir)
		differ(t, "after a kill", want, worldState(t, dir))
	}
}

func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	// The key file must be readable by its owner alone.
	if err := os.Chmod(filepath.Join(to, "hub.key"), 0o600); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// TestErasedWhileRunning asks for an erasure while a hub runs on the data, which then does it.
func TestErasedWhileRunning(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signal to stop a process gently with")
	}
	dir := settle(t, peopleWorld(false), echo(t))
	b, err := os.ReadFile(filepath.Join(dir, "hub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "hub.yaml"), string(b)+"api: {listen: \"127.0.0.1:0\"}\nsync: {every: 1s}\n")
	cmd, _ := program(t.Context(), t, dir, "run")
	var stderr strings.Builder
	cmd.Stdout, cmd.Stderr = nil, &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after(t, bufio.NewScanner(out), "first round: ")
	done := hubDo(t, dir, "erase", theMail, "--yes")
	if !strings.Contains(done, "the hub that is running") || !strings.Contains(done, "done") {
		t.Errorf("erase said:\n%s", done)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("run ended with %v\n%s", err, &stderr)
	}
	noTraces(t, "after the erasure", dir)
	never := settle(t, peopleWorld(true), "")
	hubDo(t, never, "sync")
	differ(t, "after the erasure", worldState(t, never), worldState(t, dir))
}

// TestEraseCompany erases a company with its people.
func TestEraseCompany(t *testing.T) {
	dir := settle(t, peopleWorld(false), echo(t))
	hubDo(t, dir, "sync")
	hubDo(t, dir, "erase", "crm/accounts/a3", "--yes")
	world := peopleWorld(true)
	mine := func(r row) bool { return r["id"] == "a3" || r["account"] == "a3" }
	for name := range world {
		world[name] = slices.DeleteFunc(world[name], mine)
	}
	never := settle(t, world, "")
	hubDo(t, never, "sync")
	differ(t, "after the erasure", worldState(t, never), worldState(t, dir))
	hubDo(t, dir, "sync", "--full")
	noTraces(t, "after the next full list", dir)
	differ(t, "after the next full list", worldState(t, never), worldState(t, dir))
}

// TestExportIsComplete wants that every row which names the person is in her export, as hers or as a mention.
func TestExportIsComplete(t *testing.T) {
	dir := settle(t, peopleWorld(false), echo(t))
	hubDo(t, dir, "sync")
	hubDo(t, dir, "export", theMail, "--dir", "hers")
	doc, err := os.ReadFile(filepath.Join(dir, "hers", "export.json"))
	if err != nil {
		t.Fatal(err)
	}
	var x export
	if err := json.Unmarshal(doc, &x); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"records", "versions", "entities", "keys", "events", "outbox", "deliveries", "attempts"} {
		if len(x.Tables[name]) == 0 {
			t.Errorf("the export holds no %s", name)
		}
	}
	if n := len(x.Tables["records"]); n != 3 {
		t.Errorf("%d records are hers, want two contacts and a ticket", n)
	}
	for _, want := range []string{theMail, "My own ticket, 3055598173", thePhone} {
		if !bytes.Contains(doc, []byte(want)) {
			t.Errorf("the export does not hold %q", want)
		}
	}
	mentioned := fmt.Sprint(x.Mentions)
	for _, want := range []string{"crm/deals/d99", "crm/deals/d98", "crm/tickets/t99", "crm/accounts/a3"} {
		if !strings.Contains(mentioned, want) {
			t.Errorf("the export does not mention %s: %s", want, mentioned)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "hers", "contact.csv")); err != nil {
		t.Error(err)
	}
}
