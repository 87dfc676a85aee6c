package doctor

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func expect(t *testing.T, r Result, level Level, found, remedy string) {
	t.Helper()
	if r.Level != level || !strings.Contains(r.Found, found) || !strings.Contains(r.Remedy, remedy) {
		t.Errorf("%+v, want %s with %q and %q", r, level, found, remedy)
	}
}

func TestRoom(t *testing.T) {
	const gib = 1 << 30
	f := Folder{Path: "/data", Journal: 4 * gib, Reserve: func(disk int64) int64 { return disk / 100 }}
	expect(t, f.room(50*gib, 100*gib), OK, "50.0 GiB of 100.0 GiB", "")
	expect(t, f.room(9*gib, 100*gib), Warn, "9.0 GiB", "series.retention")
	expect(t, f.room(3*gib, 100*gib), Warn, "3.0 GiB", "4.0 GiB (ingest.journal_bytes)")
	expect(t, f.room(gib/2, 100*gib), Fail, "512.0 MiB", "not ready")
}

func TestFileSystems(t *testing.T) {
	f := Folder{Path: "/data"}
	expect(t, f.fileSystem(0xef53), OK, "ext4", "")
	expect(t, f.fileSystem(0x6969), Fail, "NFS", "local disk")
	expect(t, f.fileSystem(-0xacb2be), Fail, "CIFS", "local disk") // 0xff534d42 as a signed number of 32 bits
	expect(t, f.fileSystem(0x01021994), Warn, "tmpfs", "restart")
	expect(t, f.fileSystem(0x794c7630), Warn, "overlay", "volume")
	expect(t, f.fileSystem(0x1234), OK, "0x1234", "")
}

func TestLimitsOfManyDevices(t *testing.T) {
	l := Limits{Fleet: &Fleet{Known: true}, Connections: 1 << 40, Reserved: 500}
	expect(t, l.files(), Warn, "1099511627776 clients", "LimitNOFILE")
	l.Fleet.Devices = 1 << 40
	expect(t, l.files(), Fail, "1099511627776 devices", "LimitNOFILE")
	l.Fleet.Devices = 1 << 30
	expect(t, l.memory(), Fail, "needed for 1073741824 devices", "more memory")
	l = Limits{Fleet: &Fleet{}}
	expect(t, l.files(), OK, "may be open", "")
	if r := l.memory(); r.Level == Fail {
		t.Errorf("without devices: %+v", r)
	}
}

func TestFileFromTheFuture(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	name := filepath.Join(folder, "segment")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, Clock{folder, now}.future(), OK, "No file", "")
	if err := os.Chtimes(name, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	expect(t, Clock{folder, now}.future(), Warn, "1h0m0s from now", "Check the clock")
}

// A check that takes too long ends, and the others go on.
func TestExamineIsPatientForSoLong(t *testing.T) {
	var told []string
	report := Examine(t.Context(), []Check{
		{Name: "slow", Patience: time.Millisecond, Look: func(ctx context.Context) []Result {
			<-ctx.Done()
			return one(Bad("It takes too long.", "Look."))
		}},
		{Name: "quick", Look: func(context.Context) []Result { return one(Good("It is well.")) }},
	}, func(r Result) { told = append(told, r.Check) })
	if strings.Join(told, " ") != "slow quick" || report.Failures != 1 || report.Warnings != 0 {
		t.Errorf("told of %v, report %+v", told, report)
	}
}

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	r := Weak(strings.Repeat("word ", 30), "Do something about it.")
	r.Check = "clock"
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.HasPrefix(lines[0], "WARN  clock                word") || !strings.HasPrefix(lines[1], "                           word") ||
		lines[2] != "                           -> Do something about it." {
		t.Errorf("written as\n%s", b.String())
	}
}
