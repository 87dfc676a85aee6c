package payload

import (
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// plain reads telemetry in the form that nearly all of it has, in one pass and without the tree that the parser makes:
// {"ts": ..., "values": {...}} or flat, or an array of those, of names in ASCII without escapes and of decimal numbers of at most
// fifteen digits, true and false. It reports false, and leaves b as it was, for every other form and for all that is wrong: those are the
// parser's, which accepts all that plain does, with the same result, and which finds the words for what it refuses.
// It costs a third of the parser.
func (d *Decoder) plain(s *scratch, b *telemetry.Batch, m *ingest.Message) bool {
	if d.config.MaxDepth < 3 {
		return false // whether it is too deep is the parser's to say
	}
	p := plainReader{text: m.Payload, decoder: d, names: &s.names, batch: b, arrival: m.Arrival}
	before := len(b.Samples)
	p.space()
	ok := true
	if p.is('[') {
		for more := true; ok && more; more = p.is(',') {
			p.space()
			ok = p.object()
		}
		ok = ok && p.is(']')
		p.space()
	} else {
		ok = p.object()
	}
	if !ok || p.at != len(p.text) {
		b.Samples = b.Samples[:before]
		return false
	}
	return true
}

// plainNames are the names of the readings of the last message, by their place in it: devices of a kind say
// the same again and again, so that a name is found by one comparison. Their number is bounded; names beyond are looked up.
type plainNames [32]string

// plainReader is at a place of a payload. Its methods report false where the payload is not plain.
type plainReader struct {
	text    []byte
	at      int
	decoder *Decoder
	names   *plainNames
	batch   *telemetry.Batch
	arrival int64
}

// is passes over a byte and the space behind it, if it comes next.
func (p *plainReader) is(c byte) bool {
	if p.at >= len(p.text) || p.text[p.at] != c {
		return false
	}
	p.at++
	p.space()
	return true
}

func (p *plainReader) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// object reads one object of telemetry and the space behind it.
func (p *plainReader) object() bool {
	first := len(p.batch.Samples)
	time, timed, nested, flat := p.arrival, false, false, false
	if !p.is('{') {
		return false
	}
	for more := true; more; more = p.is(',') {
		key, ok := p.key(p.expected(len(p.batch.Samples) - first))
		if !ok {
			return false
		}
		switch key {
		case "ts":
			if time, ok = p.millis(); !ok || timed {
				return false
			}
			timed = true
		case "values":
			// Beside "values" other members are none of ours, whatever they hold.
			if nested || flat || !p.values(first) {
				return false
			}
			nested = true
		default:
			if flat = true; nested || !p.reading(key, len(p.batch.Samples)-first) {
				return false
			}
		}
	}
	if !p.is('}') {
		return false
	}
	for i := first; i < len(p.batch.Samples); i++ {
		p.batch.Samples[i].Time = time
	}
	return true
}

// values reads the object of metrics and numbers.
func (p *plainReader) values(first int) bool {
	if !p.is('{') {
		return false
	}
	for more := true; more; more = p.is(',') {
		place := len(p.batch.Samples) - first
		key, ok := p.key(p.expected(place))
		if !ok || !p.reading(key, place) {
			return false
		}
	}
	return p.is('}')
}

// reading reads the value of a metric, the one at a place of its object.
func (p *plainReader) reading(name string, place int) bool {
	value, ok := p.value()
	if !ok || name == "" { // which is also what is expected where there is nothing
		return false
	}
	if name != p.expected(place) {
		shared, err := p.decoder.metrics.shared(name)
		if err != nil {
			return false
		}
		if name = shared; place < len(p.names) {
			p.names[place] = shared
		}
	} else {
		name = p.names[place]
	}
	p.batch.Samples = append(p.batch.Samples, telemetry.Sample{Metric: name, Value: value})
	return true
}

// expected is the name that the last message had at a place.
func (p *plainReader) expected(place int) string {
	if place < len(p.names) {
		return p.names[place]
	}
	return ""
}

// key reads a name and the colon behind it. The name is a view of the payload, or the expected one.
func (p *plainReader) key(expected string) (string, bool) {
	if p.at >= len(p.text) || p.text[p.at] != '"' {
		return "", false
	}
	rest := p.text[p.at+1:]
	if n := len(expected); n > 0 && n < len(rest) && rest[n] == '"' && string(rest[:n]) == expected {
		p.at += n + 2
		p.space()
		return expected, p.is(':')
	}
	for i, c := range rest {
		switch {
		case c == '"':
			p.at += i + 2
			p.space()
			return view(rest[:i]), p.is(':')
		case c < ' ' || c > '~' || c == '\\':
			return "", false
		}
	}
	return "", false
}

// value reads a number, true or false, and the space behind it.
func (p *plainReader) value() (float64, bool) {
	rest := p.text[p.at:]
	switch {
	case len(rest) > 4 && string(rest[:4]) == "true":
		p.at += 4
		p.space()
		return 1, true
	case len(rest) > 5 && string(rest[:5]) == "false":
		p.at += 5
		p.space()
		return 0, true
	}
	negative := len(rest) > 0 && rest[0] == '-'
	if negative {
		p.at++
	}
	digits, decimals, ok := p.decimal()
	if !ok {
		return 0, false
	}
	// Both are exact, and so is the rounding of their quotient (Clinger, "How to read floating point numbers
	// accurately", 1990, section 5).
	f := float64(digits) / powersOfTen[decimals]
	if negative {
		f = -f
	}
	return f, true
}

// millis reads a time in whole Unix milliseconds.
func (p *plainReader) millis() (int64, bool) {
	digits, decimals, ok := p.decimal()
	return int64(digits), ok && decimals == 0 && digits <= maxTime
}

// decimal reads digits with or without a point (RFC 8259 section 6, without sign and exponent), and the space behind them:
// the number is digits / 10^decimals.
func (p *plainReader) decimal() (digits uint64, decimals int, ok bool) {
	const most = 15 // digits that a float64 holds, whatever they are
	text, i := p.text, p.at
	start := i
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		digits = digits*10 + uint64(text[i]-'0')
	}
	n := i - start
	if n == 0 || n > most || text[start] == '0' && n > 1 {
		return 0, 0, false
	}
	if i < len(text) && text[i] == '.' {
		point := i
		for i++; i < len(text) && text[i]-'0' <= 9; i++ {
			digits = digits*10 + uint64(text[i]-'0')
		}
		if decimals = i - point - 1; decimals == 0 || n+decimals > most {
			return 0, 0, false
		}
	}
	p.at = i
	p.space()
	// What ends a number is for who reads on: anything but a comma or a bracket is not plain.
	return digits, decimals, i < len(text)
}

var powersOfTen = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
