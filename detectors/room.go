package detectors

import (
	"cmp"
	"math"
	"slices"

	"github.com/presage-pdm/presage/telemetry"
)

// room is where events, or events and readings, of one device wait because others may have been overtaken by them. Each waits for the hold, in the running time of
// the lane; when its time has come it is judged, after everything that waits and is older. So what comes out is in rising event time as long
// as nothing comes later than the hold: K-slack buffering (Babu, Srivastava and Widom 2004) in which K follows
// the device (Mutschler and Philippsen 2013).
//
// While nothing but a gap speaks for disorder, the hold is the window, and when nothing came to fill the gap the room is closed. Once disorder
// was seen, the hold is the window for an hour or two, then twice the longest that was needed in the last one to two hours, and the window again while a gap
// is open; an hour or two without disorder close the room.
//
// Events out of order say nothing of readings: only what has shown disorder waits, and events with readings that do.
//
// What is older than what was judged of its kind does not wait: nothing would be won. Costs 64 bytes for what waits, and 100 bytes for the room.
type room struct {
	held  []held // in rising time; at one time events first, then in the order they came
	first int64  // no later than when the earliest of held came, in the lane's running time
	// readings tells that readings wait, too.
	readings bool
	// suspected tells that only a gap has opened the room.
	suspected bool
	// wide is until when the hold is the window although less is known to be needed, in the lane's running time: a gap was seen.
	wide int64
	// epoch is when the present hour began, in the lane's running time; needed is the longest hold that
	// would have been needed since, in ms, and neededBefore that of the hour before.
	epoch                int64
	needed, neededBefore int64
}

// held is a reading or an event that waits.
type held struct {
	came    int64 // running time of the lane
	arrival int64
	live    bool
	sample  telemetry.Sample
	event   *telemetry.Event // nil for a reading
}

const (
	holdEpoch = 3600_000 // ms
	leastHold = 1000     // ms: the clock of the journal ticks once a second
	// mostHeldOfDevice bounds what waits of one device, mostHeld what waits in a lane: 256 KB and 64 MB. Beyond them the oldest are judged early.
	mostHeldOfDevice = 4096
	mostHeld         = 1 << 20
)

func (h *held) time() int64 {
	if h.event != nil {
		return h.event.Time
	}
	return h.sample.Time
}

func (h *held) compare(other *held) int {
	if c := cmp.Compare(h.time(), other.time()); c != 0 {
		return c
	}
	switch {
	case h.event != nil && other.event == nil:
		return -1
	case h.event == nil && other.event != nil:
		return 1
	}
	return 0
}

// hold returns for how long what comes waits, in ms; 0 when it need not.
func (r *room) hold(window, now int64) int64 {
	if r.suspected || now < r.wide {
		return window
	}
	if needed := max(r.needed, r.neededBefore); needed > 0 {
		return min(window, max(leastHold, 2*needed))
	}
	return 0
}

// turn begins a new hour when it is time.
func (r *room) turn(now int64) {
	if now-r.epoch >= holdEpoch {
		r.neededBefore, r.needed, r.epoch = r.needed, 0, now
	}
}

// suspect makes readings wait because of a gap.
func (d *device) suspect(e *Engine) {
	if d.room == nil {
		d.room = &room{}
	}
	if !d.room.readings {
		d.room.readings, d.room.suspected = true, true
	}
	d.room.wide = e.running + e.cfg.Reorder.Milliseconds()
}

// disordered notes that a reading, or else an event, came needed ms later than it should have. The first of either kind
// makes all of its kind wait for the window.
func (d *device) disordered(e *Engine, needed int64, reading bool) {
	window := e.cfg.Reorder.Milliseconds()
	if window <= 0 {
		return
	}
	r := d.room
	if r == nil {
		r = &room{needed: window, epoch: e.running}
		d.room = r
	}
	if reading && (!r.readings || r.suspected) {
		d.order.vain = 0
		r.readings, r.suspected, r.epoch, needed = true, false, e.running, window
	}
	r.needed = max(r.needed, min(needed, window))
}

// wait lets what is newer than everything judged of its kind wait, and judges the rest. Samples and events are in rising time.
func (d *device) wait(e *Engine, in *Input, samples []telemetry.Sample, events []telemetry.Event) {
	past := len(samples)
	if d.room.readings {
		past, _ = slices.BinarySearchFunc(samples, d.sampled+1, func(s telemetry.Sample, t int64) int { return cmp.Compare(s.Time, t) })
	}
	old, _ := slices.BinarySearchFunc(events, d.order.event+1, func(ev telemetry.Event, t int64) int { return cmp.Compare(ev.Time, t) })
	d.judge(e, in, samples[:past], events[:old])
	fresh := e.fresh[:0]
	for _, ev := range events[old:] {
		fresh = append(fresh, held{e.running, in.Arrival, in.Live, telemetry.Sample{}, &ev})
	}
	for _, s := range samples[past:] {
		fresh = append(fresh, held{e.running, in.Arrival, in.Live, s, nil})
	}
	if len(events) > old && len(samples) > past {
		slices.SortStableFunc(fresh, func(a, b held) int { return a.compare(&b) })
	}
	d.insert(e, fresh)
	clear(fresh)
	e.fresh = fresh
	d.letOut(e)
}

// insert puts what came with one message where it belongs, in runs of one time.
func (d *device) insert(e *Engine, fresh []held) {
	r := d.room
	if len(r.held) == 0 {
		r.first = e.running
	}
	e.held += len(fresh)
	e.counts.Held.Add(int64(len(fresh)))
	for len(fresh) > 0 {
		n := 1
		for n < len(fresh) && fresh[n].compare(&fresh[0]) == 0 {
			n++
		}
		at := len(r.held)
		if at > 0 && r.held[at-1].compare(&fresh[0]) > 0 {
			at, _ = slices.BinarySearchFunc(r.held, &fresh[0], func(h held, t *held) int {
				if h.compare(t) <= 0 {
					return -1
				}
				return 1
			})
		}
		if at < len(r.held) && r.held[at].time() > fresh[0].time() {
			first := e.running
			for i := at; i < len(r.held); i++ {
				first = min(first, r.held[i].came)
			}
			e.counts.Reordered.Add(uint64(n))
			d.disordered(e, max(1, e.running-first), fresh[0].event == nil)
		}
		r.held = slices.Insert(r.held, at, fresh[:n]...)
		fresh = fresh[n:]
	}
}

// letOut judges what has waited long enough, and everything when the room is closed.
func (d *device) letOut(e *Engine) {
	r := d.room
	r.turn(e.running)
	hold := r.hold(e.cfg.Reorder.Milliseconds(), e.running)
	n := 0
	switch {
	case hold == 0:
		n = len(r.held)
	case len(r.held) > 0 && r.first <= e.running-hold:
		n = r.ripe(e.running - hold)
	}
	if r.suspected && n > 0 { // nothing came to fill the gap
		d.order.vain = min(d.order.vain+1, mostVain)
		r.suspected, r.readings = false, false
		hold, n = r.hold(e.cfg.Reorder.Milliseconds(), e.running), len(r.held)
	}
	if e.held-n > mostHeld {
		n = len(r.held)
	}
	if len(r.held)-n > mostHeldOfDevice {
		n = len(r.held) - mostHeldOfDevice*3/4
	}
	d.judgeHeld(e, n)
	if hold == 0 {
		d.room = nil
	}
}

// ripe returns how many of the oldest must be judged, because they or something newer came at a time or before it.
func (r *room) ripe(before int64) (n int) {
	for i := len(r.held) - 1; i >= 0 && n == 0; i-- {
		if r.held[i].came <= before {
			n = i + 1
		}
	}
	r.first = math.MaxInt64
	for i := n; i < len(r.held); i++ {
		r.first = min(r.first, r.held[i].came)
	}
	return n
}

// judgeHeld judges the oldest n that wait.
func (d *device) judgeHeld(e *Engine, n int) {
	if n == 0 {
		return
	}
	r := d.room
	due := r.held[:n]
	r.held = r.held[n:]
	in := &e.due
	*in = Input{Tick: e.ticks, Latest: e.latest, Sound: e.sound}
	d.next = 0
	taken := false
	for i := range due {
		h := &due[i]
		in.Arrival, in.Live = h.arrival, h.live
		if h.event != nil {
			d.order.event = max(d.order.event, h.event.Time)
			d.newest = max(d.newest, h.event.Time)
			d.applyEvent(e, in, h.event)
		} else {
			taken = d.applySample(e, in, &h.sample) == sampleTaken || taken
		}
		if i+1 == n || due[i+1].time() != h.time() {
			if taken {
				d.moment(e, in, h.time())
			}
			taken, d.next = false, 0
			d.progress(e, in)
		}
	}
	clear(due)
	if len(r.held) == 0 {
		r.held = nil // a room that is empty for now takes no memory
	}
	e.held -= n
	e.counts.Held.Add(-int64(n))
}
