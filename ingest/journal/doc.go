// Package journal keeps what was acknowledged: a durable log on the write-ahead
// log of Prometheus (tsdb/wlog), one log per partition, with group commit.
//
// Many goroutines append; one committer per partition writes everything that is waiting
// as one record, syncs once, and only then calls their callbacks and shows the
// record to readers. While it syncs, the next group gathers.
//
// wlog gives pages, checksums and segments. Four things it leaves to its user,
// and they are done here: it does not sync on its own; when a record does not fit into
// a segment it syncs the old segment in the background and drops the error, so segments are
// changed here, behind a sync; it does not sync the folder after it made a segment;
// and its readers end for good at the first damaged byte, so that the segments are read by a
// reader of this package, which loses the damaged record and goes on.
package journal
