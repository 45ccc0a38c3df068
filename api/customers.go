package api

import (
	"context"
	"slices"
	"strings"
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
	// Review is counted here, as it is not the Reader that knows.
	Review  int       `json:"review" doc:"Pairs of records that await a decision, counted up to 100"`
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
	ID        string    `path:"id" maxLength:"200" doc:"Id of the customer or of any of its members"`
	From      time.Time `query:"from" doc:"Earliest occurred_at, inclusive"`
	To        time.Time `query:"to" doc:"Latest occurred_at, exclusive"`
	At        time.Time `query:"at" doc:"Only what had happened by then, inclusive, as it is known now or at known_at"`
	KnownAt   time.Time `query:"known_at" doc:"The timeline as it was known then: what was recorded by then and not taken back yet, and whose it was then"`
	Types     []string  `query:"types" maxItems:"50" doc:"Event types; a type that ends in a dot stands for all with that prefix"`
	Kinds     []string  `query:"kinds" maxItems:"20" enum:"company,contact,deal,quote,invoice,subscription,ticket,usage,survey,activity" doc:"Kinds of entity that the events tell of"`
	Sources   []string  `query:"sources" maxItems:"50" doc:"Where the events come from: a connection, or a stream as connection/stream"`
	Person    string    `query:"person" maxLength:"300" doc:"Only events of this contact, as connection/stream/id, and of what belongs to them"`
	Revisions bool      `query:"revisions" doc:"Whether to list also what was stated before and taken back since"`
	Order     string    `query:"order" enum:"newest,oldest" default:"newest" doc:"Which end comes first"`
	After     string    `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Before    string    `query:"before" maxLength:"1000" doc:"The prev of the page after; not together with after"`
	Limit     int       `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Most events to return"`
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
	huma.Register(api, route("get-timeline", "/customers/{id}/timeline", "Customers", "List a customer's events",
		"What happened, in order, with next and prev tokens to page both ways. at asks for what had happened by a moment, known_at for what was known at one; both combine."), s.timeline)
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
	waiting := 0
	if s.Identity != nil {
		if waiting, err = s.Identity.Waiting(ctx, mostWaiting); err != nil {
			return nil, s.fail(ctx, err)
		}
	}
	return answer(overviewAnswer{Overview: o, Review: waiting, Stages: list(s.Stages), Version: s.Version, Now: s.now().UTC()}), nil
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
	id := in.ID
	if in.KnownAt.IsZero() {
		c, err := s.Reader.Customer(ctx, in.ID)
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		id = c.ID
	}
	page, err := s.Reader.Timeline(ctx, id, in.window())
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Events = list(page.Events)
	return answer(page), nil
}

func (in *timelineInput) window() canon.Window {
	w := canon.Window{
		From: in.From.UTC(), To: in.To.UTC(), At: in.At.UTC(), KnownAt: in.KnownAt.UTC(), Types: in.Types, Person: in.Person, Revisions: in.Revisions,
		Newest: in.Order == "newest", After: in.After, Before: in.Before, Limit: in.Limit,
	}
	for _, k := range in.Kinds {
		w.Kinds = append(w.Kinds, canon.Kind(k))
	}
	for _, s := range in.Sources {
		if strings.Contains(s, "/") {
			w.Streams = append(w.Streams, s)
		} else {
			w.Connections = append(w.Connections, s)
		}
	}
	return w
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
			a.Scores = slices.Clone(a.Scores)
			for k := range a.Scores {
				a.Scores[k].Contributions = nil
			}
		}
		out[i] = tidy(a)
	}
	return answer(assessmentsAnswer{Assessments: out}), nil
}

// tidy returns a with an empty list where it has none.
func tidy(a canon.Assessment) canon.Assessment {
	a.Health.Contributions = list(a.Health.Contributions)
	a.Scores = slices.Clone(a.Scores)
	for i := range a.Scores {
		a.Scores[i].Contributions = list(a.Scores[i].Contributions)
	}
	return a
}
