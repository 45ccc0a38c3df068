package receive_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"golang.org/x/sync/errgroup"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/sync/receive"
)

// stripeSpec is what the tests need of Stripe.
const stripeSpec = `base_url: https://stripe.example
auth:
  - {kind: bearer, token: "${setting.api_key}"}
check: {path: /v1/customers}
streams:
  - name: customers
    title: Customers
    kinds: [company]
    id: id
    version: {max: [created], format: unix}
    full:
      request: {path: /v1/customers, query: {limit: "100", starting_after: "${token}"}}
      records: data
      paging: {kind: last_id, more: has_more}
    fetch:
      request: {path: "/v1/customers/${id}"}
      gone: {path: deleted}
hooks:
  - when: {path: type, in: [customer.created, customer.updated, customer.deleted]}
    stream: customers
    id: data.object.id
    deleted: {path: type, equals: customer.deleted}
    at: created
`

const stripeSecret = "whsec_of_the_endpoint"

// call posts an event as Stripe does.
func (h *hub) call(secret, id, kind, object string, at time.Time) *httptest.ResponseRecorder {
	body := fmt.Sprintf(`{"id":%q,"object":"event","type":%q,"created":%d,"data":{"object":{"id":%q,"object":"customer"}}}`, id, kind, at.Unix(), object)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + body))
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/hooks/billing", strings.NewReader(body))
	r.Header.Set("Stripe-Signature", "t="+stamp+",v1="+hex.EncodeToString(mac.Sum(nil)))
	w := httptest.NewRecorder()
	h.desk.ServeHTTP(w, r)
	return w
}

// stripe is a sandbox's Stripe that counts how often single customers are read.
type stripe struct {
	http.Handler
	conn    connectors.Conn
	fetches atomic.Int64
}

func openStripe(t *testing.T) *stripe {
	t.Helper()
	s := &stripe{Handler: sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 40}).Stripe()}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/customers/") {
			s.fetches.Add(1)
		}
		s.Handler.ServeHTTP(w, r)
	})
	def := rest.Define(connectors.Definition{Name: "stripe", Settings: []connectors.Setting{{Name: "api_key", Secret: true}}}, []byte(stripeSpec), nil)
	conn, err := def.Open(t.Context(), connectors.Settings{"api_key": sandbox.StripeKey}, connectors.Env{Connection: "billing", Transport: connectortest.Transport(counted), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.conn = conn
	return s
}

func (s *stripe) ask(t *testing.T, method, path, form string) map[string]any {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://stripe.example"+path, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+sandbox.StripeKey)
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	var doc map[string]any
	if err != nil || w.Code != http.StatusOK || json.Unmarshal(body, &doc) != nil {
		t.Fatalf("%s %s: %d %s", method, path, w.Code, body)
	}
	return doc
}

// customers are the ids of some customers.
func (s *stripe) customers(t *testing.T, n int) []string {
	t.Helper()
	var ids []string
	list, _ := s.ask(t, "GET", fmt.Sprintf("/v1/customers?limit=%d", n), "")["data"].([]any)
	for _, c := range list {
		doc, _ := c.(map[string]any)
		id, _ := doc["id"].(string)
		ids = append(ids, id)
	}
	if len(ids) != n || slices.Contains(ids, "") {
		t.Fatalf("customers %v", ids)
	}
	return ids
}

// source is the connection as a desk wants it.
func (s *stripe) source(t *testing.T) receive.Source {
	return receive.Source{Connection: "billing", Connector: "stripe", Conn: s.conn, Streams: []string{"customers"}, Door: doorOf(t, "stripe", "whsec_old", stripeSecret)}
}

// mark changes a customer at Stripe.
func (s *stripe) mark(t *testing.T, id, text string) {
	t.Helper()
	s.ask(t, "POST", "/v1/customers/"+id, "metadata[mark]="+text)
}

func (h *hub) mark(id string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var doc struct {
		Metadata struct{ Mark string }
	}
	if err := json.Unmarshal(h.records[id].Raw, &doc); err != nil {
		return err.Error()
	}
	return doc.Metadata.Mark
}

// TestStripeCalls: calls that are forged, doubled, late and out of order leave what Stripe holds.
func TestStripeCalls(t *testing.T) {
	s := openStripe(t)
	h := openHub(t, t.TempDir(), s.source(t))
	defer h.close()
	defer h.run(true)()
	ids := s.customers(t, 20)
	now := time.Now()
	for i, id := range ids {
		s.mark(t, id, fmt.Sprint("v", i))
		if got := h.call(stripeSecret, fmt.Sprint("evt_", i), "customer.updated", id, now.Add(-time.Second)); got.Code != 200 || got.Body.String() != "{}" {
			t.Fatalf("answered %d %s", got.Code, got.Body)
		}
	}
	h.settled()
	for i, id := range ids {
		if got := h.mark(id); got != fmt.Sprint("v", i) {
			t.Errorf("%s is %q", id, got)
		}
	}
	before, took := s.fetches.Load(), h.took.Load()
	// Doubled, under the secret that is being replaced; forged; of kinds that nobody reads.
	for i, id := range ids {
		h.call("whsec_old", fmt.Sprint("evt_", i), "customer.updated", id, now)
		if got := h.call("whsec_other", fmt.Sprint("evt_f", i), "customer.deleted", id, now); got.Code != 401 {
			t.Errorf("a forged call was answered %d", got.Code)
		}
		h.call(stripeSecret, fmt.Sprint("evt_o", i), "charge.refunded", id, now)
	}
	h.settled()
	if n, m := s.fetches.Load()-before, h.took.Load()-took; n != 0 || m != 0 {
		t.Errorf("%d fetches and %d batches came of calls that tell nothing new", n, m)
	}
	// Changed, told late and in the wrong order: what counts is what Stripe holds.
	s.mark(t, ids[0], "last")
	h.call(stripeSecret, "evt_late2", "customer.updated", ids[0], now)
	h.settled()
	h.call(stripeSecret, "evt_late1", "customer.updated", ids[0], now.Add(-time.Hour))
	h.settled()
	if got := h.mark(ids[0]); got != "last" {
		t.Errorf("a late call left %q", got)
	}
	// Gone, and told so twice: once by the call, once by what Stripe answers.
	h.call(stripeSecret, "evt_gone", "customer.deleted", ids[1], time.Now().Add(time.Second))
	h.call(stripeSecret, "evt_never", "customer.updated", "cus_never_was", now)
	h.settled()
	for _, id := range []string{ids[1], "cus_never_was"} {
		if r := h.records[id]; !r.Deleted || r.Reason != "deleted" {
			t.Errorf("%s is %+v", id, r)
		}
	}
}

// TestAStopBetweenAppendAndCommitLosesNothing stops the hub where calls are kept and nothing is committed, twice, and
// starts it again on the same files.
func TestAStopBetweenAppendAndCommitLosesNothing(t *testing.T) {
	s := openStripe(t)
	dir := t.TempDir()
	ids := s.customers(t, 24)
	now := time.Now().Add(-time.Second)
	first := openHub(t, dir, s.source(t))
	for i, id := range ids[:12] {
		s.mark(t, id, "kept")
		first.call(stripeSecret, fmt.Sprint("evt_", i), "customer.updated", id, now)
	}
	first.close()

	// Here calls are fetched and sent, but nobody takes what is on the belt.
	second := openHub(t, dir, s.source(t))
	stop := second.run(false)
	for i, id := range ids[12:] {
		s.mark(t, id, "kept")
		second.call(stripeSecret, fmt.Sprint("evt_x", i), "customer.updated", id, now)
	}
	sent(t, second.bus)
	stop()
	second.close()

	third := openHub(t, dir, s.source(t))
	defer third.close()
	defer third.run(true)()
	third.settled()
	for _, id := range ids {
		if got := third.mark(id); got != "kept" {
			t.Errorf("%s is %q", id, got)
		}
	}
}

// TestCallsAreAnsweredWhileTheBeltIsBusy measures how long a caller waits while the belt is full and nothing of it
// is committed.
func TestCallsAreAnsweredWhileTheBeltIsBusy(t *testing.T) {
	s := openStripe(t)
	h := openHub(t, t.TempDir(), s.source(t))
	defer h.close()
	srv := httptest.NewServer(h.desk)
	defer srv.Close()
	defer h.run(true)()
	full, err := h.bus.Receipts(64)
	if err != nil {
		t.Fatal(err)
	}
	h.hold.Lock()
	raw := json.RawMessage(`{"text":"` + strings.Repeat("x", 2000) + `"}`)
	for seq := range int64(20) {
		b := canon.Batch{Connection: "billing", Stream: "invoices", Seq: seq + 1, ReadAt: time.Now()}
		for i := range 500 {
			b.Records = append(b.Records, canon.Record{Ref: canon.Ref{ID: fmt.Sprint(i)}, Raw: raw})
		}
		if err := full.Send(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	var took []time.Duration
	g := errgroup.Group{}
	for c := range 4 {
		g.Go(func() error {
			for i := range 250 {
				start := time.Now()
				if got := postTo(t, srv, fmt.Sprint("evt_", c, "_", i), "cus_never_was"); got != 200 {
					return fmt.Errorf("answered %d", got)
				}
				mu.Lock()
				took = append(took, time.Since(start))
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	h.hold.Unlock()
	h.settled()
	if err := full.Close(); err != nil {
		t.Error(err)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d calls: p50 %s, p99 %s, slowest %s", len(took), took[len(took)/2], p99, took[len(took)-1])
	// The bound is far above what is measured on a machine of its own: this one may be busy.
	if p99 > time.Second {
		t.Errorf("p99 is %s", p99)
	}
	if n := s.fetches.Load(); n > 30 {
		t.Errorf("%d fetches were made for one object", n)
	}
}

func postTo(t *testing.T, srv *httptest.Server, id, object string) int {
	body := fmt.Sprintf(`{"id":%q,"type":"customer.updated","created":%d,"data":{"object":{"id":%q}}}`, id, time.Now().Unix(), object)
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	mac := hmac.New(sha256.New, []byte(stripeSecret))
	mac.Write([]byte(stamp + "." + body))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/hooks/billing", strings.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Stripe-Signature", "t="+stamp+",v1="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := srv.Client().Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
