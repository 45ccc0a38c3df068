package all_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
)

// fileOptions lets the laws read a small file in three pages.
func fileOptions(t *testing.T) connectortest.Options {
	dir := t.TempDir()
	csv := "id,name\n1,Brightwater Foods\n2,Kjøller & Søn\n3,Ōkubo Seiki\n4,Old Mill\n5,New Harbour\n"
	if err := os.WriteFile(filepath.Join(dir, "accounts.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	return connectortest.Options{
		Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Dir: dir,
		Streams: []connectors.StreamConfig{{Name: "accounts", Options: map[string]string{"path": "accounts.csv", "id": "id", "page": "2"}}},
	}
}
