package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lifecyclehub/hub/canon"
)

// lawRules are rules under which limits are soon met.
func lawRules(t *rapid.T) *Rules {
	return &Rules{
		GenericLimit: 3, Single: map[string]bool{"pay/list": false}, MaxMembers: rapid.SampledFrom([]int{0, 4}).Draw(t, "most members"),
		Grain:  rapid.SampledFrom([]string{GrainCompany, GrainGroup}).Draw(t, "grain"),
		Limits: map[string]Limit{LimitMail: {Max: 2, Window: 48 * time.Hour}, LimitVAT: {Max: 1}}, StaleAfter: 48 * time.Hour,
		Matching: one(t, "matching", MatchRules{}, MatchRules{Full: true, Propose: 0.1, Auto: 0.2}),
	}
}

func one[T any](t *rapid.T, name string, of ...T) T { return rapid.SampledFrom(of).Draw(t, name) }

// rarely is true once in n times.
func rarely(t *rapid.T, name string, n int) bool { return rapid.IntRange(1, n).Draw(t, name) == 1 }

// anyNode draws one of few records with few values, so that they meet.
func anyNode(t *rapid.T, kind canon.Kind) Node {
	at := canon.Ref{Connection: one(t, "connection", "crm", "desk", "pay"), Stream: "list", ID: one(t, "id", "1", "2", "3", "4")}
	e := canon.Entity{Kind: kind, Ref: at, Deleted: rarely(t, "deleted", 5)}
	if e.Deleted && rapid.Bool().Draw(t, "merged") {
		e.Into = one(t, "into", "1", "2", "3", "6")
	}
	if n := rapid.IntRange(0, 4).Draw(t, "created"); n > 0 {
		e.CreatedAt = day(n)
	}
	if rarely(t, "absorbs", 5) {
		e.Absorbed = []string{one(t, "absorbed", "1", "2", "5")}
	}
	if rarely(t, "points", 3) {
		e.SameAs = []canon.Ref{{Connection: "crm", Stream: "list", ID: one(t, "same", "1", "2", "3", "6")}}
	}
	updated := time.Time{}
	if rapid.Bool().Draw(t, "dated") {
		updated = day(rapid.IntRange(1, 9).Draw(t, "updated"))
	}
	if kind == canon.KindCompany {
		e.Body = anyCompany(t)
	} else {
		e.Body = anyContact(t)
		if rarely(t, "employed", 3) {
			e.Owners = []canon.Owner{{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "list", ID: "1"}}}
		}
	}
	return NewNode(e, updated)
}

func anyCompany(t *rapid.T) *canon.Company {
	domains := []string{"a.com", "b.com", "c.com", "gmail.com"}
	b := &canon.Company{Domains: rapid.SliceOfN(rapid.SampledFrom(domains), 0, 2).Draw(t, "domains"), Country: "DE"}
	if rapid.Bool().Draw(t, "mailbox") {
		b.Email = "ap@" + one(t, "domain", domains...)
	}
	if rarely(t, "registered", 4) {
		b.VATID = one(t, "vat", "DE123456781", "DE123456782")
	}
	if rarely(t, "owned", 4) {
		b.Parent = canon.Ref{Connection: one(t, "of", "crm", "pay"), Stream: "list", ID: one(t, "parent", "1", "2", "3", "9")}
	}
	return b
}

func anyContact(t *rapid.T) *canon.Contact {
	b := &canon.Contact{EmailVerified: rapid.IntRange(0, 3).Draw(t, "verified") > 0, Name: one(t, "name", "", "Ana Lima", "Bo Li")}
	for range rapid.IntRange(0, 2).Draw(t, "addresses") {
		b.Emails = append(b.Emails, one(t, "local", "ana", "bo", "info")+"@"+one(t, "domain", "a.com", "b.com", "gmail.com"))
	}
	return b
}

// anyDecision draws a decision about records that may be there. seq tells equal ones apart.
func anyDecision(t *rapid.T, kind canon.Kind, log []canon.Decision) canon.Decision {
	entity := func(name string) string {
		return one(t, name, "crm", "desk", "pay") + "/list/" + one(t, name+" id", "1", "2", "3") + "#" + string(kind)
	}
	d := canon.Decision{Kind: one(t, "decides", canon.DecideLink, canon.DecideUnlink, canon.DecideDetach, canon.DecideGeneric, canon.DecideRevoke), At: day(1), Seq: int64(len(log) + 1), Author: fmt.Sprint(len(log))}
	switch d.Kind {
	case canon.DecideRevoke:
		if len(log) == 0 {
			d.Kind = canon.DecideDetach
			d.A = entity("a")
			break
		}
		d.Revokes = log[rapid.IntRange(0, len(log)-1).Draw(t, "revokes")].ID
	case canon.DecideGeneric:
		d.Key = one(t, "key", "dom:a.com", "dom:b.com", "mail:ana@a.com", "addr:bo@b.com", "vat:DE123456781")
	default:
		d.A = entity("a")
		if d.Kind != canon.DecideDetach {
			d.B = entity("b")
		}
	}
	if rarely(t, "expires", 4) {
		d.ExpiresAt = day(rapid.IntRange(10, 20).Draw(t, "until"))
	}
	return d.WithID()
}

func anyKind(t *rapid.T) canon.Kind { return one(t, "kind", canon.KindCompany, canon.KindContact) }

func anyWorld(t *rapid.T, kind canon.Kind, most int) (table, []canon.Decision) {
	tab := table{rules: lawRules(t), nodes: map[string]Node{}}
	for range rapid.IntRange(1, most).Draw(t, "records") {
		n := anyNode(t, kind)
		tab.nodes[n.Key] = n
	}
	var log []canon.Decision
	for range rapid.IntRange(0, 4).Draw(t, "decisions") {
		log = append(log, anyDecision(t, kind, log))
	}
	return tab, log
}

// table is what a store does for Closure.
type table struct {
	rules *Rules
	nodes map[string]Node
}

func (tab table) NodesByKeys(_ context.Context, kind canon.Kind, keys []string, limit int) ([]Node, map[string]int, error) {
	counts := map[string]int{}
	for _, n := range tab.nodes {
		for _, key := range tab.rules.Evidence(n) {
			if n.Kind == kind && slices.Contains(keys, key) {
				counts[key]++
			}
		}
	}
	var found []Node
	for _, n := range tab.nodes {
		if slices.ContainsFunc(tab.rules.Evidence(n), func(key string) bool {
			return counts[key] > 0 && n.Kind == kind && (limit == 0 || counts[key] <= limit)
		}) {
			found = append(found, n)
		}
	}
	return found, counts, nil
}

// absorbed reports whether a living record says that its source merged n into it.
func (tab table) absorbed(n Node) bool {
	for _, o := range tab.nodes {
		if !o.Deleted && o.source() == n.source() && slices.Contains(o.Entity.Absorbed, n.Ref.ID) {
			return true
		}
	}
	return false
}

func (tab table) all() []Node {
	var out []Node
	for _, n := range tab.nodes {
		out = append(out, n)
	}
	slices.SortFunc(out, age)
	return out
}

func (tab table) cluster(log []canon.Decision, now time.Time) []Cluster {
	d, _ := InForce(log, now)
	return tab.rules.Cluster(tab.all(), Known{Decisions: d})
}

func TestOrderDoesNotMatter(t *testing.T) { // T20
	rapid.Check(t, func(t *rapid.T) {
		tab, log := anyWorld(t, anyKind(t), 12)
		want := tab.cluster(log, day(15))
		shuffled := rapid.Permutation(append(slices.Clone(log), log...)).Draw(t, "order of decisions")
		d, _ := InForce(shuffled, day(15))
		nodes := append(tab.all(), tab.all()[:len(tab.nodes)/2]...)
		got := tab.rules.Cluster(rapid.Permutation(nodes).Draw(t, "order"), Known{Decisions: d})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("clusters (-sorted +shuffled and doubled):\n%s", diff)
		}
		lawful(t, want, tab, d)
	})
}

// lawful checks that clusters part the records, that ids are unique and belong to a member, and that limits hold.
func lawful(t *rapid.T, clusters []Cluster, tab table, d *Decisions) {
	seen, ids := map[string]bool{}, map[string]bool{}
	for _, c := range clusters {
		if ids[c.ID] || c.ID != tab.nodes[c.Members[0].Key].ID() {
			t.Fatalf("id %s", c.ID)
		}
		ids[c.ID] = true
		for _, m := range c.Members {
			if seen[m.Key] || m.Why == "" {
				t.Fatalf("member %s is there twice or without a reason", m.Key)
			}
			seen[m.Key] = true
			for _, u := range d.unlinksOf(m.Key) {
				if slices.ContainsFunc(c.Members, func(o Member) bool { return o.Key == u.other }) {
					t.Fatalf("%s and %s are one against decision %s", m.Key, u.other, u.id)
				}
			}
		}
		limited(t, c, tab)
	}
	if len(seen) != len(tab.nodes) {
		t.Fatalf("%d of %d records are in clusters", len(seen), len(tab.nodes))
	}
}

// limited checks the limits of a cluster that neither decisions nor merges at the source, nor owners, made larger.
func limited(t *rapid.T, c Cluster, tab table) {
	count, vats := map[string]int{}, map[string]bool{}
	decided, pointed, owned := false, false, false
	for _, e := range c.Edges {
		decided = decided || e.Rejected == "" && e.Rank <= rankMerged
		owned = owned || e.Rejected == "" && strings.HasPrefix(e.Key, "parent")
		pointed = pointed || e.Rejected == "" && e.Rank <= rankSame
	}
	for _, m := range c.Members {
		n := tab.nodes[m.Key]
		if b, ok := n.Entity.Body.(*canon.Company); ok && !n.Deleted && b.VATID != "" {
			vats[b.VATID] = true
		}
		if !n.Deleted && !tab.absorbed(n) {
			count[n.source()]++
		}
	}
	for source, n := range count {
		if n > 1 && tab.rules.single(source) && !decided && !owned {
			t.Fatalf("%d records of %s are one customer", n, source)
		}
	}
	if len(vats) > 1 && !pointed && !owned {
		t.Fatalf("VAT ids %v are one customer", vats)
	}
	if len(c.Members) > tab.rules.maxMembers() && !decided {
		t.Fatalf("%d members", len(c.Members))
	}
}

// TestIncremental lets records and decisions arrive, change and go one batch at a time, resolves only what each batch
// may move, and must end with the clusters of everything.
func TestIncremental(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab := table{rules: lawRules(t), nodes: map[string]Node{}}
		found := map[string]Cluster{} // by member
		var log []canon.Decision
		inForce, _ := InForce(nil, day(1))
		for range rapid.IntRange(1, 14).Draw(t, "batches") {
			seed := Seed{Kind: kind}
			if rarely(t, "decision", 3) {
				log = append(log, anyDecision(t, kind, log))
			}
			before := inForce
			inForce, _ = InForce(log, day(15))
			entities, keys := Touched(before, inForce)
			seed.Keys = append(seed.Keys, keys...)
			for range rapid.IntRange(0, 3).Draw(t, "batch") {
				n := anyNode(t, kind)
				if slices.ContainsFunc(seed.Nodes, func(s Node) bool { return s.Key == n.Key }) {
					continue
				}
				if old, ok := tab.nodes[n.Key]; ok {
					seed.Keys = append(seed.Keys, tab.rules.Evidence(old)...)
				}
				tab.nodes[n.Key] = n
				seed.Nodes = append(seed.Nodes, n)
			}
			for _, e := range entities {
				n, there := tab.nodes[e]
				if there && !slices.ContainsFunc(seed.Nodes, func(s Node) bool { return s.Key == e }) {
					seed.Nodes = append(seed.Nodes, n)
				}
			}
			part, generic, err := tab.rules.Closure(context.Background(), seed, tab, inForce)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range tab.rules.Cluster(part, Known{Generic: generic, Decisions: inForce}) {
				for _, m := range c.Members {
					found[m.Key] = c
				}
			}
		}
		want := map[string]Cluster{}
		for _, c := range tab.cluster(log, day(15)) {
			for _, m := range c.Members {
				want[m.Key] = c
			}
		}
		for _, clusters := range []map[string]Cluster{want, found} {
			genericSays(clusters)
		}
		if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("clusters (-everything +incremental):\n%s", diff)
		}
	})
}

// genericSays gives all generic keys one reason: that a decision says what their number says already moves nobody, so
// that nobody is asked anew.
func genericSays(clusters map[string]Cluster) {
	for key, c := range clusters {
		c.Contested = slices.Clone(c.Contested)
		for i := range c.Contested {
			if strings.HasSuffix(c.Contested[i].Reason, "it tells none from another.") {
				c.Contested[i].Reason = "generic"
			}
		}
		clusters[key] = c
	}
}

func TestSplitUndoesMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab, log := anyWorld(t, kind, 10)
		before := tab.cluster(log, day(15))
		more := anyNode(t, kind)
		old, had := tab.nodes[more.Key]
		tab.nodes[more.Key] = more
		tab.cluster(log, day(15))
		delete(tab.nodes, more.Key)
		if had {
			tab.nodes[more.Key] = old
		}
		if diff := cmp.Diff(before, tab.cluster(log, day(15))); diff != "" {
			t.Fatalf("clusters (-before +after):\n%s", diff)
		}
	})
}

// TestRevokedIsAsNeverDecided: whatever was decided in between, in a chain or not, taking one decision back gives what
// the others give.
func TestRevokedIsAsNeverDecided(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := anyKind(t)
		tab, log := anyWorld(t, kind, 10)
		for range rapid.IntRange(1, 4).Draw(t, "links") {
			d := anyDecision(t, kind, nil)
			d.Author += fmt.Sprint("l", len(log))
			log = append(log, d.WithID())
		}
		at := rapid.IntRange(0, len(log)-1).Draw(t, "revoked")
		never := slices.Delete(slices.Clone(log), at, at+1)
		if slices.ContainsFunc(never, func(d canon.Decision) bool { return d.Revokes == log[at].ID }) || log[at].Kind == canon.DecideRevoke {
			return
		}
		revoke := canon.Decision{Kind: canon.DecideRevoke, Revokes: log[at].ID, At: day(2), Author: "ana"}.WithID()
		if diff := cmp.Diff(tab.cluster(never, day(15)), tab.cluster(append(log, revoke, revoke), day(15))); diff != "" {
			t.Fatalf("clusters (-never +revoked):\n%s", diff)
		}
	})
}

type broken struct{}

func (broken) NodesByKeys(context.Context, canon.Kind, []string, int) ([]Node, map[string]int, error) {
	return nil, nil, context.Canceled
}

func TestClosureTellsTheLoadersError(t *testing.T) {
	seed := Seed{Kind: canon.KindContact, Nodes: nodes(contact("crm/contacts/1", true, "ana@acme.com"))}
	_, _, err := new(Rules).Closure(context.Background(), seed, broken{}, nil)
	if err == nil || fmt.Sprint(err) == context.Canceled.Error() {
		t.Errorf("got %v, want the cause with what was asked", err)
	}
}
