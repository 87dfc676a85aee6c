// Package replay publishes recorded telemetry over MQTT as the device would have
// done, with the time stamps of the recording.
//
// # Formats
//
// "presage" is what Presage itself writes, in either of two forms. Lines of JSON are payloads of
// the native topics, {"ts": ..., "values": {...}} for readings and {"ts": ..., "code": ...} for
// events. CSV has the columns timestamp, metric and value.
//
// "csv" is anything with a header: one column holds the time, and every other is a
// metric of that name. The separator (comma, semicolon or tab) is the one that
// occurs most in the header. Cells that hold no number are skipped and counted.
//
// # Times
//
// The form of the time is recognised at the first row: RFC 3339; a date and time
// such as 2020-03-09 10:14:33, in UTC unless [Config].TimeZone says otherwise; Unix seconds; Unix milliseconds; or, when
// [Config].Start is given, seconds since then. Seconds that fall back, as those of
// an engine that was started anew, go on after the last row, and so does the next file.
//
// Rows that have the same time in the recording, because its clock is coarser than its
// rate, are spread evenly over the second, or over the time until the next row when that is
// shorter: of several readings of a metric at one time only one would count.
package replay
