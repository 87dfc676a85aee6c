package payload

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/valyala/fastjson"
)

// scratch is what reading one JSON message needs; reused, so that a message
// costs no allocation. Strings of parsed values are views of the parser's
// buffer: they must be copied before the scratch is used again.
type scratch struct {
	parser fastjson.Parser
	raw    []byte // the text of one number
	names  plainNames
}

// parse reads JSON of at most depth levels, with valid UTF-8 throughout (RFC 8259 section 8.1).
func (s *scratch) parse(text []byte, depth int) (*fastjson.Value, error) {
	if !utf8.Valid(text) {
		return nil, refuse(ReasonInvalidUTF8, "the payload is not valid UTF-8 from byte %d on", invalidAt(text))
	}
	if err := screen(text, depth); err != nil {
		return nil, err
	}
	v, err := s.parser.ParseBytes(text)
	if err != nil {
		return nil, refuse(ReasonMalformedJSON, "%s", innermost(err.Error()))
	}
	return v, nil
}

// screened is the size from which a payload is screened in any case.
const screened = 4 << 10

// screen refuses what the parser would spend much more on than its size: deep
// nesting, and words that are none of JSON's, which its errors quote to the end of the payload,
// once for every level. Most messages are small and hold fewer brackets than the limit, which two fast
// scans tell.
func screen(text []byte, most int) error {
	if len(text) < screened && bytes.Count(text, []byte{'{'})+bytes.Count(text, []byte{'['}) <= most {
		return nil
	}
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > most {
				return refuse(ReasonTooDeep, "the payload nests deeper than %d levels", most)
			}
		case c == '}' || c == ']':
			depth--
		case c == 't' || c == 'f' || c == 'n':
			word := text[i:min(i+len("false"), len(text))]
			if !bytes.HasPrefix(word, []byte("true")) && !bytes.Equal(word, []byte("false")) &&
				!bytes.HasPrefix(word, []byte("null")) && !bytes.EqualFold(word[:min(3, len(word))], []byte("nan")) &&
				!bytes.EqualFold(word[:min(2, len(word))], []byte("nf")) { // of "inf"
				return refuse(ReasonMalformedJSON, "the payload has %q at byte %d", word, i)
			}
			i += 2 // the shortest of them has three letters
		}
	}
	return nil
}

// innermost is the part of an error of the parser that says what is wrong, without all that is around it.
func innermost(message string) string {
	message, _, _ = strings.Cut(message, "; unparsed tail")
	for {
		rest, ok := strings.CutPrefix(message, "cannot parse ")
		_, inner, more := strings.Cut(rest, ": ")
		if !ok || !more {
			return cut(message)
		}
		message = inner
	}
}

func invalidAt(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// number reads a JSON number to the nearest float64.
func (s *scratch) number(v *fastjson.Value, name string) (float64, error) {
	if v.Type() != fastjson.TypeNumber {
		return 0, refuse(ReasonWrongType, "%q is %s, a number is wanted", cut(name), article(v.Type()))
	}
	s.raw = v.MarshalTo(s.raw[:0])
	var f float64
	var err error
	if len(s.raw) <= 15 && !exponential(s.raw) {
		f, err = v.Float64() // at most 15 digits and no exponent: the fast parser is exact
	} else {
		f, err = parseFloat(s.raw)
	}
	if err != nil {
		return 0, refuse(ReasonMalformedJSON, "%q holds %q, which is not a number", cut(name), cut(string(s.raw)))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, refuse(ReasonNotFinite, "%q is %s: leave out what was not measured", cut(name), cut(string(s.raw)))
	}
	return f, nil
}

func exponential(raw []byte) bool {
	for _, c := range raw {
		if c|0x20 == 'e' {
			return true
		}
	}
	return false
}

// parseFloat is [strconv.ParseFloat] without a copy; a number beyond the range is infinite, not an error.
func parseFloat(raw []byte) (float64, error) {
	f, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(raw), len(raw)), 64)
	if err != nil && math.IsInf(f, 0) {
		return f, nil
	}
	return f, err
}

// reading reads the value of a metric: a number, or true and false as 1 and 0.
// ok is false for null, which says that there was no reading.
func (s *scratch) reading(v *fastjson.Value, name string) (value float64, ok bool, err error) {
	switch v.Type() {
	case fastjson.TypeNumber:
		value, err = s.number(v, name)
		return value, err == nil, err
	case fastjson.TypeTrue:
		return 1, true, nil
	case fastjson.TypeFalse:
		return 0, true, nil
	case fastjson.TypeNull:
		return 0, false, nil
	}
	return 0, false, refuse(ReasonWrongType, "%q is %s, a number is wanted", cut(name), article(v.Type()))
}

// maxTime is the end of the year 9999 in Unix milliseconds; RFC 3339 cannot say more.
const maxTime = 253_402_300_799_999

// millis reads a time in Unix milliseconds. A nil value means that there is none.
func (s *scratch) millis(v *fastjson.Value, name string, absent int64) (int64, error) {
	if v == nil {
		return absent, nil
	}
	f, err := s.number(v, name)
	if err != nil {
		return 0, err
	}
	return inRange(f, name)
}

func inRange(ms float64, name string) (int64, error) {
	if !(ms >= 0 && ms <= maxTime) {
		return 0, refuse(ReasonBadTime, "%q is %g: a time in Unix milliseconds between 1970 and 9999 is wanted", cut(name), ms)
	}
	return int64(ms), nil
}

// text reads an optional string; nil and null are empty. The result is a copy.
func text(v *fastjson.Value, name string) (string, error) {
	if v == nil || v.Type() == fastjson.TypeNull {
		return "", nil
	}
	raw, err := v.StringBytes()
	if err != nil {
		return "", refuse(ReasonWrongType, "%q is %s, a string is wanted", cut(name), article(v.Type()))
	}
	return string(raw), nil
}

func article(t fastjson.Type) string {
	switch t {
	case fastjson.TypeArray:
		return "an array"
	case fastjson.TypeObject:
		return "an object"
	case fastjson.TypeNull:
		return "null"
	case fastjson.TypeTrue, fastjson.TypeFalse:
		return "a boolean"
	case fastjson.TypeNumber:
		return "a number"
	}
	return "a string"
}

// view is b as a string without a copy, valid as long as b is not written.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
