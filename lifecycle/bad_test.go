package lifecycle

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lifecyclehub/hub/canon"
)

// TestComplaints reads testdata/bad: each file is a policy and what Parse says about it, with the hints.
func TestComplaints(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("policy.yaml", archive.Files[0].Data)
			got := "good\n"
			if err != nil {
				got = complaintsOf(t, err)
			}
			if *update {
				archive.Files[1].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func complaintsOf(t *testing.T, err error) string {
	var list Complaints
	if !errors.As(err, &list) || canon.CodeOf(err) != "policy.invalid" {
		t.Fatalf("not a list of complaints under policy.invalid: %v", err)
	}
	var b strings.Builder
	for _, c := range list {
		if c.Hint == "" || c.Line < 1 || c.Column < 1 {
			t.Errorf("complaint without hint or place: %+v", c)
		}
		fmt.Fprintf(&b, "%s\n  hint: %s\n", c, c.Hint)
	}
	return b.String()
}

func TestParseRefusesLargeFiles(t *testing.T) {
	if _, err := Parse("p.yaml", make([]byte, MaxSource+1)); canon.CodeOf(err) != "policy.invalid" {
		t.Fatalf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	for _, name := range Packs() {
		src, err := PackYAML(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	now := epoch.AddDate(0, 0, 930)
	facts := customerOf(10)
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := Parse("fuzz.yaml", src)
		if err != nil {
			complaintsOf(t, err)
			return
		}
		p.Markdown()
		Lint(p)
		if list := Diff(p, p.Thorough()); len(list) > 0 {
			t.Fatalf("a policy differs from itself: %v", list)
		}
		p.Assess(facts, now)
	})
}

func TestAPolicyIsTextInUTF8(t *testing.T) {
	src, err := PackYAML(Packs()[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse("p.yaml", append([]byte("\ufeff"), src...)); err != nil {
		t.Errorf("with the mark that some editors begin UTF-8 with: %v", err)
	}
	for name, bad := range map[string][]byte{
		"latin-1": append([]byte("# r\xe9sum\xe9\n"), src...),
		"zero":    append([]byte("# \x00\n"), src...),
		"utf-16":  {0xff, 0xfe, 'p', 0, 'o', 0},
	} {
		_, err := Parse("p.yaml", bad)
		if err == nil || !strings.Contains(err.Error(), "UTF-8") || canon.CodeOf(err) != "policy.invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVersionsCanBeCompared(t *testing.T) {
	src, err := PackYAML(Packs()[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("p.yaml", []byte(strings.Replace(string(src), "version: 1.0.0", "version: 99999999999999999999.0.0", 1)))
	if canon.CodeOf(err) != "policy.invalid" {
		t.Errorf("a version beyond counting: %v", err)
	}
}
