package all_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/all"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/sandbox"
)

// seeds returns how many seeds a test tries: few, or as many as HUB_SEEDS says.
func seeds(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv("HUB_SEEDS")
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("HUB_SEEDS is %q", text)
	}
	return n
}

// hostileSecret signs the webhook calls.
const hostileSecret = "hostile-secret"

// hostiles is how the connectors are pointed at hostile servers.
func hostiles() []worldly {
	return []worldly{
		{name: "hubspot", settings: connectors.Settings{"token": sandbox.HubSpotToken, "base_url": "https://hubspot.example", "client_secret": hostileSecret}},
		{name: "stripe", settings: connectors.Settings{"api_key": sandbox.StripeKey, "base_url": "https://stripe.example", "webhook_secret": hostileSecret}},
		{name: "zendesk", settings: connectors.Settings{"token": sandbox.ZendeskToken, "base_url": "https://zendesk.example", "exports_per_minute": "60", "webhook_secret": hostileSecret}},
		{name: "salesforce", settings: connectors.Settings{"token": sandbox.SalesforceToken, "instance_url": "https://salesforce.example", "page_size": "200", "bulk_above": "never"}},
	}
}

// TestHostile reads a world that does its worst, for each seed, in virtual time, and wants that in the end what the
// rounds taught is the world as it is, record by record.
func TestHostile(t *testing.T) {
	for _, c := range hostiles() {
		t.Run(c.name, func(t *testing.T) {
			sum := &tally{}
			n := seeds(t, 3)
			for seed := range n {
				t.Run(strconv.Itoa(seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { outlasts(t, c, int64(seed), sum) })
				})
			}
			t.Logf("%d seeds: %+v", n, *sum)
		})
	}
}

// tally counts what the seeds went through.
type tally struct {
	Requests, Rounds, Reopened, Failed, Records, Gone, Merged, Calls, Forged, Renewals int
}

// outlasts plays one seed.
func outlasts(t *testing.T, c worldly, seed int64, sum *tally) {
	time.Sleep(26 * 365 * 24 * time.Hour)
	world := sandbox.NewWorld(sandbox.Options{Seed: seed, Companies: 25, Now: time.Now()})
	h := world.Hostile(c.name, seed)
	h.Follow(time.Now)
	r := &reader{t: t, vendor: c, hostile: h, sum: sum, dice: rand.New(rand.NewPCG(uint64(seed), 7)), vault: &vault{}, streams: map[string]*held{}}
	r.connect()
	calls := seed%2 == 1
	for range 4 + r.dice.IntN(5) {
		for range 1 + r.dice.IntN(6) {
			time.Sleep(time.Duration(r.dice.Int64N(int64(25 * time.Minute))))
			h.Step(time.Now())
		}
		if r.dice.IntN(12) == 0 {
			time.Sleep([]time.Duration{30 * time.Hour, 9 * 24 * time.Hour, 35 * 24 * time.Hour}[r.dice.IntN(3)])
		}
		if calls {
			r.called()
		}
		r.round()
	}
	h.Settle()
	if calls {
		r.called()
	}
	time.Sleep(2 * time.Hour)
	r.round()
	r.compare(false)
	// What no feed tells is found when everything is listed again.
	time.Sleep(8 * 24 * time.Hour)
	r.round()
	// An operator takes as deleted what was too much to be believed.
	for _, s := range r.streams {
		s.accept()
	}
	r.compare(true)
	if o := h.OAuth(); o != nil {
		sum.Renewals += o.Counts().Renewals
	}
}

// reader is what a hub does with a vendor: rounds of pages, each kept with the cursor behind it.
type reader struct {
	t       *testing.T
	vendor  worldly
	hostile *sandbox.Hostile
	sum     *tally
	dice    *rand.Rand
	vault   *vault
	conn    connectors.Conn
	refresh string
	streams map[string]*held
}

// connect opens the connection, as a process does that starts anew.
func (r *reader) connect() {
	r.t.Helper()
	settings := connectors.Settings{}
	for k, v := range r.vendor.settings {
		settings[k] = v
	}
	if o := r.hostile.OAuth(); o != nil {
		if r.refresh == "" {
			r.refresh = o.Consent()
		}
		settings["token"], settings["client_id"], settings["client_secret"] = "", sandbox.OAuthClientID, sandbox.OAuthClientSecret
		settings["refresh_token"], settings["login_url"] = r.refresh, "https://salesforce.example"
	}
	def, ok := all.Find(r.vendor.name)
	if !ok {
		r.t.Fatalf("%s is not among the connectors", r.vendor.name)
	}
	counted := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.sum.Requests++
		r.hostile.ServeHTTP(w, req)
	})
	conn, err := def.Open(r.t.Context(), settings, connectors.Env{
		Connection: r.vendor.name, Transport: oneByOne(connectortest.Transport(counted)), Vault: r.vault,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.conn = conn
}

// round reads every stream to its end. Now and then the process is lost behind a page, or before it is kept.
func (r *reader) round() {
	r.t.Helper()
	r.sum.Rounds++
	for _, st := range r.conn.Streams() {
		s := r.streams[st.Name]
		if s == nil {
			s = &held{records: map[string]canon.Record{}}
			r.streams[st.Name] = s
		}
		for tries, more := 0, true; more; {
			p, err := r.conn.Pull(r.t.Context(), st.Name, s.cursor)
			if err != nil {
				if e := canon.AsError(err); !e.Retry || tries > 40 {
					r.t.Fatalf("%s: %v (hint: %s)", st.Name, err, e.Hint)
				}
				r.sum.Failed++
				tries++
				time.Sleep(time.Minute)
				continue
			}
			if r.dice.IntN(25) == 0 {
				// Killed: the page, and all that was in memory, is lost.
				r.sum.Reopened++
				r.connect()
				continue
			}
			s.keep(p)
			more = p.More
		}
	}
}

// called lets the vendor's webhook calls arrive.
func (r *reader) called() {
	r.t.Helper()
	hook := connectors.Hook{}
	if def, _ := all.Find(r.vendor.name); def.Hook != nil {
		hook = *def.Hook
	}
	for _, c := range r.hostile.Calls(hostileSecret, hookAddress, time.Now()) {
		r.sum.Calls++
		err := verified(hook, c)
		if c.Forged {
			r.sum.Forged++
			if err == nil {
				r.t.Errorf("a forged call was let in: %s", c.Body)
			}
			continue
		}
		if err != nil {
			r.t.Errorf("a true call was refused: %v", err)
			continue
		}
		r.take(c)
	}
}

// take does what a call tells: what it carries or names as gone is kept, what it names is read.
func (r *reader) take(c sandbox.HookCall) {
	arrived := time.Now().UTC()
	got, err := r.conn.(connectors.Receiver).Receive(connectors.Call{Method: http.MethodPost, Header: c.Header, Body: c.Body, At: arrived})
	if err != nil {
		r.t.Errorf("%v: %s", err, c.Body)
		return
	}
	for _, hint := range got.Hints {
		s := r.streams[hint.Stream]
		if s == nil {
			continue
		}
		if hint.Deleted {
			rec := canon.Record{Ref: canon.Ref{Connection: r.vendor.name, Stream: hint.Stream, ID: hint.ID}, Version: hint.At.UnixMicro(), ObservedAt: hint.At, Deleted: true, Reason: "deleted", Into: hint.Into}
			if hint.Into != "" {
				rec.Reason = "merged"
			}
			s.add(rec)
			continue
		}
		page, err := r.conn.(connectors.Fetcher).Fetch(r.t.Context(), hint.Stream, []string{hint.ID})
		if err != nil {
			if !canon.AsError(err).Retry {
				r.t.Errorf("%s/%s: %v", hint.Stream, hint.ID, err)
			}
			continue
		}
		for _, rec := range page.Records {
			// As new as the vendor said, where it has.
			if !rec.Deleted && rec.Version > 0 && rec.Version < hint.At.UnixMicro() && !hint.At.Equal(arrived) {
				rec.Version = hint.At.UnixMicro()
			}
			s.add(rec)
		}
	}
}

// compare holds what was learnt against the world. What no feed tells counts only where all is said.
func (r *reader) compare(all bool) {
	r.t.Helper()
	truth := r.hostile.Final()
	for stream, s := range r.streams {
		complaints := 0
		complain := func(format string, args ...any) {
			if complaints++; complaints <= 3 {
				r.t.Errorf("%s, all told %t: %s", stream, all, fmt.Sprintf(format, args...))
			}
		}
		for id, want := range truth[stream] {
			rec, known := s.records[id]
			switch {
			case want.Silent && !all:
			case want.JSON == nil && known && !rec.Deleted && (all || s.refused == nil):
				complain("%s is gone (into %q), and held as alive (version %v, observed %v)", id, want.Into, time.UnixMicro(rec.Version).UTC(), rec.ObservedAt)
			case want.JSON == nil && !all && s.refused != nil:
			case want.JSON == nil:
				// What Salesforce's recycle bin no longer holds can only be found missing.
				if want.Into != "" && known && (rec.Reason != "merged" || rec.Into == "") && (rec.Reason != canon.ReasonMissing || r.vendor.name == "hubspot") {
					complain("%s became part of %s, and is held as %s", id, want.Into, rec.Reason)
				}
				r.sum.Merged++
			case !known || rec.Deleted:
				complain("%s is missing (known %t, %s, version %v)", id, known, rec.Reason, time.UnixMicro(rec.Version).UTC())
			default:
				w, g := sandbox.Plain(r.vendor.name, want.JSON, all), sandbox.Plain(r.vendor.name, rec.Raw, all)
				if w != g {
					complain("%s is another (observed %v, now %v):\n want %s\n have %s", id, rec.ObservedAt, time.Now(), w, g)
				}
			}
			r.sum.Records++
		}
		for id, rec := range s.records {
			if _, there := truth[stream][id]; !there && !rec.Deleted && (all || s.refused == nil) {
				complain("%s is not in the world, and held as alive", id)
			}
			if rec.Deleted {
				r.sum.Gone++
			}
		}
		if complaints > 3 {
			r.t.Errorf("%s: and %d more", stream, complaints-3)
		}
	}
	read := 0
	for stream, s := range r.streams {
		// HubSpot's marketing is off here: the world knows nothing of it, and nothing may be read.
		if truth[stream] != nil || len(s.records) > 0 {
			read++
		}
	}
	if len(truth) != read {
		r.t.Errorf("%d streams are read, %d are known", read, len(truth))
	}
}
