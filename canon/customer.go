package canon

import "time"

// Customer is who everything is about: the resolved account with its people, or one person where no
// company is known.
type Customer struct {
	// ID is derived from the customer's earliest member, so it stays while the customer grows. Every
	// member's own id resolves to it.
	ID string `json:"id"`
	// Type is "company" or "person".
	Type string `json:"type"`
	Name string `json:"name"`
	// Domain is the corporate domain, "" where none is known.
	Domain string `json:"domain,omitempty"`
	// Fields is the golden record: each field with where its value came from.
	Fields []Field `json:"fields,omitempty"`
	// Members are the companies and contacts that make up the customer.
	Members []Member `json:"members,omitempty"`
	// FirstSeenAt is the earliest moment known of the customer.
	FirstSeenAt time.Time   `json:"first_seen_at,omitzero"`
	Assessment  *Assessment `json:"assessment,omitempty"`
}

// Field is one value of a golden record with its provenance.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// Source is the record that the value came from, for a pinned value the record that the pin was put on. Rule says in
	// words why it won, Policy by which rule of survivorship.
	Source Ref    `json:"source"`
	Rule   string `json:"rule"`
	Policy string `json:"policy,omitempty"`
	// ObservedAt is when Hub read the record in that state, ModifiedAt when the source says that it came to be so; zero
	// where the source does not say. For a pinned value both are when it was pinned.
	ObservedAt time.Time `json:"observed_at,omitzero"`
	ModifiedAt time.Time `json:"modified_at,omitzero"`
	// Author and Reason are those of a pinned value, which holds before ExpiresAt; zero for ever.
	Author    string    `json:"author,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Member is a company or contact that belongs to a customer, and why.
type Member struct {
	Kind Kind   `json:"kind"`
	Ref  Ref    `json:"ref"`
	Name string `json:"name,omitempty"`
	// Email is a contact's primary address.
	Email string `json:"email,omitempty"`
	// Why names the evidence: "source", "same_as hubspot/companies/12", "domain acme.com"…
	Why string `json:"why"`
}

// CustomerFilter selects customers.
type CustomerFilter struct {
	// Search matches name, domain, id and members' e-mail addresses, case-insensitively.
	Search string
	Stage  string
	Band   string
	// Sort is "name" (default), "score" (lowest first, unknown last), "mrr" (highest first) or "since".
	Sort  string
	After string
	// Limit is the most customers to return; 0 means 50.
	Limit int
}

// CustomerRow is one line of a list of customers.
type CustomerRow struct {
	ID          string    `json:"id"`
	Type        string    `json:"type"`
	Name        string    `json:"name"`
	Domain      string    `json:"domain,omitempty"`
	Stage       string    `json:"stage,omitempty"`
	StageSince  time.Time `json:"stage_since,omitzero"`
	Score       *float64  `json:"score,omitempty"`
	Band        string    `json:"band,omitempty"`
	MRR         *Money    `json:"mrr,omitempty"`
	LastEventAt time.Time `json:"last_event_at,omitzero"`
}

// CustomerPage is one page of customers. Next is "" on the last one, Total counts all that match.
type CustomerPage struct {
	Customers []CustomerRow `json:"customers"`
	Next      string        `json:"next,omitempty"`
	Total     int64         `json:"total"`
}

// Contested is an evidence value that could link several records and therefore links none.
type Contested struct {
	// Key is the value, such as "domain acme.com".
	Key string `json:"key"`
	// Reason is one sentence.
	Reason string `json:"reason"`
	Refs   []Ref  `json:"refs"`
}
