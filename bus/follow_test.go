package bus_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

// read takes what a consumer of the outside is given of the changes belt, and returns the positions.
func read(t *testing.T, b *bus.Bus, cfg jetstream.OrderedConsumerConfig) []int {
	t.Helper()
	js, err := jetstream.New(outside(t, b))
	if err != nil {
		t.Fatal(err)
	}
	cons, err := js.OrderedConsumer(t.Context(), "HUB_CHANGES", cfg)
	if err != nil {
		t.Fatal(err)
	}
	info, err := cons.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []int
	for range info.NumPending {
		m, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := event(m.Headers()); err != nil {
			t.Error(err)
		}
		n, err := strconv.Atoi(m.Headers().Get("Hub-Position"))
		if err != nil {
			t.Error(err)
		}
		out = append(out, n)
	}
	return out
}

func TestAnyClientFollowsFromWhereItLikes(t *testing.T) {
	b := listening(t, bus.Options{})
	var cs []canon.Change
	for i, c := range []struct{ customer, typ string }{{"cus_1", "deal.won"}, {"cus_2", "invoice.paid"}, {"cus_1", "invoice.issued"}, {"cus_12", "invoice.paid"},
		{"cus_2", "stage.changed"}, {"cus_1", "invoice.paid"}} {
		cs = append(cs, canon.Change{ID: canon.ID("chg", strconv.Itoa(i)), Type: c.typ, Customer: c.customer, Position: int64(i + 1), Data: []byte("{}")})
	}
	if err := b.PublishChanges(t.Context(), cs[:4]); err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(outside(t, b))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "HUB_CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	fourth, err := s.GetMsg(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	behind := fourth.Time.Add(time.Nanosecond)
	if err := b.PublishChanges(t.Context(), cs[4:]); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		cfg  jetstream.OrderedConsumerConfig
		want []int
	}{
		"everything":             {jetstream.OrderedConsumerConfig{}, []int{1, 2, 3, 4, 5, 6}},
		"from a sequence":        {jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: 3}, []int{3, 4, 5, 6}},
		"from a time":            {jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &behind}, []int{5, 6}},
		"one customer":           {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.cus_1.>"}}, []int{1, 3, 6}},
		"one kind":               {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.*.invoice.>"}}, []int{2, 3, 4, 6}},
		"one type":               {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.*.invoice.paid"}}, []int{2, 4, 6}},
		"two kinds":              {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.*.stage.>", "hub.changes.*.deal.>"}}, []int{1, 5}},
		"one customer from time": {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.cus_1.>"}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &behind}, []int{6}},
		"the last of each":       {jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hub.changes.*.invoice.>"}, DeliverPolicy: jetstream.DeliverLastPerSubjectPolicy}, []int{2, 3, 4, 6}},
	} {
		if diff := cmp.Diff(c.want, read(t, b, c.cfg)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

// TestADurableOfTheOutsideGoesOnWhereItStopped is what a subscriber does that must miss nothing.
func TestADurableOfTheOutsideGoesOnWhereItStopped(t *testing.T) {
	b := listening(t, bus.Options{})
	publish(t, b, 1, 3)
	for _, want := range []string{"1", "2", "3", "4"} {
		js, err := jetstream.New(outside(t, b))
		if err != nil {
			t.Fatal(err)
		}
		cons, err := js.CreateOrUpdateConsumer(t.Context(), "HUB_CHANGES", jetstream.ConsumerConfig{Durable: "billing", AckPolicy: jetstream.AckExplicitPolicy})
		if err != nil {
			t.Fatal(err)
		}
		if want == "4" {
			publish(t, b, 4, 4)
		}
		m, err := cons.Next(jetstream.FetchMaxWait(patience))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Headers().Get("Hub-Position"); got != want {
			t.Errorf("change %s came, want %s", got, want)
		}
		if err := m.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSentAgainIsHeardOutsideOnly(t *testing.T) {
	b := listening(t, bus.Options{})
	heard, _ := hear(t, b, "webhooks")
	publish(t, b, 1, 4)
	expect(t, heard, 1, 4)
	if err := b.PublishAgain(t.Context(), []canon.Change{change(2), change(3)}, "a", 4); err != nil {
		t.Fatal(err)
	}
	if err := b.PublishAgain(t.Context(), []canon.Change{change(3)}, "a", 4); err != nil {
		t.Fatal(err)
	}
	if at, fresh, err := b.LastChange(t.Context()); at != 4 || fresh || err != nil {
		t.Errorf("the belt says that it is filled up to %d (%t, %v), want 4", at, fresh, err)
	}
	publish(t, b, 5, 5)
	expect(t, heard, 5, 5)
	if diff := cmp.Diff([]int{1, 2, 3, 4, 2, 3, 5}, read(t, b, jetstream.OrderedConsumerConfig{})); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}
