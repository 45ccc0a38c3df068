package identity

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

func TestVersionChangesWithTheRules(t *testing.T) {
	seen := map[string]string{}
	for name, r := range map[string]Rules{
		"none": {}, "order": {SourceOrder: []string{"crm"}}, "single": {Single: map[string]bool{"a/b": false}}, "grain": {Grain: GrainGroup},
		"limit": {Limits: map[string]Limit{LimitMail: {Max: 3}}}, "matching": {Matching: MatchRules{Auto: 0.9}}, "agencies": {Agencies: []string{"a.com"}},
	} {
		v := r.Version()
		if other, twice := seen[v]; twice {
			t.Errorf("rules %q and %q have one version", name, other)
		}
		seen[v] = name
		if same := r; same.Version() != v {
			t.Errorf("rules %q have two versions", name)
		}
	}
}

// TestRevisionStandsForTheOutcome fails where the code gives another outcome than the revision stands for: stored
// customers would not be resolved anew. Raise revision and write down the new outcome.
func TestRevisionStandsForTheOutcome(t *testing.T) {
	const want = "revision 1: d6b1b4bbcd2644000b36d1d763b1f76b"
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	var world []Node
	for i := range 300 {
		at := canon.Ref{Connection: pick("crm", "desk", "pay", "books"), Stream: "list", ID: fmt.Sprint(i)}
		e := canon.Entity{Kind: canon.KindCompany, Ref: at, CreatedAt: day(1 + rnd.IntN(28)), Body: &canon.Company{
			Domains: []string{pick("a", "b", "c", "d", "www.e") + fmt.Sprint(i/4) + pick(".com", ".co.uk", "@gmail.com")},
			Email:   pick("", "info@a"+fmt.Sprint(i/4)+".com"), VATID: pick("", "", "DE"+fmt.Sprint(100_000_000+i/3)), Country: pick("", "DE"),
		}}
		world = append(world, NewNode(e, day(28)))
		p := canon.Entity{Kind: canon.KindContact, Ref: at, CreatedAt: day(1 + rnd.IntN(28)), Body: &canon.Contact{
			Emails: []string{pick("ana", "bo.li", "info", "bo+x") + fmt.Sprint(i/4) + pick("@gmail.com", "@acme.com")}, EmailVerified: rnd.IntN(3) > 0, Name: pick("", "Ana Li"),
		}}
		world = append(world, NewNode(p, day(28)))
	}
	var said strings.Builder
	for _, kind := range []canon.Kind{canon.KindCompany, canon.KindContact} {
		var of []Node
		for _, n := range world {
			if n.Kind == kind {
				of = append(of, n)
			}
		}
		for _, c := range new(Rules).Cluster(of, Known{}) {
			fmt.Fprintln(&said, c.ID, c.Members)
		}
	}
	if got := fmt.Sprintf("revision %d: %s", revision, canon.Hash([]byte(said.String()))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// counting is a store that counts what it is asked for.
type counting struct {
	table
	asked, given int
}

func (c *counting) NodesByKeys(ctx context.Context, kind canon.Kind, keys []string, limit int) ([]Node, map[string]int, error) {
	nodes, counts, err := c.table.NodesByKeys(ctx, kind, keys, limit)
	c.asked, c.given = c.asked+len(keys), c.given+len(nodes)
	return nodes, counts, err
}

// TestClosureCostsWhatItMoves: what a change asks for does not grow with what it has nothing to do with.
func TestClosureCostsWhatItMoves(t *testing.T) {
	var asked, given []int
	for _, n := range []int{10, 1000} {
		store := &counting{table: table{rules: &Rules{}, nodes: map[string]Node{}}}
		for _, node := range companiesOfFiveSystems(n) {
			store.nodes[node.Key] = node
		}
		seed := Seed{Kind: canon.KindCompany, Nodes: []Node{store.nodes["crm/companies/1#company"]}}
		if _, _, err := store.rules.Closure(t.Context(), seed, store, nil); err != nil {
			t.Fatal(err)
		}
		asked, given = append(asked, store.asked), append(given, store.given)
	}
	if asked[0] != asked[1] || given[0] != given[1] {
		t.Errorf("asked for %v keys and got %v records among 10 and 1000", asked, given)
	}
}
