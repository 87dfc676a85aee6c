package detectors

import (
	"math"
	"strconv"

	"github.com/presage-pdm/presage/detectors/stat"
)

// regular is how regularly a metric comes, by which it is missed: a sensor that is dead or unplugged is no longer reported, while the others of its device go on.
//
// It is missed after twenty times as many moments of the device as ever lay between two of its readings, thirty at least, and after five times its longest pause of late,
// ten minutes at least: the first leaves metrics alone that are reported when they change, the second those of a device that begins to report others more often. It fails, by
// crying once, on a metric that has always come regularly and from now on comes when it changes; the next time it takes five times as long.
type regular struct {
	moment  uint32  // of the device, at the newest reading, modulo 2^32
	longest uint32  // most moments between two readings
	pause   float32 // longest of late, ms
	count   uint8   // readings, up to missedFrom
	missing bool
}

const (
	missedFrom    = 100        // readings before a metric can be missed
	missedMoments = 30         // moments
	missedFactor  = 20         // times the most moments between two readings
	missedPauses  = 5          // times the longest pause
	missedLeast   = 10 * 60000 // ms
	pauseFades    = 0.98       // of the longest pause, per reading
	missedCheck   = 8          // of so many moments, one looks for what is missing
)

// taken notes a reading, that came so many ms after the one before.
func (g *regular) taken(moment uint32, after int64) {
	gap := moment - g.moment
	g.moment = moment
	if g.count == 0 {
		g.count = 1
		return
	}
	if g.missing {
		gap /= missedPauses
	} else {
		g.pause = max(pauseFades*g.pause, float32(after))
	}
	g.longest = max(g.longest, gap)
	g.count = min(g.count+1, missedFrom)
}

// missed tells whether a metric that was read so many ms ago is missed.
func (g *regular) missed(moment uint32, ago int64) bool {
	return g.count >= missedFrom && uint64(moment-g.moment) >= max(missedMoments, missedFactor*uint64(g.longest)) &&
		float64(ago) >= max(missedLeast, missedPauses*float64(g.pause))
}

func (m *metricState) missingHolder(d *device) holder {
	fault := d.plan.Fault(FaultMissing)
	return holder{fault: FaultMissing, component: m.part, severity: fault.Severity, detector: "missing", rule: FaultMissing, version: 1, metric: m.name, score: 1}
}

// miss looks for metrics that are no longer reported. Those that nobody watches are not missed.
func (d *device) miss(e *Engine, in *Input) {
	d.moments++
	if d.moments%missedCheck != 0 {
		return
	}
	for _, m := range d.metrics {
		g := &m.regular
		if g.missing && d.faultOf(m.missingHolder(d)) != nil || !g.missing && !g.missed(d.moments, in.Time-m.last) || d.plan.describe(m.name).Unwatched {
			continue
		}
		g.missing = true
		d.hold(e, in, m.missingHolder(d), Evidence{
			Onset:   m.last,
			Signals: []Signal{{Metric: m.name, Actual: m.value, Expected: m.value, Share: 1}},
			Reason:  Reason{Key: ReasonMissing, Params: map[string]string{"metric": m.name, "seconds": strconv.FormatInt((in.Time-m.last)/1000, 10)}},
		})
	}
}

// returned ends that a metric is missing, with its next reading.
func (d *device) returned(e *Engine, in *Input, m *metricState) {
	m.regular.missing = false
	d.release(e, in, m.missingHolder(d))
}

func (g *regular) append(dst []byte) []byte {
	dst = stat.AppendUint(stat.AppendUint(dst, uint64(g.moment)), uint64(g.longest))
	return stat.AppendBool(append(stat.AppendFloat32(dst, g.pause), g.count), g.missing)
}

func readRegular(r *stat.Reader) regular {
	g := regular{moment: readUint32(r), longest: readUint32(r), pause: r.Finite32(), count: r.Byte(), missing: r.Bool()}
	if g.pause < 0 || g.count > missedFrom {
		r.Fail()
	}
	return g
}

func readUint32(r *stat.Reader) uint32 {
	v := r.Uint()
	if v > math.MaxUint32 {
		r.Fail()
	}
	return uint32(v)
}
