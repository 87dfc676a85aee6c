package detectors

import (
	"maps"
	"math"
	"slices"

	"github.com/presage-pdm/presage/detectors/stat"
	"github.com/presage-pdm/presage/telemetry"
)

// Bounds of what waits in a checkpoint that is believed; decoders upstream are stricter.
const mostText = 1 << 20

// appendOrder appends what is known of the order of a device's messages, and what waits.
func (d *device) appendOrder(dst []byte) []byte {
	o := &d.order
	dst = stat.AppendInt(stat.AppendInt(stat.AppendInt(dst, o.last), o.event), o.step)
	dst = stat.AppendInt(dst, d.sampled)
	dst = o.recent.append(append(dst, o.steady, o.vain))
	r := d.room
	if dst = stat.AppendBool(dst, r != nil); r == nil {
		return dst
	}
	dst = stat.AppendBool(stat.AppendBool(dst, r.readings), r.suspected)
	for _, v := range []int64{r.wide, r.epoch, r.needed, r.neededBefore} {
		dst = stat.AppendInt(dst, v)
	}
	dst = stat.AppendUint(dst, uint64(len(r.held)))
	for i := range r.held {
		dst = r.held[i].append(dst)
	}
	return dst
}

func (h *held) append(dst []byte) []byte {
	dst = stat.AppendInt(stat.AppendInt(dst, h.came), h.arrival)
	dst = stat.AppendBool(stat.AppendBool(dst, h.live), h.event != nil)
	if h.event == nil {
		dst = stat.AppendInt(stat.AppendString(dst, h.sample.Metric), h.sample.Time)
		return stat.AppendFloat(dst, h.sample.Value)
	}
	ev := h.event
	dst = stat.AppendInt(dst, ev.Time)
	dst = stat.AppendString(stat.AppendString(dst, ev.ID), ev.Code)
	dst = stat.AppendUint(dst, uint64(ev.Severity))
	dst = stat.AppendUint(dst, uint64(len(ev.Attributes)))
	for _, key := range slices.Sorted(maps.Keys(ev.Attributes)) {
		dst = stat.AppendString(stat.AppendString(dst, key), ev.Attributes[key])
	}
	return dst
}

// readOrder reads what appendOrder wrote.
func (d *device) readOrder(r *stat.Reader) {
	o := &d.order
	o.last, o.event, o.step = r.Int(), r.Int(), r.Int()
	d.sampled = r.Int()
	o.steady, o.vain = r.Byte(), r.Byte()
	if o.steady > steadyAfter || o.step < 0 {
		r.Fail()
	}
	o.recent.read(r)
	if !r.Bool() {
		return
	}
	room := &room{readings: r.Bool(), suspected: r.Bool(), wide: r.Int(), epoch: r.Int(), needed: r.Int(), neededBefore: r.Int(), first: math.MaxInt64}
	for range r.Count(mostHeldOfDevice) {
		h := readHeld(r)
		if r.Err() != nil {
			return
		}
		if n := len(room.held); n > 0 && room.held[n-1].compare(&h) > 0 {
			r.Fail()
			return
		}
		room.held = append(room.held, h)
		room.first = min(room.first, h.came)
	}
	d.room = room
}

func readHeld(r *stat.Reader) held {
	h := held{came: r.Int(), arrival: r.Int(), live: r.Bool()}
	if event := r.Bool(); !event {
		h.sample = telemetry.Sample{Metric: r.String(mostName), Time: r.Int(), Value: r.Finite()}
		return h
	}
	h.event = &telemetry.Event{Time: r.Int(), ID: r.String(mostText), Code: r.String(mostText), Severity: telemetry.Severity(r.Count(255))}
	for range r.Count(telemetry.MaxAttributes) {
		key, value := r.String(mostText), r.String(mostText)
		if r.Err() != nil {
			return h
		}
		if h.event.Attributes == nil {
			h.event.Attributes = map[string]string{}
		}
		h.event.Attributes[key] = value
	}
	return h
}
