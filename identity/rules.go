// Package identity decides which companies and contacts of several systems are one customer, whom every other
// entity belongs to, and what a customer's golden record says.
//
// All of it is a pure function of the set of company and contact entities and of the decisions in force, whatever
// their order: a merge is undone by taking its evidence away. The package stores nothing; it does not derive events
// and does not decide what an operator is shown.
package identity

import (
	"slices"
	"time"
)

// Rules are what an operator may say about resolving. The zero value is usable.
type Rules struct {
	// SourceOrder names connections, the surest first; others follow.
	SourceOrder []string
	// GenericLimit is the most records that may hold a key before it says nothing; 0 means 50.
	GenericLimit int
	// FreeMail adds domains where anybody can have a mailbox, Own the domains of the business itself: neither
	// tells one customer from another. Both are written as DomainKey returns them.
	FreeMail, Own []string
	// Single tells by "connection/stream" whether the stream holds at most one record per customer, so that
	// two of its records are two customers. What is absent is single, as CRMs and help desks are; billing
	// streams, where a customer may have several accounts, belong here with false.
	Single map[string]bool
	// Grain is who a customer is: GrainCompany ("" too), GrainPerson or GrainGroup.
	Grain string
	// Limits bound by kind of identifier (LimitMail, LimitDomain, LimitVAT, LimitRegistration) how many of them
	// one company or person may have. What is absent has the limit of DefaultLimits.
	Limits map[string]Limit
	// MaxMembers is the most records of one company or person; 0 means 500.
	MaxMembers int
	// StaleAfter parts records that were not alive at the same time: where the one was last changed so long before
	// the other was created, a common address or domain has got a new owner. 0 means three years, less than 0 never.
	StaleAfter time.Duration
	// Agencies are domains, or single addresses, of those who act for many customers: they tell of none.
	Agencies []string
	// GroupVATs are VAT ids that all companies of a group share.
	GroupVATs []string
	// Region is the country (two letters) of telephone numbers, VAT ids and register numbers that do not tell their own.
	Region string
	// Matching says how records are compared that no key links; the method Match does it.
	Matching MatchRules
	// Survivorship says which values golden records take.
	Survivorship Survivorship
}

// The grains of a customer.
const (
	// GrainCompany makes a customer of each company, subsidiaries apart from their parents.
	GrainCompany = "company"
	// GrainPerson makes a customer of each person, whatever company they work for.
	GrainPerson = "person"
	// GrainGroup makes one customer of a company and all that it owns.
	GrainGroup = "group"
)

// The kinds of identifier that have limits.
const (
	LimitMail         = "mail"
	LimitDomain       = "domain"
	LimitVAT          = "vat"
	LimitRegistration = "registration"
)

// Limit is the most identifiers of one kind that a company or person may have.
type Limit struct {
	// Max is how many may come up within any Window, by the records' own times; in all time where Window is 0. An
	// identifier of a record without times counts always. Max 0 is no limit.
	Max    int
	Window time.Duration
}

// DefaultLimits returns the limits that hold where the rules say nothing: a company has one VAT id and one number in
// a register, a person at most ten addresses.
func DefaultLimits() map[string]Limit {
	return map[string]Limit{LimitMail: {Max: 10}, LimitVAT: {Max: 1}, LimitRegistration: {Max: 1}}
}

func (r *Rules) limit() int {
	if r.GenericLimit > 0 {
		return r.GenericLimit
	}
	return 50
}

// limits returns the limit of every kind of identifier, by the kind's number.
func (r *Rules) limits() [identKinds]Limit {
	var out [identKinds]Limit
	standard := DefaultLimits()
	for kind, name := range identNames {
		out[kind] = standard[name]
		if l, told := r.Limits[name]; told {
			out[kind] = l
		}
	}
	return out
}

func (r *Rules) maxMembers() int {
	if r.MaxMembers > 0 {
		return r.MaxMembers
	}
	return 500
}

// staleAfter returns how far apart the lifetimes of two records may lie, 0 for any.
func (r *Rules) staleAfter() time.Duration {
	const threeYears = 3 * 365 * 24 * time.Hour
	switch {
	case r.StaleAfter > 0:
		return r.StaleAfter
	case r.StaleAfter < 0:
		return 0
	}
	return threeYears
}

// grouped reports whether subsidiaries are rolled up.
func (r *Rules) grouped() bool { return r.Grain == GrainGroup }

func (r *Rules) single(source string) bool {
	single, told := r.Single[source]
	return single || !told
}

// rank returns a connection's place in the order of sources.
func (r *Rules) rank(connection string) int {
	if i := slices.Index(r.SourceOrder, connection); i >= 0 {
		return i
	}
	return len(r.SourceOrder)
}
