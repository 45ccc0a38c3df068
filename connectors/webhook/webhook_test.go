package webhook_test

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
	"github.com/lifecyclehub/hub/connectors/webhook"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func connect(t testing.TB, s connectors.Settings, streams ...connectors.StreamConfig) connectors.Conn {
	t.Helper()
	all := connectors.Settings{}
	for _, d := range webhook.Definition().Settings {
		all[d.Name] = d.Default
	}
	for k, v := range s {
		all[k] = v
	}
	c, err := webhook.Definition().Open(t.Context(), all, connectors.Env{Connection: "forms", Streams: streams})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func receive(t testing.TB, c connectors.Conn, path, body string) (connectors.Received, error) {
	t.Helper()
	r, ok := c.(connectors.Receiver)
	if !ok {
		t.Fatal("the connection receives nothing")
	}
	return r.Receive(connectors.Call{Method: http.MethodPost, Path: path, Body: []byte(body), At: noon})
}

func told(got connectors.Received) []string {
	var out []string
	for _, r := range got.Records {
		s := fmt.Sprintf("%s/%s@%d %s", r.Stream, r.ID, r.Version, r.Raw)
		if r.Deleted {
			s += " " + r.Reason
		}
		out = append(out, s)
	}
	return out
}

type settings = connectors.Settings

func TestObjectsAreFoundAndKeptWhole(t *testing.T) {
	for what, c := range map[string]struct {
		settings settings
		body     string
		want     []string
	}{
		"one object":      {nil, ` {"id": 7, "n":1e2} `, []string{`records/7@0 {"id": 7, "n":1e2}`}},
		"a list":          {nil, `[{"id":"a"},{"id":"b"}]`, []string{`records/a@0 {"id":"a"}`, `records/b@0 {"id":"b"}`}},
		"a list inside":   {settings{"items": "data.items", "id": "key.0"}, `{"data":{"items":[{"key":["x","y"]}]}}`, []string{`records/x@0 {"key":["x","y"]}`}},
		"no list":         {settings{"items": "data.items"}, `{"ping":true}`, nil},
		"an object there": {settings{"items": "data", "stream": "orders"}, `{"data":{"id":9007199254740993}}`, []string{`orders/9007199254740993@0 {"id":9007199254740993}`}},
		"the id outside":  {settings{"items": "data", "id": "$.ref"}, `{"ref":"r","data":{"x":1}}`, []string{`records/r@0 {"x":1}`}},
		"a time":          {settings{"version": "at"}, `{"id":1,"at":"2026-03-01T12:00:00Z"}`, []string{`records/1@1772366400000000 {"id":1,"at":"2026-03-01T12:00:00Z"}`}},
		"seconds":         {settings{"version": "at"}, `{"id":1,"at":1772366400}`, []string{`records/1@1772366400000000 {"id":1,"at":1772366400}`}},
		"milliseconds":    {settings{"version": "at"}, `{"id":1,"at":1772366400000}`, []string{`records/1@1772366400000000 {"id":1,"at":1772366400000}`}},
		"a number":        {settings{"version": "$.rev"}, `{"id":1,"rev":42}`, []string{`records/1@42 {"id":1,"rev":42}`}},
		"no version":      {settings{"version": "at"}, `{"id":1,"at":"soon"}`, []string{`records/1@0 {"id":1,"at":"soon"}`}},
		"gone":            {settings{"items": "data", "deleted": "$.event=contact.deleted | contact.erased"}, `{"event":"contact.erased","data":{"id":1}}`, []string{`records/1@0 {"id":1} deleted`}},
		"gone, flagged":   {settings{"deleted": "gone"}, `[{"id":1,"gone":true},{"id":2,"gone":false},{"id":3,"gone":null},{"id":4,"gone":{}},{"id":5,"gone":"2026-01-01"}]`, []string{`records/1@0 {"id":1,"gone":true} deleted`, `records/2@0 {"id":2,"gone":false}`, `records/3@0 {"id":3,"gone":null}`, `records/4@0 {"id":4,"gone":{}}`, `records/5@0 {"id":5,"gone":"2026-01-01"} deleted`}},
		"passed over":     {settings{"when": "type=order"}, `[{"id":1,"type":"order"},{"id":2,"type":"cart"}]`, []string{`records/1@0 {"id":1,"type":"order"}`}},
		"an empty body":   {nil, ` `, nil},
	} {
		conn := connect(t, c.settings)
		got, err := receive(t, conn, "", c.body)
		if err != nil || len(got.Rejects) > 0 || len(got.Hints) > 0 {
			t.Errorf("%s: %v, rejects %v", what, err, got.Rejects)
		}
		if d := cmp.Diff(c.want, told(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		again, _ := receive(t, conn, "", c.body)
		if d := cmp.Diff(got, again); d != "" {
			t.Errorf("%s: the same call tells two things:\n%s", what, d)
		}
		for _, r := range got.Records {
			if r.Connection != "forms" || !r.ObservedAt.Equal(noon) || !json.Valid(r.Raw) {
				t.Errorf("%s: record %+v", what, r)
			}
		}
	}
}

func TestStreamsAreToldApart(t *testing.T) {
	c := connect(t, settings{"id": "id"},
		connectors.StreamConfig{Name: "orders", Options: map[string]string{"path": "/orders"}},
		connectors.StreamConfig{Name: "people", Options: map[string]string{"when": "kind=person", "id": "email"}})
	for path, want := range map[string][]string{
		"/orders":  {`orders/1@0 {"id":1,"kind":"person","email":"a@b.example"}`, `people/a@b.example@0 {"id":1,"kind":"person","email":"a@b.example"}`},
		"/orders/": {`orders/1@0 {"id":1,"kind":"person","email":"a@b.example"}`, `people/a@b.example@0 {"id":1,"kind":"person","email":"a@b.example"}`},
		"":         {`people/a@b.example@0 {"id":1,"kind":"person","email":"a@b.example"}`},
	} {
		got, err := receive(t, c, path, `{"id":1,"kind":"person","email":"a@b.example"}`)
		if d := cmp.Diff(want, told(got)); d != "" || err != nil {
			t.Errorf("%q: %v\n%s", path, err, d)
		}
	}
	var names []string
	for _, s := range c.Streams() {
		names = append(names, s.Name)
	}
	if d := cmp.Diff([]string{"orders", "people"}, names); d != "" {
		t.Error(d)
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	c := connect(t, nil)
	if _, err := receive(t, c, "", `a=1&b=2`); canon.CodeOf(err) != "hook.not_json" || canon.AsError(err).Hint == "" {
		t.Errorf("a form: %v", err)
	}
	if _, err := receive(t, c, "", "["+strings.Repeat("1,", 10_000)+"1]"); canon.CodeOf(err) != "hook.too_many" {
		t.Errorf("a long list: %v", err)
	}
	got, err := receive(t, c, "", `[{"id":1},{"x":2},3,null,{"id":{}},{"id":"`+strings.Repeat("x", 500)+`"}]`)
	if err != nil || len(got.Records) != 1 || len(got.Rejects) != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, d := range got.Rejects {
		if d.Code != "record.no_id" || d.Stream != "records" || d.Hint == "" || !json.Valid(d.Raw) {
			t.Errorf("reject %+v", d)
		}
	}
	for what, sc := range map[string]connectors.StreamConfig{"an unknown option": {Name: "a", Options: map[string]string{"ids": "x"}}, "no id": {Name: "a", Options: map[string]string{"id": ""}}, "no name": {}} {
		_, err := webhook.Definition().Open(t.Context(), settings{"id": "id"}, connectors.Env{Streams: []connectors.StreamConfig{sc}})
		if e := canon.AsError(err); e == nil || e.Code != "webhook.option" || e.Hint == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNothingIsPulled(t *testing.T) {
	c := connect(t, nil)
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if p, err := c.Pull(t.Context(), "records", ""); err != nil || p.More || p.Next != "" || len(p.Records) > 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := c.Pull(t.Context(), "records", "x"); canon.CodeOf(err) != "cursor.invalid" {
		t.Errorf("from a foreign cursor: %v", err)
	}
	if _, err := c.Pull(t.Context(), "x", ""); canon.CodeOf(err) != "stream.unknown" {
		t.Errorf("an unknown stream: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func TestDefinitionIsDocumented(t *testing.T) {
	def := webhook.Definition()
	for _, s := range def.Settings {
		if s.Title == "" || s.Doc == "" || s.Secret && s.Default != "" {
			t.Errorf("setting %s is not documented", s.Name)
		}
	}
	if def.Doc == "" || def.Behavior == "" || def.Hook == nil || def.Hook.Doc == "" {
		t.Errorf("definition %+v", def)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add(`{"a":[{"id":1}]}`, "a", "id", "x=1|2")
	f.Add(`[[[]]]`, "0.0", "$.0", "0")
	f.Add(`{"":{"":1}}`, ".", ".", "=")
	f.Fuzz(func(t *testing.T, body, items, id, deleted string) {
		c, err := webhook.Definition().Open(t.Context(), settings{"stream": "s", "items": items, "id": id, "deleted": deleted, "version": id}, connectors.Env{Connection: "forms"})
		if err != nil {
			return
		}
		got, err := receive(t, c, "", body)
		if err != nil && len(got.Records) > 0 {
			t.Error("an error with records")
		}
		for _, r := range got.Records {
			if r.ID == "" || r.Version < 0 || !json.Valid(r.Raw) {
				t.Errorf("record %+v", r)
			}
		}
	})
}
