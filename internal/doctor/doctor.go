// Package doctor looks at a set-up of Presage before trouble does: settings,
// disk, clock, limits, certificates, broker, stores and receivers. Each check says
// what it found, and when that is not right, why it matters and what to do.
//
// Checks run beside a running server and leave nothing behind: a probe file, a
// probe series and a probe session are removed again; nobody is pushed out, and
// nothing is sent that has an effect.
package doctor

import (
	"context"
	"fmt"
	"time"
)

// Level is how good a result is.
type Level string

// The levels, best first.
const (
	OK   Level = "ok"
	Warn Level = "warn" // it works, and will not under some circumstances
	Fail Level = "fail" // it does not work, or loses what was acknowledged
)

// Result is what one look found.
type Result struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Found is what is there, a sentence.
	Found string `json:"found"`
	// Remedy says why that matters and what to do; empty when all is well.
	Remedy string `json:"remedy,omitempty"`
}

// Check is a look at one subject.
type Check struct {
	// Name of the subject, such as "clock".
	Name string
	// Look returns what it found. It gives up when ctx ends.
	Look func(ctx context.Context) []Result
	// Patience bounds it; 0 is [patience].
	Patience time.Duration
}

// patience is how long a check may take: twice what a server across the world that is busy needs.
const patience = 20 * time.Second

// Examine makes the checks one after the other, so that none disturbs what another
// measures, and tells of every result as it comes.
func Examine(ctx context.Context, checks []Check, tell func(Result)) Report {
	var report Report
	for _, c := range checks {
		if ctx.Err() != nil {
			break
		}
		limit := c.Patience
		if limit == 0 {
			limit = patience
		}
		looking, cancel := context.WithTimeout(ctx, limit)
		for _, r := range c.Look(looking) {
			r.Check = c.Name
			tell(r)
			report.Results = append(report.Results, r)
		}
		cancel()
	}
	for _, r := range report.Results {
		switch r.Level {
		case Warn:
			report.Warnings++
		case Fail:
			report.Failures++
		}
	}
	return report
}

// Report is what all checks found.
type Report struct {
	Results  []Result `json:"results"`
	Warnings int      `json:"warnings"`
	Failures int      `json:"failures"`
}

// Good says that something is as it should be.
func Good(format string, args ...any) Result {
	return Result{Level: OK, Found: fmt.Sprintf(format, args...)}
}

// Weak says that something works for now, and what to do about it.
func Weak(found, remedy string) Result { return Result{Level: Warn, Found: found, Remedy: remedy} }

// Bad says that something does not work, and what to do about it.
func Bad(found, remedy string) Result { return Result{Level: Fail, Found: found, Remedy: remedy} }

// one makes a result a list.
func one(r Result) []Result { return []Result{r} }
