package connectortest

import (
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Reading is what the rounds of a stream taught: the newest state of each record, by id.
type Reading struct {
	Records map[string]canon.Record
	cursor  canon.Cursor
}

// Round reads one round of the stream, from where the last one ended. A page that rejects an object fails the
// test.
func (r *Reading) Round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	if r.Records == nil {
		r.Records = map[string]canon.Record{}
	}
	for more := true; more; {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		for _, rec := range p.Records {
			if rec.Version >= r.Records[rec.ID].Version {
				r.Records[rec.ID] = rec
			}
		}
		if len(p.Rejects) > 0 {
			t.Errorf("%s: rejected %+v", stream, p.Rejects[0])
		}
		r.cursor, more = p.Next, p.More
	}
}

// Live returns the content of the records that are not gone.
func (r *Reading) Live() map[string]string {
	out := map[string]string{}
	for id, rec := range r.Records {
		if !rec.Deleted {
			out[id] = string(rec.Raw)
		}
	}
	return out
}
