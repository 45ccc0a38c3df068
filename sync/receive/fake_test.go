package receive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/sync/receive"
)

// vendor is a connection whose calls are JSON: records it carries, hints, or a fault.
type vendor struct {
	mu sync.Mutex
	// objects are what Fetch finds, by id; faults what it fails with instead.
	objects map[string]int64
	faults  map[string]error
	down    error
	fetches [][]string
	// hang keeps fetches from returning.
	hang       bool
	priorities map[connectors.Priority]bool
}

type said struct {
	Records []string `json:"records"`
	Hints   []string `json:"hints"`
	Gone    []string `json:"gone"`
	Merged  string   `json:"merged"`
	At      int64    `json:"at"`
	Panic   bool     `json:"panic"`
	Reject  string   `json:"reject"`
}

func (v *vendor) Check(context.Context) error { return nil }
func (v *vendor) Streams() []connectors.Stream {
	return []connectors.Stream{{Name: "things"}, {Name: "others"}}
}
func (v *vendor) Close() error { return nil }
func (v *vendor) Pull(context.Context, string, canon.Cursor) (connectors.Page, error) {
	return connectors.Page{}, nil
}

func (v *vendor) Receive(c connectors.Call) (connectors.Received, error) {
	var in said
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return connectors.Received{}, canon.Errorf("hook.unreadable", "the body is no JSON: %w", err)
	}
	if in.Panic {
		panic("a fault of the connector")
	}
	var out connectors.Received
	for _, id := range in.Records {
		out.Records = append(out.Records, canon.Record{Ref: canon.Ref{Stream: "things", ID: id}, Version: in.At, Raw: json.RawMessage(`{}`)})
	}
	for _, id := range in.Hints {
		stream, id, ok := strings.Cut(id, "/")
		if !ok {
			stream, id = "things", stream
		}
		h := connectors.Hint{Stream: stream, ID: id, At: c.At}
		if in.At != 0 {
			h.At = time.UnixMicro(in.At)
		}
		out.Hints = append(out.Hints, h)
	}
	for _, id := range in.Gone {
		out.Hints = append(out.Hints, connectors.Hint{Stream: "things", ID: id, Deleted: true, Into: in.Merged, At: time.UnixMicro(in.At)})
	}
	if in.Reject != "" {
		out.Rejects = append(out.Rejects, canon.DeadLetter{Stream: "things", Code: "record.no_id", Reason: in.Reject})
	}
	return out, nil
}

func (v *vendor) Fetch(ctx context.Context, stream string, ids []string) (connectors.Page, error) {
	v.mu.Lock()
	v.fetches = append(v.fetches, slices.Clone(ids))
	if p, ok := connectors.PriorityOf(ctx); ok {
		v.priorities[p] = true
	}
	hang, down := v.hang, v.down
	var fault error
	var page connectors.Page
	for _, id := range ids {
		if err := v.faults[id]; err != nil {
			fault = err
		}
		version, ok := v.objects[id]
		page.Records = append(page.Records, canon.Record{Ref: canon.Ref{Stream: stream, ID: id}, Version: version, Deleted: !ok, Raw: json.RawMessage(`{}`)})
	}
	v.mu.Unlock()
	if hang {
		<-ctx.Done()
		return connectors.Page{}, ctx.Err()
	}
	if down != nil {
		return connectors.Page{}, down
	}
	return page, fault
}

func (v *vendor) fetched() [][]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.fetches)
}

func (v *vendor) asked() map[connectors.Priority]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.priorities)
}

func (v *vendor) fail(id string, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults[id] = err
}

// deaf is a vendor whose objects cannot be read one by one.
type deaf struct{ v *vendor }

func (d deaf) Check(context.Context) error                            { return nil }
func (d deaf) Streams() []connectors.Stream                           { return d.v.Streams() }
func (d deaf) Close() error                                           { return nil }
func (d deaf) Receive(c connectors.Call) (connectors.Received, error) { return d.v.Receive(c) }
func (d deaf) Pull(context.Context, string, canon.Cursor) (connectors.Page, error) {
	return connectors.Page{}, nil
}

// world is a queue and a belt in memory, so that time can be of the test's making. What is not done when the desk
// stops is handed out again.
type world struct {
	mu    sync.Mutex
	order []string
	kept  map[string][]byte
	at    map[string]string
	known map[string]bool
	news  map[string]chan struct{}
	alive int
	// sent is what reached the belt; refuse is what the belt says instead, mute keeps receipts back.
	sent   []canon.Batch
	refuse error
	mute   bool
	// twice hands every call out twice.
	twice bool
}

func newWorld() *world {
	return &world{kept: map[string][]byte{}, at: map[string]string{}, known: map[string]bool{}, news: map[string]chan struct{}{}}
}

func (w *world) signal(connection string) chan struct{} {
	if w.news[connection] == nil {
		w.news[connection] = make(chan struct{}, 1)
	}
	return w.news[connection]
}

func (w *world) Append(_ context.Context, connection, id string, data []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	id = connection + "/" + id
	if w.known[id] {
		return nil
	}
	w.known[id], w.kept[id], w.at[id] = true, data, connection
	w.order = append(w.order, id)
	select {
	case w.signal(connection) <- struct{}{}:
	default:
	}
	return nil
}

type held struct {
	w    *world
	id   string
	seq  uint64
	data []byte
}

func (h held) ID() uint64 { return h.seq }

func (h held) Data() []byte { return h.data }
func (h held) Done(context.Context) error {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	delete(h.w.kept, h.id)
	return nil
}
func (h held) Working() error {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	h.w.alive++
	return nil
}

func (w *world) Take(ctx context.Context, connection string, take func(receive.Held) error) error {
	handed := map[string]bool{}
	for {
		w.mu.Lock()
		var next *held
		for i, id := range w.order {
			if data, ok := w.kept[id]; ok && w.at[id] == connection && !handed[id] {
				next = &held{w, id, uint64(i + 1), data}
				break
			}
		}
		news := w.signal(connection)
		w.mu.Unlock()
		if next == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-news:
				continue
			}
		}
		handed[next.id] = true
		if w.twice {
			if err := take(*next); err != nil {
				return err
			}
		}
		if err := take(*next); err != nil {
			return err
		}
	}
}

// line is a way to the belt of a world.
type line struct {
	w    *world
	done chan int64
}

func (w *world) open(buffer int) (receive.Line, error) {
	return &line{w, make(chan int64, buffer)}, nil
}

func (l *line) Send(_ context.Context, b canon.Batch) error {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	if l.w.refuse != nil {
		return l.w.refuse
	}
	l.w.sent = append(l.w.sent, b)
	if !l.w.mute {
		l.done <- b.Seq
	}
	return nil
}
func (l *line) Done() <-chan int64 { return l.done }
func (l *line) Close() error       { return nil }

// records are the ids of what reached the belt, with their versions.
func (w *world) records() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, b := range w.sent {
		for _, r := range b.Records {
			text := fmt.Sprintf("%s/%s/%s@%d", b.Connection, r.Stream, r.ID, r.Version)
			if r.Deleted {
				text += " " + r.Reason + r.Into
			}
			out = append(out, text)
		}
	}
	return out
}

func (w *world) batches() []canon.Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func (w *world) heard() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alive
}

func (w *world) letters() []canon.DeadLetter {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []canon.DeadLetter
	for _, b := range w.sent {
		out = append(out, b.Rejects...)
	}
	return out
}

func (w *world) left() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.kept))
}

// guard believes calls that say so, and names them by a header.
type guard struct{}

func (guard) Verify(k receive.Knock) error {
	switch {
	case k.Header.Get("X-Sign") == "":
		return canon.Errorf("hook.unsigned", "the call has no X-Sign").WithHint("a hint for the operator")
	case k.Header.Get("X-Sign") == "misconfigured":
		return canon.Errorf("hook.secret", "there is no secret")
	case k.Header.Get("X-Sign") != k.URL:
		return canon.Errorf("hook.signature", "the signature does not match")
	}
	return nil
}
func (guard) Key(k receive.Knock) string {
	if id := k.Header.Get("X-Id"); id != "" {
		return id
	}
	return canon.ID("k", string(k.Body), k.At.String())
}
func (guard) Ping(k receive.Knock) bool { return string(k.Body) == "ping" }
func (guard) Redact(c connectors.Call) connectors.Call {
	c.Header = http.Header{"X-Id": c.Header["X-Id"]}
	return c
}

func newVendor() *vendor {
	return &vendor{objects: map[string]int64{}, faults: map[string]error{}, priorities: map[connectors.Priority]bool{}}
}

func source(name string, c connectors.Conn) receive.Source {
	return receive.Source{Connection: name, Connector: "acme", Conn: c, Streams: []string{"things", "others"},
		Door: receive.Door{Guard: guard{}, PublicURL: "https://hub.example", Body: "{}", ContentType: "application/json"}}
}

func desk(t *testing.T, w *world, sources ...receive.Source) *receive.Desk {
	t.Helper()
	d, err := receive.New(receive.Options{Queue: w, Open: w.open, Split: func(b canon.Batch) []canon.Batch { return []canon.Batch{b} }, Log: slog.New(slog.DiscardHandler)}, sources)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run starts the desk, and returns what stops it and waits.
func run(t *testing.T, d *receive.Desk) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// post makes a call at path, signed for its address unless the headers say otherwise.
func post(d http.Handler, path, body string, pairs ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-Sign", "https://hub.example"+path)
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}
