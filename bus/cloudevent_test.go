package bus_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

// event reads the attributes of a CloudEvent in binary mode out of a message's headers and holds them to what CloudEvents
// 1.0 and its NATS binding ask for.
func event(h nats.Header) (map[string]string, error) {
	if strings.HasPrefix(strings.ToLower(h.Get("Content-Type")+h.Get("content-type")), "application/cloudevents") {
		return nil, errors.New("the content type says structured mode")
	}
	attrs := map[string]string{}
	var errs []error
	complain := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for name, values := range h {
		attr, ok := strings.CutPrefix(name, "ce-")
		if !ok {
			continue
		}
		if !regexp.MustCompile(`^[a-z0-9]{1,20}$`).MatchString(attr) || attr == "data" {
			complain("%q is no name of an attribute", attr)
		}
		if len(values) != 1 {
			complain("%s stands %d times", attr, len(values))
			continue
		}
		v, err := decodeAttribute(values[0])
		if err != nil {
			complain("%s: %w", attr, err)
		}
		if v == "" {
			complain("%s is empty", attr)
		}
		if strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r >= 0x7f && r <= 0x9f }) {
			complain("%s holds a control character: %q", attr, v)
		}
		attrs[attr] = v
	}
	for _, required := range []string{"id", "source", "specversion", "type"} {
		if attrs[required] == "" {
			complain("%s is missing", required)
		}
	}
	if attrs["specversion"] != "1.0" {
		complain("specversion is %q", attrs["specversion"])
	}
	if _, err := url.Parse(attrs["source"]); err != nil {
		complain("source is no URI reference: %w", err)
	}
	for _, name := range []string{"time", "recordedtime"} {
		if at, ok := attrs[name]; ok {
			if _, err := time.Parse(time.RFC3339Nano, at); err != nil {
				complain("%s: %w", name, err)
			}
		}
	}
	if _, _, err := mime.ParseMediaType(attrs["datacontenttype"]); err != nil {
		complain("datacontenttype: %w", err)
	}
	return attrs, errors.Join(errs...)
}

// decodeAttribute undoes the encoding of a header's value, and refuses what no sender may write.
func decodeAttribute(v string) (string, error) {
	if strings.ContainsFunc(v, func(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' }) {
		return "", fmt.Errorf("%q is not encoded", v)
	}
	out, err := url.PathUnescape(v)
	if err == nil && !utf8.ValidString(out) {
		err = fmt.Errorf("%q is no UTF-8", v)
	}
	return out, err
}

// outside connects as any NATS client would to a bus that listens.
func outside(t *testing.T, b *bus.Bus) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// listening opens a bus that others can reach.
func listening(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	o.Dir, o.Listen = t.TempDir(), "127.0.0.1:0"
	b := dial(t, o)
	t.Cleanup(func() { shut(t, b) })
	return b
}

func TestAChangeIsACloudEvent(t *testing.T) {
	b := listening(t, bus.Options{Source: "https://hub.example.com/eu"})
	conn := outside(t, b)
	sub, err := conn.SubscribeSync("hub.changes.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 30, 0, 5000, time.FixedZone("CET", 3600))
	c := canon.Change{ID: "chg_1", Type: "deal.won", Customer: "cus_1", Sequence: 7, OccurredAt: at, RecordedAt: at.Add(time.Hour), Position: 42,
		Backfill: true, Data: json.RawMessage(`{"event":{"summary":"Größe"}}`)}
	if err := b.PublishChanges(t.Context(), []canon.Change{c}); err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	got, err := event(m.Header)
	if err != nil {
		t.Error(err)
	}
	want := map[string]string{"specversion": "1.0", "id": "chg_1", "source": "https://hub.example.com/eu", "type": "deal.won", "subject": "cus_1",
		"partitionkey": "cus_1", "time": "2026-03-01T11:30:00.000005Z", "recordedtime": "2026-03-01T12:30:00.000005Z", "datacontenttype": "application/json"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	own := nats.Header{}
	for name, values := range m.Header {
		if !strings.HasPrefix(name, "ce-") {
			own[name] = values
		}
	}
	if diff := cmp.Diff(nats.Header{"Nats-Msg-Id": {"chg_1"}, "Hub-Position": {"42"}, "Hub-Type": {"deal.won"}, "Hub-Customer": {"cus_1"}, "Hub-Backfill": {"true"}}, own); diff != "" {
		t.Errorf("own headers (-want +got):\n%s", diff)
	}
	var body canon.Change
	if err := json.Unmarshal(m.Data, &body); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c, body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// TestWhateverIsToldIsACloudEvent sends changes whose words nobody has chosen well.
func TestWhateverIsToldIsACloudEvent(t *testing.T) {
	b := listening(t, bus.Options{})
	conn := outside(t, b)
	sub, err := conn.SubscribeSync("hub.changes.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	words := rapid.StringOf(rapid.RuneFrom([]rune("ab.*> %\"\t\r\nä€😀\\{}")))
	n := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		n++
		// Control characters have no place in an attribute's value; ids and types of Hub hold none.
		typ := strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace("x" + words.Draw(rt, "type"))
		c := canon.Change{ID: fmt.Sprint("chg_", n), Type: typ, Customer: "cus ä", Position: n, Data: json.RawMessage("{}"),
			OccurredAt: time.Unix(rapid.Int64Range(-1e12, 1e12).Draw(rt, "at"), 0).UTC()}
		if rapid.Bool().Draw(rt, "nobody") {
			c.Customer = ""
		}
		if y := c.OccurredAt.Year(); y < 0 || y > 9999 {
			// The body's JSON has no other years either.
			c.OccurredAt = time.Time{}
		}
		if err := b.PublishChanges(t.Context(), []canon.Change{c}); err != nil {
			rt.Fatal(err)
		}
		m, err := sub.NextMsg(patience)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := event(m.Header)
		if err != nil {
			rt.Errorf("%+v: %v", c, err)
		}
		if got["type"] != c.Type || got["subject"] != c.Customer || got["id"] != c.ID || got["source"] != "/hub" {
			rt.Errorf("%+v came as %v", c, got)
		}
	})
}

// TestTheCheckBites holds the check of events against what it must refuse.
func TestTheCheckBites(t *testing.T) {
	good := nats.Header{"ce-id": {"1"}, "ce-source": {"/hub"}, "ce-specversion": {"1.0"}, "ce-type": {"a"}, "ce-datacontenttype": {"application/json"}}
	if _, err := event(good); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"ce-id": "", "ce-specversion": "0.3", "ce-type": "a b", "ce-source": "%C0%A0", "ce-time": "yesterday",
		"ce-Big": "x", "Content-Type": "application/cloudevents+json", "ce-datacontenttype": "json;;", "ce-subject": "%01"} {
		bad := maps.Clone(good)
		bad[name] = []string{value}
		if _, err := event(bad); err == nil {
			t.Errorf("%s: %q passes", name, value)
		}
	}
	for name := range good {
		bad := maps.Clone(good)
		delete(bad, name)
		if _, err := event(bad); err == nil && slices.Contains([]string{"ce-id", "ce-source", "ce-specversion", "ce-type"}, name) {
			t.Errorf("an event without %s passes", name)
		}
	}
}
