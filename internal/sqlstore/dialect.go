package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/presage-pdm/presage/tickets"
)

// dialect is everything in which the two engines differ.
type dialect struct {
	name string
	// forUpdate ends a SELECT whose rows the transaction is going to change, and
	// skipLocked one that claims work others may be claiming too. SQLite has one
	// writer and needs neither.
	forUpdate, skipLocked string
	// deskLock makes the transactions on the tickets of a tenant, $1, follow one
	// another, which SQLite's one writer does by itself: two that report the same faults in
	// different order would otherwise wait for each other until one is thrown out.
	deskLock string
	// migrationLock keeps two processes from migrating at once.
	migrationLock string
	// ddl adapts a statement of the migrations.
	ddl func(string) string
	// prepare tells to keep prepared statements, which pgx does by itself.
	prepare bool
	// use stands behind a table whose rows are to be read by an index, "%s". PostgreSQL knows itself that the first rows of an
	// order are wanted; SQLite guesses from how often keys repeat, and sorts a million rows for a page of fifty.
	use string
	// size is an expression for the bytes of the database.
	size string
	// optimize refreshes the statistics of the planner.
	optimize string
	// condition tells what an error of the driver means.
	condition func(error) condition
}

// condition is what an error of a database means to a caller.
type condition int

const (
	other      condition = iota
	duplicate            // a unique key is taken
	collision            // another transaction was in the way: run it again
	outOfReach           // no connection, shutting down, too busy, disk full
)

var (
	// The shared dialect compares text by byte; PostgreSQL must be told to.
	postgresDDL = strings.NewReplacer(" TEXT", ` TEXT COLLATE "C"`)

	postgresDialect = dialect{
		name:          "PostgreSQL",
		forUpdate:     " FOR UPDATE",
		skipLocked:    " FOR UPDATE SKIP LOCKED",
		deskLock:      "SELECT pg_advisory_xact_lock(hashtextextended($1, 5773186920105))",
		migrationLock: "SELECT pg_advisory_xact_lock(5773186920104)",
		ddl:           postgresDDL.Replace,
		size:          "pg_database_size(current_database())",
		condition:     postgresCondition,
	}
	sqliteDialect = dialect{
		name:      "SQLite",
		ddl:       func(s string) string { return s },
		prepare:   true,
		use:       " INDEXED BY %s",
		size:      "(SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size())",
		optimize:  "PRAGMA optimize",
		condition: sqliteCondition,
	}
)

// postgresCondition reads the SQLSTATE classes of appendix A of the PostgreSQL manual.
func postgresCondition(err error) condition {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "23505":
			return duplicate
		case pg.Code == "40001", pg.Code == "40P01":
			return collision
		case strings.HasPrefix(pg.Code, "08"), // connection exception
			strings.HasPrefix(pg.Code, "53"),  // insufficient resources
			strings.HasPrefix(pg.Code, "57P"), // shutting down, starting up
			pg.Code == "25006",                // read-only: a standby that was promoted away
			pg.Code == "55P03", pg.Code == "58030":
			return outOfReach
		}
		return other
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || strings.HasSuffix(err.Error(), "conn closed") {
		return outOfReach
	}
	return other
}

// sqliteCondition reads the result codes of https://www.sqlite.org/rescode.html.
func sqliteCondition(err error) condition {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return other
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate
	case sqlite3.SQLITE_BUSY_SNAPSHOT:
		return collision
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
		return outOfReach
	}
	return other
}

// retryable tells whether running the transaction again can succeed at once.
func (d dialect) retryable(err error) bool { return d.condition(err) == collision }

// sentinel returns the error of package tickets that says what err means, or nil.
func (d dialect) sentinel(err error) error {
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return tickets.ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	}
	switch d.condition(err) {
	case duplicate:
		return tickets.ErrConflict
	case collision, outOfReach:
		return tickets.ErrUnavailable
	}
	return nil
}
