package detectors_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// What is decided is a warning, and major when it is far out, when many metrics of the component agree, or when it has lasted for a day; the reason says which.
func TestSeverityFollowsTheEvidence(t *testing.T) {
	for _, c := range []struct {
		name    string
		every   int64 // ms
		shifted int   // metrics, of ten
		by      float64
		want    telemetry.Severity
		why     string
	}{
		{"little", 1000, 1, 4, telemetry.Warning, ""},
		{"far out", 1000, 1, 60, telemetry.Major, "surprise"},
		{"many metrics", 1000, 3, 4, telemetry.Major, "metrics"},
		{"for days", 1800_000, 1, 4, telemetry.Major, "duration"},
	} {
		rng := rand.New(rand.NewPCG(3, 3))
		e := engine(t, ruleBook)
		var found []detectors.Finding
		for i := range int64(700) {
			b := reading("temp", start+i*c.every, 20+rng.NormFloat64())
			b.Samples = b.Samples[:0]
			for m := range 10 {
				v := 20 + rng.NormFloat64()
				if m < c.shifted && i >= 600 {
					v += c.by
				}
				b.Samples = append(b.Samples, telemetry.Sample{Metric: fmt.Sprintf("m%d", m), Time: start + i*c.every, Value: v})
			}
			found = append(found, abnormal(e.Apply(b))...)
		}
		if len(found) != 1 {
			t.Errorf("%s: %d findings, want one", c.name, len(found))
			continue
		}
		if f := found[0]; f.Severity != c.want || f.Reason.Params["graver"] != c.why {
			t.Errorf("%s: %s because of %q, want %s because of %q; %v", c.name, f.Severity, f.Reason.Params["graver"], c.want, c.why, f.Reason.Params)
		}
	}
}
