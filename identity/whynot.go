package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lifecyclehub/hub/canon"
)

// Answer says why two entities are, or are not, one company or person.
type Answer struct {
	// A and B are entity keys. Same says that they are one.
	A    string `json:"a"`
	B    string `json:"b"`
	Same bool   `json:"same"`
	// Path is the surest chain of evidence from A to B where they are one.
	Path []canon.Edge `json:"path,omitempty"`
	// Against is what stands between them: evidence that was turned down, with the reason.
	Against []canon.Edge `json:"against,omitempty"`
	// Contested are keys of either that could link several records and therefore link none.
	Contested []canon.Contested `json:"contested,omitempty"`
	// Decisions are those in force that name either.
	Decisions []canon.Decision `json:"decisions,omitempty"`
	// Ignored are values that both have and that tell nobody apart, each with the reason.
	Ignored []string `json:"ignored,omitempty"`
	// Would is what would make them one, or part them, each in one sentence.
	Would []string `json:"would,omitempty"`
}

// WhyNot says why two entities are one or not. nodes are a closed set that holds both, as Closure gives it for the
// two; an entity that is not among them is said to be unknown.
func (r *Rules) WhyNot(a, b string, nodes []Node, known Known) Answer {
	q := question{rules: r, decisions: known.Decisions, out: Answer{A: min(a, b), B: max(a, b)}}
	a, b = q.out.A, q.out.B
	q.out.Decisions = known.Decisions.About([]string{a, b})
	for _, end := range []string{a, b} {
		i := slices.IndexFunc(nodes, func(n Node) bool { return n.Key == end })
		if i < 0 {
			q.out.Would = append(q.out.Would, fmt.Sprintf("There is no company or contact %s: check the reference, or wait until its record has been read.", end))
			return q.out
		}
		q.ends = append(q.ends, nodes[i])
	}
	if q.ends[0].Kind != q.ends[1].Kind {
		q.employment()
		return q.out
	}
	var of [2]Cluster
	for _, c := range r.Cluster(nodes, known) {
		for _, m := range c.Members {
			if m.Key == a {
				of[0] = c
			}
			if m.Key == b {
				of[1] = c
			}
		}
	}
	q.out.Same = of[0].ID == of[1].ID
	if q.out.Same {
		q.out.Path = chain(of[0].Edges, a, b)
		q.part()
		return q.out
	}
	q.between(of[0], of[1])
	q.ignored()
	q.join()
	return q.out
}

// question is one call of WhyNot.
type question struct {
	rules     *Rules
	decisions *Decisions
	ends      []Node
	out       Answer
}

func (q *question) would(format string, args ...any) {
	q.out.Would = append(q.out.Would, fmt.Sprintf(format, args...))
}

// chain returns the edges that lead from a to b by the surest evidence: those that the clusters grew by.
func chain(edges []canon.Edge, a, b string) []canon.Edge {
	near := map[string]string{}
	var top func(s string) string
	top = func(s string) string {
		if near[s] == "" || near[s] == s {
			return s
		}
		return top(near[s])
	}
	grown := map[string][]canon.Edge{}
	for _, e := range edges {
		// Edges come the surest first, so that the tree they grow holds the surest way between any two.
		if x, y := top(e.A), top(e.B); e.Rejected == "" && x != y {
			near[x] = y
			grown[e.A], grown[e.B] = append(grown[e.A], e), append(grown[e.B], e)
		}
	}
	var walk func(at, from string) []canon.Edge
	walk = func(at, from string) []canon.Edge {
		for _, e := range grown[at] {
			next := e.A
			if next == at {
				next = e.B
			}
			if next == from {
				continue
			}
			if next == b {
				return []canon.Edge{e}
			}
			if rest := walk(next, at); rest != nil {
				return append([]canon.Edge{e}, rest...)
			}
		}
		return nil
	}
	return walk(a, "")
}

// between notes the evidence that was turned down between two clusters, and the contested keys of both ends.
func (q *question) between(x, y Cluster) {
	in := func(c Cluster, key string) bool {
		return slices.ContainsFunc(c.Members, func(m Member) bool { return m.Key == key })
	}
	for _, e := range x.Edges {
		if e.Rejected != "" && (in(x, e.A) && in(y, e.B) || in(y, e.A) && in(x, e.B)) {
			q.out.Against = append(q.out.Against, e)
		}
	}
	for _, c := range slices.Concat(x.Contested, y.Contested) {
		names := func(n Node) bool { return slices.Contains(c.Refs, n.Ref) }
		twice := slices.ContainsFunc(q.out.Contested, func(o canon.Contested) bool { return o.Key == c.Key && o.Reason == c.Reason })
		if slices.ContainsFunc(q.ends, names) && !twice {
			q.out.Contested = append(q.out.Contested, c)
		}
	}
}

// ignored notes values that both ends have and that the rules do not link by.
func (q *question) ignored() {
	a, b := q.rules.silent(&q.ends[0]), q.rules.silent(&q.ends[1])
	for _, s := range a {
		if slices.Contains(b, s) {
			q.out.Ignored = append(q.out.Ignored, s)
		}
	}
}

// silent returns the values of a node that the rules do not link by, each with the reason.
func (r *Rules) silent(n *Node) []string {
	var out []string
	note := func(what, value, reason string) {
		if reason != "" {
			out = append(out, fmt.Sprintf("%s %s: %s", what, value, reason))
		}
	}
	host := func(s string) {
		if domain := DomainKey(s); domain != "" {
			note("domain", domain, r.sharing(domain, s).String())
		} else if !blank(s) {
			note("domain", s, "it is no domain that a company can have")
		}
	}
	address := func(s string) {
		m, ok := parseMail(s)
		switch {
		case !ok:
		case m.placeholder:
			note("email", m.key, "it stands for no mailbox")
		case m.role && n.Kind == canon.KindContact:
			note("email", m.key, "it is a role's mailbox, not a person's")
		case n.Kind == canon.KindContact:
			note("email", m.key, r.silence(m))
		default:
			host(m.domain)
		}
	}
	switch b := n.Entity.Body.(type) {
	case *canon.Company:
		for _, d := range b.Domains {
			host(d)
		}
		address(b.Email)
		if key := VATKey(b.VATID, b.Country); b.VATID != "" && r.vatOf(b) == "" {
			note("VAT id", strings.TrimSpace(b.VATID), map[bool]string{true: "it does not have the form of its country's ids", false: "a whole group shares it"}[key == ""])
		}
	case *canon.Contact:
		for _, s := range b.Emails {
			address(s)
		}
	}
	return distinct(out)
}

// join says what would make the two ends one.
func (q *question) join() {
	a, b := &q.ends[0], &q.ends[1]
	if id := q.decisions.apart(a.Key, b.Key); id != "" {
		q.would("Decision %s keeps them apart: revoke it.", id)
		return
	}
	for _, n := range q.ends {
		if id := q.decisions.detachedBy(n.Key); id != "" {
			q.would("Decision %s detaches %s: revoke it, or link the two by a decision.", id, n.Ref)
		}
	}
	q.would("A decision that links them.")
	if a.Deleted || b.Deleted {
		q.would("Nothing else: of a deleted record only the reference is left.")
		return
	}
	if a.source() == b.source() && q.rules.single(a.source()) {
		q.would("%s holds one record per customer: merge the two there, or let identity.single say false for it.", a.source())
		return
	}
	q.would("A reference from the one record to the other, in a field that the mapping reads as same_as.")
	if a.Kind == canon.KindCompany {
		q.would("The same VAT id, or the same register number and country, on both.")
		q.would("A corporate domain that one of them declares and the other declares or has its mailbox at, and that nobody else of their sources claims.")
		return
	}
	q.would("The same personal address on both, where both sources vouch for it, or where the name or the company's record is the same too.")
}

// part says what would part the two ends.
func (q *question) part() {
	for _, e := range q.out.Path {
		if id, ok := strings.CutPrefix(e.Key, "decision "); ok {
			q.would("Revoking decision %s, where no other evidence is left.", id)
		}
	}
	q.would("A decision that they are not the same, or one that detaches either of them.")
}

// employment says whether a contact names a company, or a decision does.
func (q *question) employment() {
	person, firm := &q.ends[0], &q.ends[1]
	if person.Kind == canon.KindCompany {
		person, firm = firm, person
	}
	if id := q.decisions.apart(person.Key, firm.Key); id != "" {
		q.out.Against = append(q.out.Against, canon.Edge{A: q.out.A, B: q.out.B, Key: "decision " + id, Rejected: fmt.Sprintf("Decision %s keeps them apart.", id)})
		q.would("Decision %s keeps them apart: revoke it.", id)
		return
	}
	held := q.rules.Evidence(*firm)
	for _, key := range q.rules.PersonKeys([]canon.Entity{person.Entity}, q.decisions) {
		if slices.Contains(held, key) {
			rank := int(rankOf(key))
			if q.decisions.linked(person.Key, firm.Key) != "" {
				rank = rankDecided
			}
			q.out.Path = append(q.out.Path, canon.Edge{A: q.out.A, B: q.out.B, Rank: rank, Key: say(key)})
		}
	}
	q.out.Same = len(q.out.Path) > 0
	if !q.out.Same {
		q.would("A decision that links them, the company among those that the contact's record names, or a verified address at a domain of the company's.")
	}
}
