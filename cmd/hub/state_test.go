package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// asProgram makes the test binary behave as hub itself, so that tests can start, stop and kill a real process.
const asProgram = "HUB_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) == "1" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"hub": main})
}

// TestScripts runs the command lines of testdata/script as a person would type them.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true})
}

// program returns a hub process that is ready to start in dir.
func program(ctx context.Context, t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// asOf is when the worlds of these tests stand still.
var asOf = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// play serves a world of its own and returns the folder of a hub.yaml that is connected to it.
func play(t *testing.T, companies int) (*stage, string) {
	t.Helper()
	o := demoOptions{companies: companies, seed: 7, once: true}
	st, err := setStage(t.Context(), o, asOf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.close)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hub.yaml"), []byte(st.yaml(o, asOf)), 0o600); err != nil {
		t.Fatal(err)
	}
	return st, dir
}

// state is everything that a hub would tell: every timeline, customer and assessment, without when it was
// recorded.
func state(t *testing.T, dir string) string {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	return stateOf(t, db)
}

func stateOf(t *testing.T, db *store.DB) string {
	t.Helper()
	var out strings.Builder
	line := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s\n", b)
	}
	for w := (canon.Window{Limit: 1000}); ; {
		page, err := db.Timeline(t.Context(), "", w)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			e.RecordedAt = time.Time{}
			line(e)
		}
		if page.Next == "" {
			break
		}
		w.After = page.Next
	}
	for f := (canon.CustomerFilter{Limit: 1000}); ; {
		page, err := db.Customers(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Customers {
			c, err := db.Customer(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if c.Assessment != nil {
				c.Assessment.RecordedAt = time.Time{}
			}
			for i := range c.Fields {
				c.Fields[i].ObservedAt = time.Time{}
			}
			line(c)
			line(r)
		}
		if page.Next == "" {
			break
		}
		f.After = page.Next
	}
	return out.String()
}

// differ reports the first lines in which two states are not the same.
func differ(t *testing.T, what, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	inA, inB := map[string]bool{}, map[string]bool{}
	for _, l := range a {
		inA[l] = true
	}
	for _, l := range b {
		inB[l] = true
	}
	t.Errorf("%s: the states differ (%d and %d lines)", what, len(a), len(b))
	n := 0
	for _, l := range a {
		if !inB[l] && n < 6 {
			n++
			t.Logf("only undisturbed: %.600s", l)
		}
	}
	n = 0
	for _, l := range b {
		if !inA[l] && n < 6 {
			n++
			t.Logf("only disturbed:   %.600s", l)
		}
	}
}
