package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/presage-pdm/presage/internal/disk"
)

// SQLite is the database in the data folder.
type SQLite struct {
	Path string
	// Running is set when a Presage uses it: its pages are then not read through, which would take its disk.
	Running bool
	Fleet   *Fleet
}

// Check reads the database through.
func (s SQLite) Check() Check {
	return Check{Name: "database", Look: s.look, Patience: 5 * time.Minute} // some 10 GB from a slow disk
}

func (s SQLite) look(ctx context.Context) []Result {
	info, err := os.Stat(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return one(Good("%s does not exist yet; Presage makes it at the first start.", s.Path))
	}
	if err != nil {
		return one(Bad(fmt.Sprintf("%s cannot be looked at: %v.", s.Path, err), "Run the doctor as the user of the service."))
	}
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return one(Bad(err.Error()+".", "Name the data folder with --data."))
	}
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=ro&_pragma=busy_timeout(5000)"}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return one(Bad(fmt.Sprintf("%s cannot be opened: %v.", s.Path, err), "Restore a backup."))
	}
	defer db.Close()
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM devices").Scan(&s.Fleet.Devices); err != nil {
		return one(s.damaged(err.Error()))
	}
	s.Fleet.Known = true
	if s.Running {
		return one(Good("%s (%s) answers. It is read through when Presage is stopped.", s.Path, disk.Bytes(info.Size())))
	}
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		verdict = err.Error()
	}
	if ctx.Err() != nil {
		return one(Weak(fmt.Sprintf("Reading %s (%s) through took too long.", s.Path, disk.Bytes(info.Size())), "Run sqlite3 "+s.Path+" 'PRAGMA quick_check' by hand."))
	}
	if verdict != "ok" {
		return one(s.damaged(verdict))
	}
	return one(Good("%s (%s) is sound.", s.Path, disk.Bytes(info.Size())))
}

func (s SQLite) damaged(what string) Result {
	return Bad(fmt.Sprintf("%s cannot be read: %s.", s.Path, what),
		"Keep a copy of it with its -wal and -shm, then restore presage.db from a backup; sqlite3 "+s.Path+" .recover gets back what can be read.")
}
