package identity

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lifecyclehub/hub/canon"
)

// Decisions are what operators have decided and what holds. The nil value holds none.
type Decisions struct {
	all      []canon.Decision
	links    map[string][]tie
	unlinks  map[string][]tie
	detached map[string]string
	generic  map[string]string
	pins     map[string][]canon.Decision
}

// tie is a decision about an entity and another one.
type tie struct {
	other, id string
	at        time.Time
}

// InForce returns the decisions of the log that hold at a moment: those that nothing in force revokes and that have
// not expired. next is when the next of them expires, zero for never. The order of the log does not matter, nor
// whether a decision stands in it twice.
func InForce(log []canon.Decision, now time.Time) (d *Decisions, next time.Time) {
	h := newHolds(log, now)
	d = &Decisions{
		links: map[string][]tie{}, unlinks: map[string][]tie{}, detached: map[string]string{}, generic: map[string]string{},
		pins: map[string][]canon.Decision{},
	}
	for _, id := range slices.Sorted(maps.Keys(h.byID)) {
		if !h.of(id).InForce {
			continue
		}
		x := h.byID[id]
		if !x.ExpiresAt.IsZero() && (next.IsZero() || x.ExpiresAt.Before(next)) {
			next = x.ExpiresAt
		}
		d.take(x)
	}
	for _, ties := range d.links {
		// Where a person is linked with several companies, the last word counts.
		slices.SortFunc(ties, func(a, b tie) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.id, b.id)) })
	}
	return d, next
}

// Standing says whether a decision holds, and why not.
type Standing struct {
	InForce, Expired bool
	// RevokedBy is the decision in force that takes it back, "" where there is none.
	RevokedBy string
}

// Standings returns, by id, how the decisions of a log stand at a moment.
func Standings(log []canon.Decision, now time.Time) map[string]Standing {
	h := newHolds(log, now)
	for id := range h.byID {
		h.of(id)
	}
	return h.known
}

// holds finds out which decisions hold.
type holds struct {
	byID     map[string]canon.Decision
	revokers map[string][]string
	known    map[string]Standing
	now      time.Time
}

func newHolds(log []canon.Decision, now time.Time) holds {
	h := holds{byID: map[string]canon.Decision{}, revokers: map[string][]string{}, known: map[string]Standing{}, now: now}
	for _, x := range log {
		if _, twice := h.byID[x.ID]; twice {
			continue
		}
		h.byID[x.ID] = x
		if x.Kind == canon.DecideRevoke {
			h.revokers[x.Revokes] = append(h.revokers[x.Revokes], x.ID)
		}
	}
	return h
}

// of tells how a decision stands. A revocation may itself be revoked, or expire.
func (h holds) of(id string) Standing {
	if known, asked := h.known[id]; asked {
		return known
	}
	x := h.byID[id]
	// A log in which revocations go in a circle was not written by anybody; it ends here all the same.
	h.known[id] = Standing{}
	s := Standing{Expired: !x.ExpiresAt.IsZero() && !x.ExpiresAt.After(h.now)}
	for _, by := range h.revokers[id] {
		if h.of(by).InForce {
			s.RevokedBy = by
		}
	}
	s.InForce = !s.Expired && s.RevokedBy == ""
	h.known[id] = s
	return s
}

// take adds a decision that holds. One that says nothing, such as a link of an entity with itself, is left out.
func (d *Decisions) take(x canon.Decision) {
	both := x.A != "" && x.B != "" && x.A != x.B
	switch {
	case x.Kind == canon.DecideLink && both:
		d.links[x.A] = append(d.links[x.A], tie{x.B, x.ID, x.At})
		d.links[x.B] = append(d.links[x.B], tie{x.A, x.ID, x.At})
	case x.Kind == canon.DecideUnlink && both:
		d.unlinks[x.A] = append(d.unlinks[x.A], tie{x.B, x.ID, x.At})
		d.unlinks[x.B] = append(d.unlinks[x.B], tie{x.A, x.ID, x.At})
	case x.Kind == canon.DecideDetach && x.A != "":
		first(d.detached, x.A, x.ID)
	case x.Kind == canon.DecideGeneric && x.Key != "":
		first(d.generic, x.Key, x.ID)
	case x.Kind == canon.DecidePin && x.A != "":
		d.pins[x.A] = append(d.pins[x.A], x)
	default:
		return
	}
	d.all = append(d.all, x)
}

func first(m map[string]string, key, id string) {
	if _, there := m[key]; !there {
		m[key] = id
	}
}

// withoutLinks returns d as though nothing had been linked.
func (d *Decisions) withoutLinks() *Decisions {
	without := *d
	without.links = nil
	without.all = slices.DeleteFunc(slices.Clone(d.all), func(x canon.Decision) bool { return x.Kind == canon.DecideLink })
	return &without
}

// Named returns the entity keys that decisions in force name, sorted.
func (d *Decisions) Named() []string {
	if d == nil {
		return nil
	}
	var named []string
	for _, x := range d.all {
		named = append(named, x.A, x.B)
	}
	return distinct(named)
}

// Pins returns the pins in force about any of the entity keys, the earliest first.
func (d *Decisions) Pins(members []string) []canon.Decision {
	if d == nil || len(d.pins) == 0 {
		return nil
	}
	var pins []canon.Decision
	for _, m := range distinct(members) {
		pins = append(pins, d.pins[m]...)
	}
	slices.SortFunc(pins, func(a, b canon.Decision) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return pins
}

// About returns the decisions in force that name any of the entity keys or evidence keys, by id.
func (d *Decisions) About(keys []string) []canon.Decision {
	if d == nil {
		return nil
	}
	about := map[string]bool{}
	for _, k := range keys {
		about[k] = k != ""
	}
	var out []canon.Decision
	for _, x := range d.all {
		if about[x.A] || about[x.B] || about[x.Key] {
			out = append(out, x)
		}
	}
	return out
}

// Barred returns the keys of the companies that the members of a person must not belong to, as Pick takes them.
func (d *Decisions) Barred(members []string) []string {
	if d == nil || len(d.unlinks) == 0 {
		return nil
	}
	var keys []string
	for _, m := range members {
		for _, t := range d.unlinks[m] {
			if kindIn(m) == canon.KindContact && kindIn(t.other) == canon.KindCompany {
				keys = append(keys, OwnKey(t.other))
			}
		}
	}
	return distinct(keys)
}

// Touched returns what must be resolved anew when the decisions in force change: the entities that a decision names
// which one set holds and the other does not, and the evidence keys.
func Touched(before, after *Decisions) (entities, keys []string) {
	old, now := before.ids(), after.ids()
	note := func(x canon.Decision) {
		entities = append(entities, x.A, x.B)
		keys = append(keys, x.Key)
	}
	for id, x := range old {
		if _, holds := now[id]; !holds {
			note(x)
		}
	}
	for id, x := range now {
		if _, held := old[id]; !held {
			note(x)
		}
	}
	return distinct(entities), distinct(keys)
}

func (d *Decisions) ids() map[string]canon.Decision {
	out := map[string]canon.Decision{}
	if d != nil {
		for _, x := range d.all {
			out[x.ID] = x
		}
	}
	return out
}

// Generic says whether a decision in force says that a key tells nobody apart.
func (d *Decisions) Generic(key string) bool { return d.genericBy(key) != "" }

// genericBy returns the decision that says that a key tells nobody apart, or "".
func (d *Decisions) genericBy(key string) string {
	if d == nil {
		return ""
	}
	return d.generic[key]
}

// detachedBy returns the decision that detaches an entity, or "".
func (d *Decisions) detachedBy(entity string) string {
	if d == nil {
		return ""
	}
	return d.detached[entity]
}

// linksOf returns what decisions link an entity with.
func (d *Decisions) linksOf(entity string) []tie {
	if d == nil {
		return nil
	}
	return d.links[entity]
}

// unlinksOf returns what decisions keep an entity apart from.
func (d *Decisions) unlinksOf(entity string) []tie {
	if d == nil {
		return nil
	}
	return d.unlinks[entity]
}

// linked and apart return the decision that links two entities, or that keeps them apart, or "".
func (d *Decisions) linked(a, b string) string { return between(d.linksOf(a), b) }
func (d *Decisions) apart(a, b string) string  { return between(d.unlinksOf(a), b) }

func between(ties []tie, other string) string {
	for _, t := range ties {
		if t.other == other {
			return t.id
		}
	}
	return ""
}

// kindIn returns the kind in an entity key, "connection/stream/id#kind.part".
func kindIn(entity string) canon.Kind {
	kind, _, _ := strings.Cut(entity[strings.LastIndexByte(entity, '#')+1:], ".")
	return canon.Kind(kind)
}

// OwnKey returns the evidence key that the entity of an entity key holds as itself, and by which others find it; "" where
// it is no entity key.
func OwnKey(entity string) string {
	i := strings.LastIndexByte(entity, '#')
	if i < 0 {
		return ""
	}
	ref, err := canon.ParseRef(entity[:i])
	if err != nil {
		return ""
	}
	kind, part, _ := strings.Cut(entity[i+1:], ".")
	n := Node{Ref: ref, Kind: canon.Kind(kind), Entity: canon.Entity{Part: part}}
	return n.selfKey()
}

// distinct sorts what is not empty, once each.
func distinct(list []string) []string {
	list = slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
	slices.Sort(list)
	return slices.Compact(list)
}
