//go:build unix

package rt_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/rt"
	"github.com/lifecyclehub/hub/mapping"
)

var record = flag.Bool("record", false, "write the real server's answers to testdata/exchange.json")

// ask makes a request of the server's own API and returns the id of what was created.
func (s server) ask(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+"/REST/2.0"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(s.user, s.password)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, b, err)
	}
	var made struct{ ID any }
	_ = json.Unmarshal(b, &made) // lists of messages have no id
	return fmt.Sprint(made.ID)
}

// open connects with small pages, so that lists have several.
func (s server) open(t *testing.T, now func() time.Time, through http.RoundTripper) connectors.Conn {
	t.Helper()
	conn, err := rt.Definition().Open(t.Context(), connectors.Settings{"base_url": s.url, "user": s.user, "password": s.password, "token": s.token,
		"requests_per_second": "1000", "page_size": "3"}, connectors.Env{Connection: "laws", Now: now, Transport: through})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestRealServer holds the connector against a Request Tracker: what it reads, that rounds find what changed,
// and what becomes of what it writes.
func TestRealServer(t *testing.T) {
	s := realServer(t)
	mark := fmt.Sprint(time.Now().UnixNano()) // so that a server may be used again
	ada, yuki := "ada"+mark+"@brightwater.example", "yuki"+mark+"@okubo.example"
	adaName := s.ask(t, "POST", "/user", `{"Name":"`+ada+`","EmailAddress":"`+ada+`","RealName":"Ada Okafor","Organization":"Brightwater Foods","WorkPhone":"+353 21 555 0101"}`)
	yukiName := s.ask(t, "POST", "/user", `{"Name":"`+yuki+`","EmailAddress":"`+yuki+`","RealName":"森 由紀"}`)
	s.ask(t, "POST", "/customfield", `{"Name":"Severity`+mark+`","Type":"FreeformSingle","Queue":0,"Pattern":"^(high|low|)$"}`)
	var tickets []string
	for i := range 6 {
		tickets = append(tickets, s.ask(t, "POST", "/ticket", fmt.Sprintf(`{"Queue":"General","Subject":"Ticket %d","Requestor":"%s","Content":"hello","CustomFields":{"Severity%s":"high"}}`, i, ada, mark)))
	}
	conn := s.open(t, time.Now, nil)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []server{{url: s.url, user: s.user, password: "wrong-password"}, {url: s.url, token: "1-14-wrong-token"}} {
		if err := wrong.open(t, time.Now, nil).Check(t.Context()); canon.CodeOf(err) != "auth.denied" {
			t.Errorf("a wrong credential gave %v", err)
		}
	}
	if s.perl != nil {
		// From here on with a token, as its owner would make one in the settings.
		said := s.perl(t, `my $t = RT::AuthToken->new(RT->SystemUser); my $u = RT::User->new(RT->SystemUser); $u->Load("root");
			my ($ok, $msg, $auth) = $t->Create(Owner => $u->id, Description => "hub"); die $msg unless $ok; print "token=$auth\n"`)
		_, s.token, _ = strings.Cut(strings.TrimSpace(said), "token=")
		conn = s.open(t, time.Now, nil)
	}
	rounds := map[string]*connectortest.Reading{"users": {}, "tickets": {}}
	for stream, r := range rounds {
		r.Round(t, conn, stream)
	}
	writes(t, s, conn, tickets, mark)

	s.ask(t, "PUT", "/ticket/"+tickets[0], `{"Status":"resolved"}`)
	s.ask(t, "PUT", "/ticket/"+tickets[1], `{"Status":"deleted"}`)
	s.ask(t, "PUT", "/ticket/"+tickets[2], `{"MergeInto":"`+tickets[3]+`"}`)
	if s.perl != nil {
		// As if it had lain there for long: merging does not move its time of change.
		s.perl(t, `my $t = RT::Ticket->new(RT->SystemUser); $t->LoadById(`+tickets[2]+`); $t->__Set(Field => "LastUpdated", Value => "2020-01-01 00:00:00")`)
	}
	s.ask(t, "POST", "/ticket", `{"Queue":"General","Subject":"Späte Frage","Requestor":"`+yuki+`","Content":"hello"}`)
	s.ask(t, "PUT", "/user/"+adaName, `{"Organization":"Brightwater"}`)
	s.ask(t, "PUT", "/user/"+yukiName, `{"Disabled":1}`)
	for stream, r := range rounds {
		r.Round(t, conn, stream)
		fresh, again := &connectortest.Reading{}, &connectortest.Reading{}
		fresh.Round(t, s.open(t, time.Now, nil), stream)
		again.Round(t, s.open(t, time.Now, nil), stream)
		if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
			t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
		}
		if diff := cmp.Diff(fresh.Live(), again.Live()); diff != "" {
			t.Errorf("%s: two readings differ:\n%s", stream, diff)
		}
	}
	if got := rounds["tickets"].Records[tickets[1]]; !got.Deleted || got.Reason != "deleted" {
		t.Errorf("the deleted ticket is %+v", got)
	}
	if got := rounds["tickets"].Records[tickets[2]]; !got.Deleted || got.Into != tickets[3] {
		t.Errorf("the merged ticket is %+v", got)
	}
	becomes(t, rounds, ada)
	if *record {
		keep(t, s)
	}
}

// writes tries fields of tickets and users: created, written, refused and emptied.
func writes(t *testing.T, s server, conn connectors.Conn, tickets []string, mark string) {
	t.Helper()
	p, pp := conn.(connectors.Pusher), conn.(connectors.Preparer)
	stage := "hub_stage_" + mark
	fields := []connectors.FieldSpec{{Name: stage, Label: "Stage", Type: "text"}, {Name: "hub_seen_" + mark, Type: "datetime"},
		{Name: "hub_band_" + mark, Type: "enum", Options: []string{"green", "red"}}}
	made, err := pp.Prepare(t.Context(), "tickets", fields)
	if again, err := pp.Prepare(t.Context(), "tickets", fields); err != nil || len(again) > 0 {
		t.Errorf("a second Prepare created %v, %v", again, err)
	}
	if err != nil || len(made) != 3 {
		t.Fatalf("Prepare created %v, %v", made, err)
	}
	told, err := conn.(connectors.Describer).Describe(t.Context(), "tickets")
	if err != nil || !slices.ContainsFunc(told, func(f connectors.Field) bool { return f.Name == stage && f.Custom }) {
		t.Errorf("Describe told %+v, %v", told, err)
	}
	write := func(id string, values map[string]string) connectors.Write {
		return connectors.Write{Ref: canon.Ref{Connection: "laws", Stream: "tickets", ID: id}, Fields: values}
	}
	good := map[string]string{stage: "Aktivität «neu»", "hub_seen_" + mark: "2026-03-01T12:00:00Z", "hub_band_" + mark: "red"}
	out, err := p.Push(t.Context(), "tickets", []connectors.Write{
		write(tickets[0], good), write(tickets[3], map[string]string{"Severity" + mark: "no such word"}), write("999999999", good),
		write(tickets[4], map[string]string{"nobody_made_this": "x"}), write(tickets[4], good), write(tickets[4], map[string]string{stage: ""}),
		write(tickets[5], good)})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, o := range out {
		codes = append(codes, canon.CodeOf(o.Err))
	}
	if diff := cmp.Diff([]string{"", "push.refused", "not_found", "push.field_missing", "", "", ""}, codes); diff != "" {
		t.Errorf("outcomes differ:\n%s", diff)
	}
	got, err := p.Read(t.Context(), "tickets", []string{tickets[0], tickets[4], "999999999", "no-such-record"}, []string{stage, "hub_seen_" + mark})
	want := map[string]map[string]string{tickets[0]: {stage: good[stage], "hub_seen_" + mark: "2026-03-01T12:00:00Z"}, tickets[4]: {stage: "", "hub_seen_" + mark: "2026-03-01T12:00:00Z"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, values differ:\n%s", err, diff)
	}
	writesUsers(t, s, conn, mark)
}

// writesUsers: a field of users is created, and Hub says who must apply it; then it takes values.
func writesUsers(t *testing.T, s server, conn connectors.Conn, mark string) {
	t.Helper()
	p, pp := conn.(connectors.Pusher), conn.(connectors.Preparer)
	name := "hub_user_stage_" + mark
	fields := []connectors.FieldSpec{{Name: name, Label: "Stage", Type: "text"}}
	made, err := pp.Prepare(t.Context(), "users", fields)
	if e := canon.AsError(err); e == nil || e.Code != "push.field_unapplied" || !strings.Contains(e.Hint, name) || !slices.Equal(made, []string{name}) {
		t.Fatalf("Prepare created %v, %v", made, err)
	}
	id := s.userID(t, conn, "ada"+mark)
	ref := canon.Ref{Connection: "laws", Stream: "users", ID: id}
	out, err := p.Push(t.Context(), "users", []connectors.Write{{Ref: ref, Fields: map[string]string{name: "active"}}})
	if err != nil || canon.CodeOf(out[0].Err) != "push.field_missing" {
		t.Errorf("before the field is applied Push gave %+v, %v", out, err)
	}
	if s.perl == nil {
		t.Log("the server is not ours: nobody applies the users' field, so writing it is not tried")
		return
	}
	s.perl(t, `my $f = RT::CustomField->new(RT->SystemUser); $f->Load("`+name+`"); my ($ok, $msg) = $f->AddToObject(RT::User->new(RT->SystemUser)); die $msg unless $ok`)
	if made, err := pp.Prepare(t.Context(), "users", fields); err != nil || len(made) > 0 {
		t.Errorf("behind the administrator Prepare created %v, %v", made, err)
	}
	missing := canon.Ref{Connection: "laws", Stream: "users", ID: "99999999"}
	out, err = p.Push(t.Context(), "users", []connectors.Write{{Ref: ref, Fields: map[string]string{name: "active"}}, {Ref: missing, Fields: map[string]string{name: "x"}}})
	if err != nil || out[0].Err != nil || canon.CodeOf(out[1].Err) != "not_found" {
		t.Errorf("Push gave %+v, %v", out, err)
	}
	got, err := p.Read(t.Context(), "users", []string{id, "99999999"}, []string{name})
	if diff := cmp.Diff(map[string]map[string]string{id: {name: "active"}}, got); diff != "" || err != nil {
		t.Errorf("%v, values differ:\n%s", err, diff)
	}
}

// userID finds a user's number in the list.
func (s server) userID(t *testing.T, conn connectors.Conn, prefix string) string {
	t.Helper()
	r := &connectortest.Reading{}
	r.Round(t, conn, "users")
	for id, raw := range r.Live() {
		if strings.Contains(raw, `"Name":"`+prefix) {
			return id
		}
	}
	t.Fatalf("no user %s", prefix)
	return ""
}

// becomes maps what was read: customers are contacts, staff is not, and tickets are theirs.
func becomes(t *testing.T, rounds map[string]*connectortest.Reading, ada string) {
	t.Helper()
	m, err := mapping.Parse("rt", rt.Definition().Mapping, mapping.Options{Connection: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	mails, owned := map[string]bool{}, 0
	for _, r := range rounds {
		for _, rec := range r.Records {
			entities, letters := m.Apply(rec)
			if len(letters) > 0 {
				t.Errorf("%s: %s at %s: %s", rec.Ref, letters[0].Code, letters[0].Path, letters[0].Reason)
			}
			for _, e := range entities {
				if c, ok := e.Body.(*canon.Contact); ok && !e.Deleted {
					for _, mail := range c.Emails {
						mails[mail] = true
					}
				}
				if _, ok := e.Body.(*canon.Ticket); ok && len(e.Owners) > 1 {
					owned++
				}
			}
		}
	}
	if !mails[ada] || mails["root@localhost"] || owned < 5 {
		t.Errorf("contacts %v, %d tickets with owners", mails, owned)
	}
}

// recorder keeps what the server answered.
type recorder struct {
	answers []connectortest.Answer
	seen    map[string]bool
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if r.seen[req.URL.String()] {
		return resp, nil
	}
	r.seen[req.URL.String()] = true
	a := connectortest.Answer{Path: req.URL.Path, Query: map[string]string{}, Answer: bytes.ReplaceAll(body, []byte(req.URL.Host), []byte("rt.example"))}
	for k := range req.URL.Query() {
		a.Query[k] = req.URL.Query().Get(k)
	}
	r.answers = append(r.answers, a)
	return resp, nil
}

// keep reads two rounds an hour apart, as the laws do, and writes what was answered.
func keep(t *testing.T, s server) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Minute)
	x := connectortest.Exchange{Now: now, Settings: connectors.Settings{"base_url": "http://rt.example", "token": "1-14-0f3c-not-a-real-token", "page_size": "3"}}
	r := &recorder{seen: map[string]bool{}}
	conn := s.open(t, func() time.Time { return now }, r)
	if err := conn.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, st := range conn.Streams() {
		all := &connectortest.Reading{}
		all.Round(t, conn, st.Name)
		now = now.Add(time.Hour)
		all.Round(t, conn, st.Name)
		now = now.Add(-time.Hour)
	}
	x.Answers = r.answers
	b, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "exchange.json"), append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}
