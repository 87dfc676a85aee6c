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
	Devices     int     `json:"devices"`
	Inflight    int     `json:"inflight"`
	Values      int     `json:"values"`
	Form        Form    `json:"form"`
	Offered     int     `json:"offered_messages_per_second"` // 0 for as many as are acknowledged
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
	// PeakMemoryBytes is the most memory that the server held, and PeakMemorySource how that is known.
	PeakMemoryBytes  int64  `json:"peak_memory_bytes"`
	PeakMemorySource string `json:"peak_memory_source"`

	// Faults that were published, and the time until their tickets were on the live stream.
	Faults            int     `json:"faults"`
	TicketP50Ms       float64 `json:"publish_to_ticket_p50_ms"`
	TicketP99Ms       float64 `json:"publish_to_ticket_p99_ms"`
	TicketsUnseen     int     `json:"tickets_unseen"`
	TicketsMissing    int     `json:"tickets_missing"`
	TicketsUnexpected int     `json:"tickets_unexpected"`

	Verify     Verify `json:"verify"`
	Readings   int64  `json:"readings_read_back"`
	Lost       int64  `json:"lost"`
	Duplicated int64  `json:"duplicated"`
	Strange    int64  `json:"strange"`
}

// NewReport begins a report with what the load itself tells.
func NewReport(cfg Config, load *Load) Report {
	if cfg.Devices == 0 {
		cfg.Devices = 10 * cfg.Connections
	}
	seconds := load.Elapsed.Seconds()
	return Report{
		Connections: cfg.Connections, Devices: cfg.Devices, Inflight: cfg.Inflight, Values: cfg.Values, Form: cfg.Form, Offered: cfg.Rate,
		Seconds: seconds, Sent: load.Sent, Acked: load.Acked,
		MessagesPerSecond: float64(load.Acked) / seconds,
		SamplesPerSecond:  float64(load.Acked) * float64(cfg.Values) / seconds,
		PubackP50Ms:       milliseconds(load.Puback(0.5)), PubackP99Ms: milliseconds(load.Puback(0.99)), PubackP999Ms: milliseconds(load.Puback(0.999)),
	}
}

// Server adds what the server spent, and how long it took to catch up.
func (r *Report) Server(cpu, behind time.Duration) {
	if samples := r.Acked * int64(r.Values); samples > 0 {
		r.CPUPerSampleUs = float64(cpu.Microseconds()) / float64(samples)
	}
	r.BehindSeconds = behind.Seconds()
}

// Tickets adds what became of the faults.
func (r *Report) Tickets(o *Opening) {
	r.Faults, r.TicketsUnseen, r.TicketsMissing, r.TicketsUnexpected = o.Faults, o.Unseen, o.Missing, o.Unexpected
	r.TicketP50Ms, r.TicketP99Ms = milliseconds(o.Quantile(0.5)), milliseconds(o.Quantile(0.99))
}

// Back adds what was read back.
func (r *Report) Back(verify Verify, b ReadBack) {
	r.Verify, r.Readings, r.Lost, r.Duplicated, r.Strange = verify, b.Readings, b.Lost, b.Duplicated, b.Strange
}

// Err tells of a promise that was not kept.
func (r *Report) Err() error {
	switch {
	case r.Lost > 0 || r.Duplicated > 0 || r.Strange > 0:
		return fmt.Errorf("%d acknowledged messages were lost, %d came twice, and %d values were never sent", r.Lost, r.Duplicated, r.Strange)
	case r.TicketsMissing > 0:
		return fmt.Errorf("%d of %d faults have no ticket", r.TicketsMissing, r.Faults)
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// WriteJSON writes v as one JSON object, indented.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// Text writes the report for people.
func (r *Report) Text(w io.Writer) error {
	offered := "as fast as acknowledged"
	if r.Offered > 0 {
		offered = fmt.Sprintf("%d messages/s offered", r.Offered)
	}
	back := "nothing was read back"
	if r.Verify != VerifyNone {
		back = fmt.Sprintf("%d values compared (%s): %d messages lost, %d duplicated, %d values strange", r.Readings, r.Verify, r.Lost, r.Duplicated, r.Strange)
	}
	_, err := fmt.Fprintf(w, `load            %d connections x %d in flight, %d devices, %d values a message (%s), %s, %.1f s
acknowledged    %d of %d messages, %.0f messages/s, %.0f samples/s
PUBACK          p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms
ticket          p50 %.1f ms, p99 %.1f ms after the publish, on the live stream; %d faults, %d without a ticket, %d unseen; %d tickets unexpected
server          %.3f µs processor time a sample, caught up %.1f s after the last PUBACK, peak memory %d MiB (%s)
read back       %s
`,
		r.Connections, r.Inflight, r.Devices, r.Values, r.Form, offered, r.Seconds,
		r.Acked, r.Sent, r.MessagesPerSecond, r.SamplesPerSecond,
		r.PubackP50Ms, r.PubackP99Ms, r.PubackP999Ms,
		r.TicketP50Ms, r.TicketP99Ms, r.Faults, r.TicketsMissing, r.TicketsUnseen, r.TicketsUnexpected,
		r.CPUPerSampleUs, r.BehindSeconds, r.PeakMemoryBytes>>20, r.PeakMemorySource,
		back)
	return err
}
