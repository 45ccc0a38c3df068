package mapping_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/mapping"
)

// TestParseComplaints holds every complaint about the files of testdata/bad against the text beside them.
func TestParseComplaints(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".bad.yaml"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m, err := mapping.Parse(filepath.Base(name), src, mapping.Options{})
			if err == nil || m != nil {
				t.Fatalf("Parse = %v, %v; want only an error", m, err)
			}
			var list mapping.Complaints
			if canon.CodeOf(err) != "mapping.invalid" || !errors.As(err, &list) {
				t.Fatalf("error %v is not mapping.invalid with complaints", err)
			}
			got := list.Error() + "\n"
			wanted := strings.TrimSuffix(name, ".yaml") + ".want"
			if *update {
				if err := os.WriteFile(wanted, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wanted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run with -update if this is wanted (-want +got):\n%s", diff)
			}
			for _, c := range list {
				if c.Line < 1 || c.Column < 1 || !strings.HasSuffix(c.Message, ".") || c.Hint == "" {
					t.Errorf("complaint without place, sentence or hint: %+v", c)
				}
			}
		})
	}
}
