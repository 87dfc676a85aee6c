package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/internal/backtest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
)

// wanderers are pumps whose flow moves by a little after a long rest, all by the same: what the statistical tier tells, and nobody wants
// to hear. It implements backtest.Readings.
type wanderers struct{ flow []series.Point }

func newWanderers(from time.Time) wanderers {
	rng := rand.New(rand.NewPCG(1, 2))
	var w wanderers
	for i := range 800 {
		v := 20 + rng.NormFloat64()
		if i >= 600 {
			v += wandersBy
		}
		w.flow = append(w.flow, series.Point{Time: from.Add(time.Duration(i) * time.Second).UnixMilli(), Value: v})
	}
	return w
}

// wandersBy is found at the usual level, four blocks in a row beyond one in ten thousand, and not at a quarter more.
const wandersBy = 1.6

func (w wanderers) Last(context.Context, string, string) (map[string]series.Point, error) {
	return map[string]series.Point{"flow": w.flow[len(w.flow)-1]}, nil
}

func (w wanderers) Raw(_ context.Context, _ series.Key, in series.Range, limit int) (out []series.Point, _ error) {
	for _, p := range w.flow {
		if p.Time >= in.From.UnixMilli() && p.Time < in.To.UnixMilli() && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, nil
}

// Ten tickets of the statistical tier are closed as "no fault found". A higher level is suggested; once it is applied, the same readings
// open no ticket any more. With recalibrate: apply the review does it by itself, and the rule keeps its right to open tickets.
func TestRecalibration(t *testing.T) {
	for _, mode := range []quality.Mode{quality.Off, quality.Suggest, quality.Apply} {
		t.Run(string(mode), func(t *testing.T) {
			s := DefaultSettings()
			s.Data, s.Quality.Recalibrate = t.TempDir(), string(mode)
			log := slog.New(slog.DiscardHandler)
			store, err := openSQL(t.Context(), s, nil, log)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			compiled, err := catalog.New()
			if err != nil {
				t.Fatal(err)
			}
			directory := fleet.NewDirectory()
			var pumps []string
			for i := range s.Quality.MinLabels {
				pumps = append(pumps, fmt.Sprintf("pump-%d", i))
				directory.PutDevice(telemetry.DefaultTenant, fleet.Device{ID: pumps[i]})
			}
			c := accounting{Store: store, fleet: directory, settings: s.Quality, log: log,
				watching: &watching{Plans: catalog.NewPlans(compiled, modelOf(directory))}}
			now := time.Now().UTC().Truncate(time.Second)
			begun := now.Add(-24 * time.Hour)
			cfg := backtest.DefaultConfig()
			cfg.Readings, cfg.Records, cfg.From, cfg.To = newWanderers(begun), store, begun, begun.Add(800*time.Second)
			opens := func() []tickets.Rehearsed {
				t.Helper()
				results, _, err := backtest.Run(t.Context(), cfg, pumps, c.watching)
				if err != nil {
					t.Fatal(err)
				}
				return results[0].Tickets
			}
			told := opens()
			if len(told) != len(pumps) {
				t.Fatalf("%d tickets of %d pumps", len(told), len(pumps))
			}
			for i, r := range told {
				if i == len(told)-1 {
					if steps, err := c.LevelSteps(t.Context(), telemetry.DefaultTenant); err != nil || len(steps) > 0 {
						t.Fatalf("before the last closing: %+v, %v", steps, err)
					}
				}
				closeForNothing(t, store, r)
			}
			steps, err := c.LevelSteps(t.Context(), telemetry.DefaultTenant)
			if err != nil || (mode == quality.Off) != (len(steps) == 0) || len(steps) > 1 {
				t.Fatalf("steps %+v, %v", steps, err)
			}
			if mode == quality.Off {
				return
			}
			step := steps[0]
			if step.Subject != (quality.Subject{Rule: detectors.BaseRule}) || step.Level != 1.25 || step.Stage != "" {
				t.Fatalf("step %+v", step)
			}
			if mode == quality.Suggest {
				if got := opens(); len(got) != len(pumps) {
					t.Errorf("a suggestion changes something: %d tickets", len(got))
				}
				err = c.SetStage(t.Context(), telemetry.DefaultTenant, step)
			} else {
				err = c.review(t.Context(), now)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := opens(); len(got) != 0 {
				t.Errorf("at the level 1.25 the same readings open %d tickets", len(got))
			}
			changes, err := store.StageChanges(t.Context(), telemetry.DefaultTenant)
			if err != nil || len(changes) != 1 || changes[0].Level != 1.25 || changes[0].Stage != "" || changes[0].Reason == "" {
				t.Errorf("changes %+v, %v", changes, err)
			}
			if steps, err := c.LevelSteps(t.Context(), telemetry.DefaultTenant); err != nil || len(steps) > 0 {
				t.Errorf("at once another step: %+v, %v", steps, err)
			}
		})
	}
}

// closeForNothing stores a ticket that would have opened as one that was closed because there was no fault.
func closeForNothing(t *testing.T, store tickets.Store, r tickets.Rehearsed) {
	t.Helper()
	ticket := r.Ticket
	ticket.Workflow, ticket.WorkflowVersion, ticket.State, ticket.Category = "fault", 1, "closed", tickets.CategoryDone
	ticket.RecordedAt, ticket.UpdatedAt = r.OpenedAt, r.OpenedAt
	ticket.ClearedAt, ticket.ClosedAt, ticket.Resolution = time.Time{}, r.OpenedAt.Add(time.Hour), tickets.ResolutionNoFaultFound
	err := store.Update(t.Context(), telemetry.DefaultTenant, tickets.Fence{}, func(ctx context.Context, tx tickets.Tx) error {
		if err := tx.Insert(ctx, &ticket); err != nil {
			return err
		}
		_, err := tx.Attach(ctx, tickets.Evidence{Finding: r.First, Ticket: ticket.ID, RecordedAt: r.OpenedAt})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
