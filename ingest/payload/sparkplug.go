package payload

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// sparkplugKind is what a Sparkplug message does.
type sparkplugKind int

const (
	sparkplugOther sparkplugKind = iota // a command or a host's state: not telemetry
	sparkplugBirth
	sparkplugData
	sparkplugDeath
)

type sparkplugAddress struct {
	kind                sparkplugKind
	group, node, device string // device is empty for messages of the node itself
}

// sparkplugTopic splits spBv1.0/{group}/{type}/{edge node}[/{device}] (section
// 4.1). ok is false for a topic of another form.
func sparkplugTopic(topic string) (_ sparkplugAddress, ok bool) {
	rest, _ := strings.CutPrefix(topic, sparkplugRoot)
	group, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return sparkplugAddress{}, false
	}
	if group == "STATE" { // spBv1.0/STATE/{host}
		return sparkplugAddress{kind: sparkplugOther}, true
	}
	word, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return sparkplugAddress{}, false
	}
	node, device, hasDevice := strings.Cut(rest, "/")
	a := sparkplugAddress{group: group, node: node, device: device}
	switch word {
	case "NBIRTH", "DBIRTH":
		a.kind = sparkplugBirth
	case "NDATA", "DDATA":
		a.kind = sparkplugData
	case "NDEATH", "DDEATH":
		a.kind = sparkplugDeath
	case "NCMD", "DCMD":
		a.kind = sparkplugOther
	default:
		return a, false
	}
	if hasDevice != (word[0] == 'D') || group == "" || node == "" || hasDevice && device == "" || strings.Contains(device, "/") {
		return a, false
	}
	return a, true
}

// SparkplugDevice is the device id of an edge node, "group:node", or of a device
// behind it, "group:node:device". A colon or percent sign within a part is written %3A or
// %25, so that different devices never share an id.
func SparkplugDevice(group, node, device string) string {
	id := escapePart(group) + ":" + escapePart(node)
	if device != "" {
		id += ":" + escapePart(device)
	}
	return id
}

func escapePart(s string) string {
	if !strings.ContainsAny(s, ":%") {
		return s
	}
	return strings.NewReplacer("%", "%25", ":", "%3A").Replace(s)
}

// decodeSparkplug reads a birth, data or death message.
//
// Births and deaths say that the device is online or offline; the death of an
// edge node is that of every device born behind it. Numbers and booleans are
// readings, strings are attributes of the device's state, nulls are skipped, and so are
// data sets, templates and the metrics "bdSeq", "Node Control/..." and "Device Control/...", which
// steer the protocol. A metric without a time has that of the payload.
func (d *Decoder) decodeSparkplug(dst []telemetry.Batch, m *ingest.Message) (_ []telemetry.Batch, device string, err error) {
	a, ok := sparkplugTopic(m.Topic)
	if !ok {
		return dst, "", refuse(ReasonBadTopic, "topic %q: Sparkplug topics are spBv1.0/{group}/{type}/{edge node}[/{device}]", cut(m.Topic))
	}
	device = SparkplugDevice(a.group, a.node, a.device)
	if err := telemetry.ValidDeviceID(device); err != nil {
		return dst, "", refuse(ReasonBadDevice, "topic %q: %v", cut(m.Topic), err)
	}
	key := nodeKey{m.Tenant, a.group, a.node}
	switch a.kind {
	case sparkplugDeath:
		dst, err = d.sparkplugDeath(dst, m, key, a, device)
	case sparkplugBirth, sparkplugData:
		var b *telemetry.Batch
		dst, b = grow(dst, m, device)
		err = d.sparkplugMetrics(b, m, key, a)
	}
	return dst, device, err
}

// sparkplugDeath turns the death of a node or device into offline states. Its
// time is that of the arrival: the payload of a last will was written long before.
func (d *Decoder) sparkplugDeath(dst []telemetry.Batch, m *ingest.Message, key nodeKey, a sparkplugAddress, device string) ([]telemetry.Batch, error) {
	if err := scanSparkplug(m.Payload, func(uint64, *sparkplugMetric) error { return nil }); err != nil {
		return dst, err
	}
	dead := []string{device}
	if a.device == "" {
		born := d.sparkplug.devices(key)
		slices.Sort(born)
		for _, behind := range born {
			dead = append(dead, SparkplugDevice(a.group, a.node, behind))
		}
	}
	for _, id := range dead {
		var b *telemetry.Batch
		dst, b = grow(dst, m, id)
		b.States = append(b.States, telemetry.State{Time: m.Arrival})
	}
	return dst, nil
}

func (d *Decoder) sparkplugMetrics(b *telemetry.Batch, m *ingest.Message, key nodeKey, a sparkplugAddress) error {
	birth := a.kind == sparkplugBirth
	var born []birthMetric
	var texts map[string]string
	latest := m.Arrival
	err := scanSparkplug(m.Payload, func(stamp uint64, metric *sparkplugMetric) error {
		if stamp != 0 {
			latest = int64(min(stamp, maxTime))
		}
		name, datatype, err := d.resolve(m, key, a, birth, metric)
		if err != nil {
			return err
		}
		if birth {
			born = append(born, birthMetric{declared{name, datatype}, metric.alias, metric.hasAlias})
		}
		if metric.null || metric.value == valueNone || steers(name) || datatype == typeDateTime {
			return nil
		}
		time := uint64(m.Arrival)
		if metric.time != 0 {
			time = metric.time
		} else if stamp != 0 {
			time = stamp
		}
		if time > maxTime {
			return refuse(ReasonBadTime, "metric %q has time %d: Unix milliseconds until the year 9999 are wanted", cut(name), time)
		}
		if metric.value == valueString {
			texts, err = attribute(texts, name, strings.ToValidUTF8(string(metric.text), "\uFFFD"))
			return err
		}
		value := metric.number(datatype)
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return refuse(ReasonNotFinite, "metric %q is %g: send is_null for what was not measured", cut(name), value)
		}
		return d.sample(b, name, int64(time), value)
	})
	if err != nil {
		return err
	}
	if birth {
		d.sparkplug.born(key, a.device, born)
	}
	if birth || len(texts) > 0 {
		b.States = append(b.States, telemetry.State{Time: latest, Online: true, Attributes: texts})
	}
	if len(b.Samples)+len(b.States) == 0 {
		return refuse(ReasonNoValues, "the message holds no number, boolean or string")
	}
	return nil
}

// resolve finds the name and the data type of a metric, from the message or from the birth before it.
func (d *Decoder) resolve(m *ingest.Message, key nodeKey, a sparkplugAddress, birth bool, metric *sparkplugMetric) (name string, datatype uint32, err error) {
	if len(metric.name) == 0 {
		if !metric.hasAlias {
			return "", 0, refuse(ReasonBadMetric, "a metric has neither name nor alias")
		}
		known, ok := d.sparkplug.byAlias(key, a.device, metric.alias)
		if !ok || birth {
			d.sparkplug.unknownAlias(key, m.Arrival)
			return "", 0, refuse(ReasonUnknownAlias, "alias %d was not declared by a birth message that was seen here: let the edge node publish its birth again (Node Control/Rebirth), then retry", metric.alias)
		}
		if metric.datatype != 0 {
			known.datatype = metric.datatype
		}
		return known.name, known.datatype, nil
	}
	if !utf8.Valid(metric.name) {
		return "", 0, refuse(ReasonInvalidUTF8, "the metric name %q is not valid UTF-8", cut(string(metric.name)))
	}
	name, err = d.metrics.shared(view(metric.name))
	if err != nil {
		return "", 0, refuse(ReasonBadMetric, "%v", err)
	}
	datatype = metric.datatype
	if datatype == 0 && !birth {
		datatype = d.sparkplug.typeOf(key, a.device, metric.name)
	}
	return name, datatype, nil
}

// steers tells whether a metric steers the protocol instead of describing the device.
func steers(name string) bool {
	return name == "bdSeq" || strings.HasPrefix(name, "Node Control/") || strings.HasPrefix(name, "Device Control/")
}
