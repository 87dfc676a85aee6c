// Package sqlstore keeps the fleet, the tickets and the accounts in a
// relational database: SQLite in the data folder, or PostgreSQL.
//
// There is one hand-written SQL, in the dialect that both engines share; what
// differs stands in dialect.go and nowhere else. Both engines run the same list
// of migrations and pass the same conformance suite, storetest.
//
// Conventions of the schema: every table begins with the tenant; identifiers
// are UUIDv7 made in Go; times are TIMESTAMP in UTC with microseconds, and the
// database is never asked for the time or for randomness; bodies that nobody
// searches are JSON in TEXT, so that they come back byte for byte; texts compare
// by byte on both engines.
//
// Errors wrap the sentinels of package tickets: ErrNotFound, ErrConflict,
// ErrFenced and ErrUnavailable. Every method is safe for concurrent use.
package sqlstore
