package ingest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lifecyclehub/hub/canon"
	"github.com/lifecyclehub/hub/identity"
	"github.com/lifecyclehub/hub/sync/ingest"
)

// reshaped is what a change tells of customers that became one or came apart.
type reshaped struct {
	Customer struct{ ID string }
	Survivor string
	Absorbed []string
	From     string
	Into     []string
	Evidence []string
}

// shifts lists what was told of merges and splits, in order, with customers by the names given.
func (h *hub) shifts(names map[string]string) []string {
	h.tb.Helper()
	name := func(ids ...string) (out []string) {
		for _, id := range ids {
			if names[id] == "" {
				h.tb.Errorf("nobody knows %s", id)
			}
			out = append(out, names[id])
		}
		slices.Sort(out)
		return out
	}
	all, err := h.db.Outbox(h.tb.Context(), 0, 100_000)
	if err != nil {
		h.tb.Fatal(err)
	}
	out := []string{}
	for _, c := range all {
		var d reshaped
		if err := json.Unmarshal(c.Data, &d); err != nil {
			h.tb.Fatal(err)
		}
		line := ""
		switch c.Type {
		case ingest.MergedType:
			line = fmt.Sprintf("merged %s ← %v by %v", names[d.Survivor], name(d.Absorbed...), d.Evidence)
			if c.Customer != d.Survivor {
				h.tb.Errorf("a merge into %s is told of %s", d.Survivor, c.Customer)
			}
		case ingest.SplitType:
			line = fmt.Sprintf("split %s → %v by %v", names[d.From], name(d.Into...), d.Evidence)
			if c.Customer != d.From {
				h.tb.Errorf("a split of %s is told of %s", d.From, c.Customer)
			}
		default:
			continue
		}
		if d.Customer.ID != c.Customer || c.Sequence == 0 || c.ID == "" || !c.OccurredAt.Equal(h.now) {
			h.tb.Errorf("the change is %+v", c)
		}
		if c.Backfill {
			line += " (history)"
		}
		out = append(out, line)
	}
	return out
}

// TestMergesAndSplitsAreTold: by evidence and by decision, each time anew, as history while the past is read; and no
// more than that.
func TestMergesAndSplitsAreTold(t *testing.T) {
	h := newFleet(t)
	h.takeEach(world()...)
	names := map[string]string{h.customer("crm/firms/1"): "acme", h.customer("crm/firms/2"): "bolt", h.customer("bill/accounts/3"): "cube",
		identity.Node{Ref: canon.Ref{Connection: "bill", Stream: "payers", ID: "q"}, Kind: canon.KindContact}.ID(): "bo"}
	if got := h.shifts(names); len(got) > 0 {
		// Accounts that came behind their firms, a payer behind the account: none of it was told of before.
		t.Errorf("the first records tell of %v", got)
	}
	want := []string{}
	tells := func(what string, lines ...string) {
		t.Helper()
		want = append(want, lines...)
		if diff := cmp.Diff(want, h.shifts(names)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	h.takeEach(of("bill/accounts/3", 2, `,"name":"Cube","domain":"bolt.io"`))
	// The older of the two is named after. A payer who was found by the other domain is nobody's any more.
	tells("evidence comes while the past is read", "split cube → [bo bolt] by [domain cube.org] (history)")
	h.state()
	h.takeEach(of("bill/accounts/3", 3, `,"name":"Cube","domain":"cube.org"`))
	tells("evidence goes", "merged cube ← [bo] by [domain cube.org]", "split bolt → [cube] by [domain bolt.io]")
	link := canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("bill/accounts/3"), At: start}
	h.decide(link)
	decided := "[decision " + idOf(link) + " domain cube.org]"
	tells("a link", "merged acme ← [cube] by "+decided)
	h.decide(canon.Decision{Kind: canon.DecideRevoke, Revokes: idOf(link), At: start})
	tells("its revocation", "split acme → [cube] by "+decided)
	h.decide(canon.Decision{Kind: canon.DecideLink, A: company("crm/firms/1"), B: company("bill/accounts/3"), At: start.AddDate(0, 0, 1)})
	if n := len(h.told(ingest.MergedType)); n != 3 {
		t.Errorf("%d merges are told of, want another one", n)
	}
}

// TestAnIDOutlivesItsRecord: a customer's id leads to whoever has its members, when the record that it was made of is no
// longer taken for a company; and who moved is written down.
func TestAnIDOutlivesItsRecord(t *testing.T) {
	h := newHub(t, salesYAML)
	h.take(h.page("firms", firm("1", 1), firm("2", 2), merged("firms", "2", 5, "1")))
	h.take(h.page("deals", deal("a", "2", 1)))
	h.state()
	one := h.customer("crm/firms/1")
	if h.customer("crm/firms/2") != one {
		t.Fatal("two merged firms are two customers")
	}
	h.use(strings.Replace(salesYAML, "kind: company\n        created_at", "kind: company\n        when: {path: rev, equals: 2}\n        created_at", 1))
	h.remap()
	h.state()
	other := identity.Node{Ref: canon.Ref{Connection: "crm", Stream: "firms", ID: "2"}, Kind: canon.KindCompany}.ID()
	if got := h.customer(one); got != other {
		t.Errorf("the id of a firm that is no more means %s, want %s", got, other)
	}
	moves, err := h.db.Moves(t.Context(), one, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range moves {
		got = append(got, fmt.Sprintf("%s %v %v", m.Entity, m.From == one, m.To == other))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"crm/deals/a#deal true true", "crm/firms/2#company true true"}, got); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
}
