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

// accounting holds the rules to account: it keeps the stages and levels that differ from the catalogue's in force, takes the right to
// open tickets from rules that are mostly wrong, and fits the level of the statistical tier. It implements web.Detectors.
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
		if err := c.calibrate(ctx, tenant, now); err != nil {
			return err
		}
		settings, err := c.StageSettings(ctx, tenant)
		if err != nil {
			return err
		}
		known, err := c.known(ctx, tenant, now.Add(-outcomeWindow), now)
		if err != nil {
			return err
		}
		changes, err := c.settings.policy().Review(known, settings, now)
		if err != nil {
			return err
		}
		for _, change := range changes {
			own := slices.ContainsFunc(settings, func(v quality.Setting) bool { return v.Subject == change.Subject && v.Stage != "" })
			if !own && c.inShadow(tenant, change.Subject) {
				continue // what it opened before has no say any more
			}
			err := c.Store.SetStage(ctx, tenant, change, tickets.Event{Type: tickets.EventDetectorDropped, At: now, Detector: &tickets.DetectorNotice{
				Rule: change.Rule, Model: change.Model, Stage: string(change.Stage), Reason: change.Reason,
			}})
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

// calibrate puts better levels in force where the settings let it. It comes before rules are dropped: a level that has just changed is
// given a chance.
func (c accounting) calibrate(ctx context.Context, tenant string, now time.Time) error {
	if c.settings.calibration().Mode != quality.Apply {
		return nil
	}
	steps, err := c.levelSteps(ctx, tenant, now)
	if err != nil {
		return err
	}
	for _, step := range steps {
		err := c.Store.SetStage(ctx, tenant, step)
		if errors.Is(err, tickets.ErrConflict) {
			continue
		}
		if err != nil {
			return err
		}
		c.log.Info("level of a rule recalibrated", "rule", step.Rule, "model", step.Model, "level", step.EffectiveLevel(), "reason", step.Reason)
	}
	return nil
}

// LevelSteps implements web.Detectors.
func (c accounting) LevelSteps(ctx context.Context, tenant string) ([]quality.Setting, error) {
	return c.levelSteps(ctx, tenant, time.Now().UTC())
}

func (c accounting) levelSteps(ctx context.Context, tenant string, now time.Time) ([]quality.Setting, error) {
	settings, err := c.StageSettings(ctx, tenant)
	if err != nil {
		return nil, err
	}
	known, err := c.known(ctx, tenant, now.Add(-outcomeWindow), now)
	if err != nil {
		return nil, err
	}
	return c.settings.calibration().Steps(known, settings, now)
}

// Known implements web.Detectors.
func (c accounting) Known(ctx context.Context, tenant string, since time.Time) (*quality.Known, error) {
	return c.known(ctx, tenant, since, time.Now().UTC())
}

// known gathers what the store knows of a span. Tickets of the horizon before it are there too: they can have warned of a failure in it.
func (c accounting) known(ctx context.Context, tenant string, from, to time.Time) (*quality.Known, error) {
	k := &quality.Known{Span: quality.Span{From: from, To: to, Horizon: c.settings.Horizon}}
	var err error
	if k.Tickets, err = c.Outcomes(ctx, tenant, from.Add(-c.settings.Horizon)); err != nil {
		return nil, err
	}
	if k.Failures, err = c.ModelFailures(ctx, tenant, from, to); err != nil {
		return nil, err
	}
	k.Devices, err = c.ModelCounts(ctx, tenant)
	return k, err
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

// follow puts the stored stages and levels in force.
func (c accounting) follow(ctx context.Context) error {
	rollouts := catalog.Rollouts{}
	for _, tenant := range c.fleet.Tenants() {
		settings, err := c.StageSettings(ctx, tenant)
		if err != nil {
			return fmt.Errorf("stages of rules: %w", err)
		}
		for _, v := range settings {
			if v.Stage == "" && v.Level == 0 {
				continue
			}
			scope := catalog.Scope{Tenant: tenant, Model: v.Model}
			if rollouts[scope] == nil {
				rollouts[scope] = map[string]catalog.Change{}
			}
			rollouts[scope][v.Rule] = catalog.Change{Rollout: detectors.Rollout{Stage: v.Stage, Canary: v.Canary}, Level: v.Level}
		}
	}
	c.watching.SetRollouts(rollouts)
	return nil
}

// Rules implements web.Detectors.
func (c accounting) Rules(tenant string) []web.RuleStage {
	var all []web.RuleStage
	add := func(model, rule string, r detectors.Rollout) {
		stage := web.RuleStage{Subject: quality.Subject{Rule: rule, Model: model}, Stage: r.Stage, Canary: r.Canary}
		if stage.Stage == "" {
			stage.Stage = detectors.StageLive
		}
		all = append(all, stage)
	}
	for _, m := range append([]fleet.Model{{}}, c.fleet.Models(tenant)...) {
		plan := c.watching.Catalogue().Plan(m.ID, m.Kind)
		for _, r := range plan.Rules {
			add(m.ID, r.ID, r.Rollout)
		}
		add(m.ID, detectors.BaseRule, plan.BaseRollout)
	}
	return all
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
