package identity

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

var lawRules = Rules{GenericLimit: 3, Single: map[string]bool{"pay/list": false}}

// anyNode draws one of few records with few values, so that they meet.
func anyNode(t *rapid.T, kind canon.Kind) Node {
	at := canon.Ref{Connection: rapid.SampledFrom([]string{"crm", "desk", "pay"}).Draw(t, "connection"), Stream: "list", ID: rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "id")}
	e := canon.Entity{Kind: kind, Ref: at, Deleted: rapid.IntRange(0, 4).Draw(t, "deleted") == 0}
	if e.Deleted && rapid.Bool().Draw(t, "merged") {
		e.Into = rapid.SampledFrom([]string{"1", "2", "3", "6"}).Draw(t, "into")
	}
	if n := rapid.IntRange(0, 4).Draw(t, "created"); n > 0 {
		e.CreatedAt = day(n)
	}
	if rapid.IntRange(0, 4).Draw(t, "absorbs") == 0 {
		e.Absorbed = []string{rapid.SampledFrom([]string{"1", "2", "5"}).Draw(t, "absorbed")}
	}
	if rapid.IntRange(0, 2).Draw(t, "points") == 0 {
		e.SameAs = []canon.Ref{{Connection: "crm", Stream: "list", ID: rapid.SampledFrom([]string{"1", "2", "3", "6"}).Draw(t, "same")}}
	}
	domains := []string{"a.com", "b.com", "c.com", "gmail.com"}
	several := rapid.SliceOfN(rapid.SampledFrom(domains), 0, 2).Draw(t, "domains")
	if kind == canon.KindCompany {
		b := &canon.Company{Domains: several}
		if rapid.Bool().Draw(t, "mailbox") {
			b.Email = "ap@" + rapid.SampledFrom(domains).Draw(t, "domain")
		}
		e.Body = b
		return NewNode(e)
	}
	b := &canon.Contact{EmailVerified: rapid.IntRange(0, 3).Draw(t, "verified") > 0}
	for _, d := range several {
		b.Emails = append(b.Emails, rapid.SampledFrom([]string{"ana", "bo", "info"}).Draw(t, "local")+"@"+d)
	}
	e.Body = b
	return NewNode(e)
}

func anyKind(t *rapid.T) canon.Kind {
	return rapid.SampledFrom([]canon.Kind{canon.KindCompany, canon.KindContact}).Draw(t, "kind")
}

// table is what a store does for Closure.
type table map[string]Node

func (tab table) NodesByKeys(_ context.Context, kind canon.Kind, keys []string, limit int) ([]Node, map[string]int, error) {
	counts := map[string]int{}
	for _, n := range tab {
		for _, key := range lawRules.Evidence(n) {
			if n.Kind == kind && slices.Contains(keys, key) {
				counts[key]++
			}
		}
	}
	var found []Node
	for _, n := range tab {
		if slices.ContainsFunc(lawRules.Evidence(n), func(key string) bool {
			return counts[key] > 0 && n.Kind == kind && (limit == 0 || counts[key] <= limit)
		}) {
			found = append(found, n)
		}
	}
	return found, counts, nil
}

func (tab table) nodes() []Node {
	var out []Node
	for _, n := range tab {
		out = append(out, n)
	}
	return out
}

func TestOrderDoesNotMatter(t *testing.T) { // T20
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab := table{}
		for range rapid.IntRange(1, 12).Draw(t, "records") {
			n := anyNode(t, kind)
			tab[n.Key] = n
		}
		all := tab.nodes()
		slices.SortFunc(all, age)
		want := lawRules.Cluster(all, nil)
		got := lawRules.Cluster(rapid.Permutation(all).Draw(t, "order"), nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("clusters (-sorted +shuffled):\n%s", diff)
		}
		sound(t, want, tab)
	})
}

// sound checks that clusters part the records, that ids are unique and belong to a member, and that no two
// living records of a single source are together unless the source merged them.
func sound(t *rapid.T, clusters []Cluster, tab table) {
	seen := map[string]bool{}
	ids := map[string]bool{}
	for _, c := range clusters {
		if ids[c.ID] || c.ID != tab[c.Members[0].Key].ID() {
			t.Fatalf("id %s", c.ID)
		}
		ids[c.ID] = true
		merges := false
		count := map[string]int{}
		for _, m := range c.Members {
			if seen[m.Key] || m.Why == "" {
				t.Fatalf("member %s is there twice or without a reason", m.Key)
			}
			seen[m.Key] = true
			n := tab[m.Key]
			merges = merges || len(n.Entity.Absorbed) > 0
			if !n.Deleted {
				count[n.source()]++
			}
		}
		for source, n := range count {
			if n > 1 && lawRules.single(source) && !merges {
				t.Fatalf("%d records of %s are one customer", n, source)
			}
		}
	}
	if len(seen) != len(tab) {
		t.Fatalf("%d of %d records are in clusters", len(seen), len(tab))
	}
}

// TestIncremental lets records arrive, change and go one batch at a time, resolves only what each batch may
// move, and must end with the clusters of everything.
func TestIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab := table{}
		found := map[string]Cluster{} // by member
		for range rapid.IntRange(1, 14).Draw(t, "batches") {
			seed := Seed{Kind: kind}
			for range rapid.IntRange(1, 3).Draw(t, "batch") {
				n := anyNode(t, kind)
				if slices.ContainsFunc(seed.Nodes, func(s Node) bool { return s.Key == n.Key }) {
					continue
				}
				if old, ok := tab[n.Key]; ok {
					seed.Keys = append(seed.Keys, lawRules.Evidence(old)...)
				}
				tab[n.Key] = n
				seed.Nodes = append(seed.Nodes, n)
			}
			part, generic, err := lawRules.Closure(context.Background(), seed, tab)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range lawRules.Cluster(part, generic) {
				for _, m := range c.Members {
					found[m.Key] = c
				}
			}
		}
		want := map[string]Cluster{}
		for _, c := range lawRules.Cluster(tab.nodes(), nil) {
			for _, m := range c.Members {
				want[m.Key] = c
			}
		}
		// A key that has just become generic or stopped to be is reported by those whom it moved.
		if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("clusters (-everything +incremental):\n%s", diff)
		}
	})
}

func TestSplitUndoesMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab := table{}
		for range rapid.IntRange(1, 10).Draw(t, "records") {
			n := anyNode(t, kind)
			tab[n.Key] = n
		}
		before := lawRules.Cluster(tab.nodes(), nil)
		more := anyNode(t, kind)
		old, had := tab[more.Key]
		tab[more.Key] = more
		lawRules.Cluster(tab.nodes(), nil)
		delete(tab, more.Key)
		if had {
			tab[more.Key] = old
		}
		if diff := cmp.Diff(before, lawRules.Cluster(tab.nodes(), nil)); diff != "" {
			t.Fatalf("clusters (-before +after):\n%s", diff)
		}
	})
}

type broken struct{}

func (broken) NodesByKeys(context.Context, canon.Kind, []string, int) ([]Node, map[string]int, error) {
	return nil, nil, context.Canceled
}

func TestClosureTellsTheLoadersError(t *testing.T) {
	seed := Seed{Kind: canon.KindContact, Nodes: nodes(contact("crm/contacts/1", true, "ana@acme.com"))}
	_, _, err := lawRules.Closure(context.Background(), seed, broken{})
	if err == nil || fmt.Sprint(err) == context.Canceled.Error() {
		t.Errorf("got %v, want the cause with what was asked", err)
	}
}
