// Package telemetry is the vocabulary of what devices say: samples of metrics,
// discrete events, state, and the batches that carry them from the broker to
// the stores and the detectors.
//
// It is the ground floor: standard library only. All times are event times in
// Unix milliseconds, UTC, as the device stamped them, unless a name says
// Arrival, which is the clock of the Presage process that accepted the message.
package telemetry
