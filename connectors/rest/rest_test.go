package rest_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// vendor is a connection to a handler, with a clock that is moved by hand.
type vendor struct {
	*rest.Conn
	now time.Time
}

func open(t testing.TB, src string, h http.Handler, settings connectors.Settings) *vendor {
	t.Helper()
	spec, err := rest.Parse("acme", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	v := &vendor{now: start}
	v.Conn, err = rest.Open(spec, settings, connectors.Env{
		Connection: "c", Transport: connectortest.Transport(h), Now: func() time.Time { return v.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// round reads a stream to the end of its round.
func (v *vendor) round(t testing.TB, from canon.Cursor) (records []canon.Record, next canon.Cursor) {
	t.Helper()
	for range 2000 {
		p, err := v.Pull(t.Context(), "things", from)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, p.Records...)
		from = p.Next
		if !p.More {
			return records, from
		}
	}
	t.Fatal("the round does not end")
	return nil, ""
}

func ids(records []canon.Record) []string {
	out := []string{}
	for _, r := range records {
		out = append(out, r.ID)
	}
	return out
}

func send(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}
