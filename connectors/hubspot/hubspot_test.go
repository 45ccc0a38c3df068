package hubspot_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/hubspot"
)

func connect(t *testing.T, vendor http.HandlerFunc) connectors.Conn {
	t.Helper()
	conn, err := hubspot.Definition().Open(t.Context(), connectors.Settings{"token": "pat-x"}, connectors.Env{Transport: connectortest.Transport(vendor)})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(id string, fields map[string]string) connectors.Write {
	return connectors.Write{Ref: canon.Ref{Connection: "c", Stream: "deals", ID: id}, Fields: fields}
}

// TestBatches: at most 100 records a request, no record twice in one, and writes of one record in order.
func TestBatches(t *testing.T) {
	var sizes []int
	state := map[string]string{}
	conn := connect(t, func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Inputs []struct {
				ID         string
				Properties map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		seen, results := map[string]bool{}, []map[string]string{}
		for _, i := range in.Inputs {
			if seen[i.ID] {
				t.Errorf("%s stands twice in a batch", i.ID)
			}
			seen[i.ID] = true
			state[i.ID] = i.Properties["hub_stage"]
			results = append(results, map[string]string{"id": i.ID})
		}
		sizes = append(sizes, len(in.Inputs))
		if err := json.NewEncoder(w).Encode(map[string]any{"results": results}); err != nil {
			t.Error(err)
		}
	})
	var writes []connectors.Write
	for i := range 230 {
		writes = append(writes, write(fmt.Sprint(i), map[string]string{"hub_stage": "first"}))
	}
	writes = append(writes, write("225", map[string]string{"hub_stage": "second"}))
	outcomes, err := conn.(connectors.Pusher).Push(t.Context(), "deals", writes)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Err != nil {
			t.Errorf("%s: %v", o.Ref, o.Err)
		}
	}
	if diff := cmp.Diff([]int{100, 100, 30, 1}, sizes); diff != "" {
		t.Errorf("batches differ:\n%s", diff)
	}
	if state["225"] != "second" || state["0"] != "first" {
		t.Errorf("the last write of a record must win, got %q", state["225"])
	}
}

// TestPartialSuccess: in an answer 207 each record has its own outcome, also one that is not mentioned.
func TestPartialSuccess(t *testing.T) {
	conn := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		w.Write([]byte(`{"status":"COMPLETE","results":[{"id":"1","properties":{}}],"numErrors":2,"errors":[
			{"status":"error","category":"OBJECT_NOT_FOUND","message":"gone","context":{"ids":["2"]}},
			{"status":"error","category":"VALIDATION_ERROR","message":"bad for pat-x","context":{"ids":["3"]}}]}`))
	})
	outcomes, err := conn.(connectors.Pusher).Push(t.Context(), "deals", []connectors.Write{write("1", nil), write("2", nil), write("3", nil), write("4", nil)})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, o := range outcomes {
		codes = append(codes, canon.CodeOf(o.Err))
	}
	if diff := cmp.Diff([]string{"", "not_found", "push.refused", "push.refused"}, codes); diff != "" {
		t.Errorf("outcomes differ:\n%s", diff)
	}
	if e := canon.AsError(outcomes[2].Err); e.Message != "HubSpot did not write record 3: bad for [redacted]" {
		t.Errorf("got %q", e.Message)
	}
}

// TestRead: null and absent properties are empty, records that do not exist are absent.
func TestRead(t *testing.T) {
	conn := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		w.Write([]byte(`{"results":[{"id":"1","properties":{"a":"x","b":null,"hs_object_id":"1"}}],"errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["2"]}}]}`))
	})
	got, err := conn.(connectors.Pusher).Read(t.Context(), "contacts", []string{"1", "2"}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]map[string]string{"1": {"a": "x", "b": "", "c": ""}}, got); diff != "" {
		t.Errorf("values differ:\n%s", diff)
	}
}

func TestTicketsTakeNoFields(t *testing.T) {
	conn := connect(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	_, err := conn.(connectors.Pusher).Push(t.Context(), "tickets", []connectors.Write{write("1", nil)})
	if canon.CodeOf(err) != "push.unsupported" {
		t.Errorf("got %v", err)
	}
	_, err = conn.(connectors.Preparer).Prepare(t.Context(), "tickets", nil)
	if canon.CodeOf(err) != "push.unsupported" {
		t.Errorf("got %v", err)
	}
}

// TestDailyLimit: when the day's allowance is used up, the call ends at once and may be made again later.
func TestDailyLimit(t *testing.T) {
	asked := 0
	conn := connect(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusTooManyRequests)
		w.Write([]byte(`{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","policyName":"DAILY"}`))
	})
	e := canon.AsError(conn.Check(t.Context()))
	if e == nil || e.Code != "rate.daily" || !e.Retry || asked != 1 {
		t.Errorf("got %#v after %d requests", e, asked)
	}
}

// TestMappedPropertiesAreRequested: HubSpot returns only what is asked for, so a property of its own that
// the mapping reads must be in the list. Custom ones, which firms keep under these names, are found.
func TestMappedPropertiesAreRequested(t *testing.T) {
	spec, err := os.ReadFile("connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	custom := regexp.MustCompile(`^(product|nps)_`)
	for _, m := range regexp.MustCompile(`properties\.([a-z0-9_]+)`).FindAllStringSubmatch(string(hubspot.Definition().Mapping), -1) {
		if !custom.MatchString(m[1]) && !strings.Contains(string(spec), "- "+m[1]+"\n") {
			t.Errorf("the mapping reads %s, which is not requested", m[1])
		}
	}
}

// TestMarketingIsOff: unless the setting asks for it, marketing is empty without one request.
func TestMarketingIsOff(t *testing.T) {
	conn := connect(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) })
	for _, stream := range []string{"email_events", "forms", "form_submissions"} {
		cursor := canon.Cursor("")
		for round := range 2 {
			for more := true; more; {
				p, err := conn.Pull(t.Context(), stream, cursor)
				if err != nil || len(p.Records)+len(p.Rejects) != 0 {
					t.Fatalf("%s, round %d: %d records, %v", stream, round, len(p.Records), err)
				}
				cursor, more = p.Next, p.More
			}
		}
	}
}

// TestQuotesMayBeRefused: an account without quotes answers 403 there, and nowhere else.
func TestQuotesMayBeRefused(t *testing.T) {
	conn := connect(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "quotes") {
			w.WriteHeader(http.StatusForbidden)
			w.Write([]byte(`{"status":"error","category":"MISSING_SCOPES","message":"This app hasn't been granted all required scopes to make this call."}`))
			return
		}
		w.Write([]byte(`{"results":[]}`))
	})
	if _, err := conn.Pull(t.Context(), "quotes", ""); canon.CodeOf(err) != "auth.forbidden" {
		t.Errorf("quotes: got %v", err)
	}
	for _, stream := range []string{"companies", "deals"} {
		if _, err := conn.Pull(t.Context(), stream, ""); err != nil {
			t.Errorf("%s: %v", stream, err)
		}
	}
}
