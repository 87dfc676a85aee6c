package payload

import (
	"strings"

	"github.com/valyala/fastjson"
)

func (d *Decoder) senMLFromJSON(s *scratch, payload []byte) ([]senMLRecord, error) {
	root, err := s.parse(payload, d.config.MaxDepth)
	if err != nil {
		return nil, err
	}
	if root.Type() != fastjson.TypeArray {
		return nil, refuse(ReasonWrongType, "the payload is %s, a SenML pack is an array of records", article(root.Type()))
	}
	pack := root.GetArray()
	records := make([]senMLRecord, len(pack))
	for i, v := range pack {
		object, err := v.Object()
		if err != nil {
			return nil, refuse(ReasonWrongType, "record %d is %s, an object is wanted", i, article(v.Type()))
		}
		var failed error
		object.Visit(func(key []byte, v *fastjson.Value) {
			if failed == nil {
				failed = s.senMLField(&records[i], string(key), v)
			}
		})
		if failed != nil {
			return nil, failed
		}
	}
	return records, nil
}

// senMLField reads one member by its label of table 1 of RFC 8428.
func (s *scratch) senMLField(r *senMLRecord, label string, v *fastjson.Value) (err error) {
	switch label {
	case "bn":
		r.baseName, err = text(v, label)
		r.hasBaseName = true
	case "bu":
		r.baseUnit, err = text(v, label)
		r.hasBaseUnit = true
	case "n":
		r.name, err = text(v, label)
	case "u":
		r.unit, err = text(v, label)
	case "vs", "vd":
		r.text, err = text(v, label)
		r.hasText = true
	case "bt":
		r.baseTime, err = s.number(v, label)
		r.hasBaseTime = true
	case "bv":
		r.baseValue, err = s.number(v, label)
		r.hasBaseValue = true
	case "bs":
		r.baseSum, err = s.number(v, label)
		r.hasBaseSum = true
	case "bver":
		r.version, err = s.number(v, label)
		r.hasVersion = true
	case "t":
		r.time, err = s.number(v, label)
	case "v":
		r.value, err = s.number(v, label)
		r.hasValue = true
	case "s":
		r.sum, err = s.number(v, label)
		r.hasSum = true
	case "vb":
		var on bool
		if on, err = v.Bool(); err != nil {
			return refuse(ReasonWrongType, `"vb" is %s, true or false is wanted`, article(v.Type()))
		}
		r.setBool(on)
	default:
		return unknownLabel(label)
	}
	return err
}

func (r *senMLRecord) setBool(on bool) {
	r.hasValue = true
	if on {
		r.value = 1
	}
}

// unknownLabel refuses labels that end in "_", which must be understood (section
// 4.4), and ignores others, such as "ut", the update time.
func unknownLabel(label string) error {
	if strings.HasSuffix(label, "_") {
		return refuse(ReasonUnsupported, "the pack demands that %q is understood, which it is not", cut(label))
	}
	return nil
}
