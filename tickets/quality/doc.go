// Package quality holds detectors to account: it turns the closing codes of tickets into labels, labels into figures with
// intervals, and decides which rule has lost the right to open tickets. It keeps nothing and reads no clock.
package quality
