// Package interop holds what Hub publishes on NATS against the public tools that read it: the nats command line and the
// library behind it. It is a module of its own, because these tools ask for other versions of what Hub is built with.
package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jsm.go"
	"github.com/nats-io/jsm.go/api"
	"github.com/nats-io/nats.go"

	"github.com/lifecyclehub/hub/bus"
	"github.com/lifecyclehub/hub/canon"
)

const patience = time.Minute

// customer is the one that the page speaks of.
const customer = "cus_5d41402abc4b"

// published opens a bus that listens and holds six changes.
func published(t *testing.T) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.PublishChanges(t.Context(), changes()); err != nil {
		t.Fatal(err)
	}
	return b
}

func changes() []canon.Change {
	var out []canon.Change
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i, c := range [][2]string{{customer, "deal.won"}, {"cus_2", "invoice.paid"}, {customer, "invoice.issued"}, {"cus_3", "invoice.paid"},
		{"cus_2", "stage.changed"}, {customer, "invoice.paid"}} {
		out = append(out, canon.Change{ID: canon.ID("chg", strconv.Itoa(i)), Type: c[1], Customer: c[0], Position: int64(i + 1),
			OccurredAt: at, RecordedAt: at, Data: json.RawMessage(`{"event":{"summary":"number ` + strconv.Itoa(i+1) + `"}}`)})
	}
	return out
}

func TestTheLibraryReadsTheStream(t *testing.T) {
	b := published(t)
	nc, err := nats.Connect(b.URL(), nats.UseOldRequestStyle())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	// It holds every answer of the server against the server's own schemas.
	mgr, err := jsm.New(nc, jsm.WithTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	s, err := mgr.LoadStream("HUB_CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Subjects(); len(got) != 1 || got[0] != "hub.changes.>" || s.Retention() != api.LimitsPolicy || s.MaxAge() != 30*24*time.Hour || !s.DirectAllowed() {
		t.Errorf("subjects %v, retention %v for %v", got, s.Retention(), s.MaxAge())
	}
	byType, err := mgr.StreamContainedSubjects("HUB_CHANGES", "hub.changes.*.invoice.>")
	if err != nil || len(byType) != 4 {
		t.Errorf("subjects of invoices: %v, %v", byType, err)
	}
	third, err := s.ReadMessage(3)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		opts []jsm.ConsumerOption
		want string
	}{
		"all":             {nil, "1 2 3 4 5 6"},
		"from a sequence": {[]jsm.ConsumerOption{jsm.StartAtSequence(4)}, "4 5 6"},
		"from a time":     {[]jsm.ConsumerOption{jsm.StartAtTime(third.Time)}, ""},
		"one customer":    {[]jsm.ConsumerOption{jsm.FilterStreamBySubject("hub.changes." + customer + ".>")}, "1 3 6"},
		"one kind":        {[]jsm.ConsumerOption{jsm.FilterStreamBySubject("hub.changes.*.invoice.>")}, "2 3 4 6"},
	} {
		cons, err := s.NewConsumer(append(c.opts, jsm.AcknowledgeExplicit(), jsm.ConsumerName(canon.ID("c", what)), jsm.InactiveThreshold(time.Minute))...)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		state, err := cons.State()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for range state.NumPending {
			m, err := cons.NextMsg()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			info, err := jsm.ParseJSMsgMetadata(m)
			if err != nil {
				t.Fatal(err)
			}
			if m.Header.Get("Hub-Position") != strconv.FormatUint(info.StreamSequence(), 10) || m.Header.Get("ce-specversion") != "1.0" {
				t.Errorf("%s: %v at %d", what, m.Header, info.StreamSequence())
			}
			got = append(got, m.Header.Get("Hub-Position"))
		}
		if what == "from a time" {
			// The server's clock may have told several one moment.
			if len(got) == 0 || got[len(got)-1] != "6" {
				t.Errorf("from a time: %v", got)
			}
		} else if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", what, s, c.want)
		}
	}
}

// TestThePageIsRight runs the commands of the documentation with the nats command line.
func TestThePageIsRight(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "nats")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, "github.com/nats-io/natscli/nats").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile("../../../docs/how-to/follow-on-nats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```sh\n")
	script, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("the page has no commands")
	}
	b := published(t)
	wants := []struct {
		command string
		// live says that it hears what comes from now on; count how many messages end it.
		live   bool
		count  int
		holds  []string
		misses []string
	}{
		{command: "nats stream info", holds: []string{"hub.changes.>", "HUB_CHANGES"}},
		{command: "nats sub 'hub.changes.>'", live: true, count: 6, holds: []string{"hub.changes.cus_2.stage.changed", "ce-id: "}},
		{command: "nats sub 'hub.changes.cus_5d", live: true, count: 3, holds: []string{"deal.won", "invoice.issued", "invoice.paid"}, misses: []string{"cus_2", "cus_3"}},
		{command: "nats sub 'hub.changes.*.invoice.>'", count: 4, holds: []string{"number 2", "number 3", "number 4", "number 6"}, misses: []string{"number 1", "number 5"}},
		{command: "nats sub 'hub.changes.>' --stream HUB_CHANGES --start-sequence 3", count: 4, holds: []string{"number 3", "number 4", "number 5", "number 6"}, misses: []string{"number 1", "number 2"}},
		{command: "nats sub 'hub.changes.>' --stream HUB_CHANGES --since 2h", count: 6, holds: []string{"number 1", "number 6"}},
		{command: "nats stream get", holds: []string{"number 6", "ce-subject: " + customer}},
		{command: "nats consumer add", holds: []string{"billing", "hub.changes.*.invoice.>"}},
		{command: "nats consumer next", holds: []string{"number 2", "number 3"}, misses: []string{"number 1", "number 4"}},
	}
	n := 0
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "export ") {
			continue
		}
		if n >= len(wants) || !strings.HasPrefix(line, wants[n].command) {
			t.Fatalf("the page says %q, which the test does not know", line)
		}
		w := wants[n]
		n++
		if w.count > 0 {
			line += " --count " + strconv.Itoa(w.count)
		}
		out := shell(t, b, tool, line, w.live)
		for _, s := range w.holds {
			if !strings.Contains(out, s) {
				t.Errorf("%s\nlacks %q:\n%s", line, s, out)
			}
		}
		for _, s := range w.misses {
			if strings.Contains(out, s) {
				t.Errorf("%s\ntells %q:\n%s", line, s, out)
			}
		}
	}
	if n != len(wants) {
		t.Errorf("the page has %d commands, want %d", n, len(wants))
	}
}

// shell runs a line as a reader of the page would, and publishes meanwhile where the line waits for news.
func shell(t *testing.T, b *bus.Bus, tool, line string, live bool) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Env = append(os.Environ(), "NATS_URL="+b.URL(), "PATH="+filepath.Dir(tool)+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for round := 0; ; round++ {
		pause := 10 * time.Minute
		if live {
			pause = 300 * time.Millisecond
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, &out)
			}
			return out.String()
		case <-time.After(pause):
			// Plain NATS: the stream stays as it is for the lines that follow.
			nc, err := nats.Connect(b.URL())
			if err != nil {
				t.Fatal(err)
			}
			relive(t, nc)
			nc.Close()
		}
	}
}

// relive publishes to who listens what the stream holds, which keeps none of it: its ids are known.
func relive(t *testing.T, nc *nats.Conn) {
	t.Helper()
	mgr, err := jsm.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for seq := range uint64(6) {
		m, err := mgr.ReadLastMessageForSubject("HUB_CHANGES", bus.ChangeSubject(changes()[seq]))
		if err != nil {
			t.Fatal(err)
		}
		again := nats.NewMsg(m.Subject)
		again.Data = m.Data
		if again.Header, err = nats.DecodeHeadersMsg(m.Header); err != nil {
			t.Fatal(err)
		}
		if err := nc.PublishMsg(again); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}
