package connectortest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// sweepsAreWhole: of the pages of one round all or none belong to a full list, and rounds have names of their
// own. A round that loses the mark on its way ends without, so that nothing is found missing by it.
func sweepsAreWhole(t testing.TB, s *suite) {
	c := &clock{s.opts.Now}
	conn, _ := s.open(t, s.vendor(), c)
	for stream, steps := range s.mustDrain(t, conn, c) {
		names, running := map[string]bool{}, (*canon.Sweep)(nil)
		begins := true
		for i, st := range steps {
			sweep := st.page.Sweep
			switch {
			case sweep != nil && (sweep.Round == "" || sweep.Guard < 0 || sweep.Guard > 1):
				t.Errorf("%s page %d: the sweep is %+v", stream, i, *sweep)
			case begins && sweep != nil && names[sweep.Round]:
				t.Errorf("%s page %d: two rounds are called %s", stream, i, sweep.Round)
			case !begins && sweep != nil && (running == nil || *running != *sweep):
				t.Errorf("%s page %d: a sweep begins in the middle of a round", stream, i)
			}
			if running, begins = sweep, !st.page.More; sweep != nil {
				names[sweep.Round] = true
			}
		}
	}
}

// fetchedAlike: a record that is read alone names its source as one of the list does, and each id is answered
// once, what is gone by a tombstone.
func fetchedAlike(t testing.TB, s *suite) {
	conn, _ := s.open(t, s.vendor(), &clock{s.opts.Now})
	f, ok := conn.(connectors.Fetcher)
	if !ok {
		t.Fatal("the options name ids to fetch: the connection must be a Fetcher")
	}
	for stream, ids := range s.opts.Fetch {
		page, err := f.Fetch(t.Context(), stream, ids)
		if err != nil {
			t.Errorf("%s: %v", stream, err)
			continue
		}
		answered := map[string]int{}
		for _, r := range page.Records {
			answered[r.ID]++
			if r.Connection != "laws" || r.Stream != stream || r.ObservedAt.IsZero() || (!r.Deleted && !json.Valid(r.Raw)) {
				t.Errorf("%s: record %s is %+v", stream, r.ID, r)
			}
		}
		for _, id := range ids {
			if answered[id] != 1 {
				t.Errorf("%s: id %s is answered %d times", stream, id, answered[id])
			}
		}
		if page.Next != "" || page.More {
			t.Errorf("%s: what was fetched has a next page", stream)
		}
	}
}

// callsAreRead: the same call tells the same twice, of streams that there are; what is no call is refused with
// a code of its own.
func callsAreRead(t testing.TB, s *suite) {
	conn, _ := s.open(t, s.vendor(), &clock{s.opts.Now})
	r, ok := conn.(connectors.Receiver)
	if !ok {
		t.Fatal("the definition has a hook: the connection must be a Receiver")
	}
	streams := map[string]bool{}
	for _, name := range s.streams(conn) {
		streams[name] = true
	}
	for i, call := range s.opts.Calls {
		got, err := r.Receive(call)
		if err != nil {
			t.Errorf("call %d: %v", i, err)
			continue
		}
		again, err := r.Receive(call)
		if diff := cmp.Diff(got, again); diff != "" || err != nil {
			t.Errorf("call %d tells something else the second time: %v\n%s", i, err, diff)
		}
		for _, h := range got.Hints {
			if !streams[h.Stream] || h.ID == "" || h.At.IsZero() {
				t.Errorf("call %d hints at %+v", i, h)
			}
		}
		for _, rec := range got.Records {
			if rec.Connection != "laws" || !streams[rec.Stream] || rec.ID == "" || !json.Valid(rec.Raw) {
				t.Errorf("call %d carries the record %+v", i, rec.Ref)
			}
		}
	}
	for _, body := range []string{"", "\x00", "{", "null", "[[[]]]", `{"a":` + strings.Repeat("[", 1000)} {
		call := connectors.Call{Method: "POST", Header: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(body), At: s.opts.Now}
		_, err := r.Receive(call)
		if code := canon.CodeOf(err); err != nil && !strings.HasPrefix(code, "hook.") {
			t.Errorf("the call %.20q gave %q (%v), want a code that begins with hook.", body, code, err)
		}
	}
}
