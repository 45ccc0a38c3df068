package connectortest

import (
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// Reading is what the rounds of a stream taught: the newest state of each record, by id. Like the store it takes what a
// full list no longer holds as gone.
type Reading struct {
	Records map[string]canon.Record
	// Sweeps counts the full lists that were read to their end, Found the records that they found missing.
	Sweeps, Found int
	cursor        canon.Cursor
}

// Round reads one round of the stream, from where the last one ended. A page that rejects an object fails the
// test, and one that belongs to a full list where the page before it did not.
func (r *Reading) Round(t *testing.T, conn connectors.Conn, stream string) {
	t.Helper()
	if r.Records == nil {
		r.Records = map[string]canon.Record{}
	}
	listed, sweeping := map[string]bool{}, false
	for pages, more := 0, true; more; pages++ {
		p, err := conn.Pull(t.Context(), stream, r.cursor)
		if err != nil {
			t.Fatalf("%s: %v", stream, err)
		}
		for _, rec := range p.Records {
			listed[rec.ID] = true
			if rec.Version >= r.Records[rec.ID].Version {
				r.Records[rec.ID] = rec
			}
		}
		if len(p.Rejects) > 0 {
			t.Errorf("%s: rejected %+v", stream, p.Rejects[0])
		}
		if pages > 0 && sweeping != (p.Sweep != nil) {
			t.Errorf("%s: page %d is marked otherwise than those before", stream, pages+1)
		}
		r.cursor, more, sweeping = p.Next, p.More, p.Sweep != nil
	}
	if sweeping {
		r.sweep(listed)
	}
}

// sweep takes the records that a full list did not hold as missing.
func (r *Reading) sweep(listed map[string]bool) {
	r.Sweeps++
	for id, rec := range r.Records {
		if !listed[id] && !rec.Deleted {
			rec.Deleted, rec.Reason = true, canon.ReasonMissing
			r.Records[id] = rec
			r.Found++
		}
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
