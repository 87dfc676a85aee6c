package payload

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of org.eclipse.tahu.protobuf.Payload and its Metric, from
// sparkplug_b.proto of the Sparkplug 3.0.0 specification. Fields that carry no
// telemetry (metadata, properties, data sets, templates, bodies) are skipped.
const (
	fieldPayloadTimestamp = 1
	fieldPayloadMetrics   = 2

	fieldName      = 1
	fieldAlias     = 2
	fieldTimestamp = 3
	fieldDatatype  = 4
	fieldIsNull    = 7
	fieldInt       = 10
	fieldLong      = 11
	fieldFloat     = 12
	fieldDouble    = 13
	fieldBoolean   = 14
	fieldString    = 15
)

// Data types of Sparkplug (section 6.4.16) whose sign or meaning the wire does not tell.
const (
	typeInt8     = 1
	typeInt16    = 2
	typeInt32    = 3
	typeInt64    = 4
	typeDateTime = 13
)

// sparkplugMetric is one metric as it stood on the wire.
type sparkplugMetric struct {
	name     []byte // a view of the payload; nil when only the alias was sent
	alias    uint64
	hasAlias bool
	time     uint64 // Unix milliseconds, 0 when absent
	datatype uint32 // 0 when absent
	null     bool

	value valueKind
	bits  uint64  // of integers and booleans
	float float64 // of floats and doubles
	text  []byte  // a view of the payload
}

// valueKind tells which member of the oneof was set.
type valueKind uint8

const (
	valueNone valueKind = iota
	valueInt            // 32 bits
	valueLong           // 64 bits
	valueFloat
	valueBool
	valueString
)

// number is the value as a reading, with the sign that its data type has.
func (m *sparkplugMetric) number(datatype uint32) float64 {
	switch m.value {
	case valueFloat:
		return m.float
	case valueInt, valueLong:
		switch datatype {
		case typeInt8:
			return float64(int8(m.bits))
		case typeInt16:
			return float64(int16(m.bits))
		case typeInt32:
			return float64(int32(m.bits))
		case typeInt64:
			return float64(int64(m.bits))
		}
	}
	return float64(m.bits)
}

// scanSparkplug calls f for every metric of a payload. The payload's own time is
// 0 when absent; since it may follow the metrics on the wire, it is found first.
func scanSparkplug(payload []byte, f func(time uint64, m *sparkplugMetric) error) error {
	var stamp uint64
	if err := fields(payload, func(n protowire.Number, bits uint64, _ []byte) error {
		if n == fieldPayloadTimestamp {
			stamp = bits
		}
		return nil
	}); err != nil {
		return err
	}
	return fields(payload, func(n protowire.Number, _ uint64, body []byte) error {
		if n != fieldPayloadMetrics || body == nil {
			return nil
		}
		var m sparkplugMetric
		if err := fields(body, m.set); err != nil {
			return err
		}
		return f(stamp, &m)
	})
}

func (m *sparkplugMetric) set(n protowire.Number, bits uint64, body []byte) error {
	switch n {
	case fieldName:
		m.name = body
	case fieldAlias:
		m.alias, m.hasAlias = bits, true
	case fieldTimestamp:
		m.time = bits
	case fieldDatatype:
		m.datatype = uint32(bits)
	case fieldIsNull:
		m.null = bits != 0
	case fieldInt:
		m.value, m.bits = valueInt, uint64(uint32(bits))
	case fieldLong:
		m.value, m.bits = valueLong, bits
	case fieldFloat:
		m.value, m.float = valueFloat, float64(math.Float32frombits(uint32(bits)))
	case fieldDouble:
		m.value, m.float = valueFloat, math.Float64frombits(bits)
	case fieldBoolean:
		m.value, m.bits = valueBool, min(bits, 1)
	case fieldString:
		m.value, m.text = valueString, body
	}
	return nil
}

// fields calls f for every field of a message: with the bits of a number, or
// with the non-nil bytes of a length-delimited field.
func fields(b []byte, f func(n protowire.Number, bits uint64, body []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformedProtobuf(n)
		}
		b = b[n:]
		var bits uint64
		var body []byte
		switch kind {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			bits = uint64(v)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(b)
			if body == nil {
				body = []byte{}
			}
		default:
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return malformedProtobuf(n)
		}
		if err := f(number, bits, body); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func malformedProtobuf(code int) error {
	return refuse(ReasonMalformedProtobuf, "the payload is not a Sparkplug B message: %v", protowire.ParseError(code))
}
