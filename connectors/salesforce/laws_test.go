package salesforce_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/salesforce"
	"github.com/lifecyclehub/hub/sandbox"
)

// TestLaws holds the connector to the laws, with the sandbox's org as the vendor. Two laws speak the language of
// other vendors: they take the member id off a record, and repeat the answer to a path. Between them and the
// connector the wire is respelled: Id is called id, and /query/{locator} is /query/more?locator=…. And as the vendor
// gives no pages below 200 records, they are cut into smaller ones.
func TestLaws(t *testing.T) {
	def := salesforce.Definition()
	open := def.Open
	def.Open = func(ctx context.Context, s connectors.Settings, env connectors.Env) (connectors.Conn, error) {
		env.Transport = spelling{env.Transport}
		return open(ctx, s, env)
	}
	w := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: start()})
	server := &respelled{vendor: w.Salesforce(), kept: map[string]map[string]json.RawMessage{}}
	connectortest.Run(t, def, connectortest.Options{
		Handler: func() http.Handler { return server }, Settings: settings(nil), Now: start(),
	})
}

// TestJobResumes reads by Bulk API 2.0 with a new process for every page.
func TestJobResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &org{start(), world(start()).Salesforce()}
		bulk := connectors.Settings{"bulk_above": "0"}
		for _, stream := range []string{"contacts", "opportunities"} {
			whole, resumed := newReading(), newReading()
			whole.round(t, o.open(t, bulk), stream)
			for more := true; more; resumed.pages++ {
				p, err := o.open(t, bulk).Pull(t.Context(), stream, resumed.cursor)
				if err != nil {
					t.Fatal(err)
				}
				for _, rec := range p.Records {
					resumed.records[rec.ID] = rec
				}
				resumed.cursor, more = p.Next, p.More
			}
			if len(whole.live()) < 50 || !maps.Equal(resumed.live(), whole.live()) || resumed.pages < 3 {
				t.Errorf("%s: a new process per page read %d records in %d pages, one process %d", stream, len(resumed.live()), resumed.pages, len(whole.live()))
			}
		}
	})
}

const locators = "/services/data/v62.0/query/"

// cut is the size of the laws' pages.
const cut = 20

// respelled is the vendor in the laws' spelling. It keeps the rest of the pages that it has cut.
type respelled struct {
	vendor http.Handler

	mu   sync.Mutex
	kept map[string]map[string]json.RawMessage
}

func (s *respelled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := r.URL.Query().Get("locator")
	if kept := s.kept[l]; kept != nil && r.URL.Path == locators+"more" {
		write(w, s.page(maps.Clone(kept)))
		return
	}
	if r.URL.Path == locators+"more" {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawQuery = locators+l, ""
	}
	rec := httptest.NewRecorder()
	s.vendor.ServeHTTP(rec, r)
	for k, v := range rec.Header() {
		if k != "Content-Length" {
			w.Header()[k] = v
		}
	}
	w.WriteHeader(rec.Code)
	body := rename(rec.Body.Bytes(), "Id", "id")
	var answer map[string]json.RawMessage
	if json.Unmarshal(body, &answer) == nil && answer["records"] != nil {
		body = s.page(answer)
	}
	write(w, body)
}

func write(w io.Writer, body []byte) { _, _ = w.Write(body) }

// page answers with the first records and keeps the others.
func (s *respelled) page(answer map[string]json.RawMessage) []byte {
	var records []json.RawMessage
	if json.Unmarshal(answer["records"], &records) == nil && len(records) > cut {
		rest := maps.Clone(answer)
		rest["records"], _ = json.Marshal(records[cut:])
		key := "cut" + canon.Hash(rest["records"])[:20]
		s.kept[key] = rest
		answer["records"], _ = json.Marshal(records[:cut])
		answer["nextRecordsUrl"], _ = json.Marshal(locators + key)
		answer["done"] = json.RawMessage("false")
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return nil
	}
	return out
}

// spelling turns the laws' spelling back.
type spelling struct{ next http.RoundTripper }

func (s spelling) RoundTrip(r *http.Request) (*http.Response, error) {
	if l, ok := strings.CutPrefix(r.URL.Path, locators); ok {
		r = r.Clone(r.Context())
		r.URL.Path, r.URL.RawQuery = locators+"more", "locator="+l
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return resp, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	rest := io.Reader(resp.Body)
	if err != nil {
		rest = broken{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(rename(body, "id", "Id")), rest), resp.Body}
	resp.ContentLength = -1
	return resp, nil
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// rename respells a member of the records of a query's answer.
func rename(body []byte, from, to string) []byte {
	var answer map[string]json.RawMessage
	var records []map[string]json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["records"], &records) != nil {
		return body
	}
	for _, r := range records {
		if v, ok := r[from]; ok {
			delete(r, from)
			r[to] = v
		}
	}
	list, err := json.Marshal(records)
	if err != nil {
		return body
	}
	answer["records"] = list
	out, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return out
}
