package tracking_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/tracking"
	"github.com/lifecyclehub/hub/mapping"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func connect(t testing.TB) connectors.Conn {
	t.Helper()
	c, err := tracking.Definition().Open(t.Context(), connectors.Settings{"write_key": "wk"}, connectors.Env{Connection: "product"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func receive(t testing.TB, path, body string) (connectors.Received, error) {
	t.Helper()
	r, ok := connect(t).(connectors.Receiver)
	if !ok {
		t.Fatal("the connection receives nothing")
	}
	call := connectors.Call{Method: http.MethodPost, Path: path, Body: []byte(body), At: noon}
	got, err := r.Receive(call)
	again, err2 := r.Receive(call)
	if d := cmp.Diff(got, again); d != "" || canon.CodeOf(err) != canon.CodeOf(err2) {
		t.Errorf("the same call tells two things: %s", d)
	}
	for _, rec := range got.Records {
		if rec.Connection != "product" || rec.ID == "" || !json.Valid(rec.Raw) || rec.ObservedAt.IsZero() || strings.Contains(string(rec.Raw), "writeKey") {
			t.Errorf("record %+v", rec)
		}
	}
	return got, err
}

// told is what the records of a call are, in short.
func told(got connectors.Received) []string {
	var out []string
	for _, r := range got.Records {
		s := fmt.Sprintf("%s/%s %s", r.Stream, r.ID, time.UnixMicro(r.Version).UTC().Format("01-02 15:04:05.999"))
		if r.Deleted {
			s += " " + r.Reason + " " + r.Into
		}
		out = append(out, s)
	}
	return out
}

// TestWhatTheLibrariesSend holds bodies as the public libraries write them against what they mean.
func TestWhatTheLibrariesSend(t *testing.T) {
	for what, c := range map[string]struct {
		path, body string
		want       []string
	}{
		"analytics-node 2": {"/v1/batch", `{"batch":[{"type":"track","event":"Report Exported","properties":{"format":"pdf"},"userId":"u1","context":{"library":{"name":"@segment/analytics-node","version":"2.1.3"}},"timestamp":"2026-03-01T11:59:58.123Z","messageId":"node-next-1772366398123-6b3b7c5e","integrations":{},"_metadata":{"nodeVersion":"22.3.0"}}],"writeKey":"wk","sentAt":"2026-03-01T12:00:00.000Z"}`,
			[]string{"events/node-next-1772366398123-6b3b7c5e 03-01 11:59:58.123"}},
		"analytics-go 3": {"/v1/batch", `{"batch":[{"event":"Download","messageId":"m1","properties":{"application":"Desktop"},"timestamp":"2026-03-01T11:00:00Z","type":"track","userId":"123456"},{"type":"identify","messageId":"m2","userId":"123456","timestamp":"2026-03-01T11:00:01Z","traits":{"email":"a@b.example"}}],"context":{"library":{"name":"analytics-go","version":"3.0.0"}},"messageId":"b1","sentAt":"2026-03-01T12:00:00Z"}`,
			[]string{"events/m1 03-01 11:00:00", "users/123456 03-01 11:00:01"}},
		"analytics-go 3.4, milliseconds": {"/v1/batch", `{"batch":[{"event":"Download","messageId":"m1","timestamp":1772362800000,"type":"track","userId":"123456"}],"messageId":"b","sentAt":1772366400000}`,
			[]string{"events/m1 03-01 11:00:00"}},
		"analytics.js 2": {"/v1/t", `{"timestamp":"2026-03-01T11:59:59.900Z","integrations":{},"userId":"u1","anonymousId":"a1","event":"Clicked","type":"track","properties":{},"context":{"page":{"path":"/"}},"messageId":"ajs-next-1","writeKey":"wk","sentAt":"2026-03-01T11:59:59.950Z","_metadata":{"bundled":[]}}`,
			[]string{"events/ajs-next-1 03-01 11:59:59.9"}},
		"analytics.js 2, page":   {"/v1/p", `{"timestamp":"2026-03-01T11:59:59Z","anonymousId":"a1","name":"Home","properties":{"path":"/"},"messageId":"ajs-2","writeKey":"wk"}`, []string{"events/ajs-2 03-01 11:59:59"}},
		"identify":               {"/v1/identify", `{"userId":7,"traits":{"name":"Ann"},"timestamp":"2026-03-01T10:00:00+01:00"}`, []string{"users/7 03-01 09:00:00"}},
		"identify, anonymous":    {"/identify", `{"anonymousId":"a1","traits":{}}`, []string{"users/a1 03-01 12:00:00"}},
		"group":                  {"/v1/group", `{"userId":"u1","groupId":"g1","traits":{"name":"Initech"}}`, []string{"groups/g1 03-01 12:00:00", "members/u1 03-01 12:00:00"}},
		"screen":                 {"v1/screen/", `{"userId":"u1","name":"Settings","messageId":"s1"}`, []string{"events/s1 03-01 12:00:00"}},
		"alias":                  {"/v1/alias", `{"previousId":"a1","userId":"u1"}`, []string{"users/a1 03-01 12:00:00 merged u1"}},
		"import":                 {"/v1/import", `{"batch":[]}`, nil},
		"a clock an hour behind": {"/v1/track", `{"userId":"u","event":"e","messageId":"m","timestamp":"2026-03-01T10:59:50Z","sentAt":"2026-03-01T11:00:00Z"}`, []string{"events/m 03-01 11:59:50"}},
		"a clock a day ahead":    {"/v1/track", `{"userId":"u","event":"e","messageId":"m","timestamp":"2026-03-02T11:59:50Z","sentAt":"2026-03-02T12:00:00Z"}`, []string{"events/m 03-01 11:59:50"}},
		"from the future":        {"/v1/track", `{"userId":"u","event":"e","messageId":"m","timestamp":"2036-03-02T11:59:50Z"}`, []string{"events/m 03-01 12:00:00"}},
		"no time":                {"/v1/track", `{"userId":"u","event":"e","messageId":"m","timestamp":"yesterday","sentAt":"2026-03-01T11:59:00Z"}`, []string{"events/m 03-01 11:59:00"}},
	} {
		got, err := receive(t, c.path, c.body)
		if err != nil || len(got.Rejects) > 0 || len(got.Hints) > 0 {
			t.Errorf("%s: %v, rejects %v", what, err, got.Rejects)
		}
		if d := cmp.Diff(c.want, told(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

func TestWhatIsToldOfAnEventIsKept(t *testing.T) {
	got, err := receive(t, "/v1/batch", `{"context":{"groupId":"g"},"writeKey":"wk","sentAt":"2026-03-01T11:00:00Z","batch":[
		{"type":"track","event":"e","userId":"u","messageId":"m","timestamp":"2026-03-01T10:00:00Z","writeKey":"wk","odd":[1,{"a":2}]}]}`)
	if err != nil || len(got.Records) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	var raw map[string]any
	if err := json.Unmarshal(got.Records[0].Raw, &raw); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"type": "track", "event": "e", "userId": "u", "messageId": "m", "timestamp": "2026-03-01T11:00:00Z", "originalTimestamp": "2026-03-01T10:00:00Z",
		"context": map[string]any{"groupId": "g"}, "odd": []any{1.0, map[string]any{"a": 2.0}}}
	if d := cmp.Diff(want, raw); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestEventsWithoutAnIDCountOnce(t *testing.T) {
	one, _ := receive(t, "/v1/track", `{"userId":"u","event":"e","timestamp":"2026-03-01T10:00:00Z","sentAt":"2026-03-01T11:59:01Z"}`)
	two, _ := receive(t, "/v1/track", `{"sentAt":"2026-03-01T11:59:30Z","event":"e","userId":"u","timestamp":"2026-03-01T10:00:00Z"}`)
	other, _ := receive(t, "/v1/track", `{"userId":"u","event":"e","timestamp":"2026-03-01T10:00:01Z"}`)
	if one.Records[0].ID != two.Records[0].ID || one.Records[0].ID == other.Records[0].ID {
		t.Errorf("ids %s, %s, %s", one.Records[0].ID, two.Records[0].ID, other.Records[0].ID)
	}
	long, _ := receive(t, "/v1/track", `{"userId":"u","event":"e","messageId":"`+strings.Repeat("x", 5000)+`"}`)
	if n := len(long.Records[0].ID); n > 100 {
		t.Errorf("an id of %d bytes was kept", n)
	}
}

func TestWhatCannotBeReadIsRefusedWithAReason(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("{},", 2501), ",")
	for what, c := range map[string]struct{ path, body, code string }{
		"another path":    {"/v2/track", `{}`, "track.path"},
		"no path":         {"", `{}`, "track.path"},
		"no JSON":         {"/v1/track", `{"a"`, "track.not_json"},
		"a list":          {"/v1/track", `[]`, "track.not_json"},
		"null":            {"/v1/track", `null`, "track.not_json"},
		"no batch":        {"/v1/batch", `{"batch":null}`, "track.no_batch"},
		"batch no list":   {"/v1/batch", `{"batch":{}}`, "track.no_batch"},
		"too many":        {"/v1/batch", `{"batch":[` + many + `]}`, "track.too_many"},
		"too long":        {"/v1/track", `{"a":"` + strings.Repeat("x", 33<<10) + `"}`, "track.too_large"},
		"batch too long":  {"/v1/batch", `{"batch":[],"a":"` + strings.Repeat("x", 501<<10) + `"}`, "track.too_large"},
		"no event":        {"/v1/track", `{"userId":"u"}`, "track.no_id"},
		"identify nobody": {"/v1/identify", `{"traits":{}}`, "track.no_id"},
		"no group":        {"/v1/group", `{"userId":"u"}`, "track.no_id"},
		"alias of itself": {"/v1/alias", `{"userId":"u","previousId":"u"}`, "track.no_id"},
	} {
		got, err := receive(t, c.path, c.body)
		if e := canon.AsError(err); e == nil || e.Code != c.code || e.Hint == "" || len(got.Records)+len(got.Rejects) > 0 {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	r, _ := connect(t).(connectors.Receiver)
	if _, err := r.Receive(connectors.Call{Method: "PUT", Path: "/v1/track", Body: []byte(`{"event":"e"}`)}); canon.CodeOf(err) != "track.method" {
		t.Errorf("PUT: %v", err)
	}
}

func TestOneBadEventDoesNotTakeItsBatchWithIt(t *testing.T) {
	got, err := receive(t, "/v1/batch", `{"batch":[{"type":"track","userId":"u","event":"e","messageId":"m"},7,{"type":"dance"},{"type":"track"},{"type":"track","event":"x","a":"`+strings.Repeat("x", 34<<10)+`"}]}`)
	var codes []string
	for _, d := range got.Rejects {
		if d.Stream != "events" || d.Hint == "" || d.Reason == "" || d.OccurredAt.IsZero() {
			t.Errorf("reject %+v", d)
		}
		codes = append(codes, d.Code)
	}
	if d := cmp.Diff([]string{"track.not_json", "track.type", "track.no_id", "track.too_large"}, codes); d != "" || err != nil || len(got.Records) != 1 {
		t.Errorf("%v, %d records:\n%s", err, len(got.Records), d)
	}
}

func TestNothingIsPulled(t *testing.T) {
	c := connect(t)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, s := range c.Streams() {
		p, err := c.Pull(t.Context(), s.Name, "")
		if err != nil || p.More || p.Next != "" || len(p.Records) > 0 {
			t.Errorf("%s: %+v, %v", s.Name, p, err)
		}
		if _, err := c.Pull(t.Context(), s.Name, "x"); canon.CodeOf(err) != "cursor.invalid" {
			t.Errorf("%s from a foreign cursor: %v", s.Name, err)
		}
	}
	if _, err := c.Pull(t.Context(), "x", ""); canon.CodeOf(err) != "stream.unknown" {
		t.Errorf("an unknown stream: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := tracking.Definition().Open(t.Context(), connectors.Settings{}, connectors.Env{}); canon.CodeOf(err) != "setting.missing" {
		t.Errorf("without a write key: %v", err)
	}
}

// TestMapping maps what calls tell by the shipped mapping.
func TestMapping(t *testing.T) {
	def := tracking.Definition()
	m, err := mapping.Parse("tracking/mapping.yaml", def.Mapping, mapping.Options{Connection: func(string) string { return "product" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range def.Streams {
		if d := cmp.Diff(s.Kinds, m.Kinds(s.Name)); d != "" {
			t.Errorf("%s has other kinds:\n%s", s.Name, d)
		}
	}
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	ref := func(stream, id string) canon.Ref { return canon.Ref{Connection: "product", Stream: stream, ID: id} }
	owners := []canon.Owner{{Kind: canon.KindContact, Ref: ref("users", "u1")}, {Kind: canon.KindCompany, Ref: ref("groups", "g1")}}
	for what, c := range map[string]struct {
		path, body string
		want       []canon.Entity
	}{
		"usage": {"/v1/track", `{"userId":"u1","event":"Report Exported","messageId":"m","context":{"groupId":"g1"},"properties":{"quantity":3}}`,
			[]canon.Entity{{Kind: canon.KindUsage, Ref: ref("events", "m"), Owners: owners, Body: &canon.Usage{Feature: "Report Exported", Quantity: 3, At: at}}}},
		"page": {"/v1/page", `{"userId":"u1","name":"Home","messageId":"m","context":{"groupId":"g1"}}`,
			[]canon.Entity{{Kind: canon.KindUsage, Ref: ref("events", "m"), Owners: owners, Body: &canon.Usage{Feature: "Home", Quantity: 1, At: at}}}},
		"knowledge base": {"/v1/track", `{"userId":"u1","event":"Article Viewed","messageId":"m","context":{"groupId":"g1"},"properties":{"title":"How to export"}}`,
			[]canon.Entity{{Kind: canon.KindActivity, Ref: ref("events", "m"), Owners: owners, Body: &canon.Activity{Type: "visit", Direction: "in", Subject: "How to export", At: at}}}},
		"training": {"/v1/track", `{"userId":"u1","event":"Course Completed","messageId":"m","context":{"groupId":"g1"}}`,
			[]canon.Entity{{Kind: canon.KindActivity, Ref: ref("events", "m"), Owners: owners, Body: &canon.Activity{Type: "webinar", Direction: "in", Subject: "Course Completed", At: at}}}},
		"nobody": {"/v1/page", `{"anonymousId":"a1","name":"Home","messageId":"m"}`, nil},
		"identify": {"/v1/identify", `{"userId":"u1","traits":{"email":"ann@initech.example","firstName":"Ann","plan":"pro","createdAt":"2026-01-02T00:00:00Z","company":{"id":"g1"}}}`,
			[]canon.Entity{{Kind: canon.KindContact, Ref: ref("users", "u1"), Owners: owners[1:], CreatedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Custom: map[string]any{"plan": "pro"},
				Body: &canon.Contact{FirstName: "Ann", Emails: []string{"ann@initech.example"}}}}},
		"group": {"/v1/group", `{"userId":"u1","groupId":"g1","traits":{"name":"Initech","website":"https://www.initech.example/x","plan":"enterprise","employees":"51-200"}}`,
			[]canon.Entity{
				{Kind: canon.KindCompany, Ref: ref("groups", "g1"), Custom: map[string]any{"employees": "51-200"}, Body: &canon.Company{Name: "Initech", Domains: []string{"initech.example"}, Plan: "enterprise"}},
				{Kind: canon.KindContact, Ref: ref("members", "u1"), Owners: owners[1:], SameAs: []canon.Ref{ref("users", "u1")}, Body: &canon.Contact{}},
			}},
	} {
		got, err := receive(t, c.path, strings.Replace(c.body, "{", `{"timestamp":"2026-03-01T11:00:00Z",`, 1))
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		var entities []canon.Entity
		for _, r := range got.Records {
			es, letters := m.Apply(r)
			if len(letters) > 0 {
				t.Errorf("%s: %+v", what, letters)
			}
			entities = append(entities, es...)
		}
		if d := cmp.Diff(c.want, entities); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
}

func TestDefinitionIsDocumented(t *testing.T) {
	def := tracking.Definition()
	for _, s := range def.Settings {
		if s.Title == "" || s.Doc == "" {
			t.Errorf("setting %s is not documented", s.Name)
		}
	}
	if def.Category != "usage" || def.Behavior == "" || def.Hook == nil || def.Hook.Scheme != "write_key" || def.Hook.Doc == "" {
		t.Errorf("definition %+v", def)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("/v1/batch", `{"batch":[{"type":"track","event":"e","userId":1,"timestamp":1e20}],"sentAt":-1}`)
	f.Add("/v1/track", `{"event":{"a":1},"userId":[1],"timestamp":"0000-01-01T00:00:00Z","sentAt":"9999-12-31T23:59:59Z"}`)
	f.Add("/v1/alias", `{"previousId":"\u0000","userId":"\ud800"}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		got, err := receive(t, path, body)
		if err != nil && len(got.Records) > 0 {
			t.Error("an error with records")
		}
		for _, r := range got.Records {
			if r.Version <= 0 || time.UnixMicro(r.Version).After(noon) {
				t.Errorf("version %d", r.Version)
			}
		}
		for _, d := range got.Rejects {
			if d.Raw != nil && !json.Valid(d.Raw) {
				t.Errorf("reject %s", d.Raw)
			}
		}
	})
}
