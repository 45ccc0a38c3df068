package identity

import (
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

// gone returns the node as the tombstone of a record that became part of another of its stream.
func gone(n Node, into string) Node {
	n.Entity.Deleted, n.Entity.Into = true, into
	return NewNode(n.Entity, n.UpdatedAt)
}

// TestWhatWasMergedFollowsTheWinner: through chains, in cycles, over winners that are not known, and never from a
// record that is alive.
func TestWhatWasMergedFollowsTheWinner(t *testing.T) {
	firm := func(id string) Node {
		return NewNode(canon.Entity{Kind: canon.KindCompany, Ref: canon.Ref{Connection: "crm", Stream: "firms", ID: id}, Body: &canon.Company{Name: id}}, day(9))
	}
	alive := firm("4")
	alive.Entity.Into = "1"
	r := Rules{}
	for name, c := range map[string]struct {
		nodes    []Node
		clusters int
		why      map[string]string
	}{
		"a chain":             {[]Node{firm("1"), gone(firm("2"), "1"), gone(firm("3"), "2")}, 1, map[string]string{"crm/firms/2#company": "merged with crm/firms/1", "crm/firms/3#company": "merged with crm/firms/2"}},
		"a cycle":             {[]Node{gone(firm("1"), "2"), gone(firm("2"), "1")}, 1, nil},
		"into itself":         {[]Node{gone(firm("1"), "1"), firm("2")}, 2, nil},
		"an unknown winner":   {[]Node{gone(firm("1"), "9"), gone(firm("2"), "9"), firm("3")}, 2, nil},
		"alive after all":     {[]Node{firm("1"), alive}, 2, nil},
		"two losers, 1 wins":  {[]Node{firm("1"), gone(firm("2"), "1"), gone(firm("3"), "1")}, 1, nil},
		"another that merged": {[]Node{firm("1"), firm("2"), gone(firm("3"), "2")}, 2, map[string]string{"crm/firms/3#company": "merged with crm/firms/2"}},
	} {
		t.Run(name, func(t *testing.T) {
			clusters := r.Cluster(c.nodes, Known{})
			if len(clusters) != c.clusters {
				t.Errorf("%d clusters, want %d: %+v", len(clusters), c.clusters, clusters)
			}
			for _, cl := range clusters {
				for _, m := range cl.Members {
					if want := c.why[m.Key]; want != "" && m.Why != want {
						t.Errorf("%s is there because of %q, want %q", m.Key, m.Why, want)
					}
				}
			}
		})
	}
}
