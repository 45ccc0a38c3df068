package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// Overrides takes in what people say against computed answers. An error that is a canon.Error is told to the caller: a
// customer that nobody has is customer.unknown, an override override.unknown, and a wrong one begins with request.
type Overrides interface {
	Overrides(ctx context.Context, customer string) ([]canon.Override, error)
	Override(ctx context.Context, o canon.Override) (canon.Override, error)
	Revoke(ctx context.Context, customer, id, author, reason string) (canon.Override, error)
}

type overridesAnswer struct {
	Overrides []canon.Override `json:"overrides" doc:"The newest first, also those that have ended or were taken back"`
}

type overrideBody struct {
	Field  string    `json:"field" maxLength:"100" doc:"What is overridden: stage, or band or value of a score, as in health.band"`
	Value  string    `json:"value" maxLength:"100" doc:"What holds instead"`
	Reason string    `json:"reason" minLength:"1" maxLength:"2000" doc:"Why, in your words"`
	From   time.Time `json:"from,omitzero" doc:"From when on; now where it is left out"`
	Until  time.Time `json:"until" doc:"When it ends"`
	Author string    `json:"author,omitempty" maxLength:"200" doc:"Who says so; api or console where it is not said"`
}

type overrideInput struct {
	ID   string `path:"id" maxLength:"400" doc:"Id of the customer, or of any of its members"`
	Body overrideBody
}

type revokeInput struct {
	ID       string `path:"id" maxLength:"400" doc:"Id of the customer, or of any of its members"`
	Override string `path:"override" maxLength:"100" doc:"Id of the override"`
	Reason   string `query:"reason" maxLength:"2000" doc:"Why, in your words"`
	Author   string `query:"author" maxLength:"200" doc:"Who says so; api or console where it is not said"`
}

type overridesInput struct {
	ID string `path:"id" maxLength:"400" doc:"Id of the customer, or of any of its members"`
}

func (s *server) overrideRoutes(api huma.API) {
	huma.Register(api, route("list-overrides", "/customers/{id}/overrides", "Customers", "List what people said against a customer's computed answers", ""), s.overrides)
	huma.Register(api, change("override", "/customers/{id}/overrides", "Customers", "Put a human's word in the place of a computed answer",
		"What was computed stays beside it. It ends by itself. A browser that signed in with a cookie must send the header "+consoleHeader+"."), s.override)
	op := change("revoke-override", "/customers/{id}/overrides/{override}", "Customers", "Take an override back",
		"From now on the computed answer holds again. A browser that signed in with a cookie must send the header "+consoleHeader+".")
	op.Method = http.MethodDelete
	huma.Register(api, op, s.revokeOverride)
}

// overriding returns who takes overrides in.
func (s *server) overriding() (Overrides, error) {
	if s.Overrides == nil {
		e := canon.Errorf("overrides.unavailable", "This process takes no overrides in.").WithHint("Ask the process that runs hub run.")
		e.Retry = true
		return nil, e
	}
	return s.Overrides, nil
}

func (s *server) overrides(ctx context.Context, in *overridesInput) (*body[overridesAnswer], error) {
	o, err := s.overriding()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	all, err := o.Overrides(ctx, in.ID)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(overridesAnswer{list(all)}), nil
}

func (s *server) override(ctx context.Context, in *overrideInput) (*body[canon.Override], error) {
	o, err := s.overriding()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if in.Body.Author == "" {
		in.Body.Author = callerOf(ctx)
	}
	set, err := o.Override(ctx, canon.Override{Customer: in.ID, Field: in.Body.Field, Value: in.Body.Value, Author: in.Body.Author,
		Reason: in.Body.Reason, From: in.Body.From.UTC(), Until: in.Body.Until.UTC()})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(set), nil
}

func (s *server) revokeOverride(ctx context.Context, in *revokeInput) (*body[canon.Override], error) {
	o, err := s.overriding()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if in.Author == "" {
		in.Author = callerOf(ctx)
	}
	gone, err := o.Revoke(ctx, in.ID, in.Override, in.Author, in.Reason)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return answer(gone), nil
}
