package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

const token = "test-token-0123456789"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a Reader over plain values.
type world struct {
	customers  []canon.Customer
	events     []canon.Event
	history    []canon.Assessment
	streams    []canon.StreamState
	letters    []canon.DeadLetter
	deliveries []canon.Delivery
	// broken is returned by Streams, filter is what Customers was last asked, window and asked what Timeline was.
	broken error
	filter canon.CustomerFilter
	window canon.Window
	asked  string
	// ruled is what Decide was last asked, candidatesOf and logOf what Candidates and Decisions were.
	ruled        *api.Ruling
	candidatesOf api.CandidateFilter
	logOf        api.DecisionFilter
}

func (w *world) Customers(_ context.Context, f canon.CustomerFilter) (canon.CustomerPage, error) {
	w.filter = f
	page := canon.CustomerPage{}
	for _, c := range w.customers {
		if f.Search == "" || strings.Contains(strings.ToLower(c.Name), strings.ToLower(f.Search)) {
			page.Customers = append(page.Customers, canon.CustomerRow{ID: c.ID, Type: c.Type, Name: c.Name})
			page.Total++
		}
	}
	return page, nil
}

func (w *world) Customer(_ context.Context, id string) (canon.Customer, error) {
	for _, c := range w.customers {
		if c.ID == id {
			return c, nil
		}
		for _, m := range c.Members {
			if m.Ref.String() == id {
				return c, nil
			}
		}
	}
	return canon.Customer{}, canon.Errorf("customer.unknown", "No customer has the id %q.", id).WithHint("Look it up with: hub customers")
}

func (w *world) Timeline(_ context.Context, customer string, win canon.Window) (canon.EventPage, error) {
	w.window, w.asked = win, customer
	page := canon.EventPage{}
	for _, e := range w.events {
		if e.Customer == customer {
			page.Events = append(page.Events, e)
		}
	}
	start, _ := strconv.Atoi(win.After)
	page.Events = page.Events[min(start, len(page.Events)):]
	if len(page.Events) > win.Limit {
		page.Events, page.Next = page.Events[:win.Limit], strconv.Itoa(start+win.Limit)
	}
	return page, nil
}

func (w *world) Assessments(_ context.Context, _ string, limit int) ([]canon.Assessment, error) {
	return w.history[:min(limit, len(w.history))], nil
}

func (w *world) Overview(context.Context) (api.Overview, error) {
	return api.Overview{Customers: int64(len(w.customers)), ByBand: map[string]int64{"green": 1}}, nil
}

func (w *world) Streams(context.Context) ([]canon.StreamState, error) { return w.streams, w.broken }

func (w *world) DeadLetters(context.Context, string, string, int) ([]canon.DeadLetter, string, error) {
	return w.letters, "", nil
}

func (w *world) Deliveries(context.Context, canon.DeliveryFilter) (canon.DeliveryPage, error) {
	return canon.DeliveryPage{Deliveries: w.deliveries}, nil
}

func (w *world) Attempts(_ context.Context, delivery string) ([]canon.Attempt, error) {
	if delivery == "msg_1" {
		return []canon.Attempt{{Delivery: delivery, No: 1, At: noon, Took: time.Second, Status: 204}}, nil
	}
	return nil, canon.Errorf("delivery.unknown", "There is no delivery %q.", delivery)
}

func (w *world) Pushed(context.Context, string, int) ([]canon.PushedField, error) { return nil, nil }

func number(f float64) *float64 { return &f }

func newWorld() *world {
	ref := canon.Ref{Connection: "crm", Stream: "companies", ID: "1"}
	w := &world{}
	for i := range 5 {
		w.events = append(w.events, canon.Event{ID: fmt.Sprintf("ev_%d", i), Type: "invoice.paid", Customer: "cu_1", Ref: ref, OccurredAt: noon.AddDate(0, 0, -i), Summary: "An invoice was paid."})
	}
	a := canon.Assessment{
		Customer: "cu_1", At: noon, RecordedAt: noon, Policy: "default@1.0.0", Stage: "retention", StageLabel: "Retention", StageSince: noon,
		StageReason: "It uses what it pays for.", StageEvidence: []string{"ev_4"},
		Health: canon.Score{Name: "health", Value: number(60), Band: "yellow", Coverage: 0.9, Contributions: []canon.Contribution{
			{Measure: "payments", Title: "Payments", Value: number(1), Curve: 90, Weight: 0.5, Points: 45, PointsLost: 5, Reason: "Paid on time.", Evidence: []string{"ev_0"}},
			{Measure: "usage", Title: "Usage", Value: number(2), Curve: 50, Weight: 0.5, Points: 25, PointsLost: 25, Reason: "Used less."},
			{Measure: "nps", Title: "NPS", NA: "Nobody was asked.", Reason: "Not known."},
		}, Caps: []canon.Cap{{Name: "overdue", Max: 60, Reason: "An invoice is overdue."}}},
	}
	old := canon.Assessment{Customer: "cu_1", At: noon.AddDate(0, -1, 0), RecordedAt: noon.AddDate(0, -1, 0), Stage: "conversion", Health: canon.Score{Band: "unknown"}}
	w.history = []canon.Assessment{a, old}
	w.customers = []canon.Customer{
		{ID: "cu_1", Type: "company", Name: "Acme", Members: []canon.Member{{Kind: canon.KindCompany, Ref: ref, Why: "source"}}, Assessment: &a},
		{ID: "cu_2", Type: "person", Name: "Jo", Assessment: nil},
	}
	w.streams = []canon.StreamState{
		{Connection: "crm", Connector: "hubspot", Stream: "deals", Status: "ok", Held: 3},
		{Connection: "crm", Connector: "hubspot", Stream: "companies", Status: "failed", Held: 4, DeadLetters: 2, Error: &canon.Error{Code: "auth.denied", Message: "HubSpot refused the token.", Hint: "Make a new one."}},
		{Connection: "bills", Connector: "stripe", Stream: "invoices", Status: "never"},
	}
	return w
}

// feed is a Live over a list of changes; hold keeps the subscription open after them.
type feed struct {
	changes []canon.Change
	hold    bool
	err     error
}

func (f *feed) Subscribe(ctx context.Context, after int64) (<-chan canon.Change, error) {
	if f.err != nil {
		return nil, f.err
	}
	out := make(chan canon.Change)
	go func() {
		defer close(out)
		for _, c := range f.changes {
			if after < 0 || c.Position <= after {
				continue
			}
			select {
			case out <- c:
			case <-ctx.Done():
				return
			}
		}
		if f.hold {
			<-ctx.Done()
		}
	}()
	return out, nil
}

func page() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
}

func newAPI(t *testing.T, w *world, change ...func(*api.Options)) http.Handler {
	t.Helper()
	o := api.Options{
		Reader: w, Identity: w, Console: page(), Metrics: page(), Token: token, Version: "1.2.3",
		Stages:     []api.Stage{{Key: "retention", Label: "Retention"}},
		Connectors: []connectors.Definition{{Name: "hubspot", Title: "HubSpot", Category: "crm"}},
		Now:        func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&o)
	}
	h, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask makes an authorised GET.
func ask(t *testing.T, h http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decode(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("not JSON: %v: %s", err, w.Body)
	}
	return out
}

var errBroken = errors.New("disk /secret/path is gone")
