package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The backup of docs/operation.md, taken while Presage runs and restored without
// journal and lanes: tickets and readings are there, and work goes on with them.
func TestBackupIsRestored(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	d := p.connect("gateway")
	now := time.Now().UnixMilli()
	crash := func(first int) {
		for i := first; i < first+3; i++ {
			d.publish("presage/v1/tv-1/event", fmt.Sprintf(`{"id": "%d", "code": "crash"}`, i))
		}
	}
	crash(0)
	d.publish("presage/v1/tv-1/telemetry", fmt.Sprintf(`{"ts": %d, "values": {"backlight": 0.8}}`, now))
	p.drained()
	p.eventually(10*time.Second, "a ticket is there", func() (bool, string) { return len(p.tickets("tv-1")) == 1, "" })
	before := p.tickets("tv-1")[0]

	backup := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(backup, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(p.data, "presage.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`VACUUM INTO ?`, filepath.Join(backup, "presage.db")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(backup, "series"), os.DirFS(filepath.Join(p.data, "series"))); err != nil {
		t.Fatal(err)
	}
	p.kill()

	for i, a := range p.args {
		if a == p.data {
			p.args[i] = backup
		}
	}
	p.data = backup
	p.run() // with the token from before: accounts are in the backup, too
	if all := p.tickets("tv-1"); len(all) != 1 || all[0].ID != before.ID {
		t.Errorf("after the restore the tickets are %+v, want %s", all, before.Number)
	}
	if got := p.points("tv-1", "backlight", now, now+1); len(got) != 1 {
		t.Errorf("after the restore the reading is %v", got)
	}
	d = p.connect("gateway")
	crash(3)
	p.eventually(10*time.Second, "the fault joins its ticket", func() (bool, string) {
		all := p.tickets("tv-1")
		return len(all) == 1 && all[0].Occurrences == before.Occurrences+1, fmt.Sprintf("%+v", all)
	})
}
