package detectors_test

import (
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry/series"
)

func TestBand(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var points []series.Point
	for i := range 2000 {
		v := 20 + rng.NormFloat64()
		if i >= 1500 {
			v += 12
		}
		points = append(points, series.Point{Time: start + int64(i)*1000, Value: v})
	}
	plan := compile(t, ruleBook).Plan("", "")

	band := detectors.Band(plan, "base", "volts", points)
	if len(band) != len(points) || band[0].Low != nil {
		t.Fatalf("%d points, first %+v", len(band), band[0])
	}
	inside, outside := 0, 0
	for i, b := range band {
		if b.Low == nil {
			continue
		}
		in := points[i].Value >= *b.Low && points[i].Value <= *b.High
		if i < 1500 && in {
			inside++
		}
		if i >= 1520 && i < 1600 && !in {
			outside++
		}
	}
	if inside < 1350 {
		t.Errorf("only %d healthy readings lie in the band", inside)
	}
	if outside < 70 {
		t.Errorf("only %d of 80 shifted readings lie outside the band: it follows the fault", outside)
	}
	// Causal: the band of the head does not know the tail.
	head := detectors.Band(plan, "base", "volts", points[:1000])
	for i, b := range head {
		if (b.Low == nil) != (band[i].Low == nil) || b.Low != nil && (*b.Low != *band[i].Low || *b.High != *band[i].High) {
			t.Fatalf("point %d depends on later ones", i)
		}
	}

	limit := detectors.Band(plan, "hot", "temp", points[:2])
	if len(limit) != 2 || limit[0].Low != nil || *limit[0].High != 100 {
		t.Errorf("band of a limit %+v", limit)
	}
	if b := detectors.Band(plan, "runs-on", "pump_on", points); b != nil {
		t.Errorf("a metric that only rules watch has a band: %d points", len(b))
	}
}
