package workflow

import (
	"fmt"

	"github.com/expr-lang/expr"

	"github.com/presage-pdm/presage/tickets"
)

// facts is what a guard's rule can ask of a ticket, by the names it writes.
type facts struct {
	Severity    string `expr:"severity"` // "info", "warning", "major", "critical"
	Priority    int    `expr:"priority"` // 1 (now) to 4
	Occurrences int    `expr:"occurrences"`
	Reopened    int    `expr:"reopened"`
	// Cleared is true while the signals are back to normal.
	Cleared   bool   `expr:"cleared"`
	Assigned  bool   `expr:"assigned"` // somebody is
	Device    string `expr:"device"`
	Component string `expr:"component"`
	FaultCode string `expr:"fault_code"`
	Model     string `expr:"model"`
	Customer  string `expr:"customer_tier"`
	Warranty  string `expr:"warranty"` // "in", "out", "unknown"
}

// compile makes a condition of a rule in the expression language of
// github.com/expr-lang/expr over [facts]. A rule that fails on a ticket does not hold for it.
func compile(rule string) (func(*tickets.Ticket) bool, error) {
	if len(rule) > MaxRule {
		return nil, fmt.Errorf("the rule is %d bytes long; at most %d are read", len(rule), MaxRule)
	}
	program, err := expr.Compile(rule, expr.Env(facts{}), expr.AsBool(), expr.MaxNodes(200))
	if err != nil {
		return nil, fmt.Errorf("rule %q: %w", rule, err)
	}
	return func(t *tickets.Ticket) bool {
		result, err := expr.Run(program, facts{
			Severity: t.Severity.String(), Priority: t.Priority, Occurrences: t.Occurrences, Reopened: t.Reopened,
			Cleared: !t.ClearedAt.IsZero(), Assigned: t.Assignee != "",
			Device: t.Device, Component: t.Component, FaultCode: t.FaultCode,
			Model: t.Facts.Model, Customer: t.Facts.CustomerTier, Warranty: t.Facts.Warranty,
		})
		held, _ := result.(bool)
		return err == nil && held
	}, nil
}
