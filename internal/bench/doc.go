// Package bench measures a Presage server from outside: it loads a broker with
// telemetry and finds out what became of it (how fast messages were
// acknowledged, how long a fault took to become a ticket, whether every acknowledged
// reading can be read back exactly once), and it times the answers of the API.
//
// The generator speaks MQTT itself and shares the machine with the server that
// it measures: what it costs is taken from the server. All times are read from one monotonic clock, that of
// this process.
package bench
