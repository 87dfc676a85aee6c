package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
	"github.com/presage-pdm/presage/web"
)

// accounting holds the rules to account: it keeps the stages that differ from the catalogue's in force, and takes the right to
// open tickets from rules that are mostly wrong. It implements web.Detectors.
type accounting struct {
	*sqlstore.Store
	fleet    *fleet.Directory
	watching *watching
	settings QualitySettings
	tasks    tasks
	log      *slog.Logger
}

// outcomeWindow is how far back tickets are looked at: a rule that opens a few a week is judged by a quarter of a year.
const outcomeWindow = 90 * 24 * time.Hour

func (a *app) accounting() accounting {
	return accounting{Store: a.sql, fleet: a.directory, watching: a.watching, settings: a.settings.Quality, tasks: a.tasks, log: a.log}
}

// run reviews until ctx ends.
func (c accounting) run(ctx context.Context) error {
	tick := time.NewTicker(c.settings.ReviewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := c.review(ctx, time.Now().UTC())
		c.tasks.note(taskReview, err)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("rules not reviewed", "err", err)
		}
	}
}

// review takes what rules have lost, and follows what other processes changed. What a person changes meanwhile stays: now is
// before it.
func (c accounting) review(ctx context.Context, now time.Time) error {
	for _, tenant := range c.fleet.Tenants() {
		settings, err := c.StageSettings(ctx, tenant)
		if err != nil {
			return err
		}
		outcomes, err := c.Outcomes(ctx, tenant, now.Add(-outcomeWindow))
		if err != nil {
			return err
		}
		for _, change := range c.settings.policy().Review(outcomes, settings, now) {
			own := slices.ContainsFunc(settings, func(v quality.Setting) bool { return v.Subject == change.Subject && v.Stage != "" })
			if !own && c.inShadow(tenant, change.Subject) {
				continue // what it opened before has no say any more
			}
			err := c.Store.SetStage(ctx, tenant, change)
			if errors.Is(err, tickets.ErrConflict) {
				continue
			}
			if err != nil {
				return err
			}
			c.log.Warn("rule dropped to shadow", "rule", change.Rule, "model", change.Model, "reason", change.Reason)
		}
	}
	return c.follow(ctx)
}

// inShadow tells whether the catalogue has a rule in shadow for a model.
func (c accounting) inShadow(tenant string, subject quality.Subject) bool {
	m, _ := c.fleet.Model(tenant, subject.Model)
	for _, r := range c.watching.Catalogue().Plan(subject.Model, m.Kind).Rules {
		if r.ID == subject.Rule {
			return r.Rollout.Stage == detectors.StageShadow
		}
	}
	return false
}

// follow puts the stored stages in force.
func (c accounting) follow(ctx context.Context) error {
	rollouts := catalog.Rollouts{}
	for _, tenant := range c.fleet.Tenants() {
		settings, err := c.StageSettings(ctx, tenant)
		if err != nil {
			return fmt.Errorf("stages of rules: %w", err)
		}
		for _, v := range settings {
			if v.Stage == "" {
				continue
			}
			scope := catalog.Scope{Tenant: tenant, Model: v.Model}
			if rollouts[scope] == nil {
				rollouts[scope] = map[string]detectors.Rollout{}
			}
			rollouts[scope][v.Rule] = detectors.Rollout{Stage: v.Stage, Canary: v.Canary}
		}
	}
	c.watching.SetRollouts(rollouts)
	return nil
}

// SetStage implements web.Detectors: it counts at once.
func (c accounting) SetStage(ctx context.Context, tenant string, v quality.Setting) error {
	if _, known := c.fleet.Model(tenant, v.Model); v.Model != "" && !known {
		return &web.RejectedError{Detail: fmt.Sprintf("There is no model %q: import it with the devices, or leave the model empty for devices without one.", v.Model)}
	}
	if v.Rule != detectors.BaseRule && !c.watching.Catalogue().Knows(v.Rule) {
		return &web.RejectedError{Detail: fmt.Sprintf("There is no rule %q in the catalogue in force.", v.Rule)}
	}
	if err := c.Store.SetStage(ctx, tenant, v); err != nil {
		return err
	}
	return c.follow(ctx)
}
