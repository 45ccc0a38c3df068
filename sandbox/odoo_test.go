package sandbox_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/sandbox"
)

// suite is an Odoo server with what asks it.
type suite struct {
	t      *testing.T
	world  *sandbox.World
	server http.Handler
}

func odooSuite(t *testing.T, o sandbox.Options) suite {
	o.Seed, o.Now = 7, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w := sandbox.NewWorld(o)
	return suite{t, w, w.Odoo()}
}

// post returns the status and the answer.
func (s suite) post(path, body string) (int, any) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), http.MethodPost, "/json/2/"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+sandbox.OdooKey)
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, r)
	var out any
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		s.t.Fatalf("%s: %v: %s", path, err, rec.Body)
	}
	return rec.Code, out
}

// TestOdooSearches: what is archived is hidden unless asked for, what is empty is false, and references are pairs.
func TestOdooSearches(t *testing.T) {
	s := odooSuite(t, sandbox.Options{Companies: 20})
	_, shown := s.post("res.partner/search_count", `{"domain":[]}`)
	_, all := s.post("res.partner/search_count", `{"domain":[],"context":{"active_test":false}}`)
	_, archived := s.post("res.partner/search_count", `{"domain":[["active","=",false]]}`)
	if shown.(float64)+archived.(float64) != all.(float64) || archived.(float64) < 1 {
		t.Errorf("%v shown and %v archived of %v", shown, archived, all)
	}
	if n := s.world.Counts()["odoo/partners"]; float64(n) != all {
		t.Errorf("the world counts %d partners, the server %v", n, all)
	}
	_, rows := s.post("res.partner/search_read", `{"domain":["|",["id","=",3],["id","in",[10000]]],"fields":["name","email","parent_id","write_date"],"order":"id asc"}`)
	list := rows.([]any)
	bill, company := list[0].(map[string]any), list[1].(map[string]any)
	if bill["email"] != false || bill["parent_id"].([]any)[0] != 10000.0 || company["parent_id"] != false || len(company["write_date"].(string)) != 19 {
		t.Errorf("got %v and %v", bill, company)
	}
	// Read by id, the pages hold all and none twice.
	last, count := "0", 0
	for {
		_, page := s.post("account.move/search_read", `{"domain":[["id",">",`+last+`]],"fields":["id"],"order":"id asc","limit":7}`)
		if len(page.([]any)) == 0 {
			break
		}
		for _, row := range page.([]any) {
			b, err := json.Marshal(row.(map[string]any)["id"])
			if err != nil {
				t.Fatal(err)
			}
			last = string(b)
			count++
		}
	}
	if count != s.world.Counts()["odoo/invoices"] || count == 0 {
		t.Errorf("the pages hold %d invoices, the world %d", count, s.world.Counts()["odoo/invoices"])
	}
}

// TestOdooRefuses: each mistake has the name of the exception that Odoo raises.
func TestOdooRefuses(t *testing.T) {
	s := odooSuite(t, sandbox.Options{Companies: 20})
	for _, x := range []struct {
		path, body string
		status     int
		name       string
	}{
		{"res.nobody/search_read", `{}`, 404, "werkzeug.exceptions.NotFound"},
		{"res.partner/unlink_all", `{}`, 404, "werkzeug.exceptions.NotFound"},
		{"res.partner/search_read", `{"filter":[]}`, 422, "werkzeug.exceptions.UnprocessableEntity"},
		{"res.partner/search_read", `{"ids":[1]}`, 422, "werkzeug.exceptions.UnprocessableEntity"},
		{"res.partner/search_read", `{"fields":["mobile_phone"]}`, 500, "builtins.ValueError"},
		{"res.partner/search_read", `{"domain":[["nobody","=",1]]}`, 500, "builtins.ValueError"},
		{"res.partner/search_read", `{"domain":[["id",">","5"]]}`, 500, "builtins.ValueError"},
		{"res.partner/search_read", `{"domain":[["write_date",">","2026-03-01T12:00:00Z"]]}`, 500, "builtins.ValueError"},
		{"res.partner/read", `{"ids":[999999]}`, 404, "odoo.exceptions.MissingError"},
		{"res.partner/write", `{"ids":[10000],"vals":{"x_hub_stage":"a"}}`, 500, "builtins.ValueError"},
		{"ir.model.fields/create", `{"vals_list":[{"name":"hub_stage","ttype":"char","state":"manual","model_id":82}]}`, 422, "odoo.exceptions.ValidationError"},
	} {
		status, body := s.post(x.path, x.body)
		if e, ok := body.(map[string]any); !ok || status != x.status || e["name"] != x.name {
			t.Errorf("%s %s: %d %v, want %d %s", x.path, x.body, status, body, x.status, x.name)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/json/2/res.partner/search_read", strings.NewReader("{}"))
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, r)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("no key: %d", rec.Code)
	}
}

// TestOdooFields: a field that was made by hand takes values, and a choice only its own.
func TestOdooFields(t *testing.T) {
	s := odooSuite(t, sandbox.Options{Companies: 20})
	_, models := s.post("ir.model/search_read", `{"domain":[["model","=","res.partner"]],"fields":["id"]}`)
	id, err := json.Marshal(models.([]any)[0].(map[string]any)["id"])
	if err != nil {
		t.Fatal(err)
	}
	made := `{"vals_list":[{"name":"x_band","ttype":"selection","state":"manual","field_description":"Band","model_id":` + string(id) + `,"selection_ids":[[0,0,{"value":"red","name":"red"}]]}]}`
	if status, body := s.post("ir.model.fields/create", made); status != 200 {
		t.Fatalf("%d %v", status, body)
	}
	if status, body := s.post("ir.model.fields/create", made); status != 422 {
		t.Errorf("the same field twice: %d %v", status, body)
	}
	if status, body := s.post("res.partner/write", `{"ids":[10000],"vals":{"x_band":"blue"}}`); status != 500 {
		t.Errorf("a value of no choice: %d %v", status, body)
	}
	if status, body := s.post("res.partner/write", `{"ids":[10000],"vals":{"x_band":"red"}}`); status != 200 || body != true {
		t.Errorf("%d %v", status, body)
	}
	_, rows := s.post("res.partner/read", `{"ids":[10000],"fields":["x_band","write_date"]}`)
	if row := rows.([]any)[0].(map[string]any); row["x_band"] != "red" || row["write_date"] != "2026-03-01 12:00:00" {
		t.Errorf("got %v", row)
	}
}
