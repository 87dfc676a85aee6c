package catalog

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/detectors/changepoint"
	"github.com/presage-pdm/presage/detectors/duration"
	"github.com/presage-pdm/presage/detectors/expression"
	"github.com/presage-pdm/presage/detectors/implausible"
	"github.com/presage-pdm/presage/detectors/limit"
	"github.com/presage-pdm/presage/detectors/novelty"
	"github.com/presage-pdm/presage/detectors/rate"
	"github.com/presage-pdm/presage/detectors/seasonal"
	"github.com/presage-pdm/presage/detectors/sequence"
	"github.com/presage-pdm/presage/detectors/shift"
	"github.com/presage-pdm/presage/detectors/silence"
	"github.com/presage-pdm/presage/detectors/stuck"
	"github.com/presage-pdm/presage/detectors/within"
	"github.com/presage-pdm/presage/telemetry"
)

// feed gives an input to one of the instances of a detector.
type feed func(instance, n int, value float64)

// BenchmarkDetector measures each method by itself on healthy input: time by input, and the heap of an instance
// after 300 inputs, ten minutes apart.
func BenchmarkDetector(b *testing.B) {
	low, high := 0.0, 100.0
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	at := func(n int) int64 { return begin + int64(n)*600_000 }
	rule := func(m detectors.Method, kind detectors.InputKind) func(instances int) feed {
		return func(instances int) feed {
			all := make([]detectors.Detector, instances)
			for i := range all {
				all[i] = m.New("m0", detectors.MetricPlan{Metric: telemetry.Metric{Min: &low, Max: &high}})
			}
			event := &telemetry.Event{Code: "crash"}
			in := detectors.Input{Kind: kind, Live: true, Metric: "m0"}
			in.Latest = func(string) (float64, int64, bool) { return in.Value, in.Time, true }
			return func(i, n int, value float64) {
				in.Time, in.Arrival, in.Value, in.Tick = at(n), at(n), value, uint64(n)
				if kind == detectors.EventInput {
					event.Time, in.Event = in.Time, event
					if event.Code = "crash"; n%2 == 1 {
						event.Code = "session_ok"
					}
				}
				all[i].Observe(&in)
			}
		}
	}
	condition, err := expression.New(expression.Config{When: "m0 > 90 and m0 < 95", MaxAge: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func(instances int) feed
	}{
		{"limit", rule(limit.New(limit.Config{Bound: 90, Above: true, Clear: 85, For: time.Minute}), detectors.SampleInput)},
		{"rate", rule(rate.New(rate.Config{Bound: 50, Above: true, Per: time.Minute, Span: time.Minute}), detectors.SampleInput)},
		{"duration", rule(duration.New(duration.Config{Equals: 1, Longer: time.Minute}), detectors.SampleInput)},
		{"stuck", rule(stuck.New(stuck.Config{For: 10 * time.Minute}), detectors.SampleInput)},
		{"implausible", rule(implausible.New(), detectors.SampleInput)},
		{"changepoint", rule(changepoint.New(changepoint.DefaultConfig()), detectors.SampleInput)},
		{"expression", rule(condition, detectors.MomentInput)},
		{"sequence", rule(sequence.New(sequence.Config{Event: "crash", Healthy: "session_ok", Count: 3}), detectors.EventInput)},
		{"within", rule(within.New(within.Config{Event: "crash", Count: 64, Window: time.Hour}), detectors.EventInput)},
		{"silence", rule(silence.New(silence.Config{Factor: 10, AtLeast: 5 * time.Minute}), detectors.BatchInput)},
		{"seasonal", func(instances int) feed {
			all := make([]detectors.Series, instances)
			for i := range all {
				all[i] = seasonal.New().New()
			}
			return func(i, n int, value float64) { all[i].Observe(at(n), value, true) }
		}},
		{"novelty", func(instances int) feed {
			all := make([]detectors.Novelty, instances)
			for i := range all {
				all[i] = novelty.New().New(detectors.PromotedTier)
			}
			return func(i, n int, value float64) { all[i].Observe(at(n), value) }
		}},
		{"shift", func(instances int) feed {
			all := make([]detectors.Joint, instances)
			for i := range all {
				all[i] = shift.New(shift.DefaultConfig()).New()
				all[i].Metric("m0", "device")
			}
			return func(i, n int, value float64) {
				all[i].Observe(0, at(n), value, detectors.Expectation{})
				all[i].Decide(at(n))
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			values := make([]float64, 4096)
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range values {
				values[i] = 20 + rng.NormFloat64()
			}
			const instances = 200
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			many := c.make(instances)
			for n := range 300 {
				for i := range instances {
					many(i, n, values[(n+i)%len(values)])
				}
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			one, n := c.make(1), 0
			b.ReportAllocs()
			for b.Loop() {
				one(0, n, values[n%len(values)])
				n++
			}
			b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/instances, "B/instance")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "samples/s")
			many(0, 300, 20) // so that it is there when its memory is read
		})
	}
}
