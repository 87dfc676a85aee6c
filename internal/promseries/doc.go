// Package promseries keeps series in an embedded Prometheus TSDB and answers
// PromQL over HTTP, so that Grafana can be pointed at Presage as a Prometheus
// data source.
//
// A reading becomes a sample of the series
//
//	{__name__=METRIC, device=DEVICE, tenant=TENANT}
//
// with the names exactly as the device gave them: Prometheus 3 allows any UTF-8
// in a metric name, so coolant_temp{device="car-7"} works as it stands and an
// odd name is written {"oil temp °C", device="car-7"}.
//
// # Limits
//
//   - Readings older than the newest reading of the whole store by more than
//     [Config.OutOfOrder] are dropped; the default, a hundred years, drops nothing
//     that a device recorded.
//   - Readings dated ahead of this computer's clock, now and when they arrived, by more than
//     [Config.MaxAhead] are dropped: one reading from the year 2100 would make
//     every later one count as late, for ever.
//   - Readings dated before 1970 are dropped.
//   - When two readings of a series share a time stamp, the first stays while it is the newest of
//     its series; of two late readings either may be the one that is read back.
//   - Retention by time counts back from the newest block, not from today, so that
//     importing an archive does not delete it; but an archive older than the
//     retention of a store that also holds live data is deleted.
//   - Retention works on whole blocks, of two hours to 31 days.
package promseries
