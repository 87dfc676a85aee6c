package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Report is what a run of the load found.
type Report struct {
	Connections int     `json:"connections"`
	Inflight    int     `json:"inflight"`
	Values      int     `json:"values"`
	Seconds     float64 `json:"seconds"`
	Sent        int64   `json:"sent"`
	Acked       int64   `json:"acked"`
	// MessagesPerSecond are acknowledged messages; each carries Values samples.
	MessagesPerSecond float64 `json:"messages_per_second"`
	SamplesPerSecond  float64 `json:"samples_per_second"`
	PubackP50Ms       float64 `json:"puback_p50_ms"`
	PubackP99Ms       float64 `json:"puback_p99_ms"`
	PubackP999Ms      float64 `json:"puback_p999_ms"`
	// CPUPerSampleUs is the server's processor time from the first message
	// until everything was stored and judged, by sample.
	CPUPerSampleUs float64 `json:"server_cpu_us_per_sample"`
	// BehindSeconds is how long the server went on after the last PUBACK.
	BehindSeconds float64 `json:"behind_seconds"`
	Lost          int64   `json:"lost"`
	Duplicated    int64   `json:"duplicated"`
}

// NewReport sums a run up. cpu is the server's, behind how long it took to catch up.
func NewReport(cfg Config, load *Load, cpu, behind time.Duration, back ReadBack) Report {
	seconds := load.Elapsed.Seconds()
	ms := func(q float64) float64 { return float64(load.Puback(q).Microseconds()) / 1000 }
	r := Report{
		Connections: cfg.Connections, Inflight: cfg.Inflight, Values: cfg.Values,
		Seconds: seconds, Sent: load.Sent, Acked: load.Acked,
		MessagesPerSecond: float64(load.Acked) / seconds,
		SamplesPerSecond:  float64(load.Acked) * float64(cfg.Values) / seconds,
		PubackP50Ms:       ms(0.5), PubackP99Ms: ms(0.99), PubackP999Ms: ms(0.999),
		BehindSeconds: behind.Seconds(),
		Lost:          back.Lost, Duplicated: back.Duplicated,
	}
	if samples := load.Acked * int64(cfg.Values); samples > 0 {
		r.CPUPerSampleUs = float64(cpu.Microseconds()) / float64(samples)
	}
	return r
}

// JSON writes the report as one JSON object.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Text writes the report for people.
func (r Report) Text(w io.Writer) error {
	_, err := fmt.Fprintf(w, `load            %d connections x %d in flight, %d values a message, %.1f s
acknowledged    %d of %d messages, %.0f messages/s, %.0f samples/s
PUBACK          p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms
server          %.3f µs processor time a sample, caught up %.1f s after the last PUBACK
read back       %d lost, %d duplicated
`,
		r.Connections, r.Inflight, r.Values, r.Seconds,
		r.Acked, r.Sent, r.MessagesPerSecond, r.SamplesPerSecond,
		r.PubackP50Ms, r.PubackP99Ms, r.PubackP999Ms,
		r.CPUPerSampleUs, r.BehindSeconds, r.Lost, r.Duplicated)
	return err
}
