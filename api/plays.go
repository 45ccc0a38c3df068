package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// Plays answers what is done for which customers, and when it was. An error that is a canon.Error is told to the caller, as
// those of a Reader are.
type Plays interface {
	// Plays lists the plays in order of precedence, with what came of each in the last 30 days.
	Plays(ctx context.Context) ([]Play, error)
	// Firings returns one page of the log, newest first. A play that nobody has is a canon.Error play.unknown, an id of a
	// customer that nobody has customer.unknown, and a page token that nobody gave out request.invalid.
	Firings(ctx context.Context, f canon.FiringFilter) (canon.FiringPage, error)
	// SetMode puts a play into a mode and returns the entry of the log. Errors are play.unknown, play.mode and play.reason.
	SetMode(ctx context.Context, m canon.PlayMode) (canon.PlayMode, error)
	// Segments lists the segments with how many customers are in each.
	Segments(ctx context.Context) ([]Segment, error)
	// Members returns one page of the customers in a segment. A segment that nobody has is a canon.Error segment.unknown.
	Members(ctx context.Context, segment, after string, limit int) (canon.CustomerPage, error)
}

// Play is what is done for customers who come to a moment.
type Play struct {
	Key      string `json:"key"`
	Title    string `json:"title"`
	Doc      string `json:"doc,omitempty"`
	Category string `json:"category"`
	Owner    string `json:"owner,omitempty"`
	Do       string `json:"do,omitempty" doc:"What people are asked to do"`
	Mode     string `json:"mode" doc:"proposed, shadow, live, suspended or deprecated"`
	// SetBy is nil where the mode is the policy's.
	SetBy  *canon.PlayMode `json:"set_by,omitempty" doc:"Who set the mode; absent where it is the policy's"`
	When   string          `json:"when" doc:"When it comes, in words"`
	Guards []string        `json:"guards" doc:"What may hold it back, in words"`
	Offer  string          `json:"offer_id,omitempty"`
	Count  canon.PlayCount `json:"last_30_days"`
}

// Segment is a named set of customers by rule.
type Segment struct {
	Key       string `json:"key"`
	Title     string `json:"title"`
	Doc       string `json:"doc,omitempty"`
	Rule      string `json:"rule"`
	Customers int64  `json:"customers"`
}

type playsAnswer struct {
	Plays []Play `json:"plays" doc:"In order of precedence"`
}

type segmentsAnswer struct {
	Segments []Segment `json:"segments"`
}

type firingsInput struct {
	Key        string    `path:"key" maxLength:"100" doc:"Key of the play"`
	Customer   string    `query:"customer" maxLength:"400" doc:"Only of this customer, by its id or that of any of its members"`
	Suppressed bool      `query:"suppressed" doc:"Whether to list only those that were held back"`
	Told       bool      `query:"told" doc:"Whether to list only those that were told to the outside"`
	Since      time.Time `query:"since" doc:"Earliest moment, inclusive"`
	After      string    `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit      int       `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most entries to return"`
}

type membersInput struct {
	Key   string `path:"key" maxLength:"100" doc:"Key of the segment"`
	After string `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most customers to return"`
}

type playModeInput struct {
	Key  string `path:"key" maxLength:"100" doc:"Key of the play"`
	Body playModeBody
}

type playModeBody struct {
	Mode   string `json:"mode" enum:"live,shadow,suspended" doc:"live is told as play.fired, shadow only written down, suspended logged as held back"`
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why, in your words"`
	Author string `json:"author,omitempty" maxLength:"200" doc:"Who sets it; api or console where it is not said"`
}

func (s *server) playRoutes(api huma.API) {
	huma.Register(api, route("list-plays", "/plays", "Plays", "List plays",
		"What is done for customers who come to a moment, when, what may hold it back, and what came of it lately."), s.plays)
	huma.Register(api, route("list-firings", "/plays/{key}/firings", "Plays", "List when a play came, or was held back",
		"Newest first. The reason why one was held back stands in suppressed and, in words, in reason. Who is held out gets no play and is listed."), s.firings)
	mode := change("set-play-mode", "/plays/{key}/mode", "Plays", "Put a play into a mode",
		"It holds from the next assessment on and is written down with author and reason. A browser that signed in with a cookie must send the header "+consoleHeader+".")
	mode.Method = http.MethodPut
	huma.Register(api, mode, s.setPlayMode)
	huma.Register(api, route("list-segments", "/segments", "Plays", "List segments with how many customers are in each", ""), s.segments)
	huma.Register(api, route("list-members", "/segments/{key}/customers", "Plays", "List the customers in a segment", "In order of their ids; total is not told."), s.members)
}

// played returns who answers about plays.
func (s *server) played() (Plays, error) {
	if s.Plays == nil {
		e := canon.Errorf("plays.unavailable", "This process does not answer about plays.").WithHint("Ask the process that runs hub run.")
		e.Retry = true
		return nil, e
	}
	return s.Plays, nil
}

func (s *server) plays(ctx context.Context, _ *struct{}) (*body[playsAnswer], error) {
	p, err := s.played()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	all, err := p.Plays(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	for i := range all {
		all[i].Guards, all[i].Count.Suppressed = list(all[i].Guards), counts(all[i].Count.Suppressed)
	}
	return answer(playsAnswer{Plays: list(all)}), nil
}

func (s *server) firings(ctx context.Context, in *firingsInput) (*body[canon.FiringPage], error) {
	p, err := s.played()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, err := p.Firings(ctx, canon.FiringFilter{Play: in.Key, Customer: in.Customer, Suppressed: in.Suppressed, Told: in.Told, Since: in.Since.UTC(), After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Firings = list(page.Firings)
	return answer(page), nil
}

func (s *server) setPlayMode(ctx context.Context, in *playModeInput) (*body[canon.PlayMode], error) {
	p, err := s.played()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if in.Body.Author == "" {
		in.Body.Author = callerOf(ctx)
	}
	m, err := p.SetMode(ctx, canon.PlayMode{Play: in.Key, Mode: in.Body.Mode, Author: in.Body.Author, Reason: in.Body.Reason})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(m), nil
}

func (s *server) segments(ctx context.Context, _ *struct{}) (*body[segmentsAnswer], error) {
	p, err := s.played()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	all, err := p.Segments(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(segmentsAnswer{Segments: list(all)}), nil
}

func (s *server) members(ctx context.Context, in *membersInput) (*body[canon.CustomerPage], error) {
	p, err := s.played()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, err := p.Members(ctx, in.Key, in.After, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Customers = list(page.Customers)
	return answer(page), nil
}
