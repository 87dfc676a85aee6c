package quality

import (
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
)

func TestSteps(t *testing.T) {
	const good, bad, week = tickets.ResolutionRepaired, tickets.ResolutionNoFaultFound, 7 * 24 * time.Hour
	base := Subject{detectors.BaseRule, "X1"}
	now := t0.Add(5 * week)
	mix := func(hits, misses int) []Ticket {
		return append(closed(base.Rule, t0, hits, good), closed(base.Rule, t0, misses, bad)...)
	}
	// failures of devices, of which the first ones had a ticket shortly before.
	fail := func(found, missed int) (list []Ticket, all []ModelFailure) {
		for i := range found + missed {
			device := fmt.Sprintf("car-%d", i)
			all = append(all, failed(device, "engine", t0.Add(2*time.Hour)))
			if i < found {
				list = append(list, Ticket{Subject: Subject{"other", "X1"}, ID: device, Device: device, Component: "engine", Opened: t0.Add(time.Hour)})
			}
		}
		return list, all
	}
	at := func(level float64, when time.Time) []Setting {
		return []Setting{Setting{Subject: base}.WithLevel(level, "anna", "", when)}
	}
	warned4, ten := fail(4, 6)
	warned5, _ := fail(5, 5)
	_, nine := fail(0, 9)
	for _, c := range []struct {
		name     string
		tickets  []Ticket
		failures []ModelFailure
		settings []Setting
		want     float64 // 0 for no step
	}{
		{"nothing", nil, nil, nil, 0},
		{"too few labels", mix(0, 9), nil, nil, 0},
		{"four of ten", mix(4, 6), nil, nil, 1.25},
		{"five of ten", mix(5, 5), nil, nil, 0},
		{"a rule that somebody wrote", closed("hot", t0, 20, bad), nil, nil, 0},
		{"a step on", mix(0, 10), nil, at(1.25, t0.Add(-week)), 1.5625},
		{"no further than twice", mix(0, 10), nil, at(1.9, t0.Add(-week)), 2},
		{"at twice", mix(0, 10), nil, at(2, t0.Add(-week)), 0},
		{"a step that the tickets led to", mix(0, 10), nil, at(1.25, t0.Add(time.Hour)), 0},
		{"within a week", closed(base.Rule, now.Add(-2*time.Hour), 10, bad), nil, at(1.25, now.Add(-6*24*time.Hour)), 0},
		{"after a week", closed(base.Rule, now.Add(-2*time.Hour), 10, bad), nil, at(1.25, now.Add(-week)), 1.5625},
		{"its stage changed since", mix(0, 10), nil, []Setting{Setting{Subject: base}.WithStage(detectors.StageShadow, 0, ByReview, "", now)}, 1.25},
		{"most failures missed", warned4, ten, nil, 0.8},
		{"half of them missed", warned5, ten, nil, 0},
		{"too few failures", nil, nine, nil, 0},
		{"failures before the step", warned4, ten, at(0.8, t0.Add(3*time.Hour)), 0},
		{"no further than half", warned4, ten, at(0.55, t0.Add(-week)), 0.5},
		{"missed and false: false counts first", append(mix(4, 6), warned4...), ten, nil, 1.25},
		{"missed and precise", append(mix(6, 4), warned4...), ten, nil, 0.8},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := DefaultCalibration().Steps(known(c.tickets, c.failures...), c.settings, now)
			if err != nil || (len(got) == 1) != (c.want != 0) || len(got) > 1 {
				t.Fatalf("steps %+v, %v; want the level %v", got, err, c.want)
			}
			if c.want == 0 {
				return
			}
			if v := got[0]; v.Subject != base || v.EffectiveLevel() != c.want || v.By != ByReview || !v.LevelAt.Equal(now) || v.Reason == "" {
				t.Errorf("step %+v", v)
			}
			if len(c.settings) > 0 && got[0].Stage != c.settings[0].Stage {
				t.Errorf("the stage went from %q to %q", c.settings[0].Stage, got[0].Stage)
			}
		})
	}
	off := DefaultCalibration()
	off.Mode = Off
	if got, _ := off.Steps(known(mix(0, 50)), nil, now); got != nil {
		t.Errorf("turned off, yet %+v", got)
	}
}
