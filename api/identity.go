package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// Identity answers who is who, and keeps what people decide about it. An error that is a canon.Error is told to the
// caller, as those of a Reader are.
type Identity interface {
	// Candidates returns one page of the pairs that await a decision, the most alike first. A page token that nobody
	// gave out is a canon.Error request.invalid, an id of a customer that nobody has customer.unknown.
	Candidates(ctx context.Context, f CandidateFilter) (CandidatePage, error)
	// Waiting counts those pairs, and stops counting at most.
	Waiting(ctx context.Context, most int) (int, error)
	// Decisions returns one page of the log, newest first; errors as in Candidates.
	Decisions(ctx context.Context, f DecisionFilter) (DecisionPage, error)
	// Who explains a customer, with at most limit entries in each list. It resolves the id of any member; an id that
	// nobody has is a canon.Error customer.unknown or entity.unknown.
	Who(ctx context.Context, id string, limit int) (Who, error)
	// Decide keeps a decision and waits a while for it to take effect. What cannot be decided so is a canon.Error:
	// entity.unknown, decision.unknown, decision.barred, decision.grain, decision.invalid, pin.field or pin.value.
	Decide(ctx context.Context, r Ruling) (Decided, error)
}

// CandidateFilter selects pairs that await a decision.
type CandidateFilter struct {
	Kind     canon.Kind
	MinScore float64
	// Customer keeps the pairs with a record of this customer.
	Customer string
	After    string
	Limit    int
}

// CandidatePage is one page of them.
type CandidatePage struct {
	Candidates []Candidate `json:"candidates" doc:"The most alike first"`
	Next       string      `json:"next,omitempty" doc:"Token of the next page; absent on the last one"`
}

// Candidate is a pair of records that may be the same and that nobody has decided about.
type Candidate struct {
	ID        string     `json:"id"`
	Kind      canon.Kind `json:"kind" doc:"company or contact"`
	Rank      int        `json:"rank" doc:"The surest evidence's place on the ladder, 1 the surest"`
	Score     float64    `json:"score" doc:"How alike the two are, 0 to 1"`
	Contested bool       `json:"contested,omitempty" doc:"True where evidence would link the two by itself, but is contested"`
	For       []string   `json:"for" doc:"What speaks for the two being the same, in words"`
	Against   []string   `json:"against" doc:"What speaks against it"`
	Left      Side       `json:"left"`
	Right     Side       `json:"right"`
	Fields    []Compared `json:"fields" doc:"What the two records say, side by side, without what neither says"`
	// FoundAt is when the pair was first found.
	FoundAt time.Time `json:"found_at,omitzero"`
}

// Side is one of the two records.
type Side struct {
	Key          string    `json:"key" doc:"The entity's key, by which a decision names it"`
	Ref          canon.Ref `json:"ref"`
	Title        string    `json:"title,omitempty" doc:"What the record calls itself"`
	Customer     string    `json:"customer,omitempty" doc:"Whose it is now"`
	CustomerName string    `json:"customer_name,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero" doc:"When the source created it"`
}

// Compared is one field of both sides.
type Compared struct {
	Name  string `json:"name"`
	Left  string `json:"left"`
	Right string `json:"right"`
	Equal bool   `json:"equal" doc:"Whether both say the same, or share one of several values"`
}

// DecisionFilter selects entries of the log of decisions.
type DecisionFilter struct {
	// InForce leaves out what no longer holds, and revocations.
	InForce bool
	After   string
	Limit   int
}

// DecisionPage is one page of the log.
type DecisionPage struct {
	Decisions []LoggedDecision `json:"decisions" doc:"Newest first"`
	Next      string           `json:"next,omitempty" doc:"Token of the next page; absent on the last one"`
}

// LoggedDecision is a decision and what has become of it.
type LoggedDecision struct {
	canon.Decision
	State string `json:"state" doc:"in force, revoked by dec_…, revokes dec_…, or expired and when"`
}

// Who is all that is known of why a customer is who they are.
type Who struct {
	Customer  string            `json:"customer"`
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Domain    string            `json:"domain,omitempty"`
	Members   []WhoMember       `json:"members"`
	Accepted  []canon.Edge      `json:"accepted" doc:"Evidence that links records, the surest first"`
	Rejected  []canon.Edge      `json:"rejected" doc:"Evidence that was turned down, each with the reason"`
	Contested []canon.Contested `json:"contested"`
	Decisions []LoggedDecision  `json:"decisions" doc:"Those in force about any of the members"`
	Fields    []canon.Field     `json:"fields" doc:"The golden record"`
	Person    []canon.Field     `json:"person,omitempty" doc:"The golden record of the person asked for, where they are at a company"`
	Aliases   []string          `json:"aliases" doc:"Other ids that mean this customer"`
	Children  []Child           `json:"children" doc:"Customers that this one owns"`
	Moves     []canon.Move      `json:"moves" doc:"Records that came and went, newest first"`
	Waiting   int               `json:"waiting" doc:"Pairs with a record of this customer that await a decision, counted up to 1000"`
	// LeftOff counts what was left off each list, by its name; lists of which nothing was are not there.
	LeftOff map[string]int `json:"left_off,omitempty" doc:"How many entries the limit left off, by list"`
}

// WhoMember is a company or contact that belongs to a customer, and why.
type WhoMember struct {
	Key     string     `json:"key"`
	Kind    canon.Kind `json:"kind"`
	Ref     canon.Ref  `json:"ref"`
	Name    string     `json:"name,omitempty"`
	Why     string     `json:"why"`
	Rank    int        `json:"rank,omitempty" doc:"The evidence's place on the ladder, 1 the surest; absent for what was decided and for a person at a company"`
	Alias   string     `json:"alias" doc:"The id derived from this record alone; it means the customer"`
	Deleted bool       `json:"deleted,omitempty"`
}

// Child is a customer that another one owns.
type Child struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Ruling is what somebody decides.
type Ruling struct {
	Kind    string `json:"kind" enum:"link,unlink,detach,generic,pin,revoke" doc:"What is decided"`
	A       string `json:"a,omitempty" maxLength:"400" doc:"link, unlink, detach, pin: whom it is about, by a customer's id, a record (connection/stream/id) or an entity's key"`
	B       string `json:"b,omitempty" maxLength:"400" doc:"link, unlink: the other one"`
	Key     string `json:"key,omitempty" maxLength:"400" doc:"generic: the domain, address or VAT id that tells nobody apart"`
	Field   string `json:"field,omitempty" maxLength:"100" doc:"pin: the field of the golden record"`
	Value   string `json:"value,omitempty" maxLength:"2000" doc:"pin: what it says"`
	Revokes string `json:"revokes,omitempty" maxLength:"100" doc:"revoke: the id of the decision that is taken back"`
	Author  string `json:"author,omitempty" maxLength:"200" doc:"Who decides; api or console where it is not said"`
	Reason  string `json:"reason,omitempty" maxLength:"2000" doc:"Why, in your words; link, unlink and pin want one"`
	// ExpiresAt is zero for a decision that holds until it is revoked.
	ExpiresAt time.Time `json:"expires_at,omitzero" required:"false" doc:"From when on it no longer holds; absent for one that holds until it is revoked"`
}

// Decided is what became of a ruling.
type Decided struct {
	Decision LoggedDecision  `json:"decision"`
	Already  bool            `json:"already" doc:"True where it was so before: nothing was decided, and decision is the earlier one"`
	Applied  bool            `json:"applied" doc:"False where it takes effect shortly, but has not yet"`
	Entities []DecidedEntity `json:"entities" doc:"The records that it is about"`
}

// DecidedEntity is a record that a decision is about, whose it was and whose it is.
type DecidedEntity struct {
	Key    string `json:"key"`
	Before string `json:"customer_before"`
	After  string `json:"customer"`
}

// mostWaiting is up to how many pairs are counted where a number is only a reminder.
const mostWaiting = 100

type candidatesInput struct {
	Kind     string  `query:"kind" enum:"company,contact" doc:"Only pairs of this kind"`
	MinScore float64 `query:"min_score" minimum:"0" maximum:"1" doc:"Only pairs that are at least so alike"`
	Customer string  `query:"customer" maxLength:"400" doc:"Only pairs with a record of this customer"`
	After    string  `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit    int     `query:"limit" minimum:"1" maximum:"200" default:"20" doc:"Most pairs to return"`
}

type decisionsInput struct {
	InForce bool   `query:"in_force" doc:"Whether to leave out what no longer holds, and revocations"`
	After   string `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most decisions to return"`
}

type decideInput struct {
	Body Ruling
}

type whoInput struct {
	ID    string `path:"id" maxLength:"400" doc:"Id of the customer or of any of its members"`
	Limit int    `query:"limit" minimum:"1" maximum:"2000" default:"200" doc:"Most entries of each list"`
}

func (s *server) identityRoutes(api huma.API) {
	huma.Register(api, route("list-candidates", "/identity/candidates", "Identity", "List pairs of records that await a decision",
		"Pairs that are alike, or whose evidence is contested, both records side by side. What is decided leaves the list."), s.candidates)
	huma.Register(api, route("list-decisions", "/identity/decisions", "Identity", "List what was decided about who is who", ""), s.decisions)
	huma.Register(api, change("decide", "/identity/decisions", "Identity", "Decide about who is who",
		"Decisions are kept in a log and never change a record; each can be revoked, and then everything is as if it had never been. "+
			"Deciding the same twice does nothing. A browser that signed in with a cookie must send the header "+consoleHeader+"."), s.decide)
	huma.Register(api, route("explain-identity", "/customers/{id}/identity", "Identity", "Explain why a customer's records are one",
		"The evidence that holds and that was turned down, decisions, where each value comes from, the ids that mean the customer, and the moves of its records."), s.who)
}

// identity returns who answers about who is who.
func (s *server) identity() (Identity, error) {
	if s.Identity == nil {
		e := canon.Errorf("identity.unavailable", "This process does not answer who is who.").WithHint("Ask the process that runs hub run.")
		e.Retry = true
		return nil, e
	}
	return s.Identity, nil
}

func (s *server) candidates(ctx context.Context, in *candidatesInput) (*body[CandidatePage], error) {
	who, err := s.identity()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, err := who.Candidates(ctx, CandidateFilter{Kind: canon.Kind(in.Kind), MinScore: in.MinScore, Customer: in.Customer, After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Candidates = list(page.Candidates)
	for i := range page.Candidates {
		c := &page.Candidates[i]
		c.For, c.Against, c.Fields = list(c.For), list(c.Against), list(c.Fields)
	}
	return answer(page), nil
}

func (s *server) decisions(ctx context.Context, in *decisionsInput) (*body[DecisionPage], error) {
	who, err := s.identity()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, err := who.Decisions(ctx, DecisionFilter{InForce: in.InForce, After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Decisions = list(page.Decisions)
	return answer(page), nil
}

func (s *server) decide(ctx context.Context, in *decideInput) (*body[Decided], error) {
	who, err := s.identity()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if in.Body.Author == "" {
		in.Body.Author = callerOf(ctx)
	}
	out, err := who.Decide(ctx, in.Body)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out.Entities = list(out.Entities)
	return answer(out), nil
}

func (s *server) who(ctx context.Context, in *whoInput) (*body[Who], error) {
	who, err := s.identity()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	w, err := who.Who(ctx, in.ID, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	w.Members, w.Accepted, w.Rejected, w.Contested = list(w.Members), list(w.Accepted), list(w.Rejected), list(w.Contested)
	w.Decisions, w.Fields, w.Aliases, w.Children, w.Moves = list(w.Decisions), list(w.Fields), list(w.Aliases), list(w.Children), list(w.Moves)
	for i := range w.Contested {
		w.Contested[i].Refs = list(w.Contested[i].Refs)
	}
	return answer(w), nil
}
