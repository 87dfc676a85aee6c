package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// idle stores nothing and finds nothing, so that a benchmark sees the lanes alone.
type idle struct{ memoryRecords }

func (*idle) Append(context.Context, []telemetry.Batch) (int, error) { return 0, nil }
func (*idle) Sync(context.Context) error                             { return nil }
func (*idle) Raw(context.Context, series.Key, series.Range, int) ([]series.Point, error) {
	return nil, nil
}
func (*idle) Last(context.Context, string, string) (map[string]series.Point, error) { return nil, nil }
func (*idle) Close() error                                                          { return nil }
func (*idle) AcquireLane(context.Context, int, string, string) (int64, error)       { return 1, nil }
func (*idle) Report(context.Context, tickets.Fence, []detectors.Finding) error      { return nil }
func (*idle) Apply(*telemetry.Batch) []detectors.Finding                            { return nil }
func (*idle) Tick(int64) []detectors.Finding                                        { return nil }
func (*idle) AppendState(dst []byte) []byte                                         { return dst }
func (*idle) Restore([]byte) error                                                  { return nil }
func (*idle) Windows(context.Context, series.Key, series.Range, time.Duration) ([]series.Window, error) {
	return nil, nil
}

// perMessage is how many samples a message of the benchmarks has.
const perMessage = 10

// hundredDevices decodes messages without work: message n is of device n mod 100.
func hundredDevices() decoderFunc {
	devices := make([]telemetry.Batch, 100)
	for i := range devices {
		devices[i] = telemetry.Batch{Device: fmt.Sprintf("device-%04d", i)}
		for m := range perMessage {
			devices[i].Samples = append(devices[i].Samples, telemetry.Sample{Metric: fmt.Sprintf("metric_%d_value", m), Time: epoch, Value: float64(m) / 3})
		}
	}
	return func(dst []telemetry.Batch, m ingest.Message) ([]telemetry.Batch, error) {
		return append(dst, devices[len(m.Payload)]), nil
	}
}

func reportSamples(b *testing.B, samples int) {
	b.ReportMetric(float64(samples)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples), "ns/sample")
}

// BenchmarkIntake measures from Accept to durable, 5000 messages in flight.
func BenchmarkIntake(b *testing.B) {
	in, _, _ := newIntake(b, hundredDevices(), &registry{}, asIs)
	payload := make([]byte, 100)
	tokens := make(chan struct{}, 5000)
	done := func(error) { <-tokens }
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		tokens <- struct{}{}
		in.Accept(b.Context(), ingest.Message{Topic: "t", Payload: payload[:n%100], Arrival: epoch}, done)
		n++
	}
	for range cap(tokens) {
		tokens <- struct{}{}
	}
	reportSamples(b, n*perMessage)
}

// BenchmarkLane measures what lanes add: both cursors over a journal that is already written, into parts that do nothing.
func BenchmarkLane(b *testing.B) {
	in, log, _ := newIntake(b, hundredDevices(), &registry{}, asIs)
	payload := make([]byte, 100)
	const messages = 100_000
	tokens := make(chan struct{}, 5000)
	for n := range messages {
		tokens <- struct{}{}
		in.Accept(b.Context(), ingest.Message{Topic: "t", Payload: payload[:n%100], Arrival: epoch}, func(error) { <-tokens })
	}
	for range cap(tokens) {
		tokens <- struct{}{}
	}
	b.ReportAllocs()
	samples := 0
	for b.Loop() {
		cfg := ingest.DefaultLanesConfig()
		cfg.Dir, cfg.Owner = b.TempDir(), "bench"
		parts := &idle{}
		lanes, err := ingest.NewLanes(ingest.Parts{
			Journal: log, Store: parts, Records: parts, Reporter: parts, Leases: parts,
			Watch: func(int) ingest.Watcher { return parts },
		}, cfg)
		if err != nil {
			b.Fatal(err)
		}
		stop, cancel := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		go func() { ended <- lanes.Run(stop, b.Context()) }()
		for behind := true; behind; {
			behind = false
			for _, s := range lanes.Status() {
				end := log.End(s.Partition)
				behind = behind || s.Store.Position < end || s.Detect.Position < end
			}
			time.Sleep(100 * time.Microsecond)
		}
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		samples += messages * perMessage
	}
	reportSamples(b, samples)
}
