package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

type deliveriesInput struct {
	Endpoint string `query:"endpoint" maxLength:"200" doc:"Only those to this endpoint"`
	State    string `query:"state" enum:"pending,delivered,dead,skipped,expired" doc:"Only those in this state"`
	Customer string `query:"customer" maxLength:"200" doc:"Only those about this customer"`
	After    string `query:"after" maxLength:"1000" doc:"The next of the page before"`
	Limit    int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Most deliveries to return"`
}

type attemptsInput struct {
	ID string `path:"id" maxLength:"200" doc:"Id of the delivery, its webhook-id"`
}

type attemptsAnswer struct {
	Attempts []canon.Attempt `json:"attempts" doc:"The first one first; took is in nanoseconds"`
}

type pushesInput struct {
	State string `query:"state" enum:"verified,conflict,failed" doc:"Only those in this state"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Most fields to return"`
}

type pushesAnswer struct {
	Pushes []canon.PushedField `json:"pushes" doc:"Newest first"`
}

func (s *server) outRoutes(api huma.API) {
	huma.Register(api, route("list-deliveries", "/deliveries", "Outside", "List webhook deliveries",
		"Newest first. The counts by state are of all that match the filter but for its state."), s.deliveries)
	huma.Register(api, route("list-attempts", "/deliveries/{id}/attempts", "Outside", "List the attempts of a delivery", ""), s.attempts)
	huma.Register(api, route("list-pushes", "/pushes", "Outside", "List fields written back into vendors' records", ""), s.pushes)
}

func (s *server) deliveries(ctx context.Context, in *deliveriesInput) (*body[canon.DeliveryPage], error) {
	page, err := s.Reader.Deliveries(ctx, canon.DeliveryFilter{
		Endpoint: in.Endpoint, State: in.State, Customer: in.Customer, After: in.After, Limit: in.Limit,
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	page.Deliveries, page.Counts = list(page.Deliveries), counts(page.Counts)
	return answer(page), nil
}

func (s *server) attempts(ctx context.Context, in *attemptsInput) (*body[attemptsAnswer], error) {
	all, err := s.Reader.Attempts(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(attemptsAnswer{Attempts: list(all)}), nil
}

func (s *server) pushes(ctx context.Context, in *pushesInput) (*body[pushesAnswer], error) {
	all, err := s.Reader.Pushed(ctx, in.State, in.Limit)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(pushesAnswer{Pushes: list(all)}), nil
}
