package payload

import (
	"encoding/base64"
	"math"
	"math/big"

	"github.com/fxamacker/cbor/v2"
)

// senMLLabels are the integer labels of table 4 of RFC 8428.
var senMLLabels = map[int64]string{
	-1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
	0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}

// isCBOR tells an array of CBOR (major type 4, RFC 8949 section 3.1) from JSON text by its first byte.
func isCBOR(first byte) bool { return first>>5 == 4 }

func (d *Decoder) senMLFromCBOR(payload []byte) ([]senMLRecord, error) {
	mode, err := cbor.DecOptions{
		MaxNestedLevels: max(4, d.config.MaxDepth),
		UTF8:            cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		return nil, refuse(ReasonMalformedCBOR, "%v", err)
	}
	var pack []map[any]any
	if err := mode.Unmarshal(payload, &pack); err != nil {
		return nil, refuse(ReasonMalformedCBOR, "the payload is not a SenML pack: %s", cut(err.Error()))
	}
	records := make([]senMLRecord, len(pack))
	for i, members := range pack {
		for key, value := range members {
			label, err := senMLLabel(key)
			if err != nil {
				return nil, err
			}
			if err := records[i].fromCBOR(label, value); err != nil {
				return nil, err
			}
		}
	}
	return records, nil
}

// senMLLabel is the JSON label of a map key.
func senMLLabel(key any) (string, error) {
	switch k := key.(type) {
	case string:
		return k, nil
	case int64:
		return senMLLabels[k], nil
	case uint64:
		return senMLLabels[int64(min(k, math.MaxInt64))], nil
	}
	return "", refuse(ReasonWrongType, "a label of the pack is neither an integer nor a text")
}

func (r *senMLRecord) fromCBOR(label string, v any) (err error) {
	switch label {
	case "bn":
		r.baseName, err = cborText(label, v)
		r.hasBaseName = true
	case "bu":
		r.baseUnit, err = cborText(label, v)
		r.hasBaseUnit = true
	case "n":
		r.name, err = cborText(label, v)
	case "u":
		r.unit, err = cborText(label, v)
	case "vs":
		r.text, err = cborText(label, v)
		r.hasText = true
	case "vd":
		data, ok := v.([]byte)
		if !ok {
			return refuse(ReasonWrongType, `"vd" is not a byte string`)
		}
		r.text, r.hasText = base64.RawURLEncoding.EncodeToString(data), true
	case "bt":
		r.baseTime, err = cborNumber(label, v)
		r.hasBaseTime = true
	case "bv":
		r.baseValue, err = cborNumber(label, v)
		r.hasBaseValue = true
	case "bs":
		r.baseSum, err = cborNumber(label, v)
		r.hasBaseSum = true
	case "bver":
		r.version, err = cborNumber(label, v)
		r.hasVersion = true
	case "t":
		r.time, err = cborNumber(label, v)
	case "v":
		r.value, err = cborNumber(label, v)
		r.hasValue = true
	case "s":
		r.sum, err = cborNumber(label, v)
		r.hasSum = true
	case "vb":
		on, ok := v.(bool)
		if !ok {
			return refuse(ReasonWrongType, `"vb" is neither true nor false`)
		}
		r.setBool(on)
	default:
		return unknownLabel(label)
	}
	return err
}

func cborText(label string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", refuse(ReasonWrongType, "%q is not a text string", label)
	}
	return s, nil
}

// tagDecimal is the tag of a decimal fraction: an array of exponent and mantissa (RFC 8949 section 3.4.4).
const tagDecimal = 4

// cborNumber reads integers, floats of any width, bignums and decimal fractions (RFC 8428 section 6).
func cborNumber(label string, v any) (float64, error) {
	var f float64
	switch n := v.(type) {
	case uint64:
		f = float64(n)
	case int64:
		f = float64(n)
	case float64:
		f = n
	case big.Int:
		f, _ = new(big.Float).SetInt(&n).Float64()
	case cbor.Tag:
		parts, ok := n.Content.([]any)
		if n.Number != tagDecimal || !ok || len(parts) != 2 {
			return 0, refuse(ReasonWrongType, "%q is not a number", label)
		}
		exponent, err := cborNumber(label, parts[0])
		if err != nil {
			return 0, err
		}
		mantissa, err := cborNumber(label, parts[1])
		if err != nil {
			return 0, err
		}
		if exponent < 0 {
			f = mantissa / math.Pow(10, -exponent) // dividing by an exact power rounds once only
		} else {
			f = mantissa * math.Pow(10, exponent)
		}
	default:
		return 0, refuse(ReasonWrongType, "%q is not a number", label)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, refuse(ReasonNotFinite, "%q is %g: leave out what was not measured", label, f)
	}
	return f, nil
}
