package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// BenchmarkPath measures the durable path with all its real parts but the broker, in one process: decode, journal on the
// disk, both cursors of every lane, series store, detectors and desk, until everything is stored and judged.
func BenchmarkPath(b *testing.B) {
	const devices, metrics, inFlight = 500, 10, 5000
	s := DefaultSettings()
	s.Data, s.UnknownDevices, s.MQTT.Listen, s.HTTP.Listen = b.TempDir(), "register", "127.0.0.1:0", "127.0.0.1:0"
	a, err := startApp(b.Context(), s, slog.New(slog.DiscardHandler), appOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := a.stop(context.WithoutCancel(b.Context())); err != nil {
			b.Error(err)
		}
	}()
	tokens := make(chan struct{}, inFlight) // messages that wait for the disk at once
	done := func(err error) {
		if err != nil {
			b.Error(err)
		}
		<-tokens
	}
	topics := make([]string, devices)
	for d := range topics {
		topics[d] = fmt.Sprintf("presage/v1/bench-%03d/telemetry", d)
	}
	var payload []byte
	at, n := time.Now().Add(-30*time.Minute).UnixMilli(), 0
	b.ReportAllocs()
	for b.Loop() {
		if n%devices == 0 {
			at++
		}
		payload = fmt.Appendf(payload[:0], `{"ts":%d,"values":{`, at)
		for m := range metrics {
			payload = fmt.Appendf(payload, `"m%d":%d.%03d,`, m, 20+m, (n*331+m*7919)%1000)
		}
		payload = append(payload[:len(payload)-1], "}}"...)
		tokens <- struct{}{}
		a.intake.Accept(b.Context(), ingest.Message{Tenant: telemetry.DefaultTenant, Client: "bench", Topic: topics[n%devices], Payload: payload, Arrival: time.Now().UnixMilli()}, done)
		n++
	}
	for range inFlight {
		tokens <- struct{}{}
	}
	for a.behind() > 0 {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(n*metrics)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*metrics), "ns/sample")
}
