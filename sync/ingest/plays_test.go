package ingest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/lifecycle"
	"github.com/lifecyclehub/hub/mapping"
	"github.com/lifecyclehub/hub/store"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// playsYAML takes the place of the shipped plays.
const playsYAML = `segments:
  - {key: buyers, title: Buyers, when: stage() == "conversion"}
play_rules:
  fleet: {share: 50, least: 3}
plays:
  - {key: thanks, title: Say thanks, category: advocacy, mode: live, trigger: {event: {of: deal.won}}, guards: {exclusive: false}}
  - {key: followup, category: advocacy, mode: live, trigger: {event: {of: deal.won, delay: 3d}}, guards: {exclusive: false}}
  - {key: welcome, category: onboarding, trigger: {enters: {segment: buyers}}, guards: {exclusive: false}}
`

// playsHub is a hub whose policy has the plays of this file.
func playsHub(t *testing.T) *hub {
	t.Helper()
	h := newHub(t, salesYAML)
	src, err := lifecycle.PackYAML(lifecycle.DefaultPack)
	if err != nil {
		t.Fatal(err)
	}
	// The shipped plays are the last part of the pack, and begin with the segments.
	whole := string(src)
	i := strings.LastIndex(whole, "\nsegments:")
	if i < 0 {
		t.Fatal("the pack has no segments")
	}
	policy, err := lifecycle.Parse("plays.yaml", []byte(whole[:i+1]+playsYAML))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Parse("sales.yaml", []byte(salesYAML), mapping.Options{Connection: func(string) string { return "crm" }})
	if err != nil {
		t.Fatal(err)
	}
	h.pipe = ingest.New(ingest.Options{
		Atomic: func(ctx context.Context, fn func(ingest.Tx) error) error {
			if h.stop != nil {
				if err := h.stop(); err != nil {
					return err
				}
			}
			return h.db.InTx(ctx, h.now, func(tx *store.Tx) error { return fn(tx) })
		},
		Maps: map[string]*mapping.Map{"crm": m}, Rules: &identity.Rules{}, Policy: policy,
		Now: func() time.Time { return h.now }, Rounds: h.db.Rounds, Log: slog.New(slog.DiscardHandler),
	})
	return h
}

// dealAt is a state of a deal of a firm, as of a moment.
func dealAt(id, firm, status string, at time.Time) canon.Record {
	r := rec("deals", id, 0, fmt.Sprintf(`{"name":"Deal %s","status":%q,"firm":%q,"created":"2025-06-01T00:00:00Z"}`, id, status, firm))
	r.Version, r.ObservedAt = at.UnixMicro(), at
	return r
}

// playLog writes the log of plays in short, sorted, and how many changes told of them.
func (h *hub) playLog(t *testing.T) string {
	t.Helper()
	page, err := h.db.Firings(t.Context(), canon.FiringFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range page.Firings {
		word := f.Mode
		if f.Suppressed != "" {
			word = f.Suppressed
		}
		out = append(out, f.Play+":"+word)
	}
	slices.Sort(out)
	return fmt.Sprintf("%s | %d told", strings.Join(out, " "), len(h.fired(t)))
}

func (h *hub) fired(t *testing.T) []canon.Change {
	t.Helper()
	cs, err := h.db.Outbox(t.Context(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	var out []canon.Change
	for _, c := range cs {
		if c.Type == canon.FiredType {
			out = append(out, c)
		}
	}
	return out
}

func (h *hub) wantLog(t *testing.T, what, want string) {
	t.Helper()
	if got := h.playLog(t); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func (h *hub) settle(t *testing.T) {
	t.Helper()
	if _, err := h.pipe.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h *hub) tick(t *testing.T, at time.Time) {
	t.Helper()
	h.now = at
	if _, err := h.pipe.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAYearOfHistoryFiresNothing: neither the first import nor what is read of the past later, and no restart.
func TestAYearOfHistoryFiresNothing(t *testing.T) {
	h := playsHub(t)
	for i := range 12 {
		id := fmt.Sprint(i % 4)
		h.take(h.page("firms", firm(id, 1)))
		h.take(h.page("deals", dealAt(fmt.Sprint("d", i), id, "won", start.AddDate(0, -i, -1))))
	}
	h.settle(t)
	h.wantLog(t, "imported", " | 0 told")
	h.tick(t, start.AddDate(0, 0, 1))
	h.take(h.page("deals", dealAt("old", "1", "won", start.AddDate(0, -3, 0))))
	h.wantLog(t, "an old deal that is learnt now", " | 0 told")
}

func TestPlays(t *testing.T) {
	h := playsHub(t)
	for i := range 8 {
		h.take(h.page("firms", firm(fmt.Sprint(i), 1)))
	}
	h.take(h.page("deals", dealAt("a", "1", "open", start.Add(-time.Hour))))
	h.settle(t)
	h.now = start.Add(time.Hour)
	won := h.page("deals", dealAt("a", "1", "won", start.Add(30*time.Minute)))
	h.take(won)
	h.wantLog(t, "won", "thanks:live welcome:shadow | 1 told")
	h.take(won)
	h.wantLog(t, "the same page once more", "thanks:live welcome:shadow | 1 told")
	told := h.fired(t)[0]
	var d struct {
		Play     canon.Firing
		Customer struct{ ID, Name string }
		Stage    struct{ Key string }
	}
	if err := json.Unmarshal(told.Data, &d); err != nil {
		t.Fatal(err)
	}
	id := h.customer("crm/firms/1")
	if d.Play.Play != "thanks" || d.Play.Cause.Event == "" || d.Customer.ID != id || d.Customer.Name != "Firm 1" || d.Stage.Key != "conversion" || told.Customer != id || told.Backfill {
		t.Errorf("%s", told.Data)
	}
	h.tick(t, start.AddDate(0, 0, 3))
	h.wantLog(t, "before three days are over", "thanks:live welcome:shadow | 1 told")
	h.tick(t, start.AddDate(0, 0, 3).Add(40*time.Minute))
	h.wantLog(t, "after three days", "followup:live thanks:live welcome:shadow | 2 told")
	h.tick(t, start.AddDate(0, 0, 30))
	h.wantLog(t, "much later", "followup:live thanks:live welcome:shadow | 2 told")
}

// TestAFiringIsToldOnce: a state that was lost, so that the same is worked out anew, doubles nothing.
func TestAFiringIsToldOnce(t *testing.T) {
	h := playsHub(t)
	h.take(h.page("firms", firm("1", 1)))
	h.settle(t)
	h.now = start.Add(time.Hour)
	h.take(h.page("deals", dealAt("a", "1", "won", start.Add(30*time.Minute))))
	want := h.playLog(t)
	if !strings.Contains(want, "thanks:live") {
		t.Fatal(want)
	}
	id := h.customer("crm/firms/1")
	for range 2 {
		err := h.db.InTx(t.Context(), h.now, func(tx *store.Tx) error { return tx.DropPlayStates(t.Context(), []string{id}) })
		if err != nil {
			t.Fatal(err)
		}
		if err := h.pipe.Reassess(t.Context(), []string{id}); err != nil {
			t.Fatal(err)
		}
	}
	h.wantLog(t, "the state was lost", want)
}

// TestACrashFiresAllOrNothing: what fails leaves neither a log nor a change, and comes when it is tried again.
func TestACrashFiresAllOrNothing(t *testing.T) {
	h := playsHub(t)
	h.take(h.page("firms", firm("1", 1)))
	h.settle(t)
	h.now = start.Add(time.Hour)
	h.stop = func() error { return context.Canceled }
	if _, err := h.pipe.Ingest(t.Context(), h.page("deals", dealAt("a", "1", "won", h.now))); err == nil {
		t.Fatal("the crash did not happen")
	}
	h.wantLog(t, "crashed", " | 0 told")
	h.stop = nil
	h.take(h.page("deals", dealAt("a", "1", "won", h.now)))
	h.wantLog(t, "once more", "thanks:live welcome:shadow | 1 told")
}

func TestTheFleetIsHeldBack(t *testing.T) {
	h := playsHub(t)
	for i := range 6 {
		h.take(h.page("firms", firm(fmt.Sprint(i), 1)))
	}
	h.settle(t)
	h.now = start.Add(time.Hour)
	for i := range 6 {
		h.take(h.page("deals", dealAt(fmt.Sprint("d", i), fmt.Sprint(i), "won", h.now)))
	}
	counts, err := h.db.PlayCounts(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		if c.Fired != 3 || c.Suppressed["fleet"] != 3 {
			t.Errorf("%+v, want half of the customers, and the other half held back", c)
		}
	}
	if len(counts) != 2 || len(h.fired(t)) != 3 {
		t.Errorf("%+v, %d told", counts, len(h.fired(t)))
	}
}

func TestOperatorsSetModes(t *testing.T) {
	h := playsHub(t)
	h.take(h.page("firms", firm("1", 1)))
	h.settle(t)
	for _, m := range []canon.PlayMode{{Play: "thanks", Mode: canon.PlaySuspended, Reason: "later"}, {Play: "welcome", Mode: canon.PlayLive, Reason: "now"}} {
		if err := h.db.InTx(t.Context(), h.now, func(tx *store.Tx) error { return tx.SetPlayMode(t.Context(), m) }); err != nil {
			t.Fatal(err)
		}
	}
	h.now = start.Add(time.Hour)
	h.take(h.page("deals", dealAt("a", "1", "won", h.now)))
	h.wantLog(t, "won", "thanks:suspended welcome:live | 1 told")
}

// TestPlaysOfTheGoneAreForgotten, so that they are not due for ever.
func TestPlaysOfTheGoneAreForgotten(t *testing.T) {
	h := playsHub(t)
	h.take(h.page("firms", firm("1", 1)))
	h.settle(t)
	h.now = start.Add(time.Hour)
	h.take(h.page("deals", dealAt("a", "1", "won", h.now)))
	id := h.customer("crm/firms/1")
	for _, r := range []canon.Record{firm("1", 1), dealAt("a", "1", "won", h.now)} {
		r.Deleted, r.Raw, r.Reason = true, nil, "deleted"
		r.Version = h.now.Add(time.Hour).UnixMicro()
		h.take(h.page(r.Stream, r))
	}
	h.tick(t, start.AddDate(0, 0, 5))
	h.tick(t, start.AddDate(0, 0, 6))
	s, err := h.db.PlayState(t.Context(), id)
	if err != nil || s.Doc != nil {
		t.Errorf("%s, %v", s.Doc, err)
	}
}
