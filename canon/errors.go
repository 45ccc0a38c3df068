package canon

import (
	"errors"
	"fmt"
)

// Error is what a person or a machine is told when something failed: a stable dotted code for machines,
// one plain sentence for people, and a hint that says what to do.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	// Retry says that the same call may succeed later.
	Retry bool `json:"retry,omitempty"`
	// Cause is reachable by errors.Is and errors.As; Message already tells what it says.
	Cause error `json:"-"`
}

func (e *Error) Error() string {
	return e.Message + " [" + e.Code + "]"
}

func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an Error with the given code and sentence. A %w verb keeps its cause reachable.
func Errorf(code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// WithHint returns e with the hint set.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// AsError returns the first Error in err's chain, or wraps err as an Error with code "internal". It
// returns nil for a nil err.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: "internal", Message: err.Error()}
}

// CodeOf returns the code of the first Error in err's chain, "internal" for any other error and "" for nil.
func CodeOf(err error) string {
	if e := AsError(err); e != nil {
		return e.Code
	}
	return ""
}
