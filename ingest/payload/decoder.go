package payload

import (
	"errors"
	"strings"
	"sync"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// Decoder reads every format of this package. It is safe for concurrent use.
type Decoder struct {
	config    Config
	patterns  []*pattern
	metrics   *names
	sparkplug *sparkplug
	scratch   sync.Pool // of *scratch
}

var _ ingest.Decoder = (*Decoder)(nil)

// New returns a decoder, or every mistake of the configuration.
func New(config Config) (*Decoder, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	d := &Decoder{
		config:    config,
		metrics:   newNames(config.MaxNames, telemetry.ValidMetricName),
		sparkplug: newSparkplug(config.MaxAliases),
	}
	for _, p := range config.Patterns {
		compiled, err := compile(p)
		if err != nil {
			return nil, err // Validate has compiled it before
		}
		d.patterns = append(d.patterns, compiled)
	}
	d.scratch.New = func() any { return new(scratch) }
	return d, nil
}

// Decode implements [ingest.Decoder]. It reuses the Samples, Events and States of
// the batches between the length and the capacity of dst, so a caller that passes
// dst[:0] again must be done with what an earlier call returned.
func (d *Decoder) Decode(dst []telemetry.Batch, m ingest.Message) ([]telemetry.Batch, error) {
	before := len(dst)
	out, device, err := d.decode(dst, &m)
	if err != nil {
		var rejected *ingest.RejectError
		if errors.As(err, &rejected) && rejected.Device == "" && telemetry.ValidDeviceID(device) == nil {
			rejected.Device = device
		}
		return dst[:before], err
	}
	return out, nil
}

func (d *Decoder) decode(dst []telemetry.Batch, m *ingest.Message) (_ []telemetry.Batch, device string, err error) {
	switch {
	case strings.HasPrefix(m.Topic, nativeRoot):
		return d.native(dst, m)
	case strings.HasPrefix(m.Topic, sparkplugRoot):
		return d.decodeSparkplug(dst, m)
	}
	for _, p := range d.patterns {
		if device, metric, ok := p.topic.match(m.Topic); ok {
			dst, err = d.mapped(dst, m, p, device, metric)
			return dst, device, err
		}
	}
	return dst, "", refuse(ReasonBadTopic, "topic %q matches no format: publish to presage/v1/{device}/telemetry, or configure a pattern", cut(m.Topic))
}

func (d *Decoder) native(dst []telemetry.Batch, m *ingest.Message) (_ []telemetry.Batch, device string, err error) {
	device, kind := nativeTopic(m.Topic)
	if kind == kindNone {
		return dst, device, refuse(ReasonBadTopic, "topic %q: use presage/v1/{device}/ followed by telemetry, event, state or senml", cut(m.Topic))
	}
	if err := telemetry.ValidDeviceID(device); err != nil {
		return dst, "", refuse(ReasonBadDevice, "topic %q: %v", cut(m.Topic), err)
	}
	if len(m.Payload) == 0 {
		return dst, device, refuse(ReasonEmpty, "the payload is empty")
	}
	dst, b := grow(dst, m, device)
	s := d.scratch.Get().(*scratch)
	defer d.scratch.Put(s)
	switch kind {
	case kindTelemetry:
		err = d.telemetry(s, b, m)
	case kindEvent:
		err = d.event(s, b, m)
	case kindState:
		err = d.state(s, b, m)
	case kindSenML:
		err = d.senML(s, b, m)
	}
	return dst, device, err
}

// grow appends a batch of device, with the slices of the batch that was there before.
func grow(dst []telemetry.Batch, m *ingest.Message, device string) ([]telemetry.Batch, *telemetry.Batch) {
	n := len(dst)
	if n < cap(dst) {
		dst = dst[:n+1]
	} else {
		dst = append(dst, telemetry.Batch{})
	}
	b := &dst[n]
	*b = telemetry.Batch{
		Tenant: m.Tenant, Device: device, Arrival: m.Arrival,
		Samples: b.Samples[:0], Events: b.Events[:0], States: b.States[:0],
	}
	return dst, b
}

// sample appends one reading; metric may be a view of a buffer.
func (d *Decoder) sample(b *telemetry.Batch, metric string, time int64, value float64) error {
	name, err := d.metrics.shared(metric)
	if err != nil {
		return refuse(ReasonBadMetric, "%v", err)
	}
	b.Samples = append(b.Samples, telemetry.Sample{Metric: name, Time: time, Value: value})
	return nil
}

// cut shortens what an outsider chose before it is quoted in a detail.
func cut(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
