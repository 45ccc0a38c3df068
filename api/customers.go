package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// body wraps an answer as huma wants it.
type body[T any] struct {
	CacheControl string `header:"Cache-Control"`
	Body         T
}

func answer[T any](v T) *body[T] { return &body[T]{CacheControl: "no-store", Body: v} }

// list returns v, or an empty list where it is nil: a client never meets null where a list belongs.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func counts(v map[string]int64) map[string]int64 {
	if v == nil {
		return map[string]int64{}
	}
	return v
}

type overviewAnswer struct {
	Overview
	Stages  []Stage   `json:"stages" doc:"The lifecycle graph in reading order"`
	Version string    `json:"version" doc:"Hub's version"`
	Now     time.Time `json:"now" doc:"Hub's clock"`
}

type customerID struct {
	ID string `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
}

type customersInput struct {
	Search string `query:"search" maxLength:"200" doc:"Part of a name, domain, id or e-mail address, in any case"`
	Stage  string `query:"stage" maxLength:"100" doc:"Stage key"`
	Band   string `query:"band" enum:"green,yellow,red,unknown" doc:"Health band"`
	Sort   string `query:"sort" enum:"name,score,mrr,since" default:"name" doc:"score: lowest first, unknown last; mrr: highest first; since: longest in their stage first"`
	After  string `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most customers to return"`
}

type timelineInput struct {
	ID    string    `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
	From  time.Time `query:"from" doc:"Earliest occurred_at, inclusive"`
	To    time.Time `query:"to" doc:"Latest occurred_at, exclusive"`
	Types []string  `query:"types" maxItems:"50" doc:"Event types; a type that ends in a dot stands for all with that prefix"`
	Order string    `query:"order" enum:"newest,oldest" default:"newest" doc:"Which end comes first"`
	After string    `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Most events to return"`
}

type assessmentsInput struct {
	ID    string `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"50" doc:"Most assessments to return"`
	Brief bool   `query:"brief" doc:"Whether to leave out the contributions, for a line of scores over time"`
}

type assessmentsAnswer struct {
	Assessments []canon.Assessment `json:"assessments" doc:"Newest first"`
}

func (s *server) customerRoutes(api huma.API) {
	huma.Register(api, route("overview", "/overview", "Overview", "Count what Hub holds", ""), s.overview)
	huma.Register(api, route("list-customers", "/customers", "Customers", "List customers", ""), s.customers)
	huma.Register(api, route("get-customer", "/customers/{id}", "Customers", "Get a customer",
		"The golden record with the source of each field, the members, and where the customer stands."), s.customer)
	huma.Register(api, route("get-timeline", "/customers/{id}/timeline", "Customers", "List a customer's events", ""), s.timeline)
	huma.Register(api, route("list-assessments", "/customers/{id}/assessments", "Customers", "List a customer's assessments",
		"History is never rewritten: each entry is what was known then."), s.assessments)
	huma.Register(api, route("explain-customer", "/customers/{id}/explain", "Customers", "Explain stage and health",
		"Where the points went, the largest loss first, with the events behind each."), s.explain)
}

func (s *server) overview(ctx context.Context, _ *struct{}) (*body[overviewAnswer], error) {
	o, err := s.Reader.Overview(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	o.ByStage, o.ByBand = counts(o.ByStage), counts(o.ByBand)
	o.Deliveries, o.Pushes = counts(o.Deliveries), counts(o.Pushes)
	return answer(overviewAnswer{Overview: o, Stages: list(s.Stages), Version: s.Version, Now: s.now().UTC()}), nil
}

func (s *server) customers(ctx context.Context, in *customersInput) (*body[canon.CustomerPage], error) {
	page, err := s.Reader.Customers(ctx, canon.CustomerFilter{
		Search: in.Search, Stage: in.Stage, Band: in.Band, Sort: in.Sort, After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Customers = list(page.Customers)
	return answer(page), nil
}

func (s *server) customer(ctx context.Context, in *customerID) (*body[canon.Customer], error) {
	c, err := s.Reader.Customer(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if c.Assessment != nil {
		a := tidy(*c.Assessment)
		c.Assessment = &a
	}
	return answer(c), nil
}

func (s *server) timeline(ctx context.Context, in *timelineInput) (*body[canon.EventPage], error) {
	c, err := s.Reader.Customer(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page, err := s.Reader.Timeline(ctx, c.ID, canon.Window{
		From: in.From.UTC(), To: in.To.UTC(), Types: in.Types, Newest: in.Order == "newest", After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Events = list(page.Events)
	return answer(page), nil
}

func (s *server) assessments(ctx context.Context, in *assessmentsInput) (*body[assessmentsAnswer], error) {
	c, err := s.Reader.Customer(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	all, err := s.Reader.Assessments(ctx, c.ID, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	out := make([]canon.Assessment, len(all))
	for i, a := range all {
		if in.Brief {
			a.Health.Contributions = nil
		}
		out[i] = tidy(a)
	}
	return answer(assessmentsAnswer{Assessments: out}), nil
}

// tidy returns a with an empty list where it has none.
func tidy(a canon.Assessment) canon.Assessment {
	a.Health.Contributions = list(a.Health.Contributions)
	return a
}
