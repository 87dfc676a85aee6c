//go:build unix

package journal

import (
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest/journal/journaltest"
)

// TestDiskRefuses lets the file system refuse to let files grow: nothing is acknowledged meanwhile, the journal says so, and when the
// disk takes data again everything is there, once.
func TestDiskRefuses(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	cfg := testConfig(t.TempDir())
	l := openLog(t, cfg)
	journaltest.Put(t, l, 0, "before")

	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = 10_000
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
		t.Fatal(err)
	}
	acked := make(chan error, 1)
	err := l.Append(t.Context(), 0, make([]byte, 50_000), func(err error) { acked <- err })
	if err == nil {
		for l.Err() == nil {
			select {
			case err := <-acked:
				t.Errorf("acknowledged (%v) although the disk refused", err)
			case <-time.After(time.Millisecond):
			}
		}
	}
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); e != nil || err != nil {
		t.Fatal(e, err)
	}
	select {
	case err := <-acked:
		if err != nil {
			t.Errorf("not acknowledged when the disk took data again: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("not acknowledged when the disk took data again")
	}
	if err := l.Err(); err != nil {
		t.Errorf("still failing: %v", err)
	}
	journaltest.Put(t, l, 0, "after")
	for range 2 {
		got, _ := journaltest.Collect(t, l, 0, 0, 3)
		if got[0] != "before" || len(got[1]) != 50_000 || got[2] != "after" {
			t.Errorf("read %.20q", got)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, cfg)
	}
}
