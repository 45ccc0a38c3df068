package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// harmless are the columns of text that hold no words of people: ids, names of our own, hashes, sealed values, and what
// is keyed by them. Records' own ids are erased with their records.
var harmless = map[string]string{
	"goose_db_version": "*", "streams": "connection stream connector cursor_text status", "records": "connection stream rid hash",
	"versions": "hash raw reason merged_into", "entities": "name kind hash node cluster customer", "keys": "role", "events": "eid type customer content",
	"customers": "id type stage band currency parent", "assessments": "customer", "outbox": "change customer type",
	"deliveries": "id endpoint change type customer state", "attempts": "delivery", "pushed": "connection stream rid field state customer",
	"dead_letters": "id connection stream rid code", "vault": "*", "vault_leases": "*", "sweeps": "*", "seen": "*",
	"fields": "connection stream types label doc vendor_type", "drift": "connection stream what", "decisions": "id kind field revokes author",
	// Books hold words, and are let go by every erasure before it has come to its end.
	"books": "customer doc", "overrides": "id customer field author revokes",
	"moves": "origin destination", "candidates": "id kind", "meta": "name", "erasures": "*",
	"play_states": "*", "firings": "id play category mode customer suppressed", "play_modes": "play mode", "marks": "*", "audit": "*",
}

// TestEveryTextIsLookedAt: a column that can hold text is gone through by an erasure, or said to hold none.
func TestEveryTextIsLookedAt(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows, err := db.read.QueryContext(t.Context(), `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type IN ('TEXT', 'BLOB') ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		n++
		looked := slices.ContainsFunc(textTables, func(d textTable) bool { return d.name == table && slices.Contains(d.text, column) })
		safe := harmless[table] == "*" || slices.Contains(strings.Fields(harmless[table]), column)
		if looked == safe {
			t.Errorf("%s.%s: looked at %t, said to be harmless %t", table, column, looked, safe)
		}
	}
	if err := rows.Err(); err != nil || n < 80 {
		t.Errorf("%d columns: %v", n, err)
	}
}

// TestEveryTableIsExported: what an erasure goes through is exported, or derived from what is.
func TestEveryTableIsExported(t *testing.T) {
	derived := map[string]string{
		"streams": "how reading went", "fields": "what records consist of", "drift": "how that changed", "meta": "how the hub works",
		"play_modes": "how plays are run",
	}
	for _, name := range textNames() {
		if _, ok := derived[name]; ok == slices.ContainsFunc(parts, func(p part) bool { return p.table == name }) {
			t.Errorf("%s: exported %t, derived %t", name, !ok, ok)
		}
	}
}
