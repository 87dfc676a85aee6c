// Package simulation is a fleet that does not exist: vehicles, TVs and factory
// machines whose readings follow from simple physics, and which break in ways
// that are declared beforehand, so that what Presage finds can be compared
// with the truth.
//
// # What is simulated
//
// Every device follows the load of its kind over the local day, smoothly, with
// fluctuations about it (Ornstein-Uhlenbeck processes, which have the
// same spread at any step). Temperatures follow load and weather with first-order lags. Sensors
// add noise and round. Weather is a yearly and a daily wave for the latitude of the site, plus fluctuations.
//
// A fault is a [Fault] with a kind, a start and a length: its level grows from 0 at
// the start to 1 when the simulated customer would call, and on until the repair. Physics turns the level
// into readings: see the comment of each kind. In the history
// faults take hours; live they are compressed into minutes, so that one can watch.
//
// # What is not
//
// Nothing here is measured on real devices, and finding these faults says nothing about
// finding real ones. The readings are deterministic: the same [Config] and the same calls give the same readings.
package simulation
