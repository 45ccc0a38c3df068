package identity

import (
	_ "embed"
	"slices"
	"strings"
)

//go:embed lists/freemail.txt
var freeMailList string

//go:embed lists/freemail_more.txt
var moreFreeMailList string

//go:embed lists/disposable.txt
var disposableList string

//go:embed lists/disposable_more.txt
var moreDisposableList string

//go:embed lists/hosted.txt
var hostedList string

// shared are the domains that many companies or persons share, each with what kind of domain it is.
var shared = sharedDomains()

// sharing is why a domain tells of no company.
type sharing uint8

const (
	sharedFree sharing = iota + 1
	sharedHosted
	// sharedDisposable are domains whose mailboxes anybody may read, so that they tell of no person either.
	sharedDisposable
	sharedOwn
	sharedAgency
)

func (s sharing) String() string {
	switch s {
	case sharedFree:
		return "anybody can have a mailbox there"
	case sharedHosted:
		return "many have a site there"
	case sharedDisposable:
		return "it hands out throw-away mailboxes"
	case sharedOwn:
		return "it is the business's own"
	case sharedAgency:
		return "it is an agency's, who acts for several customers"
	}
	return ""
}

func sharedDomains() map[string]sharing {
	set := make(map[string]sharing, 14_000)
	for _, of := range []struct {
		list string
		kind sharing
	}{
		{moreDisposableList, sharedDisposable}, {disposableList, sharedDisposable},
		{moreFreeMailList, sharedFree}, {freeMailList, sharedFree}, {hostedList, sharedHosted},
	} {
		for line := range strings.Lines(of.list) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				set[line] = of.kind
			}
		}
	}
	return set
}

// sharing returns why a domain tells of no company; host is what it was taken from, as some are listed below their
// registrable domain.
func (r *Rules) sharing(domain, host string) sharing {
	switch {
	case slices.Contains(r.Own, domain):
		return sharedOwn
	case slices.Contains(r.Agencies, domain):
		return sharedAgency
	case slices.Contains(r.FreeMail, domain):
		return sharedFree
	}
	if s := shared[domain]; s != 0 {
		return s
	}
	if host != domain {
		return shared[strings.ToLower(strings.TrimSpace(host))]
	}
	return 0
}

// corporate returns the registrable domain where it can stand for one company, else "".
func (r *Rules) corporate(s string) string {
	domain := DomainKey(s)
	if domain == "" || r.sharing(domain, s) != 0 {
		return ""
	}
	return domain
}

// agent reports whether an address is that of somebody who acts for many customers.
func (r *Rules) agent(m mail) bool {
	return len(r.Agencies) > 0 && slices.ContainsFunc(r.Agencies, func(a string) bool {
		return strings.Contains(a, "@") && EmailKey(a) == m.key
	})
}

// telling reports whether an address can stand for one person: a mailbox of one's own, at a domain that is neither
// open to everybody's eyes nor the business's own.
func (r *Rules) telling(m mail) bool { return m.personal() && r.silence(m) == "" }

// silence returns why an address that could be one's own tells of no person, or "".
func (r *Rules) silence(m mail) string {
	if r.agent(m) {
		return sharedAgency.String()
	}
	for domain := m.domain; ; {
		if slices.Contains(r.Own, domain) {
			return sharedOwn.String()
		}
		if shared[domain] == sharedDisposable {
			return sharedDisposable.String()
		}
		_, above, below := strings.Cut(domain, ".")
		if !below {
			return ""
		}
		domain = above
	}
}
