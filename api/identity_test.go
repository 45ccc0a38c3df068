package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

var twoSides = api.Candidate{
	ID: "can_1", Kind: canon.KindCompany, Rank: 7, Score: 0.83, For: []string{"same town berlin"}, Against: []string{"other phone"},
	Left:   api.Side{Key: "crm/companies/1#company", Ref: canon.Ref{Connection: "crm", Stream: "companies", ID: "1"}, Title: "Acme", Customer: "cu_1"},
	Right:  api.Side{Key: "bills/customers/2#company", Ref: canon.Ref{Connection: "bills", Stream: "customers", ID: "2"}, Title: "ACME GmbH", Customer: "cu_2"},
	Fields: []api.Compared{{Name: "name", Left: "Acme", Right: "ACME GmbH"}},
}

func (w *world) Candidates(_ context.Context, f api.CandidateFilter) (api.CandidatePage, error) {
	w.candidatesOf = f
	if f.After == "nonsense" {
		return api.CandidatePage{}, canon.Errorf("request.invalid", "page token is not one of ours")
	}
	if len(w.events) == 0 {
		return api.CandidatePage{}, nil
	}
	return api.CandidatePage{Candidates: []api.Candidate{twoSides, {ID: "can_2", Kind: canon.KindContact}}, Next: "more"}, nil
}

func (w *world) Waiting(_ context.Context, most int) (int, error) { return min(most, 7), nil }

func (w *world) Decisions(_ context.Context, f api.DecisionFilter) (api.DecisionPage, error) {
	w.logOf = f
	if len(w.events) == 0 {
		return api.DecisionPage{}, nil
	}
	d := canon.Decision{Seq: 3, Kind: canon.DecideDetach, A: "crm/companies/1#company", Author: "mia", At: noon}.WithID()
	return api.DecisionPage{Decisions: []api.LoggedDecision{{Decision: d, State: "in force"}}, Next: "3"}, nil
}

func (w *world) Who(ctx context.Context, id string, _ int) (api.Who, error) {
	c, err := w.Customer(ctx, id)
	if err != nil || len(w.events) == 0 {
		return api.Who{Customer: c.ID}, err
	}
	return api.Who{Customer: c.ID, Type: c.Type, Name: c.Name, LeftOff: map[string]int{"moves": 2},
		Members:  []api.WhoMember{{Key: "crm/companies/1#company", Kind: canon.KindCompany, Ref: twoSides.Left.Ref, Why: "source", Alias: c.ID}},
		Rejected: []canon.Edge{{A: "a", B: "b", Rank: 3, Key: "domain acme.com", Rejected: "too many hold it"}}, Contested: []canon.Contested{{Key: "domain acme.com", Reason: "too many"}},
		Moves: []canon.Move{{Seq: 1, Entity: "a", From: "x", To: "y", At: noon}}, Waiting: 1}, nil
}

func (w *world) Decide(_ context.Context, r api.Ruling) (api.Decided, error) {
	w.ruled = &r
	switch {
	case r.A == "nobody":
		return api.Decided{}, canon.Errorf("entity.unknown", "no company or contact has the id %q", r.A).WithHint("Give another.")
	case r.Kind == canon.DecideRevoke && r.Revokes == "dec_none":
		return api.Decided{}, canon.Errorf("decision.unknown", "there is no such decision")
	case r.A == "grain":
		return api.Decided{}, canon.Errorf("decision.grain", "nothing can be decided about that")
	case r.A == "barred":
		return api.Decided{}, canon.Errorf("decision.barred", "dec_1 says that they are not one")
	case r.Reason == "" && r.Kind == canon.DecideLink:
		return api.Decided{}, canon.Errorf("decision.invalid", "say why").WithHint("reason is kept and shown")
	case r.Kind == canon.DecidePin && r.Field == "shoe":
		return api.Decided{}, canon.Errorf("pin.field", "there is no field shoe")
	}
	d := canon.Decision{Seq: 4, Kind: r.Kind, A: r.A, B: r.B, Author: r.Author, Reason: r.Reason, At: noon, ExpiresAt: r.ExpiresAt}.WithID()
	return api.Decided{Decision: api.LoggedDecision{Decision: d, State: "in force"}, Applied: true}, nil
}

const link = `{"kind":"link","a":"crm/companies/1","b":"bills/customers/2","reason":"same VAT id"}`

// tell makes a POST; headers are pairs of name and value.
func tell(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestWhoMayDecide: the token decides; so does the session's cookie, but only together with what no other site can send.
func TestWhoMayDecide(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	session := visit(h, "/connections?token="+token).Result().Cookies()[0]
	cookie := session.Name + "=" + session.Value
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
		code    string
		author  string
	}{
		{"nobody", nil, 401, "auth.missing", ""},
		{"a wrong token", []string{"Authorization", "Bearer wrong"}, 401, "auth.denied", ""},
		{"a wrong token with a cookie", []string{"Authorization", "Bearer wrong", "Cookie", cookie, "Hub-Console", "1"}, 401, "auth.denied", ""},
		{"a forged cookie", []string{"Cookie", session.Name + "=9" + session.Value, "Hub-Console", "1"}, 401, "auth.missing", ""},
		{"the token", []string{"Authorization", "Bearer " + token}, 200, "", "api"},
		{"the cookie alone", []string{"Cookie", cookie}, 403, "auth.header", ""},
		{"the cookie alone from here", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}, 403, "auth.header", ""},
		{"the console", []string{"Cookie", cookie, "Hub-Console", "1", "Sec-Fetch-Site", "same-origin"}, 200, "", "console"},
		{"the console in an old browser", []string{"Cookie", cookie, "Hub-Console", "1", "Origin", "http://example.com"}, 200, "", "console"},
		{"another site", []string{"Cookie", cookie, "Hub-Console", "1", "Sec-Fetch-Site", "cross-site"}, 403, "auth.origin", ""},
		{"another host of the site", []string{"Cookie", cookie, "Hub-Console", "1", "Sec-Fetch-Site", "same-site"}, 403, "auth.origin", ""},
		{"another site in an old browser", []string{"Cookie", cookie, "Hub-Console", "1", "Origin", "https://evil.example"}, 403, "auth.origin", ""},
		{"a sandboxed frame", []string{"Cookie", cookie, "Hub-Console", "1", "Origin", "null"}, 403, "auth.origin", ""},
		{"a form", []string{"Cookie", cookie, "Hub-Console", "1", "Content-Type", "text/plain"}, 415, "request.invalid", ""},
	} {
		w.ruled = nil
		got := tell(h, "/api/v1/identity/decisions", link, tt.headers...)
		if got.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, got.Code, tt.status, got.Body)
			continue
		}
		if tt.status != http.StatusOK {
			if answer := decode(t, got); answer["code"] != tt.code {
				t.Errorf("%s: %v, want %s", tt.name, answer, tt.code)
			}
			if w.ruled != nil {
				t.Errorf("%s: it was decided all the same", tt.name)
			}
			continue
		}
		if want := (&api.Ruling{Kind: "link", A: "crm/companies/1", B: "bills/customers/2", Reason: "same VAT id", Author: tt.author}); !cmp.Equal(want, w.ruled) {
			t.Errorf("%s (-want +got):\n%s", tt.name, cmp.Diff(want, w.ruled))
		}
	}
	if session.SameSite != http.SameSiteStrictMode || !session.HttpOnly {
		t.Errorf("the cookie travels: %v", session)
	}
	// What only reads needs no header, and what merely links here changes nothing.
	if got := visit(h, "/api/v1/identity/decisions", session); got.Code != http.StatusOK {
		t.Errorf("reading by cookie: %d", got.Code)
	}
}

func TestRulingsThatCannotBe(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		`{"kind":"link","a":"nobody","b":"x","reason":"y"}`:                      {404, "entity.unknown"},
		`{"kind":"revoke","revokes":"dec_none"}`:                                 {404, "decision.unknown"},
		`{"kind":"link","a":"barred","b":"x","reason":"y"}`:                      {409, "decision.barred"},
		`{"kind":"link","a":"grain","b":"y","reason":"z"}`:                       {400, "decision.grain"},
		`{"kind":"link","a":"x","b":"y"}`:                                        {400, "decision.invalid"},
		`{"kind":"pin","a":"x","field":"shoe","value":"y","reason":"z"}`:         {400, "pin.field"},
		`{"kind":"marry","a":"x"}`:                                               {422, "request.invalid"},
		`{"a":"x"}`:                                                              {422, "request.invalid"},
		`{"kind":"detach","a":"x","expire_at":"2027-01-01T00:00:00Z"}`:           {422, "request.invalid"},
		`{"kind":"detach","a":"x","expires_at":"soon"}`:                          {422, "request.invalid"},
		`{"kind":"detach","a":["x"]}`:                                            {422, "request.invalid"},
		`{"kind":"detach","a":"` + strings.Repeat("x", 401) + `"}`:               {422, "request.invalid"},
		`{"kind":"detach","a":"x","reason":"` + strings.Repeat("x", 2001) + `"}`: {422, "request.invalid"},
		`{"kind":`: {400, "request.invalid"},
		``:         {400, "request.invalid"},
		`{"kind":"detach","a":"x","reason":"` + strings.Repeat(" ", 70<<10) + `"}`: {413, "request.invalid"},
	} {
		got := tell(h, "/api/v1/identity/decisions", body, "Authorization", "Bearer "+token)
		answer := decode(t, got)
		if got.Code != want.status || answer["code"] != want.code || answer["detail"] == "" || got.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.60s: %d %s, want %d %s", body, got.Code, got.Body, want.status, want.code)
		}
	}
	if got := tell(newAPI(t, w, func(o *api.Options) { o.Identity = nil }), "/api/v1/identity/decisions", link, "Authorization", "Bearer "+token); got.Code != http.StatusServiceUnavailable {
		t.Errorf("without anybody who decides: %d %s", got.Code, got.Body)
	}
}

func TestADecisionIsTakenAndToldAsTheDocumentSays(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	body := `{"kind":"unlink","a":"crm/companies/1","b":"bills/customers/2","author":"Mia","reason":"two firms","expires_at":"2027-01-31T00:00:00Z"}`
	got := tell(h, "/api/v1/identity/decisions", body, "Authorization", "Bearer "+token)
	if got.Code != http.StatusOK {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	want := &api.Ruling{Kind: "unlink", A: "crm/companies/1", B: "bills/customers/2", Author: "Mia", Reason: "two firms", ExpiresAt: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, w.ruled); diff != "" {
		t.Error(diff)
	}
	var v any
	if err := json.Unmarshal(got.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	op := loadDocument(t).Paths.Value("/api/v1/identity/decisions").Post
	if err := op.Responses.Status(200).Value.Content["application/json"].Schema.Value.VisitJSON(v, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Errorf("%v\n%s", err, got.Body)
	}
	var sent any
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatal(err)
	}
	if err := op.RequestBody.Value.Content["application/json"].Schema.Value.VisitJSON(sent, openapi3.MultiErrors(), openapi3.EnableFormatValidation()); err != nil {
		t.Error(err)
	}
}

func TestTheQueueAndTheLogAreAskedAsTheCallSays(t *testing.T) {
	w := newWorld()
	h := newAPI(t, w)
	got := decode(t, ask(t, h, "/api/v1/identity/candidates?kind=company&min_score=0.5&customer=cu_1&after=x&limit=7"))
	if diff := cmp.Diff(api.CandidateFilter{Kind: "company", MinScore: 0.5, Customer: "cu_1", After: "x", Limit: 7}, w.candidatesOf); diff != "" {
		t.Error(diff)
	}
	first := got["candidates"].([]any)[0].(map[string]any)
	if got["next"] != "more" || first["left"].(map[string]any)["title"] != "Acme" || first["against"].([]any)[0] != "other phone" {
		t.Errorf("%v", got)
	}
	ask(t, h, "/api/v1/identity/decisions?in_force=true&after=9&limit=3")
	if diff := cmp.Diff(api.DecisionFilter{InForce: true, After: "9", Limit: 3}, w.logOf); diff != "" {
		t.Error(diff)
	}
	for path, status := range map[string]int{
		"/api/v1/identity/candidates?after=nonsense": 400, "/api/v1/identity/candidates?kind=deal": 422, "/api/v1/identity/candidates?min_score=2": 422,
		"/api/v1/identity/candidates?limit=0": 422, "/api/v1/identity/decisions?limit=501": 422, "/api/v1/customers/nobody/identity": 404,
	} {
		if got := ask(t, h, path); got.Code != status {
			t.Errorf("%s: %d, want %d", path, got.Code, status)
		}
	}
	if got := decode(t, ask(t, h, "/api/v1/overview")); got["review"] != 7.0 {
		t.Errorf("%v await a decision", got["review"])
	}
}
