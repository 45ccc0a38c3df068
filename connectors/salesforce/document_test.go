package salesforce_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/salesforce"
	"github.com/lifecyclehub/hub/connectors/vendordoc"
)

const jobsPath = "/services/data/v62.0/jobs"

// bulkDocument is a third party's description of Bulk API 2.0, the only one in OpenAPI. Of the REST API there is
// only a collection of requests, in which every answer is empty, so it can hold nothing to account.
func bulkDocument(t *testing.T) *vendordoc.Docs {
	t.Helper()
	d := vendordoc.Load(t, func(_ string, doc *openapi3.T) {
		// Salesforce's times end in +0000, which the format date-time does not allow.
		for _, s := range doc.Components.Schemas {
			for _, p := range s.Value.Properties {
				if p.Value.Format == "date-time" {
					p.Value.Format = ""
				}
			}
		}
	}, "salesforce/bulk2-api-evangelist.yml")
	d.Path = func(path string) string { return strings.TrimPrefix(path, jobsPath) }
	return d
}

// forked sends the calls about jobs through the document.
type forked struct{ jobs, others http.RoundTripper }

func (f forked) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, jobsPath) {
		return f.jobs.RoundTrip(r)
	}
	return f.others.RoundTrip(r)
}

// TestDocument holds all that passes about query jobs against the document, in both directions.
func TestDocument(t *testing.T) {
	d := bulkDocument(t)
	server := connectortest.Transport(world(start()).Salesforce())
	synctest.Test(t, func(t *testing.T) {
		conn, err := salesforce.Definition().Open(t.Context(), settings(connectors.Settings{"bulk_above": "0"}), connectors.Env{
			Connection: "sf", Transport: forked{d.Transport(t, server), server},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range conn.Streams() {
			cursor := canon.Cursor("")
			for more := true; more; {
				p, err := conn.Pull(t.Context(), st.Name, cursor)
				if err != nil {
					t.Fatal(err)
				}
				cursor, more = p.Next, p.More
			}
		}
	})
	if requests, answers := d.Checked(); requests < 27 || answers != requests {
		t.Errorf("%d requests and %d answers were held against the document", requests, answers)
	}
}

// TestDocumentRefuses: a request and an answer that are wrong on purpose are found.
func TestDocumentRefuses(t *testing.T) {
	d := bulkDocument(t)
	for body, wrong := range map[string]bool{
		`{"operation":"query","query":"SELECT Id FROM Account"}`: false,
		`{"operation":"read","query":"SELECT Id FROM Account"}`:  true,
		`{"operation":"query"}`:                                  true,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, host+jobsPath+"/query", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if err := d.Request(r); (err != nil) != wrong {
			t.Errorf("%s: %v", body, err)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+jobsPath+"/query/750", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if d.Response(r, http.StatusOK, header, []byte(`{"id":"750","state":"JobComplete"}`)) != nil || d.Response(r, http.StatusOK, header, []byte(`{"id":"750","state":"Ready"}`)) == nil {
		t.Error("the document does not tell a right answer from a wrong one")
	}
}
