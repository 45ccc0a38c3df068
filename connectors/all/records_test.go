package all_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRecords reads two rounds of every stream from the exchange and compares the records with
// testdata/records.golden, one line each; rounds and pages are told apart.
func TestRecords(t *testing.T) {
	for _, def := range recorded(t) {
		t.Run(def.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { compareRecords(t, def) })
		})
	}
}

func compareRecords(t *testing.T, def connectors.Definition) {
	x := connectortest.ReadExchange(t, filepath.Join("..", def.Name, "testdata", "exchange.json"))
	now := x.Now
	conn := openAt(t, def, x, &now)
	var got bytes.Buffer
	for _, st := range conn.Streams() {
		cursor := canon.Cursor("")
		for round := 1; round <= 2; round++ {
			now = x.Now.Add(time.Duration(round-1) * time.Hour)
			for page, more := 1, true; more; page++ {
				p, err := conn.Pull(t.Context(), st.Name, cursor)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "# %s, round %d, page %d\n", st.Name, round, page)
				for _, r := range p.Records {
					writeRecord(&got, r)
				}
				cursor, more = p.Next, p.More
			}
		}
	}
	file := filepath.Join("..", def.Name, "testdata", "records.golden")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("records differ (run with -update to accept):\n%s", diff)
	}
}

func writeRecord(b *bytes.Buffer, r canon.Record) {
	what := ""
	if r.Deleted {
		what = " deleted"
	}
	var raw bytes.Buffer
	if len(r.Raw) > 0 {
		if err := json.Compact(&raw, r.Raw); err != nil {
			raw.WriteString(err.Error())
		}
	}
	fmt.Fprintf(b, "%s %s%s %s\n", r.ID, time.UnixMicro(r.Version).UTC().Format(time.RFC3339Nano), what, raw.String())
}

// openAt connects to the vendor of an exchange; the clock is the caller's.
func openAt(t *testing.T, def connectors.Definition, x connectortest.Exchange, now *time.Time) connectors.Conn {
	t.Helper()
	settings := connectors.Settings{}
	for _, s := range def.Settings {
		settings[s.Name] = s.Default
	}
	for k, v := range x.Settings {
		settings[k] = v
	}
	conn, err := def.Open(t.Context(), settings, connectors.Env{
		Connection: "c", Transport: connectortest.Transport(x.Handler(t)), Now: func() time.Time { return *now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
