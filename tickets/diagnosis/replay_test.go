package diagnosis

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/seasonal"
	"github.com/presage-pdm/presage/telemetry/series"
)

// between is a rule that leaves a fixed range to every metric but one.
type between struct {
	detectors.Method
	low, high float64
}

func (b between) Band() (low, high float64) { return b.low, b.high }

func TestReplayFollowsTheBaseTier(t *testing.T) {
	w := newWorld()
	daily := func(t time.Duration) float64 { return 50 + 10*math.Sin(2*math.Pi*t.Hours()/24) }
	key := series.Key{Tenant: "default", Device: "d1", Metric: "m"}
	for at := -10 * 24 * time.Hour; at < 6*time.Hour; at += time.Minute {
		value := daily(at) + .3*math.Sin(float64(at/time.Minute)*1.7)
		if at > 2*time.Hour { // the fault
			value += 40
		}
		w.readings[key] = append(w.readings[key], series.Point{Time: noon.Add(at).UnixMilli(), Value: value})
	}
	w.plan.Series = seasonal.New()
	band, err := NewReplay(w, w).Band(t.Context(), key, series.Range{From: noon.Add(-4 * time.Hour), To: noon.Add(6 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if len(band) != 600 {
		t.Fatalf("%d points, want one for each of 600 readings", len(band))
	}
	inside := 0
	for _, b := range band {
		at := fromMillis(b.Time).Sub(noon)
		usual := daily(at)
		if *b.Low <= usual && usual <= *b.High {
			inside++
		}
		if at > 2*time.Hour && *b.High >= usual+39 {
			t.Fatalf("%v after the onset the band [%v, %v] has followed the fault to %v", at, *b.Low, *b.High, usual+40)
		}
	}
	if inside < 540 {
		t.Errorf("what is usual lies within the band at %d of 600 readings", inside)
	}
}

func TestReplayFallsBackToRules(t *testing.T) {
	w := newWorld()
	match := func(metric string, _ detectors.MetricPlan) bool { return metric != "other" }
	w.plan.Rules = []*detectors.Rule{
		{Method: between{low: math.Inf(-1), high: 110}, Matches: match},
		{Method: between{low: 5, high: 120}, Matches: match},
		{Method: between{low: 80, high: 90}, Matches: match, Rollout: detectors.Rollout{Stage: detectors.StageShadow}},
	}
	r := series.Range{From: noon, To: noon.Add(time.Hour)}
	band, err := NewReplay(w, w).Band(t.Context(), series.Key{Tenant: "default", Device: "d1", Metric: "m"}, r)
	if err != nil || len(band) != 2 || *band[0].Low != 5 || *band[1].High != 110 {
		t.Errorf("band %v (%v), want 5 to 110", band, err)
	}
	band, err = NewReplay(w, w).Band(t.Context(), series.Key{Tenant: "default", Device: "d1", Metric: "other"}, r)
	if err != nil || band != nil {
		t.Errorf("band %v (%v), want none", band, err)
	}
}

func TestReplaySaysWhenTheStoreIsDown(t *testing.T) {
	w := newWorld()
	w.broken = series.ErrUnavailable
	w.plan.Series = seasonal.New()
	_, err := NewReplay(w, w).Band(t.Context(), series.Key{Tenant: "default", Device: "d1", Metric: "m"}, series.Range{From: noon, To: noon.Add(time.Hour)})
	if !errors.Is(err, series.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
