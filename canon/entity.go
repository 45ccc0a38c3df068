package canon

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kind names the canonical shapes.
type Kind string

// The kinds of entity.
const (
	KindCompany      Kind = "company"
	KindContact      Kind = "contact"
	KindDeal         Kind = "deal"
	KindQuote        Kind = "quote"
	KindInvoice      Kind = "invoice"
	KindSubscription Kind = "subscription"
	KindTicket       Kind = "ticket"
	KindUsage        Kind = "usage"
	KindSurvey       Kind = "survey"
	KindActivity     Kind = "activity"
)

// Kinds lists every kind in the order in which a reader expects them.
func Kinds() []Kind {
	return []Kind{KindCompany, KindContact, KindDeal, KindQuote, KindInvoice, KindSubscription, KindTicket, KindUsage, KindSurvey, KindActivity}
}

// Entity is a record in canonical shape. One record may give several entities, told apart by Kind and Part.
type Entity struct {
	Kind Kind `json:"kind"`
	// Ref is the record that the entity was mapped from.
	Ref Ref `json:"ref"`
	// Part tells entities of one kind and record apart; mostly "".
	Part    string `json:"part,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
	// Reason says why a deleted entity is gone, and Into is the id, in the same stream, of what it became part
	// of; both as its record tells.
	Reason string `json:"reason,omitempty"`
	Into   string `json:"into,omitempty"`
	// Owners are the companies or contacts that the entity belongs to, the surest first. For a contact:
	// its companies. For a company: empty.
	Owners []Owner `json:"owners,omitempty"`
	// SameAs are objects of other systems that are the same thing, by an id that somebody stored on purpose.
	SameAs []Ref `json:"same_as,omitempty"`
	// Absorbed are ids of the same stream that the vendor merged into this record.
	Absorbed []string `json:"absorbed,omitempty"`
	// CreatedAt is when the object came into being at the vendor.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Custom holds the vendor's custom fields, by the vendor's name.
	Custom map[string]any `json:"custom,omitempty"`
	// Body is a pointer to the struct of the Kind: *Company, *Contact…; nil where Deleted and nothing is left.
	Body any `json:"body,omitempty"`
}

// Owner points from an entity to whom it belongs: a company or contact by ref, or a person by e-mail.
type Owner struct {
	// Kind is KindCompany or KindContact.
	Kind Kind `json:"kind"`
	Ref  Ref  `json:"ref,omitzero"`
	// Email is set instead of Ref where the source names a person by e-mail only.
	Email string `json:"email,omitempty"`
}

// Key returns the entity's identity, "connection/stream/id#kind[.part]".
func (e Entity) Key() string {
	k := e.Ref.String() + "#" + string(e.Kind)
	if e.Part != "" {
		k += "." + e.Part
	}
	return k
}

// NewBody returns a pointer to an empty struct of the kind.
func NewBody(k Kind) (any, error) {
	switch k {
	case KindCompany:
		return &Company{}, nil
	case KindContact:
		return &Contact{}, nil
	case KindDeal:
		return &Deal{}, nil
	case KindQuote:
		return &Quote{}, nil
	case KindInvoice:
		return &Invoice{}, nil
	case KindSubscription:
		return &Subscription{}, nil
	case KindTicket:
		return &Ticket{}, nil
	case KindUsage:
		return &Usage{}, nil
	case KindSurvey:
		return &Survey{}, nil
	case KindActivity:
		return &Activity{}, nil
	}
	return nil, fmt.Errorf("kind %q is not one of %v", k, Kinds())
}

// UnmarshalJSON reads an entity with the body of its kind.
func (e *Entity) UnmarshalJSON(b []byte) error {
	type plain Entity
	var raw struct {
		plain
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*e = Entity(raw.plain)
	e.Body = nil
	if len(raw.Body) == 0 || string(raw.Body) == "null" {
		return nil
	}
	body, err := NewBody(e.Kind)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw.Body, body); err != nil {
		return err
	}
	e.Body = body
	return nil
}

// Company is an organisation: a CRM's company or account, a billing customer, a support organisation.
type Company struct {
	Name string `json:"name,omitempty" validate:"max=1000"`
	// Domains are those the source declares as the company's own (not derived from e-mails).
	Domains []string `json:"domains,omitempty" validate:"max=100,dive,max=255"`
	// Email is a mailbox of the company, such as the one that bills go to. It is unverified evidence.
	Email    string `json:"email,omitempty" validate:"omitempty,max=320"`
	Phone    string `json:"phone,omitempty" validate:"max=100"`
	VATID    string `json:"vat_id,omitempty" validate:"max=100"`
	Industry string `json:"industry,omitempty" validate:"max=500"`
	// Street, City, Region and PostalCode are the seat of the company.
	Street     string `json:"street,omitempty" validate:"max=1000"`
	City       string `json:"city,omitempty" validate:"max=500"`
	Region     string `json:"region,omitempty" validate:"max=500"`
	PostalCode string `json:"postal_code,omitempty" validate:"max=100"`
	Country    string `json:"country,omitempty" validate:"max=500"`
	// RegistrationID is the number in the register of companies of Country.
	RegistrationID string `json:"registration_id,omitempty" validate:"max=100"`
	// Parent is the company that owns this one, zero where the source names none.
	Parent Ref   `json:"parent,omitzero"`
	Seats  int64 `json:"seats,omitempty" validate:"gte=0"`
	// Employees is the head count that the source tells.
	Employees int64 `json:"employees,omitempty" validate:"gte=0"`
	// Owner is the vendor's name or id for who looks after the account.
	Owner string `json:"owner,omitempty" validate:"max=500"`
	// Plan is the price plan or tier, LifecycleStage the vendor's own stage, Source where it came from.
	Plan           string `json:"plan,omitempty" validate:"max=500"`
	LifecycleStage string `json:"lifecycle_stage,omitempty" validate:"max=500"`
	Source         string `json:"source,omitempty" validate:"max=500"`
}

// Contact is a person at a customer.
type Contact struct {
	FirstName string `json:"first_name,omitempty" validate:"max=500"`
	LastName  string `json:"last_name,omitempty" validate:"max=500"`
	// Name is the full name where the source does not split it.
	Name string `json:"name,omitempty" validate:"max=1000"`
	// Emails are all addresses, the primary one first.
	Emails []string `json:"emails,omitempty" validate:"max=50,dive,max=320"`
	// EmailVerified says that the source vouches for the addresses.
	EmailVerified  bool   `json:"email_verified,omitempty"`
	Phone          string `json:"phone,omitempty" validate:"max=100"`
	Title          string `json:"title,omitempty" validate:"max=500"`
	Country        string `json:"country,omitempty" validate:"max=500"`
	LifecycleStage string `json:"lifecycle_stage,omitempty" validate:"max=500"`
	Source         string `json:"source,omitempty" validate:"max=500"`
	Owner          string `json:"owner,omitempty" validate:"max=500"`
	// OptedOut says that the person does not want to be mailed, DoNotContact that nobody may reach out to them at
	// all; ConsentAt is when the source says that either, or the consent, was given.
	OptedOut     bool      `json:"opted_out,omitempty"`
	DoNotContact bool      `json:"do_not_contact,omitempty"`
	ConsentAt    time.Time `json:"consent_at,omitzero"`
	// Street, City, Region and PostalCode are where the person lives or works.
	Street     string `json:"street,omitempty" validate:"max=1000"`
	City       string `json:"city,omitempty" validate:"max=500"`
	Region     string `json:"region,omitempty" validate:"max=500"`
	PostalCode string `json:"postal_code,omitempty" validate:"max=100"`
	// BirthDate is the day of birth as the source writes it, NationalID a number that a state gave the person.
	BirthDate  string `json:"birth_date,omitempty" validate:"max=100"`
	NationalID string `json:"national_id,omitempty" validate:"max=100"`
}

// Deal is a sale that may be won or lost.
type Deal struct {
	Name     string `json:"name,omitempty" validate:"max=1000"`
	Amount   *Money `json:"amount,omitempty"`
	Pipeline string `json:"pipeline,omitempty" validate:"max=500"`
	Stage    string `json:"stage,omitempty" validate:"max=500"`
	Status   string `json:"status" validate:"oneof=open won lost"`
	// ClosedAt is when it was won or lost, ExpectedAt when that is expected.
	ClosedAt   time.Time `json:"closed_at,omitzero"`
	ExpectedAt time.Time `json:"expected_at,omitzero"`
	LostReason string    `json:"lost_reason,omitempty" validate:"max=2000"`
	Owner      string    `json:"owner,omitempty" validate:"max=500"`
}

// Quote is an offer with a price.
type Quote struct {
	Number     string    `json:"number,omitempty" validate:"max=500"`
	Amount     *Money    `json:"amount,omitempty"`
	Status     string    `json:"status" validate:"oneof=draft sent approved accepted rejected expired"`
	SentAt     time.Time `json:"sent_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"`
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
}

// Invoice is a bill, or a credit note where Credit is set (its Total is then negative).
type Invoice struct {
	Number string `json:"number,omitempty" validate:"max=500"`
	Status string `json:"status" validate:"oneof=draft open paid void uncollectible"`
	Total  Money  `json:"total"`
	// Due is what is still owed.
	Due      *Money    `json:"due,omitempty"`
	Credit   bool      `json:"credit,omitempty"`
	IssuedAt time.Time `json:"issued_at,omitzero"`
	DueAt    time.Time `json:"due_at,omitzero"`
	PaidAt   time.Time `json:"paid_at,omitzero"`
	VoidedAt time.Time `json:"voided_at,omitzero"`
}

// Subscription is a recurring contract.
type Subscription struct {
	Plan     string  `json:"plan,omitempty" validate:"max=500"`
	Status   string  `json:"status" validate:"oneof=trialing active past_due unpaid paused incomplete ended scheduled"`
	Quantity float64 `json:"quantity,omitempty" validate:"gte=0"`
	// MRR is the recurring amount normalised to a month, without tax, trials, metered and one-off items.
	MRR       *Money    `json:"mrr,omitempty"`
	Interval  string    `json:"interval,omitempty" validate:"max=50"`
	StartedAt time.Time `json:"started_at,omitzero"`
	// TrialEndsAt, RenewsAt and EndsAt may lie in the future; EndsAt is a scheduled end.
	TrialEndsAt time.Time `json:"trial_ends_at,omitzero"`
	RenewsAt    time.Time `json:"renews_at,omitzero"`
	EndsAt      time.Time `json:"ends_at,omitzero"`
	// CancelRequestedAt is when the customer gave notice, EndedAt when the contract was over.
	CancelRequestedAt time.Time `json:"cancel_requested_at,omitzero"`
	EndedAt           time.Time `json:"ended_at,omitzero"`
	// EndReason is the vendor's or customer's reason.
	EndReason string `json:"end_reason,omitempty" validate:"max=2000"`
	AutoRenew *bool  `json:"auto_renew,omitempty"`
}

// Ticket is a case of the customer's at support.
type Ticket struct {
	Subject  string `json:"subject,omitempty" validate:"max=2000"`
	Status   string `json:"status" validate:"oneof=new open pending hold solved closed"`
	Priority string `json:"priority,omitempty" validate:"omitempty,oneof=low normal high urgent"`
	Channel  string `json:"channel,omitempty" validate:"max=200"`
	// OpenedAt, FirstReplyAt and SolvedAt are moments; Replies counts public answers of ours.
	OpenedAt     time.Time `json:"opened_at,omitzero"`
	FirstReplyAt time.Time `json:"first_reply_at,omitzero"`
	SolvedAt     time.Time `json:"solved_at,omitzero"`
	Replies      int64     `json:"replies,omitempty" validate:"gte=0"`
	Reopens      int64     `json:"reopens,omitempty" validate:"gte=0"`
	Escalated    bool      `json:"escalated,omitempty"`
	// Assignee is the vendor's name or id for who works on it.
	Assignee string `json:"assignee,omitempty" validate:"max=500"`
	// Rating is the requester's verdict, RatedAt when it was given where the source tells.
	Rating  string    `json:"rating,omitempty" validate:"omitempty,oneof=good bad"`
	RatedAt time.Time `json:"rated_at,omitzero"`
	Tags    []string  `json:"tags,omitempty" validate:"max=200,dive,max=500"`
}

// Usage is one observation of the product in use.
type Usage struct {
	// Feature names what was used, "" for the product as a whole.
	Feature  string  `json:"feature,omitempty" validate:"max=500"`
	Quantity float64 `json:"quantity"`
	// Seconds is the time spent.
	Seconds float64   `json:"seconds,omitempty" validate:"gte=0"`
	Errors  int64     `json:"errors,omitempty" validate:"gte=0"`
	At      time.Time `json:"at" validate:"required"`
}

// Survey is one answer to a survey.
type Survey struct {
	Type string `json:"type" validate:"oneof=nps csat ces"`
	// Score is 0 to 10 for nps, 1 to 5 for csat, 1 to 7 for ces.
	Score   float64   `json:"score" validate:"gte=0,lte=10"`
	Comment string    `json:"comment,omitempty" validate:"max=10000"`
	At      time.Time `json:"at" validate:"required"`
}

// Activity is one touch between the business and the customer.
type Activity struct {
	Type string `json:"type" validate:"oneof=email call meeting note task form webinar visit other"`
	// Direction is "in" (the customer came) or "out" (the business reached out).
	Direction string `json:"direction,omitempty" validate:"omitempty,oneof=in out"`
	// By is "human" where a person acted and "auto" where a program did, as with a mailing; "" where the source does not
	// tell.
	By      string    `json:"by,omitempty" validate:"omitempty,oneof=human auto"`
	Subject string    `json:"subject,omitempty" validate:"max=2000"`
	At      time.Time `json:"at" validate:"required"`
}
