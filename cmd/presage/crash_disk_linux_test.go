package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk is a file system of its own that can be filled.
type smallDisk struct {
	t       testing.TB
	path    string
	ballast string
}

// mountSmall mounts a file system of so many bytes on a folder, and skips the test where that is not allowed.
func mountSmall(t testing.TB, path string, size int) *smallDisk {
	t.Helper()
	mount(t, "tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	return &smallDisk{t, path, filepath.Join(path, "ballast")}
}

func mount(t testing.TB, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := os.MkdirAll(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("a disk that can be filled needs root: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil { // the process that uses it may still run
			t.Errorf("unmount %s: %v", target, err)
		}
	})
}

// fill leaves not a byte.
func (d *smallDisk) fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) free() {
	d.t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		d.t.Fatal(err)
	}
}

// TestFullDisk fills the disk under the whole data folder, under the journal, the series and the database alone, while
// devices publish. Devices wait or go on, but nothing is lost; /readyz says what is
// wrong; and once there is room everything goes on without a restart.
func TestFullDisk(t *testing.T) {
	const size = 48 << 20
	for _, c := range []struct {
		name string
		// mounts prepares the data folder and returns the disk that is filled.
		mounts func(t *testing.T, data string) *smallDisk
		waits  bool // devices get no PUBACK while it is full
	}{
		{"everything", func(t *testing.T, data string) *smallDisk { return mountSmall(t, data, size) }, true},
		{"journal", func(t *testing.T, data string) *smallDisk { return mountSmall(t, filepath.Join(data, "journal"), size) }, true},
		{"series", func(t *testing.T, data string) *smallDisk { return mountSmall(t, filepath.Join(data, "series"), size) }, false},
		{"database", func(t *testing.T, data string) *smallDisk {
			d := mountSmall(t, data, size)
			for _, other := range []string{"journal", "series", "lanes"} {
				mount(t, t.TempDir(), filepath.Join(data, other), "", syscall.MS_BIND, "")
			}
			return d
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := prepare(t, "serve", allEmbedded(t), crashFlags(t, "")...)
			disk := c.mounts(t, p.data)
			p.run()
			p.makeToken()
			all, acks := newGateways(2, 16, 2*time.Millisecond)
			load := publishAll(p, all, false)
			k := &killer{p: p, acks: acks}
			k.acked(400)
			disk.fill()
			if c.waits {
				p.eventually(30*time.Second, "no more PUBACKs come", func() (bool, string) {
					before := acks.Load()
					time.Sleep(time.Second)
					return acks.Load() == before, "they do"
				})
				p.eventually(20*time.Second, "/readyz tells of the disk", func() (bool, string) {
					code, body := p.status()
					return code == 503 && (strings.Contains(body, `"journal"`) || strings.Contains(body, `"disk"`)), fmt.Sprint(code, body)
				})
			} else {
				k.acked(800)
				p.eventually(20*time.Second, "the store is waited for", func() (bool, string) {
					return p.metric("presage_lane_retries_total") > 0, "it is not: the disk was not full"
				})
				if longCrashes() {
					p.eventually(90*time.Second, "/readyz tells of what stands still", func() (bool, string) {
						code, body := p.status()
						return code == 503, fmt.Sprint(code, body)
					})
				}
			}
			_, body := p.status()
			t.Logf("full: %s", body)
			disk.free()
			k.acked(200)
			load.end()
			finish(t, p, all)
			p.eventually(60*time.Second, "presage is ready again", func() (bool, string) {
				code, body := p.status()
				return code == 200, body
			})
			p.drained()
			readings, faults := checkReadings(p, all), checkFaults(p, all)
			p.stop()
			t.Logf("%d acknowledged readings and %d faults were there", readings, faults)
		})
	}
}
