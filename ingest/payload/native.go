package payload

import (
	"github.com/valyala/fastjson"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// telemetry reads presage/v1/{device}/telemetry.
func (d *Decoder) telemetry(s *scratch, b *telemetry.Batch, m *ingest.Message) error {
	if !d.plain(s, b, m) {
		if err := d.each(s, m, func(v *fastjson.Value) error { return d.readings(s, b, m, v) }); err != nil {
			return err
		}
	}
	if len(b.Samples) == 0 {
		return refuse(ReasonNoValues, `the message holds no value: send {"ts": ..., "values": {"metric": number}}`)
	}
	return nil
}

// each calls f for the object that the message is, or for every object of the array that it is.
func (d *Decoder) each(s *scratch, m *ingest.Message, f func(*fastjson.Value) error) error {
	root, err := s.parse(m.Payload, d.config.MaxDepth)
	if err != nil {
		return err
	}
	switch root.Type() {
	case fastjson.TypeObject:
		return f(root)
	case fastjson.TypeArray:
		for _, v := range root.GetArray() {
			if v.Type() != fastjson.TypeObject {
				return refuse(ReasonWrongType, "the array holds %s, only objects are wanted", article(v.Type()))
			}
			if err := f(v); err != nil {
				return err
			}
		}
		return nil
	}
	return refuse(ReasonWrongType, "the payload is %s, an object or an array of objects is wanted", article(root.Type()))
}

// readings reads one object: with "values", or flat.
func (d *Decoder) readings(s *scratch, b *telemetry.Batch, m *ingest.Message, v *fastjson.Value) error {
	object, err := v.Object()
	if err != nil {
		return refuse(ReasonMalformedJSON, "%v", err)
	}
	time, err := s.millis(object.Get("ts"), "ts", m.Arrival)
	if err != nil {
		return err
	}
	flat := true
	if values := object.Get("values"); values != nil {
		if values.Type() != fastjson.TypeObject {
			return refuse(ReasonWrongType, `"values" is %s, an object of metric and number is wanted`, article(values.Type()))
		}
		if object, err = values.Object(); err != nil {
			return refuse(ReasonMalformedJSON, "%v", err)
		}
		flat = false
	}
	var failed error
	object.Visit(func(key []byte, v *fastjson.Value) {
		name := view(key)
		if failed != nil || flat && name == "ts" {
			return
		}
		value, ok, err := s.reading(v, name)
		if err != nil {
			failed = err
		} else if ok {
			failed = d.sample(b, name, time, value)
		}
	})
	return failed
}

// event reads presage/v1/{device}/event.
func (d *Decoder) event(s *scratch, b *telemetry.Batch, m *ingest.Message) error {
	if err := d.each(s, m, func(v *fastjson.Value) error { return d.oneEvent(s, b, m, v) }); err != nil {
		return err
	}
	if len(b.Events) == 0 {
		return refuse(ReasonNoValues, "the array holds no event")
	}
	return nil
}

func (d *Decoder) oneEvent(s *scratch, b *telemetry.Batch, m *ingest.Message, v *fastjson.Value) (err error) {
	var e telemetry.Event
	if e.Time, err = s.millis(v.Get("ts"), "ts", m.Arrival); err != nil {
		return err
	}
	if e.ID, err = text(v.Get("id"), "id"); err != nil {
		return err
	}
	if e.Code, err = eventCode(v.Get("code"), "code"); err != nil {
		return err
	}
	if e.Severity, err = eventSeverity(v.Get("severity"), "severity"); err != nil {
		return err
	}
	if a := v.Get("attributes"); a != nil && a.Type() != fastjson.TypeNull {
		if e.Attributes, err = attributes(a, "attributes"); err != nil {
			return err
		}
	}
	b.Events = append(b.Events, e)
	return nil
}

func eventCode(v *fastjson.Value, name string) (string, error) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return "", refuse(ReasonMissingCode, `%q is missing: an event needs a code, such as "P0217"`, cut(name))
	}
	code, err := text(v, name)
	if err != nil {
		return "", err
	}
	return code, validCode(code, name)
}

func validCode(code, name string) error {
	if code == "" {
		return refuse(ReasonMissingCode, `%q is empty: an event needs a code, such as "P0217"`, cut(name))
	}
	if err := telemetry.ValidMetricName(code); err != nil { // codes follow the same rules as names
		return refuse(ReasonBadCode, "%q: %v", cut(name), err)
	}
	return nil
}

func eventSeverity(v *fastjson.Value, name string) (telemetry.Severity, error) {
	word, err := text(v, name)
	if err != nil {
		return 0, err
	}
	severity, err := telemetry.ParseSeverity(word)
	if err != nil {
		return 0, refuse(ReasonBadSeverity, "%v", err)
	}
	return severity, nil
}

// state reads presage/v1/{device}/state. A message that does not say "online" was
// sent by the device, which is therefore online: last wills say false.
func (d *Decoder) state(s *scratch, b *telemetry.Batch, m *ingest.Message) error {
	err := d.each(s, m, func(v *fastjson.Value) error {
		state := telemetry.State{Online: true}
		var err error
		if state.Time, err = s.millis(v.Get("ts"), "ts", m.Arrival); err != nil {
			return err
		}
		if online := v.Get("online"); online != nil {
			if state.Online, err = online.Bool(); err != nil {
				return refuse(ReasonWrongType, `"online" is %s, true or false is wanted`, article(online.Type()))
			}
		}
		if state.Attributes, err = attributes(v, "the state", "ts", "online"); err != nil {
			return err
		}
		b.States = append(b.States, state)
		return nil
	})
	if err == nil && len(b.States) == 0 {
		return refuse(ReasonNoValues, "the array holds no state")
	}
	return err
}

// attributes reads the members of an object as texts: strings as they are,
// numbers and booleans as JSON writes them, objects and arrays as their JSON, null not at all.
func attributes(v *fastjson.Value, name string, except ...string) (map[string]string, error) {
	object, err := v.Object()
	if err != nil {
		return nil, refuse(ReasonWrongType, "%q is %s, an object is wanted", cut(name), article(v.Type()))
	}
	var out map[string]string
	var failed error
	object.Visit(func(key []byte, v *fastjson.Value) {
		if failed != nil || v.Type() == fastjson.TypeNull {
			return
		}
		for _, e := range except {
			if view(key) == e {
				return
			}
		}
		out, failed = attribute(out, string(key), plain(v))
	})
	return out, failed
}

func plain(v *fastjson.Value) string {
	if raw, err := v.StringBytes(); err == nil {
		return string(raw)
	}
	return string(v.MarshalTo(nil))
}

// attribute adds one attribute.
func attribute(to map[string]string, key, value string) (map[string]string, error) {
	if err := telemetry.ValidMetricName(key); err != nil {
		return to, refuse(ReasonBadMetric, "attribute: %v", err)
	}
	if to == nil {
		to = make(map[string]string)
	}
	to[key] = value
	return to, nil
}
