package customerio_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/customerio"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

const (
	opened = `{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQJ","object_type":"email","metric":"opened","timestamp":1772280000,` +
		`"data":{"delivery_id":"dgOK","customer_id":"u1","identifiers":{"id":"u1","email":"ada@brightwater.example","cio_id":"03000001"},"recipient":"ada@brightwater.example","subject":"News"}}`
	unsubscribed = `{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQK","object_type":"customer","metric":"unsubscribed","timestamp":1772280001,` +
		`"data":{"customer_id":"u1","email_address":"ada@brightwater.example","identifiers":{"id":"u1","email":"ada@brightwater.example","cio_id":"03000001"}}}`
	texted = `{"event_id":"01E4C4CT6YDC7Y5M7FE1GWWPQL","object_type":"sms","metric":"sent","timestamp":1772280002,"data":{"delivery_id":"dgSMS"}}`
)

func call(body string) connectors.Call {
	return connectors.Call{Method: http.MethodPost, Body: []byte(body), At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func TestLaws(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	handler := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 40, Now: now}).CustomerIO()
	first := firstIDs(t, handler, now)
	connectortest.Run(t, customerio.Definition(), connectortest.Options{
		Now: now, Settings: settings(), Handler: func() http.Handler { return handler },
		Fetch: first, Calls: []connectors.Call{call(opened), call(unsubscribed), call(texted)},
	})
}

// firstIDs are some ids of each stream, and one that nobody has.
func firstIDs(t *testing.T, handler http.Handler, now time.Time) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	conn := open(t, handler, &now)
	for _, st := range conn.Streams() {
		p, err := conn.Pull(t.Context(), st.Name, "")
		if err != nil {
			t.Fatal(err)
		}
		out[st.Name] = []string{"nobody", p.Records[0].ID, p.Records[1].ID}
	}
	return out
}

// TestFetch: what is read alone is what the list holds. A message that is not there yet does not stand against a later
// list.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		handler := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: now}).CustomerIO()
		conn := open(t, handler, &now)
		for stream, ids := range firstIDs(t, handler, now) {
			r := &connectortest.Reading{}
			r.Round(t, conn, stream)
			p, err := conn.(connectors.Fetcher).Fetch(t.Context(), stream, ids)
			if err != nil || len(p.Records) != len(ids) {
				t.Fatalf("%s: %+v, %v", stream, p, err)
			}
			for _, rec := range p.Records {
				if stream == "messages" && rec.Deleted && rec.Version != 0 {
					t.Errorf("%s: the tombstone is of version %d", rec.Ref, rec.Version)
				}
				if diff := cmp.Diff(string(r.Records[rec.ID].Raw), string(rec.Raw)); diff != "" || rec.Deleted != (rec.ID == "nobody") {
					t.Errorf("%s: listed (-) and fetched (+) differ:\n%s", rec.Ref, diff)
				}
			}
		}
	})
}

// TestReceive: a call names the message or the person that it is about; those of other channels tell nothing.
func TestReceive(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	conn := open(t, http.NotFoundHandler(), &now)
	var hints []connectors.Hint
	for _, body := range []string{opened, unsubscribed, texted} {
		got, err := conn.(connectors.Receiver).Receive(call(body))
		if err != nil {
			t.Fatal(err)
		}
		hints = append(hints, got.Hints...)
	}
	want := []connectors.Hint{
		{Stream: "messages", ID: "dgOK", At: time.Unix(1772280000, 0).UTC()},
		{Stream: "customers", ID: "03000001", At: time.Unix(1772280001, 0).UTC()},
	}
	if diff := cmp.Diff(want, hints); diff != "" {
		t.Error(diff)
	}
	if _, err := conn.(connectors.Receiver).Receive(call(`{"object_type":"email","data":{}}`)); canon.CodeOf(err) != "hook.shape" {
		t.Errorf("a call without a delivery gave %v", err)
	}
}

// TestConsentIsKnownOrTold: a page of people of whom the vendor tells nothing is refused, as their consent would
// be unknown.
func TestConsentIsKnownOrTold(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var people []string
	for n := range 12 {
		people = append(people, fmt.Sprintf(`{"cio_id":"c%d","email":"p%d@brightwater.example","id":null}`, n, n))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/customers", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"identifiers":[`+strings.Join(people, ",")+`],"next":""}`)
	})
	mux.HandleFunc("POST /v1/customers/attributes", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"customers":[]}`)
	})
	if _, err := open(t, mux, &now).Pull(t.Context(), "customers", ""); canon.CodeOf(err) != "page.shape" {
		t.Errorf("got %v", err)
	}
}

// TestMapping: of a whole world every person has a consent, and every message the touches that it tells.
func TestMapping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		m, err := mapping.Parse("customerio", customerio.Definition().Mapping, mapping.Options{})
		if err != nil {
			t.Fatal(err)
		}
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := open(t, world.CustomerIO(), &now)
		for range 8 {
			now = now.Add(time.Hour)
			world.Step(now)
		}
		now = now.Add(time.Hour)
		touches, out, people := map[string]string{}, 0, 0
		for _, st := range conn.Streams() {
			r := &connectortest.Reading{}
			r.Round(t, conn, st.Name)
			for _, rec := range r.Records {
				entities, letters := m.Apply(rec)
				if len(entities) == 0 || len(letters) > 0 {
					t.Fatalf("%s: %d entities, dead letters %+v", rec.Ref, len(entities), letters)
				}
				for _, e := range entities {
					switch body := e.Body.(type) {
					case *canon.Contact:
						people++
						if body.OptedOut {
							out++
						}
						if len(body.Emails) != 1 || body.FirstName == "" || e.Custom["plan"] == nil || len(e.Custom) != 1 {
							t.Errorf("%s is %+v with %v", rec.Ref, body, e.Custom)
						}
					case *canon.Activity:
						touches[fmt.Sprint(e.Custom["what"])] = strings.TrimSpace(body.Type + " " + body.Direction)
						if len(e.Owners) != 2 || body.Subject == "" {
							t.Errorf("%s is %+v", e.Key(), body)
						}
					}
				}
			}
		}
		want := map[string]string{"sent": "email out", "opened": "email in", "clicked": "visit in", "bounced": "other", "unsubscribed": "other in"}
		if diff := cmp.Diff(want, touches); diff != "" {
			t.Error(diff)
		}
		if out == 0 || out == people {
			t.Errorf("%d of %d people opted out", out, people)
		}
	})
}

// TestPace: left to itself the connector stays below the vendor's limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := customerio.Definition().Open(t.Context(), connectors.Settings{"app_api_key": sandbox.CustomerIOKey},
			connectors.Env{Connection: "c", Transport: connectortest.Transport(world.CustomerIO())})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused > 0 {
				t.Errorf("of %d requests the vendor refused %d", m.Sent, m.Refused)
			}
		}
	})
}
