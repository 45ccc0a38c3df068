package bus

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

var moment = time.Date(2026, 3, 1, 9, 0, 0, 123000, time.UTC)

// batches draws batches whose records carry any bytes.
func batches() *rapid.Generator[canon.Batch] {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("ab/<&\"\\\n\x00äЖ😀")), 0, 6, -1)
	raw := rapid.SliceOfN(rapid.Byte(), 0, 300)
	return rapid.Custom(func(t *rapid.T) canon.Batch {
		b := canon.Batch{Connection: word.Draw(t, "connection"), Connector: "c", Stream: word.Draw(t, "stream"), Run: "run", Seq: rapid.Int64().Draw(t, "seq"),
			From: canon.Cursor(word.Draw(t, "from")), Next: canon.Cursor(word.Draw(t, "next")), Last: rapid.Bool().Draw(t, "last"),
			Total: rapid.Int64Min(0).Draw(t, "total"), ReadAt: moment}
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			b.Records = append(b.Records, canon.Record{Ref: canon.Ref{Connection: b.Connection, Stream: b.Stream, ID: word.Draw(t, "id")},
				Version: rapid.Int64().Draw(t, "version"), ObservedAt: rapid.SampledFrom([]time.Time{moment, {}, time.UnixMicro(0).UTC()}).Draw(t, "observed"),
				Deleted: rapid.Bool().Draw(t, "deleted"), Raw: raw.Draw(t, "raw")})
		}
		for range rapid.IntRange(0, 4).Draw(t, "rejects") {
			b.Rejects = append(b.Rejects, canon.DeadLetter{RecordID: word.Draw(t, "rejected"), Code: "record.no_id", Reason: "r", Raw: raw.Draw(t, "rejected raw"), OccurredAt: moment, RecordedAt: moment})
		}
		return b
	})
}

// equal compares batches; no raw bytes and empty ones are the same.
func equal(t *rapid.T, want, got canon.Batch) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBatchesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := batches().Draw(t, "batch")
		msg, err := Encode(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(msg)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, b, got)
	})
}

// TestSplitKeepsEverythingInOrder: the parts fit, only the last moves the cursor or ends the round, and all
// that was in the batch is in them, what fits into no message as a dead letter.
func TestSplitKeepsEverythingInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := batches().Draw(t, "batch")
		limit := rapid.IntRange(2200, 4000).Draw(t, "limit")
		huge := -1
		if len(b.Records) > 0 && rapid.Bool().Draw(t, "has a huge record") {
			huge = rapid.IntRange(0, len(b.Records)-1).Draw(t, "huge")
			b.Records[huge].Raw = bytes.Repeat([]byte("x"), limit)
		}
		before := append([]canon.Record(nil), b.Records...)
		parts := split(b, limit)
		joined := b
		joined.Records, joined.Rejects = nil, nil
		for i, p := range parts {
			last := i == len(parts)-1
			if p.Part == last || p.Last != (b.Last && last) || p.From != b.From || !last && p.Next != b.From || last && p.Next != b.Next {
				t.Errorf("part %d of %d: part %t, last %t, from %q to %q", i, len(parts), p.Part, p.Last, p.From, p.Next)
			}
			msg, err := Encode(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(msg) > limit {
				t.Errorf("part %d is %d bytes long, the limit is %d", i, len(msg), limit)
			}
			joined.Records = append(joined.Records, p.Records...)
			joined.Rejects = append(joined.Rejects, p.Rejects...)
		}
		if diff := cmp.Diff(before, b.Records, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the batch itself was changed:\n%s", diff)
		}
		want := b
		if huge >= 0 {
			want.Records = append(append([]canon.Record(nil), b.Records[:huge]...), b.Records[huge+1:]...)
			d := joined.Rejects[len(joined.Rejects)-1]
			if d.Code != "record.too_large" || d.RecordID != b.Records[huge].ID || d.Hint == "" || !strings.Contains(d.Reason, "bytes") {
				t.Errorf("the huge record became %+v", d)
			}
			joined.Rejects = joined.Rejects[:len(joined.Rejects)-1]
		}
		equal(t, want, joined)
	})
}

func TestSplitLeavesASmallBatchWhole(t *testing.T) {
	for _, b := range []canon.Batch{{}, {Last: true, Next: "c"}, {Records: make([]canon.Record, 1000)}} {
		if parts := split(b, maxPayload); len(parts) != 1 || parts[0].Part || len(parts[0].Records) != len(b.Records) {
			t.Errorf("a small batch became %d parts", len(parts))
		}
	}
}

func TestSplitDropsTheBytesOfAHugeReject(t *testing.T) {
	parts := split(canon.Batch{Rejects: []canon.DeadLetter{{Code: "x", Raw: bytes.Repeat([]byte("x"), 5000)}}}, 3000)
	if len(parts) != 1 || len(parts[0].Rejects) != 1 || parts[0].Rejects[0].Raw != nil || parts[0].Rejects[0].Code != "x" {
		t.Errorf("got %+v", parts)
	}
}

func FuzzDecode(f *testing.F) {
	for _, b := range []canon.Batch{{}, {Connection: "c", Records: []canon.Record{{Raw: []byte("{}")}, {}}, Rejects: []canon.DeadLetter{{Raw: []byte("x")}}}} {
		msg, err := Encode(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"records":[{"n":-1}]}` + "\n"))
	f.Add([]byte(`{"records":[{"n":9}]}` + "\nshort"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		b, err := Decode(msg)
		if err != nil {
			return
		}
		again, err := Encode(b)
		if err != nil {
			// A head may hold a time that JSON cannot be made of, in a batch that was not ours.
			return
		}
		if _, err := Decode(again); err != nil {
			t.Errorf("what was decoded cannot be sent on: %v", err)
		}
	})
}
