package payload

import (
	"math"
	"strings"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// senMLVersion is the version of RFC 8428, and the highest that is read (section 4.4).
const senMLVersion = 10

// relativeTime separates times relative to now from absolute ones, in seconds (section 4.5.3).
const relativeTime = 1 << 28

// senMLRecord is one record of a pack as it was written, in JSON or CBOR.
type senMLRecord struct {
	baseName, baseUnit, name, unit string
	baseTime, baseValue, baseSum   float64
	hasBaseUnit, hasBaseTime       bool
	hasBaseName, hasBaseValue      bool
	hasBaseSum, hasVersion         bool
	version                        float64
	time                           float64 // seconds
	value, sum                     float64
	text                           string // of "vs", or of "vd" in base64url
	hasValue, hasSum, hasText      bool
}

// senML reads presage/v1/{device}/senml: a pack of RFC 8428, in JSON (section 5) or CBOR (section 6).
//
// Names, times, units, values and sums are resolved against their base fields
// (section 4.6). The metric is the resolved name without what names the device:
// "urn:dev:{type}:{id}" (RFC 9039) or the device id of the topic, with the separator
// behind it. A name that holds nothing else yields the unit as the metric, since a
// pack may tell such measurements apart by their unit only (section 5.1.3), or "value". Sums
// are metrics of their own, with ".sum" behind the name. Booleans are 1 and 0; texts and
// data are attributes of the device's state. Units of RFC 8798 such as km/h are converted to the
// SI unit that they stand for.
func (d *Decoder) senML(s *scratch, b *telemetry.Batch, m *ingest.Message) error {
	var records []senMLRecord
	var err error
	if isCBOR(m.Payload[0]) {
		records, err = d.senMLFromCBOR(m.Payload)
	} else {
		records, err = d.senMLFromJSON(s, m.Payload)
	}
	if err != nil {
		return err
	}
	return d.resolveSenML(b, m, records)
}

func (d *Decoder) resolveSenML(b *telemetry.Batch, m *ingest.Message, records []senMLRecord) error {
	var base senMLRecord
	var texts map[string]string
	latest := m.Arrival
	for i := range records {
		r := &records[i]
		base.rebase(r)
		if base.version > senMLVersion {
			return refuse(ReasonUnsupported, "record %d has SenML version %g, up to %d is read", i, base.version, senMLVersion)
		}
		time, err := senMLTime(base.baseTime+r.time, m.Arrival)
		if err != nil {
			return err
		}
		unit := r.unit
		if unit == "" {
			unit = base.baseUnit
		}
		metric := senMLMetric(base.baseName+r.name, m.Topic, unit)
		scale := secondaryUnits[unit]
		if r.hasText {
			if texts, err = attribute(texts, metric, r.text); err != nil {
				return err
			}
			latest = time
		}
		// A record with nothing but base fields carries no measurement. With a base value or sum,
		// a record without its own counts as 0 (section 4.1).
		if r.hasValue || base.hasBaseValue && !r.hasText && !r.hasSum && r.measures() {
			if err := d.finite(b, metric, time, scale.toSI(base.baseValue+r.value)); err != nil {
				return err
			}
		}
		if r.hasSum || base.hasBaseSum && r.hasValue {
			if err := d.finite(b, metric+".sum", time, scale.toSI(base.baseSum+r.sum)); err != nil {
				return err
			}
		}
	}
	if len(texts) > 0 {
		b.States = append(b.States, telemetry.State{Time: latest, Online: true, Attributes: texts})
	}
	if len(b.Samples)+len(b.States) == 0 {
		return refuse(ReasonNoValues, "the pack holds no measurement")
	}
	return nil
}

// measures tells whether a record speaks of a measurement and not only of base fields.
func (r *senMLRecord) measures() bool {
	return r.name != "" || r.unit != "" || r.time != 0 || !(r.hasBaseName || r.hasBaseTime || r.hasBaseUnit || r.hasBaseSum || r.hasVersion)
}

// rebase takes over the base fields of r, which hold for it and all that follow.
func (base *senMLRecord) rebase(r *senMLRecord) {
	if r.hasBaseName {
		base.baseName = r.baseName
	}
	if r.hasBaseUnit {
		base.baseUnit = r.baseUnit
	}
	if r.hasBaseTime {
		base.baseTime = r.baseTime
	}
	if r.hasBaseValue {
		base.baseValue, base.hasBaseValue = r.baseValue, true
	}
	if r.hasBaseSum {
		base.baseSum, base.hasBaseSum = r.baseSum, true
	}
	if r.hasVersion {
		base.version = r.version
	}
}

// senMLTime turns resolved seconds into Unix milliseconds; below 2^28 they are relative to the arrival.
func senMLTime(seconds float64, arrival int64) (int64, error) {
	ms := math.Round(seconds * 1000)
	if seconds < relativeTime {
		ms += float64(arrival)
	}
	return inRange(ms, "t")
}

// senMLMetric names the metric of a resolved name.
func senMLMetric(name, topic, unit string) string {
	rest := name
	if urn, ok := strings.CutPrefix(name, "urn:dev:"); ok {
		_, id, _ := strings.Cut(urn, ":")
		i := strings.IndexAny(id, ":/_;")
		rest = ""
		if i >= 0 {
			rest = id[i+1:]
		}
	} else if device, _ := nativeTopic(topic); strings.HasPrefix(name, device) {
		if behind := name[len(device):]; behind == "" || strings.ContainsRune(":/_-.", rune(behind[0])) {
			rest = strings.TrimLeft(behind, ":/_-.")
		}
	}
	switch {
	case rest != "":
		return rest
	case unit != "":
		return unit
	}
	return "value"
}

// finite appends a reading whose value is a number.
func (d *Decoder) finite(b *telemetry.Batch, metric string, time int64, value float64) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return refuse(ReasonNotFinite, "%q is %g: leave out what was not measured", cut(metric), value)
	}
	return d.sample(b, metric, time, value)
}
