package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

const apiToken = "identity-test-token-01"

// identityDesk is an API beside a hub that heeds decisions.
type identityDesk struct {
	t *testing.T
	h http.Handler
	a *app
}

func newIdentityDesk(t *testing.T) identityDesk {
	t.Helper()
	_, dir := play(t, 25)
	cfg, vs := connected(t, dir)
	a := heldApp(t, cfg, vs, filepath.Join(t.TempDir(), "held.db"))
	a.takeAll(t, readAll(t, vs))
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		for wait(ctx, 20*time.Millisecond) {
			if n, err := a.pipe.Decide(ctx); err != nil && ctx.Err() == nil {
				ended <- err
				return
			} else if n > 0 {
				if err := a.assess(ctx); err != nil && ctx.Err() == nil {
					ended <- err
					return
				}
			}
		}
		ended <- nil
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	h, err := api.New(api.Options{Reader: reader{a.db}, Identity: identityAPI{a.db, rules(cfg, vs), clock(cfg)}, Token: apiToken, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return identityDesk{t, h, a}
}

// ask makes a call and reads the answer, which must have the status.
func (d identityDesk) ask(method, path string, body any, status int) map[string]any {
	d.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "/api/v1"+path, bytes.NewReader(b))
	r.Header.Set("Authorization", "Bearer "+apiToken)
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != status {
		d.t.Fatalf("%s %s %s: %d, want %d: %s (%v)", method, path, b, w.Code, status, w.Body, err)
	}
	return out
}

// decide decides, and returns the decision's id and whether it was so already.
func (d identityDesk) decide(r map[string]any) (string, bool) {
	d.t.Helper()
	out := d.ask(http.MethodPost, "/identity/decisions", r, http.StatusOK)
	if out["applied"] != true {
		d.t.Errorf("%v is not applied", r)
	}
	already, _ := out["already"].(bool)
	id, _ := out["decision"].(map[string]any)["id"].(string)
	return id, already
}

// queue reads the whole review queue in pages of a size.
func (d identityDesk) queue(size int) (ids []string, first map[string]any) {
	d.t.Helper()
	for after := ""; ; {
		page := d.ask(http.MethodGet, fmt.Sprintf("/identity/candidates?limit=%d&after=%s", size, after), nil, http.StatusOK)
		for _, c := range page["candidates"].([]any) {
			c := c.(map[string]any)
			if first == nil {
				first = c
			}
			ids = append(ids, c["id"].(string))
		}
		var more bool
		if after, more = page["next"].(string); !more {
			return ids, first
		}
	}
}

// TestReviewByAPI: the queue is that of the store, page by page; a pair that is decided leaves it, and comes back when
// the decision is taken back.
func TestReviewByAPI(t *testing.T) {
	d := newIdentityDesk(t)
	open, _, err := d.a.db.Candidates(t.Context(), store.CandidateFilter{Limit: 1000})
	if err != nil || len(open) < 2 {
		t.Fatalf("%d pairs, %v", len(open), err)
	}
	var want []string
	for _, c := range open {
		want = append(want, c.ID)
	}
	for _, size := range []int{1, 3, 200} {
		if got, _ := d.queue(size); !cmp.Equal(want, got) {
			t.Errorf("in pages of %d: %s", size, cmp.Diff(want, got))
		}
	}
	_, first := d.queue(200)
	left, right := first["left"].(map[string]any), first["right"].(map[string]any)
	if left["key"] != open[0].A || right["key"] != open[0].B || len(first["fields"].([]any)) == 0 {
		t.Errorf("the first pair is %v, want %s and %s", first, open[0].A, open[0].B)
	}
	for _, kind := range []string{canon.DecideUnlink, canon.DecideLink} {
		id, _ := d.decide(map[string]any{"kind": kind, "a": left["key"], "b": right["key"], "reason": "a test", "author": "mia"})
		if got, _ := d.queue(200); cmp.Equal(want, got) {
			t.Errorf("after %s nothing left the queue", kind)
		}
		d.decide(map[string]any{"kind": "revoke", "revokes": id})
		if got, _ := d.queue(200); !cmp.Equal(want, got) {
			t.Errorf("after %s was taken back: %s", kind, cmp.Diff(want, got))
		}
	}
}

// TestDecideByAPI: what the API decides is what the commands decide, with their checks, and all of it can be taken back.
func TestDecideByAPI(t *testing.T) {
	d := newIdentityDesk(t)
	page, err := d.a.db.Customers(t.Context(), canon.CustomerFilter{})
	if err != nil || len(page.Customers) < 3 {
		t.Fatalf("%d customers, %v", len(page.Customers), err)
	}
	a, b := page.Customers[0].ID, page.Customers[1].ID
	before := customersOf(t, d.a.db)
	link := map[string]any{"kind": "link", "a": a, "b": b, "reason": "one firm", "author": "mia"}
	linked, _ := d.decide(link)
	if again, already := d.decide(link); again != linked || !already {
		t.Errorf("linked twice: %s, then %s (already: %v)", linked, again, already)
	}
	one := d.ask(http.MethodGet, "/customers/"+a+"/identity", nil, http.StatusOK)
	if other := d.ask(http.MethodGet, "/customers/"+b+"/identity", nil, http.StatusOK); other["customer"] != one["customer"] {
		t.Errorf("%v and %v are not one", one["customer"], other["customer"])
	}
	if ds := one["decisions"].([]any); len(ds) != 1 || ds[0].(map[string]any)["id"] != linked || ds[0].(map[string]any)["state"] != "in force" {
		t.Errorf("decisions of the customer: %v", ds)
	}
	if few := d.ask(http.MethodGet, "/customers/"+a+"/identity?limit=1", nil, http.StatusOK); len(few["members"].([]any)) != 1 || few["left_off"].(map[string]any)["members"] == nil {
		t.Errorf("a limit of one leaves %v and %v", few["members"], few["left_off"])
	}
	pinned, _ := d.decide(map[string]any{"kind": "pin", "a": a, "field": "name", "value": "Acme Group", "reason": "as in the contract", "author": "mia", "expires_at": time.Now().AddDate(1, 0, 0)})
	// A pin that another one has followed says nothing any more; deciding it again is a decision.
	other, _ := d.decide(map[string]any{"kind": "pin", "a": a, "field": "name", "value": "Acme Holding", "reason": "renamed", "author": "mia"})
	again := map[string]any{"kind": "pin", "a": a, "field": "name", "value": "Acme Group", "reason": "not renamed", "author": "mia"}
	back, already := d.decide(again)
	if name := nameOf(d, a); already || back == pinned || name != "Acme Group" {
		t.Errorf("pinned back is %s (already: %v), the name reads %q", back, already, name)
	}
	if same, already := d.decide(again); same != back || !already {
		t.Errorf("pinned twice: %s, then %s (already: %v)", back, same, already)
	}
	unlinked, _ := d.decide(map[string]any{"kind": "unlink", "a": a, "b": b, "reason": "two after all"})
	d.refusals(a, b, linked)
	if name := nameOf(d, a); name != "Acme Group" {
		t.Errorf("the pinned name reads %q", name)
	}
	for _, id := range []string{linked, unlinked, pinned, other, back} {
		if _, already := d.decide(map[string]any{"kind": "revoke", "revokes": id}); already {
			t.Errorf("%s was revoked already", id)
		}
		if _, already := d.decide(map[string]any{"kind": "revoke", "revokes": id}); !already {
			t.Errorf("%s could be revoked twice", id)
		}
	}
	differ(t, "all is taken back", before, customersOf(t, d.a.db))
	d.log(10)
}

func nameOf(d identityDesk, id string) string {
	for _, f := range d.ask(http.MethodGet, "/customers/"+id+"/identity", nil, http.StatusOK)["fields"].([]any) {
		if f := f.(map[string]any); f["name"] == "name" {
			return f["value"].(string)
		}
	}
	return ""
}

// refusals asks for what cannot be. a and b are kept apart by an unlink.
func (d identityDesk) refusals(a, b, decision string) {
	d.t.Helper()
	for _, tt := range []struct {
		ruling map[string]any
		status int
		code   string
	}{
		{map[string]any{"kind": "link", "a": a, "b": b, "reason": "one again"}, 409, "decision.barred"},
		{map[string]any{"kind": "link", "a": a, "b": b}, 400, "decision.invalid"},
		{map[string]any{"kind": "link", "a": a, "b": b, "reason": " \t"}, 400, "decision.invalid"},
		{map[string]any{"kind": "link", "a": a, "reason": "with nobody"}, 400, "decision.invalid"},
		{map[string]any{"kind": "link", "a": a, "b": a, "reason": "with itself"}, 400, "decision.invalid"},
		{map[string]any{"kind": "link", "a": a, "b": "nobody", "reason": "x"}, 404, ""},
		{map[string]any{"kind": "unlink", "a": a, "b": b, "reason": "x", "expires_at": time.Now().AddDate(0, 0, -1)}, 400, "decision.invalid"},
		{map[string]any{"kind": "detach", "a": a, "value": "what for"}, 400, "decision.invalid"},
		{map[string]any{"kind": "generic", "key": "nonsense"}, 400, "decision.invalid"},
		{map[string]any{"kind": "pin", "a": a, "field": "shoe", "value": "42", "reason": "x"}, 400, "pin.field"},
		{map[string]any{"kind": "pin", "a": a, "field": "name", "value": "n/a", "reason": "x"}, 400, "pin.value"},
		{map[string]any{"kind": "revoke", "revokes": "dec_none"}, 404, "decision.unknown"},
		{map[string]any{"kind": "revoke", "revokes": decision, "expires_at": time.Now().AddDate(1, 0, 0)}, 400, "decision.invalid"},
	} {
		out := d.ask(http.MethodPost, "/identity/decisions", tt.ruling, tt.status)
		if tt.code != "" && out["code"] != tt.code || out["detail"] == "" || out["hint"] == nil || strings.Contains(fmt.Sprint(out["hint"]), "--") {
			d.t.Errorf("%v: %v, want %s and a hint that is not about flags", tt.ruling, out, tt.code)
		}
	}
}

// log reads the whole log, in which so many decisions are, newest first, in small pages.
func (d identityDesk) log(n int) {
	d.t.Helper()
	var seqs []float64
	for after := ""; ; {
		page := d.ask(http.MethodGet, "/identity/decisions?limit=4&after="+after, nil, http.StatusOK)
		for _, x := range page["decisions"].([]any) {
			x := x.(map[string]any)
			seqs = append(seqs, x["seq"].(float64))
			if state := fmt.Sprint(x["state"]); x["kind"] != "revoke" && !strings.HasPrefix(state, "revoked by dec_") || x["author"] == "" {
				d.t.Errorf("logged is %v", x)
			}
		}
		var more bool
		if after, more = page["next"].(string); !more {
			break
		}
	}
	if len(seqs) != n {
		d.t.Errorf("%d decisions are in the log, want %d: %v", len(seqs), n, seqs)
	}
	for i := range seqs[1:] {
		if seqs[i] <= seqs[i+1] {
			d.t.Errorf("the log is not newest first: %v", seqs)
		}
	}
	if left := d.ask(http.MethodGet, "/identity/decisions?in_force=true", nil, http.StatusOK)["decisions"].([]any); len(left) != 0 {
		d.t.Errorf("in force are still %v", left)
	}
	d.ask(http.MethodGet, "/identity/decisions?after=nonsense", nil, http.StatusBadRequest)
	d.ask(http.MethodGet, "/identity/candidates?after=nonsense", nil, http.StatusBadRequest)
	d.ask(http.MethodGet, "/identity/candidates?customer=cus_nobody", nil, http.StatusNotFound)
	d.ask(http.MethodGet, "/customers/cus_nobody/identity", nil, http.StatusNotFound)
}

func TestSaysTheSame(t *testing.T) {
	for _, tt := range []struct {
		name, x, y string
		want       bool
	}{
		{"name", "Acme GmbH", "ACME  gmbh.", true}, {"name", "Acme", "Acne", false}, {"name", "", "", false}, {"name", "-", "–", false}, {"name", "Łódź", "łódź", true},
		{"phone", "+49 30 1234567", "030 1234567", true}, {"phone", "+49 30 1234567", "+49 30 1234568", false}, {"phone", "ext. 5", "EXT 5", true},
		{"emails", "a@x.example, b@x.example", "B@X.example", true}, {"emails", "ab@x.example", "a.b@x.example", false}, {"domains", "a.example, b.example", "c.example", false},
		{"address", "Rua 12, Porto", "rua 12 porto", true},
	} {
		if got := saysTheSame(tt.name, tt.x, tt.y, "DE"); got != tt.want || saysTheSame(tt.name, tt.y, tt.x, "DE") != got {
			t.Errorf("%s: %q and %q: %v", tt.name, tt.x, tt.y, got)
		}
	}
}
