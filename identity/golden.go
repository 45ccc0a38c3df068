package identity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Gold is what a customer is called and its golden record.
type Gold struct {
	// Name is never empty where there are members: it falls back on domain, address and reference.
	Name, Domain string
	// Fields have one value each, in the order in which a reader expects them, the operator's own last.
	Fields []canon.Field
	// NextAt is when a pin expires, so that the record is to be made anew; zero for never.
	NextAt time.Time
}

// Golden returns the golden record of a customer's, or of a person's, members as of now. Where the members hold a
// company, the companies speak; otherwise the contacts. Each field gets the value that its policy chooses among those
// of all speakers; where the policy has no preference, the surest source speaks, then the most recently created
// record, then the first by reference. A pin in force beats them all. A blank or a placeholder never speaks. Deleted
// records, and those that their source merged into another member, speak only where nobody else is left; but what a
// person does not want holds whoever has noted it.
//
// pins are decisions in force about any of the members, in any order.
func (r *Rules) Golden(members []canon.StoredEntity, pins []canon.Decision, now time.Time) Gold {
	kind := speaking(members)
	all := r.lineUp(members, kind)
	if len(all) == 0 {
		return Gold{}
	}
	m := minting{rules: r, all: all, speakers: audible(all), at: map[string]int{}}
	m.pin(kind, pins, now)
	columns := companyColumns
	if kind == canon.KindContact {
		columns = personColumns
	}
	for i := range columns {
		m.mint(&columns[i])
	}
	m.consent(kind)
	m.custom(kind)
	m.gold.Domain = m.value("domain")
	m.gold.Name = cmp.Or(m.value("name"), m.gold.Domain, m.value("email"), m.speakers[0].Entity.Ref.String())
	return m.gold
}

// minting is one golden record in the making.
type minting struct {
	rules *Rules
	// all are the members of the speaking kind, the surest first and deleted ones last; speakers those whose word
	// counts.
	all, speakers []*canon.StoredEntity
	// pins are those in force, by field.
	pins map[string]canon.Decision
	gold Gold
	// at finds fields that have a value.
	at map[string]int
	// offers is used again from field to field.
	offers []offer
}

func (m *minting) value(name string) string {
	if i, ok := m.at[name]; ok {
		return m.gold.Fields[i].Value
	}
	return ""
}

func (m *minting) add(f canon.Field) {
	m.at[f.Name] = len(m.gold.Fields)
	m.gold.Fields = append(m.gold.Fields, f)
}

// mint adds a column's field where anybody has a value for it.
func (m *minting) mint(c *column) {
	if _, there := m.at[c.name]; there {
		return
	}
	if pin, ok := m.pins[c.name]; ok {
		m.add(pinned(pin))
		return
	}
	if f, ok := m.survivor(c); ok {
		m.add(f)
	}
}

// speaking returns the kind of the members that the golden record is about: companies where there are any, the living
// before the deleted.
func speaking(members []canon.StoredEntity) canon.Kind {
	kind, best := canon.Kind(""), 4
	for i := range members {
		e := &members[i].Entity
		place := 0
		switch e.Kind {
		case canon.KindCompany:
		case canon.KindContact:
			place = 1
		default:
			continue
		}
		if e.Deleted {
			place += 2
		}
		if place < best {
			kind, best = e.Kind, place
		}
	}
	return kind
}

// lineUp returns the members of the kind in the order in which they speak, each once.
func (r *Rules) lineUp(members []canon.StoredEntity, kind canon.Kind) []*canon.StoredEntity {
	var out []*canon.StoredEntity
	for i := range members {
		if members[i].Entity.Kind == kind {
			out = append(out, &members[i])
		}
	}
	slices.SortFunc(out, func(a, b *canon.StoredEntity) int { return r.compareSpeakers(&a.Entity, &b.Entity) })
	return slices.CompactFunc(out, func(a, b *canon.StoredEntity) bool { return r.compareSpeakers(&a.Entity, &b.Entity) == 0 })
}

// ranked returns the members in the order in which they speak.
func (r *Rules) ranked(members []canon.Entity) []canon.Entity {
	out := slices.Clone(members)
	slices.SortFunc(out, func(a, b canon.Entity) int { return r.compareSpeakers(&a, &b) })
	return out
}

// compareSpeakers orders entities by source order, then the most recently created, then ref; deleted ones last.
func (r *Rules) compareSpeakers(a, b *canon.Entity) int {
	if a.Deleted != b.Deleted {
		if a.Deleted {
			return 1
		}
		return -1
	}
	if c := cmp.Or(r.rank(a.Ref.Connection)-r.rank(b.Ref.Connection), b.CreatedAt.Compare(a.CreatedAt), a.Ref.Compare(b.Ref)); c != 0 {
		return c
	}
	return strings.Compare(a.Key(), b.Key())
}

// audible returns those of the ranked members whose word counts.
func audible(all []*canon.StoredEntity) []*canon.StoredEntity {
	if len(all) == 1 {
		return all
	}
	absorbed := map[canon.Ref]bool{}
	for _, m := range all {
		for _, id := range m.Entity.Absorbed {
			if !m.Entity.Deleted {
				absorbed[canon.Ref{Connection: m.Entity.Ref.Connection, Stream: m.Entity.Ref.Stream, ID: id}] = true
			}
		}
	}
	living := make([]*canon.StoredEntity, 0, len(all))
	for _, m := range all {
		if !m.Entity.Deleted && !absorbed[m.Entity.Ref] {
			living = append(living, m)
		}
	}
	if len(living) > 0 {
		return living
	}
	return all
}
