package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lifecyclehub/hub/canon"
)

// problem is an error as RFC 9457 problem details, with Hub's stable code and hint.
type problem struct {
	Title  string         `json:"title" doc:"The HTTP status in words"`
	Status int            `json:"status" doc:"HTTP status"`
	Code   string         `json:"code" doc:"Stable dotted code for machines"`
	Detail string         `json:"detail" doc:"What happened, in one sentence"`
	Hint   string         `json:"hint,omitempty" doc:"What to do about it"`
	Retry  bool           `json:"retry,omitempty" doc:"True where the same call may succeed later"`
	Errors []invalidValue `json:"errors,omitempty" doc:"Every parameter that is at fault"`
}

// invalidValue is one parameter at fault.
type invalidValue struct {
	Location string `json:"location" doc:"Where it stands, such as query.limit"`
	Message  string `json:"message" doc:"What is wrong with it"`
}

// Error and GetStatus make a problem an error that huma writes as it is.
func (p *problem) Error() string { return p.Detail }

func (p *problem) GetStatus() int { return p.Status }

// ContentType names the media type of RFC 9457.
func (p *problem) ContentType(string) string { return "application/problem+json" }

// statusOf is the one table from codes to HTTP statuses. Codes that it does not know are faults of Hub.
func statusOf(e *canon.Error) int {
	_, last, _ := strings.Cut(e.Code, ".")
	switch {
	case last == "unknown" || last == "none":
		return http.StatusNotFound
	case last == "barred":
		return http.StatusConflict
	case last == "invalid" || strings.HasPrefix(e.Code, "request.") || strings.HasPrefix(e.Code, "decision.") || strings.HasPrefix(e.Code, "pin."):
		return http.StatusBadRequest
	case e.Retry:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail turns an error of the reader into what the caller is told. What is nobody's business outside goes to
// the log instead.
func (s *server) fail(ctx context.Context, err error) error {
	var e *canon.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e = canon.Errorf("request.interrupted", "The request ended before Hub could answer.").WithHint("Ask again.")
		return newProblem(http.StatusServiceUnavailable, e)
	case errors.As(err, &e) && e.Code != "internal":
		status := statusOf(e)
		if status == http.StatusInternalServerError {
			s.log.ErrorContext(ctx, "api: request failed", "code", e.Code, "error", err)
		}
		return newProblem(status, e)
	}
	s.log.ErrorContext(ctx, "api: request failed", "code", "internal", "error", err)
	e = canon.Errorf("internal", "Hub could not answer because of a fault of its own.").
		WithHint("Hub's log holds the cause; look for \"api: request failed\".")
	return newProblem(http.StatusInternalServerError, e)
}

func newProblem(status int, e *canon.Error) *problem {
	return &problem{
		Title: http.StatusText(status), Status: status,
		Code: e.Code, Detail: e.Message, Hint: e.Hint, Retry: e.Retry,
	}
}

// writeProblem answers outside of huma's routes.
func writeProblem(w http.ResponseWriter, status int, e *canon.Error) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that went away needs no answer.
	_ = json.NewEncoder(w).Encode(newProblem(status, e))
}

// asProblem rewrites the errors that huma makes by itself (parameters that do not validate) as problems.
func asProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := canon.Errorf("request.invalid", "The request cannot be understood: %s.", strings.TrimSuffix(m.Detail, ".")).
		WithHint("See /openapi.yaml for the parameters and their limits.")
	p := newProblem(m.Status, e)
	for _, d := range m.Errors {
		p.Errors = append(p.Errors, invalidValue{Location: d.Location, Message: d.Message})
	}
	if len(p.Errors) > 0 {
		first := p.Errors[0]
		name := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(first.Location, "query."), "path."), "body.")
		p.Detail = "The parameter " + name + " is not valid: " + first.Message + "."
		if name == "body" {
			p.Detail = "The request's body is not valid: " + strings.TrimSuffix(first.Message, ".") + "."
		}
	}
	if m.Status >= http.StatusInternalServerError {
		p.Code, p.Detail, p.Hint = "internal", "Hub could not answer because of a fault of its own.", ""
	}
	return p, nil
}
