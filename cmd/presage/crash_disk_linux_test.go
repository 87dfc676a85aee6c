package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/disk/disktest"
)

// TestFullDisk fills the disk under the whole data folder, under the journal, the series and the database alone, while
// devices publish. Devices wait or go on, but nothing is lost; /readyz says what is
// wrong; and once there is room everything goes on without a restart.
func TestFullDisk(t *testing.T) {
	const size = 48 << 20
	for _, c := range []struct {
		name string
		// mounts prepares the data folder and returns the disk that is filled.
		mounts func(t *testing.T, data string) *disktest.Small
		waits  bool // devices get no PUBACK while it is full
	}{
		{"everything", func(t *testing.T, data string) *disktest.Small { return disktest.MountSmall(t, data, size) }, true},
		{"journal", func(t *testing.T, data string) *disktest.Small {
			return disktest.MountSmall(t, filepath.Join(data, "journal"), size)
		}, true},
		{"series", func(t *testing.T, data string) *disktest.Small {
			return disktest.MountSmall(t, filepath.Join(data, "series"), size)
		}, false},
		{"database", func(t *testing.T, data string) *disktest.Small {
			d := disktest.MountSmall(t, data, size)
			for _, other := range []string{"journal", "series", "lanes"} {
				disktest.Mount(t, t.TempDir(), filepath.Join(data, other), "", syscall.MS_BIND, "")
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
			disk.Fill()
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
				if c.name == "series" {
					p.eventually(20*time.Second, "/readyz tells of the disk", func() (bool, string) {
						code, body := p.status()
						return code == 503 && strings.Contains(body, `"series disk"`), fmt.Sprint(code, body)
					})
				}
				if longCrashes() {
					until := time.Now().Add(90 * time.Second) // longer than anything in the stores waits
					p.eventually(3*time.Minute, "/readyz tells of what stands still", func() (bool, string) {
						code, body := p.status()
						return code == 503 && time.Now().After(until), fmt.Sprint(code, body)
					})
				}
			}
			_, body := p.status()
			t.Logf("full: %s", body)
			disk.Free()
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
