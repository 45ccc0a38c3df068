package connectortest

import (
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
)

// pushLaws lists the laws of writing where the connector writes.
func pushLaws(s *suite) []law {
	pushes := slices.ContainsFunc(s.def.Streams, func(st connectors.Stream) bool { return st.PushFields })
	if !pushes && s.opts.Push == nil {
		return nil
	}
	return []law{
		{"fields are prepared once", preparedOnce},
		{"writing twice leaves the same state", writtenTwice},
		{"one bad write leaves the others alone", badWriteStandsAlone},
		{"a write is not repeated blindly", notRepeatedBlindly},
	}
}

// pusher opens a connection with the fields prepared.
func (s *suite) pusher(t testing.TB, transport http.RoundTripper) (connectors.Conn, connectors.Pusher, *PushOptions) {
	t.Helper()
	conn, _ := s.open(t, transport, &clock{s.opts.Now})
	p, ok := conn.(connectors.Pusher)
	if !ok || s.opts.Push == nil {
		t.Fatal("a stream has PushFields: the connection must be a Pusher, and the options must say what to push")
	}
	return conn, p, s.opts.Push
}

func prepare(t testing.TB, conn connectors.Conn, o *PushOptions) []string {
	t.Helper()
	p, ok := conn.(connectors.Preparer)
	if !ok {
		return nil
	}
	made, err := p.Prepare(t.Context(), o.Stream, o.Fields)
	if err != nil {
		t.Fatalf("Prepare: %v", err)
	}
	return made
}

func preparedOnce(t testing.TB, s *suite) {
	conn, _, o := s.pusher(t, s.vendor())
	if _, ok := conn.(connectors.Preparer); !ok {
		return
	}
	var want []string
	for _, f := range o.Fields {
		want = append(want, f.Name)
	}
	if diff := cmp.Diff(want, prepare(t, conn, o)); diff != "" {
		t.Errorf("created fields differ:\n%s", diff)
	}
	if made := prepare(t, conn, o); len(made) != 0 {
		t.Errorf("a second Prepare created %v", made)
	}
}

// fieldsOf lists what the writes touch.
func fieldsOf(writes []connectors.Write) (ids, fields []string) {
	for _, w := range writes {
		ids = append(ids, w.Ref.ID)
		for f := range w.Fields {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	return ids, slices.Compact(fields)
}

func wrote(t testing.TB, p connectors.Pusher, o *PushOptions, writes []connectors.Write) {
	t.Helper()
	outcomes, err := p.Push(t.Context(), o.Stream, writes)
	if err != nil || len(outcomes) != len(writes) {
		t.Fatalf("Push gave %d outcomes of %d and %v", len(outcomes), len(writes), err)
	}
	for i, out := range outcomes {
		if out.Ref != writes[i].Ref || out.Err != nil {
			t.Errorf("write %d: outcome %+v, want success of %s", i, out, writes[i].Ref)
		}
	}
}

func isThere(t testing.TB, p connectors.Pusher, o *PushOptions) {
	t.Helper()
	ids, fields := fieldsOf(o.Good)
	got, err := p.Read(t.Context(), o.Stream, append(ids, "no-such-record"), fields)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if len(got) != len(ids) {
		t.Errorf("Read gave %d records, want the %d that exist", len(got), len(ids))
	}
	for _, w := range o.Good {
		for f, want := range w.Fields {
			if got[w.Ref.ID][f] != want {
				t.Errorf("%s of %s is %q, want %q", f, w.Ref, got[w.Ref.ID][f], want)
			}
		}
	}
}

func writtenTwice(t testing.TB, s *suite) {
	conn, p, o := s.pusher(t, s.vendor())
	prepare(t, conn, o)
	wrote(t, p, o, o.Good)
	isThere(t, p, o)
	wrote(t, p, o, o.Good)
	isThere(t, p, o)
	if p.BatchSize() < 1 {
		t.Errorf("BatchSize is %d", p.BatchSize())
	}
}

func badWriteStandsAlone(t testing.TB, s *suite) {
	for at := range len(s.opts.Push.Good) + 1 {
		conn, p, o := s.pusher(t, s.vendor())
		prepare(t, conn, o)
		writes := slices.Insert(slices.Clone(o.Good), at, o.Bad)
		outcomes, err := p.Push(t.Context(), o.Stream, writes)
		if err != nil || len(outcomes) != len(writes) {
			t.Fatalf("Push gave %d outcomes of %d and %v", len(outcomes), len(writes), err)
		}
		for i, out := range outcomes {
			if bad := i == at; bad != (out.Err != nil) {
				t.Errorf("bad write at %d: outcome %d is %v", at, i, out.Err)
			}
		}
		isThere(t, p, o)
	}
}

// notRepeatedBlindly: after a server error or a cut connection nobody knows whether the write was carried
// out, so it is left to those who can read back.
func notRepeatedBlindly(t testing.TB, s *suite) {
	for _, f := range []fault{told("500", 500, nil, ""), {"cut", unreachable}, {"cut body", cutBody}} {
		var sent atomic.Int64
		_, p, o := s.pusher(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			sent.Add(1)
			return f.answer(req)
		}))
		_, err := p.Push(t.Context(), o.Stream, o.Good[:1])
		if e := canon.AsError(err); e == nil || !e.Retry {
			t.Errorf("%s: got %v, want an error that may be retried", f.name, err)
		}
		if sent.Load() != 1 {
			t.Errorf("%s: the write was sent %d times", f.name, sent.Load())
		}
	}
}
