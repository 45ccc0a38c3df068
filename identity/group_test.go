package identity

import (
	"slices"
	"strings"
	"testing"

	"github.com/lifecyclehub/hub/canon"
)

func TestGroupsRollUpToTheTopmostCompany(t *testing.T) { // T6
	firm := func(at, parent string, created int, domains ...string) Node {
		b := canon.Company{Name: at, Domains: domains}
		if parent != "" {
			b.Parent = ref(parent)
		}
		return lived(company(at, b), created, 28)
	}
	absorbing := firm("crm/firms/1", "", 5)
	absorbing.Entity.Absorbed = []string{"7"}
	unlink, _ := InForce([]canon.Decision{decide(canon.DecideUnlink, "crm/firms/1#company", "crm/firms/2#company")}, day(2))
	detach, _ := InForce([]canon.Decision{decide(canon.DecideDetach, "crm/firms/2#company", "")}, day(2))
	three := []Node{firm("crm/firms/1", "", 5, "acme.com"), firm("crm/firms/2", "crm/firms/1", 3, "acme.fr"), firm("crm/firms/3", "crm/firms/2", 1), firm("desk/orgs/1", "", 2, "acme.fr")}
	for name, c := range map[string]struct {
		grain     string
		nodes     []Node
		decisions *Decisions
		want, top string
	}{
		"apart":                    {GrainCompany, three, nil, "crm/firms/1 | crm/firms/2 desk/orgs/1 | crm/firms/3", ""},
		"up two steps":             {GrainGroup, three, nil, "crm/firms/1 crm/firms/2 crm/firms/3 desk/orgs/1", "crm/firms/1"},
		"a parent nobody knows":    {GrainGroup, three[1:], nil, "crm/firms/2 crm/firms/3 desk/orgs/1", "desk/orgs/1"},
		"a parent that was merged": {GrainGroup, []Node{absorbing, firm("crm/firms/2", "crm/firms/7", 1)}, nil, "crm/firms/1 crm/firms/2", "crm/firms/1"},
		"owners of each other":     {GrainGroup, []Node{firm("crm/firms/1", "crm/firms/2", 1), firm("crm/firms/2", "crm/firms/3", 2), firm("crm/firms/3", "crm/firms/1", 3)}, nil, "crm/firms/1 crm/firms/2 crm/firms/3", "crm/firms/3"},
		"its own owner":            {GrainGroup, []Node{firm("crm/firms/1", "crm/firms/1", 1), firm("crm/firms/2", "", 2)}, nil, "crm/firms/1 | crm/firms/2", "crm/firms/1"},
		"kept apart":               {GrainGroup, three, unlink, "crm/firms/1 | crm/firms/2 crm/firms/3 desk/orgs/1", ""},
		"detached":                 {GrainGroup, three, detach, "crm/firms/1 | crm/firms/2 | crm/firms/3 | desk/orgs/1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := Rules{Grain: c.grain}
			clusters := rules.Cluster(c.nodes, Known{Decisions: c.decisions})
			if got := groups(clusters); got != c.want {
				t.Fatalf("clusters\n got %s\nwant %s", got, c.want)
			}
			if c.top == "" {
				return
			}
			i := slices.IndexFunc(clusters, func(cl Cluster) bool { return strings.HasPrefix(cl.Members[0].Key, c.top+"#") })
			if i < 0 || clusters[i].ID != (Node{Ref: ref(c.top), Kind: canon.KindCompany}).ID() {
				t.Errorf("no cluster has the id of %s: %+v", c.top, clusters)
			}
		})
	}
	rules := Rules{Grain: GrainGroup}
	for _, m := range rules.Cluster(three, Known{})[0].Members {
		if m.Key == "crm/firms/2#company" && m.Why != "domain acme.fr" && m.Why != "parent crm/firms/1" {
			t.Errorf("the subsidiary is there because of %q", m.Why)
		}
	}
}
