package bench

import (
	"math/rand/v2"
	"strconv"
)

// Form is how a reading is written.
type Form string

// The forms.
const (
	JSON  Form = "json"
	SenML Form = "senml" // RFC 8428, in JSON
)

// topic of the readings of a device in this form.
func (f Form) topic(device string) string {
	if f == SenML {
		return "presage/v1/" + device + "/senml"
	}
	return "presage/v1/" + device + "/telemetry"
}

// values are what the sensors read: 20 and healthy noise of three decimals, as text,
// so that writing a reading costs the generator little. Neighbouring messages and metrics differ, and what
// a message must hold follows from its number.
var values = func() (table [1 << 12]struct {
	text  string
	value float64
}) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range table {
		thousandths := 20_000 + int(rng.NormFloat64()*300)
		table[i].text = strconv.FormatFloat(float64(thousandths)/1000, 'f', 3, 64)
		table[i].value = float64(thousandths) / 1000
	}
	return table
}()

// valueAt is the place in the table of metric m of message n. 331 is coprime to the size of the table.
func valueAt(n, m int) int { return (n + 331*m) & (len(values) - 1) }

// appendReading appends the payload of message n of a device at ts in Unix milliseconds: metrics m0, m1, ...
func (f Form) appendReading(dst []byte, ts int64, n, metrics int) []byte {
	if f == SenML {
		dst = append(dst, `[{"bt":`...)
		dst = strconv.AppendInt(dst, ts/1000, 10)
		dst = append(dst, '.', byte('0'+ts/100%10), byte('0'+ts/10%10), byte('0'+ts%10))
		for m := range metrics {
			if m > 0 {
				dst = append(dst, `,{`...)
			} else {
				dst = append(dst, ',')
			}
			dst = append(dst, `"n":"m`...)
			dst = strconv.AppendInt(dst, int64(m), 10)
			dst = append(dst, `","v":`...)
			dst = append(dst, values[valueAt(n, m)].text...)
			dst = append(dst, '}')
		}
		return append(dst, ']')
	}
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, ts, 10)
	dst = append(dst, `,"values":{`...)
	for m := range metrics {
		if m > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `"m`...)
		dst = strconv.AppendInt(dst, int64(m), 10)
		dst = append(dst, `":`...)
		dst = append(dst, values[valueAt(n, m)].text...)
	}
	return append(dst, "}}"...)
}
