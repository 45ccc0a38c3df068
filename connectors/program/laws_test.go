package program_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/program"
)

// python returns the command of the tap in testdata.
func python(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the Singer tap in testdata cannot be run")
	}
	// What is on the PATH may be a slow wrapper.
	real, err := exec.CommandContext(t.Context(), path, "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Fatal(err)
	}
	tap, err := filepath.Abs("testdata/tap.py")
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal([]string{strings.TrimSpace(string(real)), "-I", tap})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rows writes so many rows for the tap and returns their file.
func rows(t *testing.T, path string, n int) {
	t.Helper()
	var list []map[string]any
	for i := range n {
		list = append(list, map[string]any{"id": i + 1, "updated_at": fmt.Sprintf("2026-01-01T00:%02d:00Z", i)})
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// declared is the definition for the laws: the user declares the streams and brings the mapping, which the
// law asks of vendors only.
func declared() connectors.Definition {
	def := program.Definition()
	def.Category = "file"
	return def
}

func TestLawsWithATapOfPython(t *testing.T) {
	command := python(t)
	path := filepath.Join(t.TempDir(), "rows.json")
	rows(t, path, 4)
	connectortest.Run(t, declared(), connectortest.Options{
		Settings: connectors.Settings{"protocol": "singer", "command": command, "config": fmt.Sprintf(`{"rows":%q,"token":"a-very-secret-token"}`, path)},
		Now:      time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		Streams:  []connectors.StreamConfig{{Name: "people", Options: map[string]string{"stream": "users", "page": "2"}}},
	})
}

func TestLawsWithAnAirbyteSource(t *testing.T) {
	connectortest.Run(t, declared(), connectortest.Options{
		Settings: connectors.Settings{"protocol": "airbyte", "command": fake(t, "rows"), "config": `{"token":"a-very-secret-token"}`},
		Now:      time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		Streams:  []connectors.StreamConfig{{Name: "users", Options: map[string]string{"page": "2"}}},
	})
}

// TestStateGoesOnInTheNextRound: the second round starts the tap with the state of the first.
func TestStateGoesOnInTheNextRound(t *testing.T) {
	command := python(t)
	path := filepath.Join(t.TempDir(), "rows.json")
	rows(t, path, 5)
	o := setup{protocol: "singer", command: command, config: fmt.Sprintf(`{"rows":%q}`, path), streams: []connectors.StreamConfig{{Name: "users", Options: map[string]string{"page": "2"}}}}
	first := o.round(t, o.open(t), "users", "")
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5"}, ids(first)); diff != "" {
		t.Errorf("the first round (-want +got):\n%s", diff)
	}
	if len(first) != 3 {
		t.Errorf("%d pages, want one per two records", len(first))
	}
	rec := first[0].Records[1]
	if want := time.Date(2026, 1, 1, 0, 1, 0, 0, time.UTC).UnixMicro(); rec.Version != want || !rec.ObservedAt.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("version %d, observed at %v", rec.Version, rec.ObservedAt)
	}
	rows(t, path, 8)
	last := first[len(first)-1].Next
	if diff := cmp.Diff([]string{"6", "7", "8"}, ids(o.round(t, o.open(t), "users", last))); diff != "" {
		t.Errorf("the second round (-want +got):\n%s", diff)
	}
	// A pull at an older cursor starts the tap again from there.
	conn := o.open(t)
	o.round(t, conn, "users", "")
	if diff := cmp.Diff([]string{"3", "4", "5", "6", "7", "8"}, ids(o.round(t, conn, "users", first[0].Next))); diff != "" {
		t.Errorf("from the first page on (-want +got):\n%s", diff)
	}
}

func TestStreamsAreDiscovered(t *testing.T) {
	o := setup{protocol: "singer", command: python(t), config: `{"rows":"none"}`}
	var names []string
	for _, s := range o.open(t).Streams() {
		names = append(names, s.Name+" "+s.Title)
	}
	if diff := cmp.Diff([]string{"users users", "orders orders"}, names); diff != "" {
		t.Error(diff)
	}
	o.streams = []connectors.StreamConfig{{Name: "invoices"}}
	if err := o.open(t).Check(t.Context()); canon.CodeOf(err) != "stream.missing" {
		t.Errorf("a declared stream that the tap does not have: %v", err)
	}
}
