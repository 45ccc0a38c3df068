package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/api"
	"github.com/lifecyclehub/hub/canon"
)

func someChanges() []canon.Change {
	at := func(position int64, customer, typ string, backfill bool) canon.Change {
		return canon.Change{
			ID: canon.ID("ch", typ, customer), Type: typ, Customer: customer, Position: position, Backfill: backfill,
			OccurredAt: noon, RecordedAt: noon, Data: json.RawMessage("{\n\"note\": \"two\\nlines\"\n}"),
		}
	}
	return []canon.Change{
		at(1, "cu_1", "deal.won", true), at(2, "cu_2", "deal.lost", false), at(3, "cu_1", "stage.changed", false), at(4, "cu_1", "deal.opened", false),
	}
}

// positions reads a whole stream that ends by itself and returns the ids of its changes.
func positions(t *testing.T, base, path string, lastID string) []string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || !strings.HasPrefix(ct, "text/event-stream") {
		t.Fatalf("%s: %d %s", path, res.StatusCode, ct)
	}
	ids, id := []string{}, ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		if v, ok := strings.CutPrefix(line, "id: "); ok {
			id = v
		}
		if v, ok := strings.CutPrefix(line, "data: "); ok {
			var c canon.Change
			if err := json.Unmarshal([]byte(v), &c); err != nil {
				t.Errorf("data is not a change: %v: %s", err, v)
			}
			ids = append(ids, id)
		}
	}
	return ids
}

func TestTheStreamResumesAndFilters(t *testing.T) {
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Live = &feed{changes: someChanges()} })
	server := httptest.NewServer(h)
	defer server.Close()
	for _, tt := range []struct {
		path, lastID string
		want         []string
	}{
		{"", "", []string{}},
		{"?after=0", "", []string{"1", "2", "3", "4"}},
		{"?after=2", "", []string{"3", "4"}},
		{"?after=0", "3", []string{"4"}},
		{"?after=0&backfill=false", "", []string{"2", "3", "4"}},
		{"?after=0&customer=cu_2", "", []string{"2"}},
		{"?after=0&customer=crm%2Fcompanies%2F1", "", []string{"1", "3", "4"}},
		{"?after=0&type=deal.", "", []string{"1", "2", "4"}},
		{"?after=0&type=deal.won,stage.changed", "", []string{"1", "3"}},
	} {
		got := positions(t, server.URL, "/api/v1/stream"+tt.path, tt.lastID)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s after %q: %s", tt.path, tt.lastID, diff)
		}
	}
}

func TestTheStreamRefusesInWords(t *testing.T) {
	h := newAPI(t, newWorld(), func(o *api.Options) { o.Live = &feed{err: errors.New("bus is down")} })
	for path, code := range map[string]string{
		"/api/v1/stream?after=x":         "request.invalid",
		"/api/v1/stream?after=-1":        "request.invalid",
		"/api/v1/stream?customer=nobody": "customer.unknown",
		"/api/v1/stream":                 "internal",
	} {
		if got := decode(t, ask(t, h, path)); got["code"] != code {
			t.Errorf("%s: %v, want %s", path, got, code)
		}
	}
}

// wire is a ResponseWriter that a test may read while it is written.
type wire struct {
	mu     sync.Mutex
	header http.Header
	text   strings.Builder
}

func (w *wire) Header() http.Header { return w.header }

func (w *wire) WriteHeader(int) {}

func (w *wire) Flush() {}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *wire) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestTheStreamBeatsAndEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newAPI(t, newWorld(), func(o *api.Options) { o.Live = &feed{changes: someChanges(), hold: true} })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/stream?after=0&customer=cu_2", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := &wire{header: http.Header{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.ServeHTTP(w, r)
		}()
		<-time.After(16 * time.Second)
		synctest.Wait()
		if got := w.String(); !strings.HasPrefix(got, "retry: 2000\n\nid: 2\n") || !strings.HasSuffix(got, "\n\nid: 4\n\n") {
			t.Errorf("after one beat the wire holds %q", got)
		}
		cancel()
		<-ended
	})
}
