package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is that of this machine, and the data of time zones.
type Clock struct {
	// Data is the data folder, whose files tell whether the clock was ever set back.
	Data string
	// Now is the time.
	Now time.Time
}

// Check looks at the synchronisation, at files from the future, and at the zones.
func (c Clock) Check() Check { return Check{Name: "clock", Look: c.look} }

func (c Clock) look(context.Context) []Result {
	return []Result{c.synchronised(), c.future(), zones()}
}

// The state of the kernel's clock, from adjtimex(2).
const (
	timeError      = 5
	unsynchronised = unix.STA_UNSYNC
)

func (c Clock) synchronised() Result {
	var t unix.Timex // modes 0: reads and changes nothing
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return Weak(fmt.Sprintf("The kernel does not tell whether the clock is synchronised: %v.", err), "Make sure by other means, such as chronyc tracking.")
	}
	if state == timeError || t.Status&unsynchronised != 0 {
		return Weak("The clock is not synchronised.",
			"Arrival, silence of devices and deadlines are judged by it, and the clocks of devices against it: run chrony or systemd-timesyncd (timedatectl set-ntp true). In a container, on its host.")
	}
	return Good("The clock is synchronised, to %s.", (time.Duration(t.Maxerror) * time.Microsecond).Round(time.Millisecond))
}

// ahead is how far a file may be dated ahead before the clock counts as set back: file systems and clocks differ by less.
const ahead = 5 * time.Second

// future looks for files that were written later than now.
func (c Clock) future() Result {
	var newest time.Time
	var name string
	looked := 0
	_ = filepath.WalkDir(c.Data, func(path string, d fs.DirEntry, err error) error {
		if looked++; looked > 100_000 {
			return fs.SkipAll
		}
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.ModTime().After(newest) {
			newest, name = info.ModTime(), path
		}
		return nil
	})
	if by := newest.Sub(c.Now); by > ahead {
		return Weak(fmt.Sprintf("%s was written %s from now: the clock was set back since.", name, by.Round(time.Second)),
			"Readings that arrive until then look older than those before, and silence is judged late. Check the clock before starting; nothing is lost.")
	}
	return Good("No file of the data folder is from the future.")
}

// zones looks for the data of time zones on this machine, which the programs beside Presage need; Presage brings its own.
func zones() Result {
	for _, dir := range []string{"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"} {
		if _, err := os.Stat(filepath.Join(dir, "Europe", "Berlin")); err == nil {
			return Good("Time zones are there.")
		}
	}
	if _, err := time.LoadLocation("Europe/Berlin"); err != nil {
		return Bad("There is no data of time zones.", "Working hours of stations cannot be told: install the package tzdata.")
	}
	return Good("Time zones are those that Presage brings; the system has none.")
}
