// Package bench loads a broker with telemetry and finds out what became of it:
// how fast messages were acknowledged, and whether every acknowledged reading
// can be read back exactly once.
package bench
