// Package payload turns MQTT messages into telemetry: the native JSON topics,
// SenML (RFC 8428), Sparkplug B, and foreign JSON shapes mapped by
// configuration. [Decoder] is the [ingest.Decoder] of the intake.
//
// # Topics
//
//	presage/v1/{device}/telemetry   readings, see below
//	presage/v1/{device}/event       {"ts", "id", "code", "severity", "attributes"} or an array of those
//	presage/v1/{device}/state       {"online": true, "firmware": "1.4.2", ...}
//	presage/v1/{device}/senml       a SenML pack, JSON or CBOR
//	spBv1.0/{group}/{type}/{edge node}[/{device}]
//	configured patterns             see [Pattern]
//
// Times are Unix milliseconds. A message without a time of its own gets the
// time of its arrival.
//
// # Native telemetry
//
// Three shapes are read: {"ts": ..., "values": {"coolant_temp": 91.2}}, an
// array of those, and flat {"coolant_temp": 91.2}, in which "ts" is the time
// and never a metric. Beside "ts" and "values" other members of the first
// shape are ignored, so that a device may add a sequence number.
//
// A value is a number. true and false are 1 and 0, for switches and contacts. A
// null says that there was no reading, and is skipped. Strings are refused, also
// those that look like numbers: the sender's mistake should be seen once, not
// guessed at for ever. Objects, arrays, NaN and infinities are refused.
//
// # Whole or not at all
//
// A message with one unreadable part is refused as a whole, with a reason of the
// fixed list in this package and a detail that names the place and the remedy.
package payload
