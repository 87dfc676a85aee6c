// Package detectors watches the telemetry of devices and says what is wrong
// with them. An [Engine] owns the state of the devices of one lane, runs the
// detectors that the catalogue assigns to each of them, combines what they
// say into one decision per device and component, and returns findings.
//
// Everything here is causal and deterministic: state is a function of the
// readings applied and their order alone, so that a replay after a crash gives
// the same findings with the same identities.
package detectors
