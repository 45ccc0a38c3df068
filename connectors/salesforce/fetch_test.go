package salesforce_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestFetch reads records by id: as a round has them, by short ids too, and tombstones of what is gone.
func TestFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := world(start())
		o := &org{start(), w.Salesforce()}
		conn := o.open(t, nil)
		for _, stream := range []string{"contacts", "opportunities"} {
			r := newReading()
			r.round(t, conn, stream)
			var ids []string
			for id := range r.records {
				ids = append(ids, id[:15])
			}
			page, err := conn.(connectors.Fetcher).Fetch(t.Context(), stream, append(ids, ids[0], "no id", "003000000000000AAA"))
			if err != nil || page.Next != "" {
				t.Fatal(page.Next, err)
			}
			got := newReading()
			for _, rec := range page.Records {
				if rec.ID == "003000000000000AAA" && (!rec.Deleted || rec.Version != o.now.UnixMicro()) {
					t.Errorf("a record that is nowhere came as %+v", rec)
				}
				got.records[rec.ID] = rec
			}
			if diff := cmp.Diff(r.live(), got.live()); diff != "" || len(page.Records) != len(ids)+1 {
				t.Errorf("%s: a round (-) and Fetch (+) differ in %d records:\n%s", stream, len(page.Records), diff)
			}
		}
		for range 60 {
			o.now = o.now.Add(time.Minute)
			w.SalesforceStep(o.now)
		}
		o.now = o.now.Add(10 * time.Minute)
		w.Step(o.now)
		r := newReading()
		r.round(t, conn, "contacts")
		var ids []string
		for id := range r.records {
			ids = append(ids, id)
		}
		page, err := conn.(connectors.Fetcher).Fetch(t.Context(), "contacts", ids)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range page.Records {
			if rec.Deleted || rec.Version != r.records[rec.ID].Version {
				t.Errorf("%s: %+v", rec.ID, rec)
			}
		}
	})
}

func TestDescribe(t *testing.T) {
	o := &org{start(), world(start()).Salesforce()}
	fields, err := o.open(t, nil).(connectors.Describer).Describe(t.Context(), "accounts")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]connectors.Field{}
	for _, f := range fields {
		found[f.Name] = f
	}
	if f := found["Age_Days__c"]; !f.Computed || !f.Custom || f.Label == "" || f.Type != "double" {
		t.Errorf("%+v", f)
	}
	if f := found["Name"]; f.Custom || f.Computed {
		t.Errorf("%+v", f)
	}
}

// login is Salesforce's token endpoint in front of an org: each token is good for some requests.
type login struct {
	org     http.Handler
	issued  int
	left    int
	refused int
}

func (l *login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/services/oauth2/token" {
		if err := r.ParseForm(); err != nil || r.Host != "login.salesforce.com" || r.Form.Get("client_secret") != "the-consumer-secret" || r.Form.Get("grant_type") != "client_credentials" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"invalid client credentials"}`))
			return
		}
		l.issued++
		l.left = 7
		answer, _ := json.Marshal(map[string]string{"access_token": "00D!token" + string(rune('a'+l.issued)), "instance_url": host, "token_type": "Bearer", "issued_at": "1"})
		_, _ = w.Write(answer)
		return
	}
	if l.left--; l.left < 0 || r.Host != "acme.my.salesforce.example" || r.Header.Get("Authorization") != "Bearer 00D!token"+string(rune('a'+l.issued)) {
		l.refused++
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`))
		return
	}
	r.Header.Set("Authorization", "Bearer "+sandbox.SalesforceToken)
	l.org.ServeHTTP(w, r)
}

// TestConnectedApp logs in by client credentials, follows the instance's address and logs in again when the session
// has ended.
func TestConnectedApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &login{org: world(start()).Salesforce()}
		o := &org{start(), l}
		conn := o.open(t, connectors.Settings{"token": "", "instance_url": "", "client_id": "3MVG9", "client_secret": "the-consumer-secret"})
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, st := range conn.Streams() {
			newReading().round(t, conn, st.Name)
		}
		if l.issued < 3 || l.refused == 0 {
			t.Errorf("%d tokens were issued, %d requests refused", l.issued, l.refused)
		}
		bad := o.open(t, connectors.Settings{"token": "", "instance_url": "", "client_id": "3MVG9", "client_secret": "another-secret"})
		if err := bad.Check(t.Context()); err == nil || strings.Contains(err.Error(), "another-secret") || canon.AsError(err).Retry {
			t.Errorf("a wrong secret gave %v", err)
		}
	})
}
