package connectortest

import (
	"encoding/json"
	"testing"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// recordsAreWhole: every record names its source, has an id that stands once on its page, and carries JSON.
func recordsAreWhole(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	conn, _ := s.open(t, s.vendor(), c)
	if err := conn.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	for stream, steps := range s.mustDrain(t, conn, c) {
		total := 0
		for i, st := range steps {
			ids := map[string]bool{}
			for _, r := range st.page.Records {
				total++
				if r.Connection != "laws" || r.Stream != stream || r.ID == "" {
					t.Errorf("%s page %d: record has the ref %q", stream, i, r.Ref)
				}
				if ids[r.ID] {
					t.Errorf("%s page %d: id %s stands twice", stream, i, r.ID)
				}
				ids[r.ID] = true
				if !json.Valid(r.Raw) && !(r.Deleted && len(r.Raw) == 0) {
					t.Errorf("%s page %d: record %s is no JSON", stream, i, r.ID)
				}
				if r.ObservedAt.IsZero() || r.Version < 0 {
					t.Errorf("%s page %d: record %s has version %d, observed at %v", stream, i, r.ID, r.Version, r.ObservedAt)
				}
			}
		}
		if total == 0 {
			t.Errorf("%s: the exchange gave no record, so it shows nothing", stream)
		}
	}
}

// sameExchangeSameRecords: reading the same vendor twice gives the same pages, cursors included.
func sameExchangeSameRecords(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	one, _ := s.open(t, s.vendor(), c)
	two, _ := s.open(t, s.vendor(), c)
	a, b := s.mustDrain(t, one, c), s.mustDrain(t, two, c)
	for stream := range a {
		if diff := differ(pages(a[stream]), pages(b[stream])); diff != "" {
			t.Errorf("%s differs:\n%s", stream, diff)
		}
	}
}

// resumesFromAnyCursor: a new connection that starts at any cursor reads exactly the rest.
func resumesFromAnyCursor(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	whole, _ := s.open(t, s.vendor(), c)
	for stream, steps := range s.mustDrain(t, whole, c) {
		for i := range steps {
			conn, _ := s.open(t, s.vendor(), c)
			var rest []connectors.Page
			from := steps[i].from
			for _, st := range steps[i:] {
				c.at = st.at
				page, err := conn.Pull(t.Context(), stream, from)
				if err != nil {
					t.Fatalf("%s from page %d: %v", stream, i, err)
				}
				rest = append(rest, page)
				from = page.Next
			}
			if diff := differ(pages(steps[i:]), rest); diff != "" {
				t.Fatalf("%s from page %d differs:\n%s", stream, i, diff)
			}
			c.at = s.opts.Now
		}
	}
}

func refusesForeignCursor(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	conn, _ := s.open(t, s.vendor(), c)
	for _, stream := range s.streams(conn) {
		_, err := conn.Pull(t.Context(), stream, "\x00 no cursor of ours")
		if code := canon.CodeOf(err); code != "cursor.invalid" {
			t.Errorf("%s: a cursor that nobody wrote gave %q (%v), want cursor.invalid", stream, code, err)
		}
	}
}

func refusesUnknownStream(t testing.TB, s *suite) {
	conn, _ := s.open(t, s.vendor(), &clock{s.opts.Now})
	_, err := conn.Pull(t.Context(), "no_such_stream", "")
	if code := canon.CodeOf(err); code != "stream.unknown" {
		t.Errorf("an unknown stream gave %q (%v), want stream.unknown", code, err)
	}
}
