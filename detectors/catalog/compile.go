package catalog

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/changepoint"
	"github.com/presage-pdm/presage/detectors/duration"
	"github.com/presage-pdm/presage/detectors/expression"
	"github.com/presage-pdm/presage/detectors/implausible"
	"github.com/presage-pdm/presage/detectors/limit"
	"github.com/presage-pdm/presage/detectors/multivariate"
	"github.com/presage-pdm/presage/detectors/rate"
	"github.com/presage-pdm/presage/detectors/residual"
	"github.com/presage-pdm/presage/detectors/sequence"
	"github.com/presage-pdm/presage/detectors/silence"
	"github.com/presage-pdm/presage/detectors/stuck"
	"github.com/presage-pdm/presage/detectors/within"
)

// compile turns a rule into one that an engine runs. faults are those of all layers.
func (r *Rule) compile(layer string, faults map[string]detectors.FaultCode) (*detectors.Rule, error) {
	method, err := r.method()
	if err != nil {
		return nil, fmt.Errorf("%s:%d: rule %q: %w", layer, r.line, r.ID, err)
	}
	fault, known := faults[r.Fault]
	if !known {
		return nil, fmt.Errorf("%s:%d: rule %q finds %q, which no layer describes: add it under faults with a title", layer, r.line, r.ID, r.Fault)
	}
	out := &detectors.Rule{ID: r.ID, Fault: r.Fault, Component: r.Component, Severity: fault.Severity, Rollout: detectors.Rollout{Stage: r.Stage, Canary: float64(r.Canary)}, Method: method, Fingerprint: r.fingerprint()}
	if out.Component == "" {
		out.Component = fault.Component
	}
	if r.Severity != nil {
		out.Severity = *r.Severity
	}
	if r.Residual != nil {
		out.About = r.Residual.On
	}
	if r.Metric != "" {
		bounded := r.Implausible != nil
		out.Matches = func(metric string, plan detectors.MetricPlan) bool {
			return globs(r.Metric, metric) && (!bounded || plan.Min != nil || plan.Max != nil)
		}
	}
	return out, nil
}

// fingerprint is a hash of what shapes the state of the rule's detectors: its method and settings.
func (r *Rule) fingerprint() uint64 {
	shape := Rule{Limit: r.Limit, Rate: r.Rate, Duration: r.Duration, Sequence: r.Sequence, Within: r.Within,
		Expression: r.Expression, Stuck: r.Stuck, Implausible: r.Implausible, Silence: r.Silence, Changepoint: r.Changepoint, Residual: r.Residual, Multivariate: r.Multivariate}
	text, err := json.Marshal(shape)
	if err != nil {
		panic(fmt.Sprintf("catalog: a checked rule cannot be written as JSON: %v", err)) // only NaN and infinity cannot, and check refuses them
	}
	h := fnv.New64a()
	h.Write(text)
	return h.Sum64()
}

// or returns d, or a default where d is not set.
func (d Duration) or(fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return time.Duration(d)
}

// method builds the one method of a checked rule.
func (r *Rule) method() (detectors.Method, error) {
	bound := func(above, below *float64) (float64, bool) {
		if above != nil {
			return *above, true
		}
		return *below, false
	}
	switch {
	case r.Limit != nil:
		cfg := limit.Config{For: time.Duration(r.Limit.For)}
		cfg.Bound, cfg.Above = bound(r.Limit.Above, r.Limit.Below)
		cfg.Clear = cfg.Bound
		if r.Limit.Clear != nil {
			cfg.Clear = *r.Limit.Clear
		}
		return limit.New(cfg), nil
	case r.Rate != nil:
		cfg := rate.Config{Per: r.Rate.Per.or(time.Second)}
		cfg.Bound, cfg.Above = bound(r.Rate.Above, r.Rate.Below)
		cfg.Span = r.Rate.For.or(cfg.Per)
		return rate.New(cfg), nil
	case r.Duration != nil:
		return duration.New(duration.Config{Equals: *r.Duration.Equals, Longer: time.Duration(r.Duration.Longer)}), nil
	case r.Sequence != nil:
		return sequence.New(sequence.Config{Event: r.Sequence.Event, Healthy: r.Sequence.Healthy, Count: r.Sequence.Count}), nil
	case r.Within != nil:
		return within.New(within.Config{Event: r.Within.Event, Count: r.Within.Count, Window: time.Duration(r.Within.Window)}), nil
	case r.Expression != nil:
		return expression.New(expression.Config{When: r.Expression.When, For: time.Duration(r.Expression.For), MaxAge: r.Expression.MaxAge.or(time.Minute)})
	case r.Stuck != nil:
		return stuck.New(stuck.Config{For: r.Stuck.For.or(10 * time.Minute)}), nil
	case r.Implausible != nil:
		return implausible.New(), nil
	case r.Changepoint != nil:
		cfg := changepoint.DefaultConfig()
		if r.Changepoint.Shift != nil {
			cfg.Shift = *r.Changepoint.Shift
		}
		if r.Changepoint.Between != nil {
			cfg.Between = *r.Changepoint.Between
		}
		return changepoint.New(cfg), nil
	case r.Residual != nil:
		return residual.New(residual.Config{
			On: r.Residual.On, Given: r.Residual.Given,
			Lag: r.Residual.Lag.or(residual.DefaultLag), MaxAge: r.Residual.MaxAge.or(residual.DefaultMaxAge),
		}), nil
	case r.Multivariate != nil:
		return r.Multivariate.method(), nil
	}
	cfg := silence.Config{Factor: r.Silence.Factor, AtLeast: r.Silence.AtLeast.or(5 * time.Minute), OfflineExcused: r.Silence.Offline != "counts"}
	if cfg.Factor == 0 {
		cfg.Factor = 10
	}
	return silence.New(cfg), nil
}

func (m *Multivariate) method() detectors.Method {
	cfg := multivariate.DefaultConfig()
	cfg.AlertRate = 1e-7
	if m.Between != nil {
		cfg.AlertRate = 1 / *m.Between
	}
	if m.WarmUp != nil {
		cfg.WarmUp = *m.WarmUp
	}
	if len(m.Drives) > 0 {
		cfg.Drives = func(metric string) bool { return slices.Contains(m.Drives, metric) }
	}
	return multivariate.NewRule(cfg, m.Metrics)
}
