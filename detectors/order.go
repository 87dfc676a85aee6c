package detectors

import "github.com/presage-pdm/presage/telemetry"

// order is what a device has shown of the order of its messages. A device whose messages came in order is judged at once. Two
// things open a [room], in which what comes is held until it can be judged in the order of its event times:
//
//   - disorder: a reading older than the newest one of its metric, or an event older than the newest event, that is no redelivery;
//   - a gap: the device keeps a steady step between its messages, and one is a few whole steps ahead, so that others must be on their way.
//
// Disorder that nothing announced is found only with what came too late: that one reading or event is judged when it comes.
// Costs 30 ns a message, and 220 bytes a device that sends a few messages a second or fewer, 4 KB one that sends hundreds.
type order struct {
	last   int64 // newest event time of a reading that came
	event  int64 // of an event
	step   int64 // ms between messages, of those in a row that keep it
	steady uint8 // messages in a row that kept the step
	vain   uint8 // gaps in a row that nothing filled
	recent recent
}

const (
	// steadyAfter messages with the same step make a gap evident.
	steadyAfter = 16
	// shortestStep is the shortest step that a gap is seen by, in ms. Faster devices stumble, and miss little.
	shortestStep = 1000
	// mostVain gaps in a row that nothing filled are believed: the device loses messages for good.
	mostVain = 3
)

// repeats notes a message with readings, in rising time, that comes at a running time of the lane, and tells whether it is one
// of the recent ones again.
func (o *order) repeats(samples []telemetry.Sample, now int64) bool {
	return o.recent.add(fingerprint(samples), now, samples[0].Time > o.last)
}

// skips follows the steps of a device and tells that readings must be on their way that are older than these. window is the longest gap that
// is waited for, in ms.
func (o *order) skips(samples []telemetry.Sample, window int64) bool {
	step := samples[0].Time - o.last
	if step <= 0 || o.last == 0 {
		o.last = max(o.last, samples[len(samples)-1].Time)
		return false
	}
	o.last = samples[len(samples)-1].Time
	if off := step - o.step; off <= o.step/4 && -off <= o.step/4 {
		o.step += off / 8
		if o.steady < steadyAfter {
			o.steady++
		}
		return false
	}
	if o.steady == steadyAfter && o.step >= shortestStep && step > o.step {
		steps := (step + o.step/2) / o.step
		off := step - steps*o.step
		if steps > 1 && off <= o.step/4 && -off <= o.step/4 && step <= window {
			return o.vain < mostVain
		}
	}
	o.step, o.steady = step, 0
	return false
}
