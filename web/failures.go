package web

import (
	"context"
	"fmt"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets/quality"
)

// FailureList is known failures, oldest first. More tells that there are others: ask again from the time of the last one.
type FailureList struct {
	Failures []quality.Failure `json:"failures"`
	More     bool              `json:"more"`
}

// FailuresTaken tells how many of the failures that were sent were not known before.
type FailuresTaken struct {
	Added int `json:"added"`
	Known int `json:"known"`
}

type failuresQuery struct {
	Device string `query:"device" maxLength:"128"`
	From   string `query:"from" maxLength:"64"`
	To     string `query:"to" maxLength:"64"`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"500"`
}

type failuresInput struct {
	Body struct {
		Failures []failureInput `json:"failures" minItems:"1" maxItems:"1000"`
	}
}

type failureInput struct {
	Device    string    `json:"device" minLength:"1" maxLength:"128"`
	Component string    `json:"component,omitempty" maxLength:"128" doc:"The part that failed; the whole device without it."`
	FailedAt  time.Time `json:"failed_at"`
	Code      string    `json:"code,omitempty" maxLength:"128"`
}

func (s *Server) failureRoutes() {
	handle(s, operation{id: "list-failures", method: "GET", path: "/api/v1/failures", summary: "Known failures, the labels of backtests and of the figures of the detectors", tag: "failures"}, s.listFailures)
	handle(s, operation{id: "put-failures", method: "POST", path: "/api/v1/failures", summary: "Add known failures; one that is known already changes nothing", tag: "failures"}, s.putFailures)
}

func (s *Server) listFailures(ctx context.Context, who access.Principal, in *failuresQuery) (*body[FailureList], error) {
	from, to, err := optionalSpan(in.From, in.To)
	if err != nil {
		return nil, err
	}
	found, err := s.cfg.Failures.Failures(ctx, who.Tenant, in.Device, from, to, in.Limit+1)
	if err != nil {
		return nil, fmt.Errorf("list failures: %w", err)
	}
	out := FailureList{Failures: []quality.Failure{}, More: len(found) > in.Limit}
	out.Failures = append(out.Failures, found[:min(len(found), in.Limit)]...)
	return answer(out), nil
}

// putFailures takes all failures or, when one of them is wrong, none.
func (s *Server) putFailures(ctx context.Context, who access.Principal, in *failuresInput) (*body[FailuresTaken], error) {
	all := make([]quality.Failure, len(in.Body.Failures))
	for i, f := range in.Body.Failures {
		all[i] = quality.Failure(f)
		if err := all[i].Check(); err != nil {
			return nil, invalid(fmt.Sprintf("body.failures[%d]", i), err.Error())
		}
	}
	added, err := s.cfg.Failures.PutFailures(ctx, who.Tenant, all, time.Now())
	if err != nil {
		return nil, fmt.Errorf("add failures: %w", err)
	}
	s.cfg.Log.Info("failures added", "added", added, "known", len(all)-added, "by", who.User)
	return answer(FailuresTaken{Added: added, Known: len(all) - added}), nil
}
