package ingest

import (
	"fmt"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// Limits bounds what one message may carry, and what one device.
type Limits struct {
	// PayloadBytes is the size of a payload.
	PayloadBytes int `koanf:"payload_bytes"`
	// Samples is the number of readings, as in a backfill.
	Samples int `koanf:"samples"`
	// Metrics is the number of different metrics.
	Metrics int `koanf:"metrics"`
	// DeviceMetrics is the number of different metrics that one device may use in the life
	// of the process: each is a series, with a detector's memory.
	DeviceMetrics int `koanf:"device_metrics"`
	// DeviceMessages is how many messages a second a device may send for long, and DeviceBurst how many
	// at once; whoever sends more is slowed down. 0 messages is no limit.
	DeviceMessages int `koanf:"device_messages"`
	DeviceBurst    int `koanf:"device_burst"`
	// TenantDevices is how many devices a tenant may have before no more are registered by themselves.
	TenantDevices int `koanf:"tenant_devices"`
	// Events is the number of events, and that of states.
	Events int `koanf:"events"`
	// Batches is the number of devices that one message may speak of.
	Batches int `koanf:"batches"`
	// TextBytes is the length of an event's id and code, and of an attribute's name and value.
	TextBytes int `koanf:"text_bytes"`
	// Oldest is the earliest time stamp that is believed. What is older comes
	// from a clock that was never set.
	Oldest time.Time `koanf:"oldest"`
	// Ahead is how far a time stamp may lie in the future.
	Ahead time.Duration `koanf:"ahead"`
}

// DefaultLimits takes a day of one reading a second in one message, and
// believes time stamps from the year 2000 until one day ahead.
func DefaultLimits() Limits {
	return Limits{
		PayloadBytes:  4 << 20,
		Samples:       100_000,
		Metrics:       1000,
		DeviceMetrics: 2000,
		// Ten times what a busy machine sends, and a backlog of some hours of it at once.
		DeviceMessages: 20_000,
		DeviceBurst:    200_000,
		TenantDevices:  1_000_000,
		Events:         1000,
		Batches:        1000,
		TextBytes:      1024,
		Oldest:         time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		Ahead:          24 * time.Hour,
	}
}

// The reasons for which the intake itself refuses a message, as they stand in
// telemetry.Rejected.Reason and in the label "reason" of its counters.
const (
	ReasonTooLarge       = "payload-too-large"
	ReasonTooManySamples = "too-many-samples"
	ReasonTooManyMetrics = "too-many-metrics"
	ReasonDeviceMetrics  = "too-many-metrics-of-device"
	ReasonNewDevices     = "too-many-new-devices"
	ReasonTenantDevices  = "too-many-devices-of-tenant"
	ReasonTooManyEvents  = "too-many-events"
	ReasonTooManyDevices = "too-many-devices"
	ReasonTextTooLong    = "text-too-long"
	ReasonBadName        = "bad-name"
	ReasonBadValue       = "bad-value"
	ReasonBadSeverity    = "bad-severity"
	ReasonTooOld         = "timestamp-too-old"
	ReasonInFuture       = "timestamp-in-future"
	ReasonUnknownDevice  = "unknown-device"
	ReasonRefusedDevice  = "refused-device"
	ReasonForeignDevice  = "foreign-device"
	ReasonEmpty          = "empty-message"
	ReasonUndecodable    = "undecodable"
)

// check reports why a batch goes beyond the limits. seen is empty room for
// counting metrics. It allocates only for a batch with many metrics, and for the error.
func (l *Limits) check(b *telemetry.Batch, seen map[string]struct{}) *RejectError {
	refuse := func(reason, format string, args ...any) *RejectError {
		return &RejectError{Device: b.Device, Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
	if err := telemetry.ValidDeviceID(b.Device); err != nil {
		return &RejectError{Reason: ReasonBadName, Detail: err.Error()}
	}
	if len(b.Samples) > l.Samples {
		return refuse(ReasonTooManySamples, "the message holds %d samples, at most %d are taken: send several messages", len(b.Samples), l.Samples)
	}
	if n := max(len(b.Events), len(b.States)); n > l.Events {
		return refuse(ReasonTooManyEvents, "the message holds %d events, at most %d are taken: send several messages", n, l.Events)
	}
	if len(b.Samples)+len(b.Events)+len(b.States) == 0 {
		return refuse(ReasonEmpty, "the message holds no reading, event or state")
	}
	newest := b.Arrival + l.Ahead.Milliseconds()
	oldest := l.Oldest.UnixMilli()
	checkTime := func(what, name string, t int64) *RejectError {
		if t < oldest {
			return refuse(ReasonTooOld, "%s %q is of %s, before %s: set the clock of the device", what, name, when(t), when(oldest))
		}
		return refuse(ReasonInFuture, "%s %q is of %s, more than %s after its arrival at %s: set the clock of the device", what, name, when(t), l.Ahead, when(b.Arrival))
	}
	few := len(b.Samples) <= l.Metrics // so the metrics need no counting
	for i := range b.Samples {
		s := &b.Samples[i]
		if s.Time < oldest || s.Time > newest {
			return checkTime("sample of", s.Metric, s.Time)
		}
		if s.Value-s.Value != 0 { // NaN and infinities
			return refuse(ReasonBadValue, "the value of %q is not a finite number", s.Metric)
		}
		if !few {
			if _, ok := seen[s.Metric]; ok {
				continue
			}
		}
		if err := telemetry.ValidMetricName(s.Metric); err != nil {
			return refuse(ReasonBadName, "%s", err)
		}
		if few {
			continue
		}
		if len(seen) == l.Metrics {
			return refuse(ReasonTooManyMetrics, "the message holds more than %d metrics: send several messages", l.Metrics)
		}
		seen[s.Metric] = struct{}{}
	}
	for i := range b.Events {
		e := &b.Events[i]
		if e.Time < oldest || e.Time > newest {
			return checkTime("event", e.Code, e.Time)
		}
		if e.Severity > telemetry.Critical {
			return refuse(ReasonBadSeverity, "event %q has severity %d", e.Code, e.Severity)
		}
		if e.Code == "" || len(e.Code) > l.TextBytes || len(e.ID) > l.TextBytes {
			return refuse(ReasonTextTooLong, "an event needs a code, and code and id may have at most %d bytes", l.TextBytes)
		}
		if why := l.attributes(e.Attributes); why != "" {
			return refuse(ReasonTextTooLong, "event %q: %s", e.Code, why)
		}
	}
	for i := range b.States {
		s := &b.States[i]
		if s.Time < oldest || s.Time > newest {
			return checkTime("state", "", s.Time)
		}
		if why := l.attributes(s.Attributes); why != "" {
			return refuse(ReasonTextTooLong, "state: %s", why)
		}
	}
	return nil
}

func (l *Limits) attributes(attributes map[string]string) (why string) {
	if len(attributes) > telemetry.MaxAttributes {
		return fmt.Sprintf("%d attributes, at most %d are taken", len(attributes), telemetry.MaxAttributes)
	}
	for k, v := range attributes {
		if len(k) > l.TextBytes || len(v) > l.TextBytes {
			return fmt.Sprintf("an attribute is longer than %d bytes", l.TextBytes)
		}
	}
	return ""
}

func when(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
