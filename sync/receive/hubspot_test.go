package receive_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
	"github.com/lifecyclehub/hub/sandbox"
	"github.com/lifecyclehub/hub/sync/receive"
)

// hubspotSpec is what the tests need of HubSpot.
const hubspotSpec = `base_url: https://hubspot.example
auth:
  - {kind: bearer, token: "${setting.token}"}
check: {path: /crm/v3/objects/companies}
streams:
  - name: companies
    title: Companies
    kinds: [company]
    id: id
    version: {path: updatedAt}
    full:
      request: {path: /crm/v3/objects/companies, query: {limit: "100"}}
      records: results
    fetch:
      request: {method: POST, path: /crm/v3/objects/companies/batch/read, body: {inputs: "${ids}", properties: [name]}}
      records: results
hooks:
  - stream: {path: subscriptionType, cut: ".", map: {company: companies}}
    id: objectId
    at: occurredAt
    deleted: {path: subscriptionType, in: [company.deletion, company.privacyDeletion]}
`

// hubspotCall posts events as HubSpot does: many in one call, signed with the address that it was told.
func hubspotCall(h *hub, events []map[string]any, address string) int {
	body, err := json.Marshal(events)
	if err != nil {
		h.t.Fatal(err)
	}
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	mac := hmac.New(sha256.New, []byte("client-secret"))
	mac.Write([]byte("POST" + address + string(body) + stamp))
	r := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/hooks/crm", strings.NewReader(string(body)))
	r.Host = "inner.proxy:8420"
	r.Header.Set("X-HubSpot-Signature-v3", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	r.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	w := httptest.NewRecorder()
	h.desk.ServeHTTP(w, r)
	return w.Code
}

// TestHubSpotBurst: ten thousand events on twenty companies, a hundred in a call, make a handful of requests.
func TestHubSpotBurst(t *testing.T) {
	vendor := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 40}).HubSpot()
	var requests atomic.Int64
	def := rest.Define(connectors.Definition{Name: "hubspot", Settings: []connectors.Setting{{Name: "token", Secret: true}}}, []byte(hubspotSpec), nil)
	conn, err := def.Open(t.Context(), connectors.Settings{"token": sandbox.HubSpotToken}, connectors.Env{Connection: "crm", Log: slog.New(slog.DiscardHandler),
		Transport: connectortest.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			vendor.ServeHTTP(w, r)
		}))})
	if err != nil {
		t.Fatal(err)
	}
	first, err := conn.Pull(t.Context(), "companies", "")
	if err != nil || len(first.Records) < 20 {
		t.Fatalf("%d companies, %v", len(first.Records), err)
	}
	requests.Store(0)
	h := openHub(t, t.TempDir(), receive.Source{Connection: "crm", Connector: "hubspot", Conn: conn, Streams: []string{"companies"}, Door: doorOf(t, "hubspot_v3", "client-secret")})
	defer h.close()
	defer h.run(true)()
	for call := range 100 {
		var events []map[string]any
		for i := range 100 {
			id, err := strconv.Atoi(first.Records[i%20].ID)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, map[string]any{"eventId": call*100 + i, "portalId": 1, "subscriptionType": "company.propertyChange", "objectId": id,
				"occurredAt": time.Now().UnixMilli(), "attemptNumber": 0, "propertyName": "name"})
		}
		// What HubSpot tells of streams that nobody reads is accepted all the same.
		events = append(events, map[string]any{"eventId": -call, "subscriptionType": "line_item.creation", "objectId": call})
		if got := hubspotCall(h, events, "https://hub.example/hooks/crm"); got != 200 {
			t.Fatalf("answered %d", got)
		}
	}
	if got := hubspotCall(h, nil, "https://inner.proxy:8420/hooks/crm"); got != 401 {
		t.Errorf("a call that was signed for the proxy was answered %d", got)
	}
	h.settled()
	if n := requests.Load(); n == 0 || n > 40 {
		t.Errorf("%d requests were made", n)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.records) != 20 {
		t.Errorf("%d companies are known", len(h.records))
	}
	for _, want := range first.Records[:20] {
		got := h.records[want.ID]
		if got.Deleted || got.Version < want.Version || !strings.Contains(string(got.Raw), `"name"`) {
			t.Errorf("%s is %+v", want.ID, got)
		}
	}
}

// TestXeroProbes: Xero asks with rightly and wrongly signed calls, and all must be answered as it wants.
func TestXeroProbes(t *testing.T) {
	s := source("xero", newVendor())
	s.Door = doorOf(t, "xero", "key")
	w := newWorld()
	d := desk(t, w, s)
	body := `{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3"}`
	mac := hmac.New(sha256.New, []byte("key"))
	mac.Write([]byte(body))
	for signature, want := range map[string]int{base64.StdEncoding.EncodeToString(mac.Sum(nil)): 200, base64.StdEncoding.EncodeToString([]byte("wrong")): 401, "": 401} {
		got := post(d, "/hooks/xero", body, "X-Xero-Signature", signature)
		answer, err := io.ReadAll(got.Body)
		if got.Code != want || len(answer) > 0 || err != nil || len(got.Header()["Set-Cookie"]) > 0 || got.Header().Get("Content-Type") != "" {
			t.Errorf("%q: answered %d %s, headers %v", signature, got.Code, answer, got.Header())
		}
	}
	if len(w.left()) != 0 {
		t.Errorf("probes were kept: %v", w.left())
	}
}

// TestSalesforceMessages: the answer is an acknowledgement, and the session of the message is not kept.
func TestSalesforceMessages(t *testing.T) {
	s := source("sf", newVendor())
	s.Door = doorOf(t, "salesforce_outbound")
	g, ok := s.Door.Guard.(schemeGuard)
	if !ok {
		t.Fatal("another guard")
	}
	g.trust.Account = "00D000000000001EAA"
	s.Door.Guard, s.Door.Secret = g, "0paque"
	w := newWorld()
	d := desk(t, w, s)
	message := `<Envelope><Body><notifications><OrganizationId>%s</OrganizationId><SessionId>00D!session</SessionId></notifications></Body></Envelope>`
	if got := post(d, "/hooks/sf/0paque", fmt.Sprintf(message, "00D000000000001EAA")); got.Code != 200 || !strings.Contains(got.Body.String(), "<Ack>true</Ack>") || !strings.HasPrefix(got.Header().Get("Content-Type"), "text/xml") {
		t.Errorf("answered %d %s", got.Code, got.Body)
	}
	if got := post(d, "/hooks/sf/0paque", fmt.Sprintf(message, "00D000000000002EAA")); got.Code != 401 {
		t.Errorf("another organisation was answered %d", got.Code)
	}
	for _, data := range w.kept {
		if strings.Contains(string(data), "session") || !strings.Contains(string(data), "OrganizationId") {
			t.Errorf("kept: %s", data)
		}
	}
	if len(w.kept) != 1 {
		t.Errorf("%d messages were kept", len(w.kept))
	}
}
