package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
)

const pathsYAML = `streams:
  deals:
    rules:
      - kind: deal
        owners: {kind: company, stream: firms, id: "associations.#.id"}
        custom: extra
        fields:
          name: properties.dealname
          status: {path: lines.0.state, enum: {a: open}}
          owner: owner.name.first
`

func TestWhatAMappingReads(t *testing.T) {
	m, err := Parse("deals.yaml", []byte(pathsYAML), Options{Connection: func(string) string { return "crm" }})
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]bool{
		"properties": true, "properties.dealname": true, "properties.amount": false, "lines": true, "lines[]": true, "lines[].state": true, "lines[].sum": false,
		"associations[].id": true, "associations[].type": false, "owner": true, "owner.name": true, "owner.mail": false, "extra": true, "extra.any": true, "other": false,
	} {
		if got := m.Reads("deals", field); got != want {
			t.Errorf("%s is read: %v, want %v", field, got, want)
		}
	}
	if m.Reads("none", "properties") || m.Paths("none") != nil {
		t.Error("a stream without rules is read")
	}
	want := []string{"associations.#.id", "extra.*", "lines.#.state", "owner.name.first", "properties.dealname"}
	if got := m.Paths("deals"); !slices.Equal(got, want) {
		t.Errorf("paths %q, want %q", got, want)
	}
}

// TestHashTellsMappingsApart: by the file, and by the connections that it points to.
func TestHashTellsMappingsApart(t *testing.T) {
	hash := func(src string, there bool) string {
		t.Helper()
		m, err := Parse("deals.yaml", []byte(src), Options{Connection: func(string) string {
			if there {
				return "crm"
			}
			return ""
		}})
		if err != nil {
			t.Fatal(err)
		}
		return m.Hash()
	}
	pointing := strings.Replace(pathsYAML, "stream: firms", "connector: hubspot, stream: firms", 1)
	all := []string{hash(pathsYAML, true), hash(pointing, true), hash(pointing, false), hash(strings.Replace(pathsYAML, "first", "last", 1), true)}
	for i, h := range all {
		if slices.Contains(all[:i], h) {
			t.Errorf("%d has the hash of another: %v", i, all)
		}
	}
	if hash(pathsYAML, true) != all[0] {
		t.Error("the same mapping has another hash")
	}
}

func TestPatterns(t *testing.T) {
	src := "streams:\n  things:\n    rules:\n      - kind: company\n        custom:\n          from: \"@this\"\n          only: [\"*__c\", \"x_*\", plain]\n          except: [\"*_secret__c\"]\n        fields:\n          name: n\n"
	m, err := Parse("m", []byte(src), Options{})
	if err != nil {
		t.Fatal(err)
	}
	es, _ := m.Apply(canon.Record{Ref: canon.Ref{Connection: "c", Stream: "things", ID: "1"},
		Raw: []byte(`{"n":"N","Plan__c":"a","My_secret__c":"b","x_y":"c","plain":"d","other":"e"}`)})
	if want := map[string]any{"Plan__c": "a", "x_y": "c", "plain": "d"}; len(es) != 1 || !cmp.Equal(es[0].Custom, want) {
		t.Errorf("kept %v, want %v", es, want)
	}
}
