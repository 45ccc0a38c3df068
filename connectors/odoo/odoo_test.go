package odoo_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/connectors"
	"github.com/lifecyclehub/hub/connectors/connectortest"
	"github.com/lifecyclehub/hub/connectors/odoo"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/sandbox"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func settings() connectors.Settings {
	return connectors.Settings{"base_url": "https://odoo.example", "api_key": sandbox.OdooKey, "database": sandbox.OdooDatabase, "requests_per_second": "100000"}
}

func open(t *testing.T, vendor http.Handler, now func() time.Time) connectors.Conn {
	t.Helper()
	conn, err := odoo.Definition().Open(t.Context(), settings(), connectors.Env{Connection: "c", Transport: connectortest.Transport(vendor), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func write(stream, id string, fields map[string]string) connectors.Write {
	return connectors.Write{Ref: canon.Ref{Connection: "c", Stream: stream, ID: id}, Fields: fields}
}

// band and the others are fields that Hub creates.
func newFields() []connectors.FieldSpec {
	return []connectors.FieldSpec{{Name: "x_hub_stage", Label: "Stage", Type: "text"}, {Name: "x_hub_since", Label: "Since", Type: "datetime"},
		{Name: "x_hub_score", Label: "Score", Type: "number"}, {Name: "x_hub_band", Label: "Band", Type: "enum", Options: []string{"green", "red"}}}
}

func TestLaws(t *testing.T) {
	values := map[string]string{"x_hub_stage": "aktiv «neu»", "x_hub_since": "2026-02-03T04:05:06Z", "x_hub_score": "87.5", "x_hub_band": "red"}
	small := settings()
	small["page_size"] = "60"
	connectortest.Run(t, odoo.Definition(), connectortest.Options{
		Handler: func() http.Handler {
			return sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: noon()}).Odoo()
		},
		Settings: small, Now: noon(),
		Push: &connectortest.PushOptions{Stream: "partners", Good: []connectors.Write{write("partners", "10000", values), write("partners", "2", values)},
			Bad: write("partners", "20000", map[string]string{"x_hub_band": "purple"}), Fields: newFields()},
	})
}

// TestLivesAlong reads a world, lets it move on for two days while rounds are read, and holds what the rounds
// taught against what a fresh reading finds. What was deleted for good is found by its absence.
func TestLivesAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := noon()
		clock := func() time.Time { return now }
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 60, Now: now})
		conn := open(t, world.Odoo(), clock)
		if err := conn.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		known := map[string]*connectortest.Reading{}
		for _, st := range conn.Streams() {
			known[st.Name] = &connectortest.Reading{}
			known[st.Name].Round(t, conn, st.Name)
			if got, want := len(known[st.Name].Records), world.Counts()["odoo/"+st.Name]; got != want || want == 0 {
				t.Errorf("%s: %d records, want %d", st.Name, got, want)
			}
		}
		for range 8 {
			for range 5 {
				now = now.Add(80 * time.Minute)
				world.Step(now)
			}
			for stream, r := range known {
				r.Round(t, conn, stream)
			}
		}
		now = now.Add(25 * time.Hour)
		world.Step(now)
		gone, archived := 0, 0
		for stream, r := range known {
			r.Round(t, conn, stream)
			fresh := &connectortest.Reading{}
			now = now.Add(time.Minute)
			r.Round(t, conn, stream)
			fresh.Round(t, open(t, world.Odoo(), clock), stream)
			if diff := cmp.Diff(fresh.Live(), r.Live()); diff != "" {
				t.Errorf("%s: a fresh reading (-) and the rounds (+) differ:\n%s", stream, diff)
			}
			gone += r.Found
			for _, rec := range r.Records {
				if rec.Reason == "archived" {
					archived++
				}
			}
		}
		if gone == 0 || archived == 0 {
			t.Errorf("%d records were missing and %d archived, so it was not tried", gone, archived)
		}
	})
}

// TestRecords: what is empty is left out, what is false stays, and what is archived is a tombstone, but for lost
// opportunities. Own fields are read, those that Hub writes are not.
func TestRecords(t *testing.T) {
	rows := map[string]string{
		"res.partner": `[{"id":1,"name":"A","active":false,"is_company":false,"email":false,"x_vip":false,"x_tier":false,"write_date":"2026-02-01 10:00:00"}]`,
		"crm.lead": `[{"id":1,"active":false,"won_status":"lost"},{"id":2,"active":false,"won_status":"pending"},{"id":3,"active":false,"probability":0.0},
			{"id":4,"active":false,"probability":20.0},{"name":"no id"}]`,
	}
	var asked string
	conn := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		model, method := r.URL.Path[len("/json/2/"):], ""
		for i := range model {
			if model[i] == '/' {
				model, method = model[:i], model[i+1:]
				break
			}
		}
		if method == "fields_get" {
			w.Write([]byte(`{"name":{"type":"char","store":true},"is_company":{"type":"boolean","store":true},"active":{"type":"boolean","store":true},
				"x_vip":{"type":"boolean","store":true,"manual":true},"x_tier":{"type":"char","store":true,"manual":true},
				"x_hub_stage":{"type":"char","store":true,"manual":true},"x_live":{"type":"char","store":false,"manual":true},"x_photo":{"type":"binary","store":true,"manual":true}}`))
			return
		}
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		asked = string(body[:n])
		w.Write([]byte(rows[model]))
	}), noon)
	p, err := conn.Pull(t.Context(), "partners", "")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"context":{"active_test":false},"domain":[["id","\u003e",0]],"fields":["id","active","is_company","name","x_tier","x_vip"],"limit":200,"order":"id asc"}`
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked:\n%s", diff)
	}
	r := p.Records[0]
	if string(r.Raw) != `{"active":false,"id":1,"is_company":false,"name":"A","write_date":"2026-02-01 10:00:00","x_vip":false}` || !r.Deleted || r.Reason != "archived" ||
		r.Version != time.Date(2026, 2, 1, 10, 0, 0, 0, time.UTC).UnixMicro() || p.Sweep == nil {
		t.Errorf("the record is %s %+v", r.Raw, r)
	}
	p, err = conn.Pull(t.Context(), "leads", "")
	if err != nil || len(p.Rejects) != 1 {
		t.Fatalf("%v, %+v", err, p.Rejects)
	}
	var deleted []bool
	for _, r := range p.Records {
		deleted = append(deleted, r.Deleted)
	}
	if diff := cmp.Diff([]bool{false, true, false, true}, deleted); diff != "" {
		t.Errorf("deleted:\n%s", diff)
	}
}

// TestPush: each write has its own outcome, and what a field cannot hold is not sent.
func TestPush(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: noon()})
	conn := open(t, world.Odoo(), noon)
	p, pp := conn.(connectors.Pusher), conn.(connectors.Preparer)
	if made, err := pp.Prepare(t.Context(), "partners", []connectors.FieldSpec{{Name: "hub_stage", Type: "text"}}); canon.CodeOf(err) != "push.field_name" || len(made) > 0 {
		t.Errorf("a name without x_ gave %v, %v", made, err)
	}
	if _, err := pp.Prepare(t.Context(), "partners", newFields()); err != nil {
		t.Fatal(err)
	}
	out, err := p.Push(t.Context(), "partners", []connectors.Write{
		write("partners", "10000", map[string]string{"x_hub_stage": "active", "x_hub_score": "9"}),
		write("partners", "10000", map[string]string{"x_hub_score": ""}),
		write("partners", "10000", map[string]string{"x_hub_since": "yesterday"}),
		write("partners", "10000", map[string]string{"x_nobody": "x"}),
		write("partners", "999999", map[string]string{"x_hub_stage": "x"}),
		write("partners", "no-number", map[string]string{"x_hub_stage": "x"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, o := range out {
		codes = append(codes, canon.CodeOf(o.Err))
	}
	if diff := cmp.Diff([]string{"", "", "push.value", "push.field_missing", "not_found", "not_found"}, codes); diff != "" {
		t.Errorf("outcomes differ:\n%s", diff)
	}
	got, err := p.Read(t.Context(), "partners", []string{"10000", "999999", "x"}, []string{"x_hub_stage", "x_hub_score", "x_nobody"})
	if diff := cmp.Diff(map[string]map[string]string{"10000": {"x_hub_stage": "active", "x_hub_score": "", "x_nobody": ""}}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := p.Push(t.Context(), "invoices", nil); canon.CodeOf(err) != "push.unsupported" {
		t.Errorf("invoices gave %v", err)
	}
}

// TestForbiddenToCreate: a user without the right is told what an administrator does.
func TestForbiddenToCreate(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: noon()})
	world.Inject(sandbox.VendorOdoo, sandbox.Fault{Match: "ir.model.fields/create", Status: http.StatusForbidden,
		Body: `{"name":"odoo.exceptions.AccessError","message":"You are not allowed to create 'Fields' (ir.model.fields) records."}`})
	_, err := open(t, world.Odoo(), noon).(connectors.Preparer).Prepare(t.Context(), "partners", newFields())
	if e := canon.AsError(err); e == nil || e.Code != "auth.forbidden" || e.Hint == "" {
		t.Errorf("got %v", err)
	}
}

// TestMapping maps all that the sandbox holds: nothing may be left over, and each kind must be there.
func TestMapping(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 60, Now: noon()})
	conn := open(t, world.Odoo(), noon)
	m, err := mapping.Parse("odoo", odoo.Definition().Mapping, mapping.Options{Connection: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, st := range conn.Streams() {
		r := &connectortest.Reading{}
		r.Round(t, conn, st.Name)
		for _, rec := range r.Records {
			entities, letters := m.Apply(rec)
			if len(letters) > 0 {
				t.Errorf("%s: %s at %s: %s", rec.Ref, letters[0].Code, letters[0].Path, letters[0].Reason)
			}
			for _, e := range entities {
				word := string(e.Kind)
				switch body := e.Body.(type) {
				case *canon.Deal:
					word += " " + body.Status
				case *canon.Invoice:
					word += " " + body.Status
					if body.Credit && (body.Total.Minor != -1250 || body.Status != "paid") {
						t.Errorf("the credit note is %+v", body)
					}
				case *canon.Quote:
					word += " " + body.Status
				case *canon.Contact:
					if body.Name == "Mitchell Admin" || body.Name == "Accounts payable" {
						t.Errorf("%s became a contact", body.Name)
					}
				}
				if e.Deleted {
					word += " deleted"
				}
				count[word]++
			}
		}
	}
	for _, word := range []string{"company", "company deleted", "contact", "deal open", "deal won", "deal lost", "quote accepted", "quote draft", "invoice open", "invoice paid", "invoice void"} {
		if count[word] == 0 {
			t.Errorf("no %s among %v", word, count)
		}
	}
}

// TestDescribe tells own fields from Odoo's, and those that are computed.
func TestDescribe(t *testing.T) {
	world := sandbox.NewWorld(sandbox.Options{Seed: 3, Companies: 20, Now: noon()})
	fields, err := open(t, world.Odoo(), noon).(connectors.Describer).Describe(t.Context(), "partners")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]bool{}
	for _, f := range fields {
		got[f.Name] = [2]bool{f.Custom, f.Computed}
	}
	if got["x_vip"] != [2]bool{true, false} || got["display_name"] != [2]bool{false, true} || got["name"] != [2]bool{} || len(got) < 20 {
		t.Errorf("got %v", got)
	}
}

// TestPace: left to itself the connector stays below the vendor's limit, which is never reached.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := sandbox.NewWorld(sandbox.Options{Seed: 7, Companies: 20, Now: time.Now(), Limits: true})
		conn, err := odoo.Definition().Open(t.Context(), connectors.Settings{"base_url": "https://odoo.example", "api_key": sandbox.OdooKey},
			connectors.Env{Connection: "c", Transport: connectortest.Transport(world.Odoo())})
		if err != nil {
			t.Fatal(err)
		}
		for range 60 {
			if err := conn.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, m := range conn.(connectors.Metered).Meters() {
			if m.Refused > 0 || m.Sent != 60 {
				t.Errorf("of %d requests the vendor refused %d", m.Sent, m.Refused)
			}
		}
	})
}
