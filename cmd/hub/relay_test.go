package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
)

// belt is what an outsider reads on NATS of a hub that was stopped.
func belt(t *testing.T, dir string, look func(jetstream.JetStream, jetstream.Stream)) []*jetstream.RawStreamMsg {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Dir: filepath.Join(dir, "hub-data", "nats"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	nc, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "HUB_CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	if look != nil {
		look(js, s)
	}
	info, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []*jetstream.RawStreamMsg
	for seq := info.State.FirstSeq; info.State.Msgs > 0 && seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

// inStore runs fn with the store of a hub that was stopped.
func inStore(t *testing.T, dir string, fn func(*store.DB)) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "hub-data", "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	fn(db)
}

func outboxOf(t *testing.T, dir string) []canon.Change {
	t.Helper()
	var out []canon.Change
	inStore(t, dir, func(db *store.DB) {
		var err error
		if out, err = db.Outbox(t.Context(), 0, 1<<20); err != nil {
			t.Fatal(err)
		}
	})
	return out
}

func positions(ms []*jetstream.RawStreamMsg) []int64 {
	var out []int64
	for _, m := range ms {
		n, err := strconv.ParseInt(m.Header.Get("Hub-Position"), 10, 64)
		if err != nil {
			n = -1
		}
		out = append(out, n)
	}
	return out
}

func positionsOf(cs []canon.Change) []int64 {
	var out []int64
	for _, c := range cs {
		out = append(out, c.Position)
	}
	return out
}

// TestTheTimelineIsOnNATS goes the whole way: what was pulled is on the public stream, each change once, in the order of
// the outbox, with its body and its envelope.
func TestTheTimelineIsOnNATS(t *testing.T) {
	_, dir := play(t, 10)
	syncOnce(t, dir, true)
	want := outboxOf(t, dir)
	var filtered int
	got := belt(t, dir, func(js jetstream.JetStream, _ jetstream.Stream) {
		cons, err := js.OrderedConsumer(t.Context(), "HUB_CHANGES", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes." + want[0].Customer + ".>"}})
		if err != nil {
			t.Fatal(err)
		}
		info, err := cons.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		filtered = int(info.NumPending)
	})
	if len(want) < 100 || len(got) != len(want) {
		t.Fatalf("%d messages for %d changes", len(got), len(want))
	}
	mine := 0
	for i, m := range got {
		var c canon.Change
		if err := json.Unmarshal(m.Data, &c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i], c); diff != "" {
			t.Fatalf("change %d (-want +got):\n%s", i, diff)
		}
		if m.Subject != "hub.changes."+c.Customer+"."+c.Type || m.Header.Get("ce-id") != c.ID || m.Header.Get("ce-type") != c.Type || m.Header.Get("ce-subject") != c.Customer {
			t.Errorf("change %d travels as %s with %v", i, m.Subject, m.Header)
		}
		if c.Customer == want[0].Customer {
			mine++
		}
	}
	if filtered != mine {
		t.Errorf("who follows one customer hears %d of %d changes", filtered, mine)
	}
}

// TestALostBeltIsFilledAgainAndNobodyToldTwice loses what NATS holds after an endpoint was added that wants everything:
// subscribers can read all of it again, and neither the new endpoint nor the old one is sent what was told before.
func TestALostBeltIsFilledAgainAndNobodyToldTwice(t *testing.T) {
	st, dir := play(t, 10)
	first, _ := syncOnce(t, dir, true)
	told := st.receiver.Counts()
	_, wrote := st.world.Writes()
	if err := os.RemoveAll(filepath.Join(dir, "hub-data", "nats")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "hub.yaml")
	yaml, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	late := strings.Replace(string(yaml), "webhooks:\n", "webhooks:\n  - name: late\n    url: \""+st.hook+"\"\n    secrets: [\""+st.secret+"\"]\n    backfill: all\n", 1)
	if err := os.WriteFile(file, []byte(late), 0o600); err != nil {
		t.Fatal(err)
	}
	second, _ := syncOnce(t, dir, true)
	if now := st.receiver.Counts(); now != told || first.Deliveries != second.Deliveries {
		t.Errorf("webhooks were sent again: %+v, then %+v", told, now)
	}
	if _, again := st.world.Writes(); again != wrote {
		t.Errorf("%d fields were written before, %d after", wrote, again)
	}
	if diff := cmp.Diff(positionsOf(outboxOf(t, dir)), positions(belt(t, dir, nil))); diff != "" {
		t.Errorf("the belt (-outbox +belt):\n%s", diff)
	}
}

// TestChangesAreToldAgainWhenAsked publishes what was told once more, which only subscribers hear.
func TestChangesAreToldAgainWhenAsked(t *testing.T) {
	st, dir := play(t, 10)
	first, _ := syncOnce(t, dir, true)
	told := st.receiver.Counts()
	_, wrote := st.world.Writes()
	all := positionsOf(outboxOf(t, dir))
	cmd, out := program(t.Context(), t, dir, "replay", "--changes", "--since", "2020-01-01", "--json")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var sum toldAgain
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil || sum.Changes != len(all) || sum.First.IsZero() {
		t.Errorf("%s (%v)", out, err)
	}
	none, out := program(t.Context(), t, dir, "replay", "--changes", "--since", "2199-01-01")
	if err := none.Run(); err != nil || !strings.Contains(out.String(), "0 changes sent again") {
		t.Errorf("nothing since: %v\n%s", err, out)
	}
	second, _ := syncOnce(t, dir, true)
	if now := st.receiver.Counts(); now != told || first.Deliveries != second.Deliveries {
		t.Errorf("webhooks were sent again: %+v, then %+v", told, now)
	}
	if _, again := st.world.Writes(); again != wrote {
		t.Errorf("%d fields were written before, %d after", wrote, again)
	}
	got := belt(t, dir, nil)
	if diff := cmp.Diff(append(all, all...), positions(got)); diff != "" {
		t.Errorf("the belt (-outbox twice +belt):\n%s", diff)
	}
	for i, m := range got {
		if (m.Header.Get("Hub-Again") != "") != (i >= len(all)) || m.Header.Get("ce-id") != got[i%len(all)].Header.Get("ce-id") {
			t.Fatalf("message %d: %v", i, m.Header)
		}
	}
}

// TestWhatTheBeltDroppedComesAgainForThoseWhoMissedIt stands for a hub that was off for longer than NATS keeps changes.
func TestWhatTheBeltDroppedComesAgainForThoseWhoMissedIt(t *testing.T) {
	_, dir := play(t, 10)
	first, _ := syncOnce(t, dir, true)
	all := positionsOf(outboxOf(t, dir))
	from := len(all) - 50
	inStore(t, dir, func(db *store.DB) {
		err := db.InTx(t.Context(), asOf, func(tx *store.Tx) error {
			return tx.SetMeta(t.Context(), heardMeta(webhooksName), strconv.FormatInt(all[from-1], 10))
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	left := belt(t, dir, func(_ jetstream.JetStream, s jetstream.Stream) {
		if err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if len(left) != 0 {
		t.Fatalf("%d messages are left", len(left))
	}
	second, _ := syncOnce(t, dir, true)
	if first.Deliveries != second.Deliveries {
		t.Errorf("deliveries: %+v, then %+v", first.Deliveries, second.Deliveries)
	}
	if diff := cmp.Diff(all[from:], positions(belt(t, dir, nil))); diff != "" {
		t.Errorf("the belt (-what was missed +belt):\n%s", diff)
	}
	inStore(t, dir, func(db *store.DB) {
		if heard, err := db.Meta(t.Context(), heardMeta(webhooksName)); err != nil || heard != strconv.FormatInt(all[len(all)-1], 10) {
			t.Errorf("heard up to %q (%v), want %d", heard, err, all[len(all)-1])
		}
	})
}

// TestABeltThatRanEmptyHoldsNobodyUp stands for a hub that has had nothing to tell for longer than NATS keeps changes.
func TestABeltThatRanEmptyHoldsNobodyUp(t *testing.T) {
	_, dir := play(t, 5)
	first, _ := syncOnce(t, dir, true)
	belt(t, dir, func(_ jetstream.JetStream, s jetstream.Stream) {
		if err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	second, _ := syncOnce(t, dir, true)
	if first.Deliveries != second.Deliveries {
		t.Errorf("deliveries: %+v, then %+v", first.Deliveries, second.Deliveries)
	}
	if left := belt(t, dir, nil); len(left) != 0 {
		t.Errorf("%d changes were sent again that everyone had heard", len(left))
	}
}
