package freshdesk_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// FuzzSecond: whatever the pages of a second hold that has more tickets than a page, they are an error with a
// code, or records that are whole.
func FuzzSecond(f *testing.F) {
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
	rows := []ticket{}
	for i := range 100 {
		rows = append(rows, ticket{i + 1, at})
	}
	full, err := json.Marshal(rows)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`[{"id":7,"updated_at":"2026-03-01T11:00:00Z"}]`, `[]`, `null`, `{}`, `[null,1,"x",{}]`, `[{"id":"7","updated_at":"soon"}]`, string(full),
		`[{"id":1e300,"updated_at":"2026-03-01T11:00:00+05:30"}]`, `[{"id":7,"updated_at":"2026-03-01T11:00:00.5Z"},{"id":7,"updated_at":"2026-03-01T11:00:00.5Z"}]`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		asked := 0
		w := &workspace{now: at.Add(time.Hour), server: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			if asked++; asked <= 2 {
				_, _ = rw.Write(full)
				return
			}
			_, _ = io.WriteString(rw, body)
		})}
		conn := w.open(t, settings(), nil)
		first, err := conn.Pull(t.Context(), "tickets", "")
		if err != nil || !first.More {
			t.Fatalf("the first page gave %v", err)
		}
		p, err := conn.Pull(t.Context(), "tickets", first.Next)
		if err != nil {
			if canon.CodeOf(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		ids := map[string]bool{}
		for _, rec := range p.Records {
			if rec.ID == "" || ids[rec.ID] || rec.Version < 0 || rec.Connection != "c" {
				t.Errorf("the record is %+v", rec)
			}
			ids[rec.ID] = true
		}
		if p.Next == first.Next || !p.More {
			t.Error("the list does not go on")
		}
	})
}
