package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// deskYAML maps a CRM with a help desk.
const deskYAML = salesYAML + `  tickets:
    rules:
      - kind: ticket
        created_at: created
        owners:
          - {kind: company, stream: firms, id: firm}
          - {kind: contact, stream: people, id: person}
          - {kind: contact, email: mail}
        fields: {subject: subject, status: status}
`

var erasureKey = []byte("an erasure's key of thirty-two b")

func deskHub(t *testing.T) *hub {
	h := newHub(t, deskYAML)
	h.pipe.ErasureKey = func(context.Context) ([]byte, error) { return erasureKey, nil }
	return h
}

// deskPages is a world in which somebody is named here and there, by seed.
func deskPages(h *hub, seed uint64) []canon.Batch {
	d := rand.New(rand.NewPCG(seed, 7))
	names := []string{"Zaphod Beeblebrox", "Ford Prefect", "Tricia Macmillan", "Arthur Dent", "Zaphod Beeblebrox"}
	mail := func(i int) string {
		return fmt.Sprintf("%s%d@firm%d.example", strings.ToLower(strings.Fields(names[i])[0]), i, i%3)
	}
	text := func() string {
		return []string{"about nothing", "for " + names[d.IntN(4)], "write " + mail(d.IntN(4)), "Dent, Arthur and " + strings.ToUpper(names[0]), "status"}[d.IntN(5)]
	}
	record := func(stream, id string, version int64, raw string, args ...any) canon.Record {
		return canon.Record{Ref: canon.Ref{Connection: "crm", Stream: stream, ID: id}, Version: start.UnixMicro() + version, ObservedAt: h.now, Raw: fmt.Appendf(nil, raw, args...)}
	}
	const created = "2025-06-01T00:00:00Z"
	pages := map[string][]canon.Record{}
	for i := range 3 {
		pages["firms"] = append(pages["firms"], record("firms", fmt.Sprint(i), 1, `{"name":"Firm %d","domain":"firm%d.example","created":%q}`, i, i, created))
	}
	people := 4 + d.IntN(2) // The fifth is a namesake of the first.
	for i := range people {
		pages["people"] = append(pages["people"], record("people", fmt.Sprint(i), 1, `{"name":%q,"email":%q,"firm":"%d","created":%q}`, names[i], mail(i), i%3, created))
		if d.IntN(3) == 0 {
			pages["people"] = append(pages["people"], record("people", fmt.Sprint(i), 2, `{"name":%q,"email":%q,"firm":"%d","created":%q,"n":1}`, names[i], mail(i), (i+1)%3, created))
		}
	}
	for i := range 8 {
		for v := range 1 + d.IntN(2) {
			pages["deals"] = append(pages["deals"], record("deals", fmt.Sprint(i), int64(v), `{"name":%q,"status":%q,"firm":"%d","person":"%d","note":%q,"created":%q}`,
				text(), []string{"open", "won", "lost", "none of these"}[d.IntN(4)], d.IntN(3), d.IntN(people), text(), created))
		}
		owner := fmt.Sprintf(`"person":"%d"`, d.IntN(people))
		if d.IntN(3) == 0 {
			owner = fmt.Sprintf(`"mail":%q`, mail(d.IntN(people)))
		}
		pages["tickets"] = append(pages["tickets"], record("tickets", fmt.Sprint(i), 1, `{"subject":%q,"status":"open","firm":"%d",%s,"created":%q}`, text(), d.IntN(3), owner, created))
	}
	var out []canon.Batch
	for _, stream := range []string{"firms", "people", "deals", "tickets"} {
		out = append(out, h.page(stream, pages[stream]...))
	}
	d.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// entombed keeps the marks of a subject in a store.
func (h *hub) entombed(s ingest.Subject) {
	h.tb.Helper()
	ctx := context.Background()
	if err := h.db.InTx(ctx, h.now, func(tx *store.Tx) error {
		if err := tx.AddErasure(ctx, canon.Erasure{ID: "era_1", Kind: s.Kind, State: canon.ErasurePending, At: h.now}); err != nil {
			return err
		}
		return tx.AddMarks(ctx, s.Marks(erasureKey, "era_1"))
	}); err != nil {
		h.tb.Fatal(err)
	}
	h.pipe.Reconsider()
}

// scrub removes what is pending.
func (h *hub) scrub() {
	h.tb.Helper()
	ctx := context.Background()
	k, err := h.pipe.Erased(ctx)
	if err != nil {
		h.tb.Fatal(err)
	}
	counts, err := h.pipe.Scrub(ctx, k)
	if err == nil {
		err = h.pipe.ScrubTexts(ctx, k, counts)
	}
	if err != nil {
		h.tb.Fatal(err)
	}
}

// TestErasedIsNeverLetIn: who is erased leaves the store as it would be had they been kept out from the beginning, and
// records that come again change nothing.
func TestErasedIsNeverLetIn(t *testing.T) {
	for seed := range uint64(checks(t, 20, 4)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			late, early := deskHub(t), deskHub(t)
			pages := deskPages(late, seed)
			for _, b := range pages {
				late.take(b)
			}
			if seed%2 == 0 {
				// Assessed, and told of, before.
				late.state()
			}
			who := []string{"crm/people/0", "arthur3@firm0.example", "crm/people/1", "crm/firms/1"}[seed%4]
			s, err := ingest.FindSubject(t.Context(), late.db, who)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Scope.Refs) == 0 {
				t.Fatalf("nothing belongs to %s", who)
			}
			late.entombed(s)
			late.scrub()
			early.entombed(s)
			for _, b := range pages {
				early.take(b)
			}
			want := early.state()
			compare(t, "erased and kept out", want, late.state())
			late.now = late.now.Add(time.Minute)
			for _, b := range pages {
				late.take(b)
			}
			late.now = early.now
			compare(t, "after they came again", want, late.state())
			found := ""
			if err := late.db.EachText(t.Context(), func(r canon.TextRow) error {
				for _, text := range append(append([]string{}, s.Emails...), s.Names...) {
					if low := strings.ToLower(strings.Join(r.Values, "\n")); strings.Contains(low, text) {
						found = r.Table + " holds " + text + ": " + low
					}
				}
				return nil
			}); err != nil || found != "" {
				t.Errorf("%v %s", err, found)
			}
		})
	}
}

func compare(t *testing.T, what, want, got string) {
	t.Helper()
	if want == got {
		return
	}
	inWant, inGot := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(want) {
		inWant[line] = true
	}
	for line := range strings.Lines(got) {
		inGot[line] = true
	}
	t.Errorf("%s: the states differ", what)
	for line := range inWant {
		if !inGot[line] {
			t.Logf("only wanted: %.500s", line)
		}
	}
	for line := range inGot {
		if !inWant[line] {
			t.Logf("only got:    %.500s", line)
		}
	}
}

// TestErasedNeedTheKey: without the key nobody could be recognised, so nothing is let in.
func TestErasedNeedTheKey(t *testing.T) {
	h := deskHub(t)
	pages := deskPages(h, 1)
	h.take(pages[0])
	h.entombed(ingest.Subject{Kind: ingest.SubjectPerson, Emails: []string{"zaphod0@firm0.example"}})
	h.pipe.ErasureKey = nil
	if _, err := h.pipe.Ingest(t.Context(), pages[1]); canon.AsError(err) == nil || canon.AsError(err).Code != "erasure.key" {
		t.Errorf("without the key: %v", err)
	}
}

// TestFindSubject: what is shared is no mark, and who is asked for in vain is told so.
func TestFindSubject(t *testing.T) {
	h := hubAt(t, filepath.Join(t.TempDir(), "hub.db"), deskYAML)
	person := func(id, name, mail, firm string) canon.Record {
		return canon.Record{Ref: canon.Ref{Connection: "crm", Stream: "people", ID: id}, Version: 1, ObservedAt: h.now,
			Raw: fmt.Appendf(nil, `{"name":%q,"email":%q,"firm":%q,"created":"2025-06-01T00:00:00Z"}`, name, mail, firm)}
	}
	h.take(h.page("firms", canon.Record{Ref: canon.Ref{Connection: "crm", Stream: "firms", ID: "1"}, Version: 1, ObservedAt: h.now, Raw: []byte(`{"name":"Acme","domain":"acme.example","created":"2025-06-01T00:00:00Z"}`)}))
	h.take(h.page("people", person("1", "Ann Lee", "ann@acme.example", "1"), person("2", "A. Lee", "Ann+x@acme.example", "1"), person("3", "Ann Lee", "ann.lee@other.example", ""),
		person("4", "Office", "info@acme.example", "1"), person("5", "Bob Ray", "family@home.example", ""), person("6", "Eve Kay", "family@home.example", "")))
	h.state()
	s, err := ingest.FindSubject(t.Context(), h.db, "crm/people/1")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Scope.Refs); got != "[crm/people/1 crm/people/2]" {
		t.Errorf("hers are %s", got)
	}
	if fmt.Sprint(s.Emails) != "[ann@acme.example]" || fmt.Sprint(s.Shared) != "[ann lee lee ann]" {
		t.Errorf("known by %v %v, shared %v", s.Emails, s.Names, s.Shared)
	}
	if s, err = ingest.FindSubject(t.Context(), h.db, "crm/people/5"); err != nil || len(s.Emails) != 0 || len(s.Scope.Refs) != 1 {
		t.Errorf("a shared mailbox: %+v %v", s, err)
	}
	if s, err = ingest.FindSubject(t.Context(), h.db, "wanda.new@acme.example"); err != nil || s.Empty() {
		t.Errorf("an address that is not held: %+v %v", s, err)
	}
	for who, code := range map[string]string{"crm/people/77": "person.unknown", "cus_none": "person.unknown", "": "person.unknown", "sales@acme.example": "erase.office"} {
		if _, err := ingest.FindSubject(t.Context(), h.db, who); err == nil || canon.AsError(err).Code != code {
			t.Errorf("%q: %v", who, err)
		}
	}
}
