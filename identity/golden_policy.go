package identity

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lifecyclehub/hub/canon"
)

// The policies of survivorship.
const (
	// PolicySource takes the value of the surest source.
	PolicySource = "source_priority"
	// PolicyRecent takes the value of the record that was modified last.
	PolicyRecent = "most_recent"
	// PolicyFrequent takes the value that most records have.
	PolicyFrequent = "most_frequent"
	// PolicyLongest takes the value with the most letters.
	PolicyLongest = "longest"
	// PolicyAny takes true where any record says so. It is that of what a person does not want, and no other may be
	// chosen for that.
	PolicyAny = "any_true"
	// PolicyPinned takes what an operator decided.
	PolicyPinned = "pinned"
)

// Survivorship says how fields of golden records get their values where several records have one. The zero value is
// usable.
type Survivorship struct {
	// Fields are what the operator says, by field; whatever is absent goes by Hub's own policies.
	Fields map[string]Survival
	// Systems tells by connection what system it is.
	Systems map[string]System
}

// System is what kind of system a connection is.
type System struct {
	// Connector is the vendor, Category one of the connectors' categories: "crm", "billing", "support"…
	Connector, Category string
}

// Survival is the policy of one field.
type Survival struct {
	// Policy is one of the policies above, "" for the field's own.
	Policy string
	// Sources are connections, connectors or categories, the surest first; whoever is not named follows, in the order
	// of sources. A connection's name goes before its connector's, and that before its category.
	Sources []string
	// Only leaves out whoever Sources does not name.
	Only bool
	// Custom names, by connection or connector, the vendor's custom field that holds the value there. It goes before
	// what the mapping made of the record.
	Custom map[string]string
}

// The reasons for which a value won.
const (
	ruleOnly     = "only source"
	rulePriority = "source priority"
	ruleSource   = "source order"
	ruleCreated  = "most recently created"
	ruleModified = "most recently modified"
	ruleLongest  = "longest"
	ruleAny      = "any record"
	ruleLatest   = "latest"
	ruleRef      = "first by reference"
)

// offer is one speaker's value of a field. Offers stand in the order of speakers.
type offer struct {
	from  *canon.StoredEntity
	value string
	// place is that of the source among the field's sources.
	place int
}

// survival returns the policy of a column, whole.
func (m *minting) survival(c *column) Survival {
	s, told := m.rules.Survivorship.Fields[c.name]
	if !told {
		return Survival{Policy: PolicySource, Sources: c.sources, Only: c.only}
	}
	if s.Policy == "" {
		s.Policy = PolicySource
	}
	if s.Sources == nil {
		s.Sources, s.Only = c.sources, c.only
	}
	return s
}

// survivor returns the field of a column as its policy chooses it.
func (m *minting) survivor(c *column) (canon.Field, bool) {
	s := m.survival(c)
	offers := m.offers[:0]
	for _, e := range m.speakers {
		place := len(s.Sources)
		if place > 0 {
			place = m.rules.Survivorship.place(s.Sources, e.Entity.Ref.Connection)
		}
		if s.Only && place == len(s.Sources) {
			continue
		}
		value := ""
		if s.Custom != nil {
			value = m.rules.Survivorship.custom(s, &e.Entity)
		}
		if blank(value) {
			value = c.get(m, &e.Entity)
		}
		if !blank(value) {
			offers = append(offers, offer{e, strings.TrimSpace(value), place})
		}
	}
	m.offers = offers
	if len(offers) == 0 {
		return canon.Field{}, false
	}
	if _, told := m.rules.Survivorship.Fields[c.name]; !told && c.follows != "" {
		if o, ok := m.following(c.follows, offers); ok {
			return fieldOf(c.name, o, "with "+c.follows, s.Policy), true
		}
	}
	o, rule := m.choose(s.Policy, offers)
	return fieldOf(c.name, o, rule, s.Policy), true
}

// following returns the offer of the record that another field's value came from.
func (m *minting) following(leader string, offers []offer) (offer, bool) {
	i, there := m.at[leader]
	if !there || len(offers) == 1 {
		return offer{}, false
	}
	led := m.gold.Fields[i]
	if led.Policy == PolicyPinned {
		return offer{}, false
	}
	for _, o := range offers {
		if o.from.Entity.Ref == led.Source {
			return o, true
		}
	}
	return offer{}, false
}

// choose returns the offer that a policy prefers, and why. What the policy takes for equal is decided by the order of
// speakers.
func (m *minting) choose(policy string, offers []offer) (offer, string) {
	if len(offers) == 1 {
		return offers[0], ruleOnly
	}
	switch policy {
	case PolicyRecent:
		return best(offers, func(a, b offer) int { return b.from.At.Compare(a.from.At) }), ruleModified
	case PolicyLongest:
		return best(offers, func(a, b offer) int { return utf8.RuneCountInString(b.value) - utf8.RuneCountInString(a.value) }), ruleLongest
	case PolicyFrequent:
		count := map[string]int{}
		for _, o := range offers {
			count[folded(o.value)]++
		}
		won := best(offers, func(a, b offer) int { return count[folded(b.value)] - count[folded(a.value)] })
		return won, fmt.Sprintf("%d of %d", count[folded(won.value)], len(offers))
	}
	won := best(offers, func(a, b offer) int { return a.place - b.place })
	return won, m.reason(won, offers)
}

// best returns the first of the offers that compare puts before all others.
func best(offers []offer, compare func(a, b offer) int) offer { return slices.MinFunc(offers, compare) }

// reason says why the surest source's offer won over the next one.
func (m *minting) reason(won offer, offers []offer) string {
	var second *offer
	for i := range offers {
		if o := &offers[i]; o.from != won.from && (second == nil || o.place < second.place) {
			second = o
		}
	}
	switch a, b := &won.from.Entity, &second.from.Entity; {
	case won.place != second.place:
		return rulePriority
	case m.rules.rank(a.Ref.Connection) != m.rules.rank(b.Ref.Connection):
		return ruleSource
	case !a.CreatedAt.Equal(b.CreatedAt):
		return ruleCreated
	}
	return ruleRef
}

// folded is a value as it is compared with others.
func folded(value string) string { return strings.Join(strings.Fields(strings.ToLower(value)), " ") }

// fieldOf is the field that an offer gives.
func fieldOf(name string, o offer, rule, policy string) canon.Field {
	f := canon.Field{Name: name, Value: o.value, Source: o.from.Entity.Ref, Rule: rule, Policy: policy}
	// The moment of a version that is no time is when it was observed.
	if o.from.Version != 0 && o.from.At.Equal(time.UnixMicro(o.from.Version)) {
		f.ModifiedAt = o.from.At
	} else {
		f.ObservedAt = o.from.At
	}
	return f
}

// place returns a connection's place among sources; their number where none of them means it.
func (s *Survivorship) place(sources []string, connection string) int {
	for _, name := range s.names(connection) {
		if i := slices.Index(sources, name); i >= 0 {
			return i
		}
	}
	return len(sources)
}

// names returns by what a connection may be meant, its own name first.
func (s *Survivorship) names(connection string) [3]string {
	system := s.Systems[connection]
	return [3]string{connection, system.Connector, system.Category}
}
