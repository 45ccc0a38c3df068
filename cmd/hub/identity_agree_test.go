package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// TestAPIAndCommandsAgree: what a command decides the API finds decided already, and what a command refuses the API refuses.
func TestAPIAndCommandsAgree(t *testing.T) {
	_, dir := play(t, 10)
	if cmd, text := program(t.Context(), t, dir, "sync"); cmd.Run() != nil {
		t.Fatal(text)
	}
	cfg, vs := connected(t, dir)
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	page, err := db.Customers(t.Context(), canon.CustomerFilter{})
	if err != nil || len(page.Customers) < 2 {
		t.Fatalf("%d customers, %v", len(page.Customers), err)
	}
	a, b := page.Customers[0].ID, page.Customers[1].ID
	ask := identityAPI{db, rules(cfg, vs), clock(cfg)}
	var unlinked string
	for _, tt := range []struct {
		command string
		ruling  api.Ruling
		// code is that of the command's refusal, "" where it decides.
		code string
	}{
		{"link A B", api.Ruling{Kind: "link", A: a, B: b}, "usage"},
		{"link A A --reason=r", api.Ruling{Kind: "link", A: a, B: a, Reason: "r"}, "usage"},
		{"link A B --reason=r", api.Ruling{Kind: "link", A: a, B: b, Reason: "r"}, ""},
		{"pin A name One --reason=r", api.Ruling{Kind: "pin", A: a, Field: "name", Value: "One", Reason: "r"}, ""},
		{"pin A name Two --reason=r", api.Ruling{Kind: "pin", A: a, Field: "name", Value: "Two", Reason: "r"}, ""},
		// The pin before the last one says nothing any more, so it is decided anew.
		{"pin A name One --reason=r", api.Ruling{Kind: "pin", A: a, Field: "name", Value: "One", Reason: "r"}, ""},
		{"pin A name One", api.Ruling{Kind: "pin", A: a, Field: "name", Value: "One"}, "usage"},
		{"pin A shoe 42 --reason=r", api.Ruling{Kind: "pin", A: a, Field: "shoe", Value: "42", Reason: "r"}, "pin.field"},
		{"pin A name n/a --reason=r", api.Ruling{Kind: "pin", A: a, Field: "name", Value: "n/a", Reason: "r"}, "pin.value"},
		{"unlink A B", api.Ruling{Kind: "unlink", A: a, B: b}, "usage"},
		{"unlink A B --reason=r", api.Ruling{Kind: "unlink", A: a, B: b, Reason: "r"}, ""},
		{"link A B --reason=r", api.Ruling{Kind: "link", A: a, B: b, Reason: "r"}, "decision.barred"},
		{"detach A", api.Ruling{Kind: "detach", A: a}, ""},
		{"generic agency.example", api.Ruling{Kind: "generic", Key: "agency.example"}, ""},
		{"generic nonsense", api.Ruling{Kind: "generic", Key: "nonsense"}, "usage"},
		{"detach nobody", api.Ruling{Kind: "detach", A: "nobody"}, "customer.unknown"},
		{"revoke dec_none", api.Ruling{Kind: "revoke", Revokes: "dec_none"}, "decision.unknown"},
		{"revoke UNLINKED", api.Ruling{Kind: "revoke", Revokes: "UNLINKED"}, ""},
	} {
		if tt.ruling.Revokes == "UNLINKED" {
			tt.ruling.Revokes = unlinked
		}
		tt.ruling.Author = "mia"
		said := func(already bool) {
			w, err := ask.who(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, was, err := w.rule(t.Context(), tt.ruling)
			got, want := canon.CodeOf(err), tt.code
			if err != nil {
				got = canon.CodeOf(forCallers(err))
			}
			if want == "usage" {
				want = "decision.invalid"
			}
			if got != want || was != already {
				t.Errorf("%s: the API says %q (already: %v), want %q (%v): %v", tt.command, got, was, want, already, err)
			}
		}
		said(false)
		out, code := decideOrNot(t, dir, strings.Fields(strings.NewReplacer("UNLINKED", unlinked, " A", " "+a, " B", " "+b).Replace(tt.command)))
		if code != tt.code || out.Already {
			t.Fatalf("hub identity %s: %q, want %q (already: %v)", tt.command, code, tt.code, out.Already)
		}
		if code == "" {
			said(true)
		}
		if out.Decision.Kind == canon.DecideUnlink {
			unlinked = out.Decision.ID
		}
	}
}

// decideOrNot runs a command that decides and returns what it decided, or the code of its refusal.
func decideOrNot(t *testing.T, dir string, args []string) (out decided, code string) {
	t.Helper()
	args = append([]string{"identity"}, append(args, "--author=mia", "--json")...)
	cmd, _ := program(t.Context(), t, dir, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if cmd.Run() == nil {
		if err := json.Unmarshal([]byte(stdout.String()), &out); err != nil {
			t.Fatalf("%v: %v in %s", args, err, &stdout)
		}
		return out, ""
	}
	var refusal struct{ Error canon.Error }
	if err := json.Unmarshal([]byte(stderr.String()), &refusal); err != nil {
		t.Fatalf("%v: %v in %s", args, err, &stderr)
	}
	return out, refusal.Error.Code
}
