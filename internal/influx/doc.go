// Package influx keeps series in an InfluxDB server. It writes with
// the v2 API (POST /api/v2/write, the bucket being the database) and reads with InfluxQL (POST
// /query), which versions 1.8, 2 and 3 all speak. It is tested against 1.8.10.
//
// All readings are in one measurement:
//
//	reading,device=DEVICE,metric=METRIC,tenant=TENANT value=1.5 1700000000000
//
// Device, metric and tenant are tags, so that they are indexed and may hold any character;
// the one that line protocol cannot hold, a backslash, is written %5C.
//
// # Limits
//
//   - Readings dated before 1970 or after 2261 are dropped, and so are those that
//     the retention policy of the server does not want.
//   - When two readings of a series share a time stamp, the later one replaces the first.
//   - The server answers a write once it is in its write-ahead log on disk, with its default
//     wal-fsync-delay of 0: Sync has nothing left to do. With another setting a power cut
//     loses as much as that setting allows.
//   - InfluxDB 1.8 refuses a million series per database and 100,000 values
//     per tag by default (max-series-per-database, max-values-per-tag).
package influx
