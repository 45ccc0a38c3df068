package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/timeline"
)

// A policy can ask for every type of event that timelines tell, and for no other.
func TestPatternsAgreeWithTimelines(t *testing.T) {
	told := map[string]bool{}
	for _, typ := range timeline.Types() {
		told[typ.Type] = true
		kinds, err := lifecycle.KindsOf(typ.Type)
		if err != nil {
			t.Errorf("a policy cannot ask for %s: %v", typ.Type, err)
			continue
		}
		if typ.Kind != "" && !slices.Equal(kinds, []canon.Kind{typ.Kind}) {
			t.Errorf("%s comes from %v, timelines say %s", typ.Type, kinds, typ.Kind)
		}
	}
	for _, typ := range lifecycle.EventTypes() {
		if !told[typ] {
			t.Errorf("a policy may ask for %s, which no timeline tells", typ)
		}
	}
	if _, err := lifecycle.KindsOf("usage.login"); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("an unknown type is taken: %v", err)
	}
}
