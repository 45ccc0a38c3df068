package intercom_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// FuzzScroll: whatever a page of the scroll holds, it is an error with a code, or records that are whole.
func FuzzScroll(f *testing.F) {
	for _, seed := range []string{
		`{"type":"list","data":[{"id":"a","updated_at":1772366400}],"scroll_param":"s"}`, `{"data":[]}`, `{"data":null}`, `{"data":[null,1,"x",{}],"scroll_param":"s"}`,
		`{"data":[{"id":7,"updated_at":"soon"}]}`, `{"data":[{"id":"a","updated_at":1e300}],"scroll_param":1}`, `[]`, ``, `{"data":[{"id":"a","updated_at":-5},{"id":"a"}],"scroll_param":"s"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), server: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, body)
		})}
		conn := w.open(t, scrolling(), nil)
		from := canon.Cursor("")
		for range 2 {
			p, err := conn.Pull(t.Context(), "companies", from)
			if err != nil {
				if canon.CodeOf(err) == "" {
					t.Fatalf("an error without a code: %v", err)
				}
				return
			}
			for _, rec := range p.Records {
				if rec.ID == "" || rec.Version < 0 || rec.Connection != "c" || rec.ObservedAt.IsZero() {
					t.Errorf("the record is %+v", rec)
				}
			}
			if from = p.Next; !p.More {
				return
			}
		}
	})
}

// FuzzMerged: whatever the link of a contact that was merged away says, asking for the contact gives one
// tombstone.
func FuzzMerged(f *testing.F) {
	for _, seed := range []string{`</contacts/b>; rel="canonical"`, `</contacts/a>; rel="canonical"`, `</contacts/>; rel="canonical"`, `</contacts/../b>; rel=canonical`, `<`, ``, `</contacts/b>`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		w := &workspace{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), server: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Link", link)
			rw.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(rw, `{"type":"error.list","errors":[{"code":"contact_merged","message":"merged"}]}`)
		})}
		p, err := w.open(t, settings(), nil).(connectors.Fetcher).Fetch(t.Context(), "contacts", []string{"a"})
		if err != nil || len(p.Records) != 1 || p.Records[0].ID != "a" || !p.Records[0].Deleted || p.Records[0].Into == "a" || p.Records[0].Version <= 0 {
			t.Errorf("%+v, %v", p.Records, err)
		}
	})
}
