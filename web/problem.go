package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// Problem is the body of every error answer, after RFC 9457.
type Problem = huma.ErrorModel

// problem makes a problem document; detail is a sentence for people.
func problem(status int, detail string, fields ...*huma.ErrorDetail) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Errors: fields}
}

// invalid is a 422 about one field; location is like "query.from" or "body.password".
func invalid(location, message string) *Problem {
	return problem(http.StatusUnprocessableEntity, message, &huma.ErrorDetail{Location: location, Message: message})
}

// RejectedError says in words that what was asked for cannot be done to the
// thing as it is. The API answers with 422 and the words.
type RejectedError struct {
	Reason string // a slug such as "malformed-json"; empty when there is none
	Detail string // a sentence that names the place and the remedy
}

func (e *RejectedError) Error() string { return e.Detail }

// problemOf translates an error of a store or of the desk. ok is false for errors that
// nobody outside should read: they are logged, and the answer says only that it failed.
func problemOf(err error) (p *Problem, ok bool) {
	var (
		rejected *RejectedError
		refused  *tickets.RefusedError
		limited  *limitedError
		large    *http.MaxBytesError
	)
	switch {
	case errors.As(err, &p):
		return p, true
	case errors.As(err, &rejected):
		p := problem(http.StatusUnprocessableEntity, rejected.Detail)
		if rejected.Reason != "" {
			p.Errors = []*huma.ErrorDetail{{Message: rejected.Reason}}
		}
		return p, true
	case errors.As(err, &refused):
		return problem(http.StatusForbidden, refused.Reason.In("en")), true
	case errors.As(err, &limited):
		return limited.problem(), true
	case errors.Is(err, tickets.ErrBadFilter):
		return problem(http.StatusUnprocessableEntity, "The list cannot be asked for like this: "+err.Error()+"."), true
	case errors.Is(err, tickets.ErrNotFound):
		return problem(http.StatusNotFound, "There is no such thing here, or it was deleted."), true
	case errors.Is(err, tickets.ErrConflict):
		return problem(http.StatusConflict, "Somebody else changed this first. Load it again and repeat what you wanted to do."), true
	case errors.Is(err, tickets.ErrUnavailable), errors.Is(err, series.ErrUnavailable):
		return problem(http.StatusServiceUnavailable, "A store cannot be reached or is busy. Try again in a moment."), true
	case errors.As(err, &large):
		return problem(http.StatusRequestEntityTooLarge, "The body of the request is too large."), true
	case errors.Is(err, context.Canceled):
		return problem(statusClientClosed, "The client went away."), true
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusGatewayTimeout, "This took too long. Ask for less, or try again later."), true
	}
	return problem(http.StatusInternalServerError, "Something failed here. The log of the server says what."), false
}

// statusClientClosed is what is counted for a client that went away before the answer; nobody reads it.
const statusClientClosed = 499

// writeProblem answers outside of the API framework.
func writeProblem(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: problems made here hold strings only
		body = []byte(`{"status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client may be gone, which is its own affair
}

// dressProblem is a transformer of the framework: it completes the problems that the framework's own
// validation makes, and takes out the values it echoes, which may be secrets.
func dressProblem(_ huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok {
		if p.Type == "" {
			p.Type = "about:blank"
		}
		if p.Detail == "validation failed" {
			p.Detail = "The request is not valid: errors names the places."
		}
		for _, e := range p.Errors {
			if e != nil {
				e.Value = nil
			}
		}
	}
	return v, nil
}
