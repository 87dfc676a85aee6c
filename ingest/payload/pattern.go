package payload

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fastjson"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// Pattern maps messages of a foreign topic and JSON shape to telemetry. Exactly
// one of Values, Value and Code says what the messages carry.
//
// Paths are member names and array indices separated by dots, as in
// "payload.sensors.0.value"; a dot within a name is written "\.", and "$" is the
// whole payload, or the whole record when Each is given.
type Pattern struct {
	// Topic is the topic, in which {device} and {metric} each stand for one level, "+" is
	// any one level, and "#" at the end is any number of levels.
	Topic string `koanf:"topic"`
	// Each is the path of an array whose elements are records, each read by the
	// paths below; empty when the payload is one record.
	Each string `koanf:"each"`
	// Device is the path of the device id, when the topic has no {device}.
	Device string `koanf:"device"`
	// Time is the path of the time; empty, or absent from the record, means the time of arrival.
	Time string `koanf:"time"`
	// TimeFormat is one of unix, unix_ms (the default), unix_us, unix_ns and rfc3339.
	TimeFormat string `koanf:"time_format"`
	// Values is the path of an object of metric and number. Members that are no
	// numbers, and those that Time and Device point at, are skipped.
	Values string `koanf:"values"`
	// Value is the path of one number, whose metric is given by Metric or by {metric} of the topic.
	Value string `koanf:"value"`
	// Metric is the path of the metric's name.
	Metric string `koanf:"metric"`
	// Code is the path of an event's code; ID and Severity are paths of what belongs to it.
	Code     string `koanf:"code"`
	ID       string `koanf:"id"`
	Severity string `koanf:"severity"`
	// NumericStrings reads strings that hold a number as that number.
	NumericStrings bool `koanf:"numeric_strings"`
}

// pattern is a Pattern made ready.
type pattern struct {
	source Pattern
	topic  topicPattern

	each, device, time, values, value, metric, code, id, severity path

	format func(s *scratch, v *fastjson.Value, name string) (int64, error)
	skip   []string // members of the values object that are not metrics
}

// compile checks a pattern. Its error begins with the key that is wrong.
func compile(source Pattern) (*pattern, error) {
	p := &pattern{source: source}
	var err error
	if p.topic, err = compileTopic(source.Topic); err != nil {
		return nil, fmt.Errorf("topic: %w", err)
	}
	for _, f := range []struct {
		key    string
		source string
		to     *path
	}{
		{"each", source.Each, &p.each}, {"device", source.Device, &p.device}, {"time", source.Time, &p.time},
		{"values", source.Values, &p.values}, {"value", source.Value, &p.value}, {"metric", source.Metric, &p.metric},
		{"code", source.Code, &p.code}, {"id", source.ID, &p.id}, {"severity", source.Severity, &p.severity},
	} {
		if *f.to, err = compilePath(f.source); err != nil {
			return nil, fmt.Errorf("%s: %w", f.key, err)
		}
	}
	kinds := 0
	for _, given := range []bool{p.values.given, p.value.given, p.code.given} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return nil, errors.New("values: give exactly one of values, value and code")
	case p.topic.device < 0 && !p.device.given:
		return nil, errors.New("device: the topic holds no {device}, so give the path of the device id")
	case p.topic.device >= 0 && p.device.given:
		return nil, errors.New("device: the topic holds {device} already")
	case p.value.given && p.topic.metric < 0 && !p.metric.given:
		return nil, errors.New("metric: the topic holds no {metric}, so give the path of the metric's name")
	case p.topic.metric >= 0 && (!p.value.given || p.metric.given):
		return nil, errors.New("metric: {metric} in the topic goes with value alone")
	case p.metric.given && !p.value.given:
		return nil, errors.New("metric: it goes with value alone")
	case !p.code.given && (p.id.given || p.severity.given):
		return nil, errors.New("code: id and severity go with code alone")
	}
	if p.format, err = timeFormat(source.TimeFormat); err != nil {
		return nil, fmt.Errorf("time_format: %w", err)
	}
	for _, other := range []path{p.time, p.device} {
		if n := len(other.keys); p.values.given && n > 0 && slices.Equal(other.keys[:n-1], p.values.keys) {
			p.skip = append(p.skip, other.keys[n-1])
		}
	}
	return p, nil
}

// path is a compiled path; given tells "$" from one that was left out.
type path struct {
	source string
	keys   []string
	given  bool
}

func compilePath(source string) (path, error) {
	if source == "" {
		return path{}, nil
	}
	p := path{source: source, given: true}
	if source == "$" {
		return p, nil
	}
	const dot = "\x00"
	for _, key := range strings.Split(strings.ReplaceAll(strings.TrimPrefix(source, "$."), `\.`, dot), ".") {
		if key == "" {
			return path{}, fmt.Errorf("path %q has an empty part: separate member names by single dots", source)
		}
		p.keys = append(p.keys, strings.ReplaceAll(key, dot, "."))
	}
	return p, nil
}

// in returns what the path points at; nil when there is nothing.
func (p path) in(v *fastjson.Value) *fastjson.Value {
	if !p.given {
		return nil
	}
	return v.Get(p.keys...)
}

// timeFormat returns the reader of times in a format.
func timeFormat(name string) (func(*scratch, *fastjson.Value, string) (int64, error), error) {
	scaled := func(perMilli float64) func(*scratch, *fastjson.Value, string) (int64, error) {
		return func(s *scratch, v *fastjson.Value, name string) (int64, error) {
			f, err := s.number(v, name)
			if err != nil {
				return 0, err
			}
			return inRange(f/perMilli, name)
		}
	}
	switch name {
	case "unix":
		return scaled(1e-3), nil
	case "", "unix_ms":
		return scaled(1), nil
	case "unix_us":
		return scaled(1e3), nil
	case "unix_ns":
		return scaled(1e6), nil
	case "rfc3339":
		return func(_ *scratch, v *fastjson.Value, name string) (int64, error) {
			word, err := text(v, name)
			if err != nil {
				return 0, err
			}
			t, err := time.Parse(time.RFC3339, word)
			if err != nil {
				return 0, refuse(ReasonBadTime, "%q is %q, a time such as 2026-03-09T10:14:33Z is wanted", cut(name), cut(word))
			}
			return inRange(float64(t.UnixMilli()), name)
		}, nil
	}
	return nil, fmt.Errorf("unknown format %q: use unix, unix_ms, unix_us, unix_ns or rfc3339", name)
}

// mapped reads a message by a pattern.
func (d *Decoder) mapped(dst []telemetry.Batch, m *ingest.Message, p *pattern, device, metric string) ([]telemetry.Batch, error) {
	if len(m.Payload) == 0 {
		return dst, refuse(ReasonEmpty, "the payload is empty")
	}
	s := d.scratch.Get().(*scratch)
	defer d.scratch.Put(s)
	root, err := s.parse(m.Payload, d.config.MaxDepth)
	if err != nil {
		return dst, err
	}
	before := len(dst)
	if !p.each.given {
		return d.record(dst, before, s, m, p, root, device, metric)
	}
	records := p.each.in(root)
	if records == nil || records.Type() != fastjson.TypeArray {
		return dst, refuse(ReasonMissingField, "%q is not an array", p.source.Each)
	}
	for _, r := range records.GetArray() {
		if dst, err = d.record(dst, before, s, m, p, r, device, metric); err != nil {
			return dst, err
		}
	}
	if len(dst) == before {
		return dst, refuse(ReasonNoValues, "%q holds no record", p.source.Each)
	}
	return dst, nil
}

// record reads one record into the last batch of this message when it is of the same device, else into a new one.
func (d *Decoder) record(dst []telemetry.Batch, before int, s *scratch, m *ingest.Message, p *pattern, v *fastjson.Value, device, metric string) ([]telemetry.Batch, error) {
	if p.device.given {
		found := p.device.in(v)
		if found == nil || found.Type() != fastjson.TypeString && found.Type() != fastjson.TypeNumber {
			return dst, refuse(ReasonMissingField, "%q, the device id, is missing or no string", p.source.Device)
		}
		device = plain(found)
	}
	if err := telemetry.ValidDeviceID(device); err != nil {
		return dst, refuse(ReasonBadDevice, "%v", err)
	}
	at := m.Arrival
	if stamp := p.time.in(v); stamp != nil {
		var err error
		if at, err = p.format(s, stamp, p.source.Time); err != nil {
			return dst, err
		}
	}
	if len(dst) == before || dst[len(dst)-1].Device != device {
		dst, _ = grow(dst, m, device)
	}
	b := &dst[len(dst)-1]
	switch {
	case p.values.given:
		return dst, d.mappedValues(s, b, p, v, at)
	case p.value.given:
		return dst, d.mappedValue(s, b, p, v, at, metric)
	}
	return dst, d.mappedEvent(b, p, v, at)
}

func (d *Decoder) mappedValues(s *scratch, b *telemetry.Batch, p *pattern, v *fastjson.Value, at int64) error {
	object := p.values.in(v)
	if object == nil || object.Type() != fastjson.TypeObject {
		return refuse(ReasonMissingField, "%q is not an object", p.source.Values)
	}
	before := len(b.Samples)
	var failed error
	object.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		name := view(key)
		if failed != nil || slices.Contains(p.skip, name) {
			return
		}
		value, ok, err := p.reading(s, v, name)
		if err != nil {
			var rejected *ingest.RejectError
			if errors.As(err, &rejected) && rejected.Reason == ReasonWrongType {
				return
			}
			failed = err
		} else if ok {
			failed = d.sample(b, name, at, value)
		}
	})
	if failed == nil && len(b.Samples) == before {
		return refuse(ReasonNoValues, "%q holds no number", p.source.Values)
	}
	return failed
}

func (d *Decoder) mappedValue(s *scratch, b *telemetry.Batch, p *pattern, v *fastjson.Value, at int64, metric string) error {
	if p.metric.given {
		found := p.metric.in(v)
		if found == nil || found.Type() != fastjson.TypeString {
			return refuse(ReasonMissingField, "%q, the metric's name, is missing or no string", p.source.Metric)
		}
		metric = plain(found)
	}
	found := p.value.in(v)
	if found == nil {
		return refuse(ReasonMissingField, "%q, the value, is missing", p.source.Value)
	}
	value, ok, err := p.reading(s, found, p.source.Value)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(ReasonNoValues, "%q is null", p.source.Value)
	}
	return d.sample(b, metric, at, value)
}

func (d *Decoder) mappedEvent(b *telemetry.Batch, p *pattern, v *fastjson.Value, at int64) error {
	e := telemetry.Event{Time: at}
	found := p.code.in(v)
	if found != nil && found.Type() == fastjson.TypeNumber {
		e.Code = plain(found) // trouble codes are numbers with many makers
	} else {
		var err error
		if e.Code, err = eventCode(found, p.source.Code); err != nil {
			return err
		}
	}
	if id := p.id.in(v); id != nil && id.Type() != fastjson.TypeNull {
		e.ID = plain(id)
	}
	var err error
	if e.Severity, err = eventSeverity(p.severity.in(v), p.source.Severity); err != nil {
		return err
	}
	b.Events = append(b.Events, e)
	return nil
}

// reading is [scratch.reading], with strings that hold a number where the pattern allows them.
func (p *pattern) reading(s *scratch, v *fastjson.Value, name string) (float64, bool, error) {
	if p.source.NumericStrings && v.Type() == fastjson.TypeString {
		raw := strings.TrimSpace(string(v.GetStringBytes()))
		if f, err := strconv.ParseFloat(raw, 64); err == nil && f-f == 0 { // finite
			return f, true, nil
		}
	}
	return s.reading(v, name)
}
