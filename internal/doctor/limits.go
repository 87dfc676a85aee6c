package doctor

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/presage-pdm/presage/internal/disk"
)

// Fleet is how many devices there are, as one check found and others need to know.
type Fleet struct {
	Devices int
	Known   bool
}

// Limits are those on open files, memory and processors.
type Limits struct {
	// Fleet is filled in by the check of the database before this one looks.
	Fleet *Fleet
	// Connections is how many clients the settings let connect; 0 when devices connect to a broker of their own. Reserved are the
	// files that Presage needs beside them.
	Connections, Reserved int64
}

// Check compares what the system allows with what the devices need.
func (l Limits) Check() Check { return Check{Name: "limits", Look: l.look} }

func (l Limits) look(context.Context) []Result {
	return []Result{l.files(), l.memory(), processors()}
}

const (
	// The needs of memory, in bytes: of the process without devices, and of a device with ten metrics: its connection (27 KiB), ten
	// series in the store (1.4 KB each) and as many in the detection (2 KB each).
	memoryOfOurs  = 300 << 20
	memoryADevice = 27<<10 + 10*(1400+2048)
)

func (l Limits) files() Result {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return Weak(fmt.Sprintf("The limit on open files is not told: %v.", err), "Make sure by other means that it is above the number of devices.")
	}
	found := fmt.Sprintf("%d files and connections may be open.", limit.Max) // a Go program takes the hard limit by itself
	const remedy = "Every device is a connection, every connection a file: raise LimitNOFILE of the unit (deploy/presage.service has 262144) or nofile of the container."
	switch {
	case l.Connections == 0:
		return Good("%s", found)
	case uint64(l.Reserved)+uint64(l.Fleet.Devices) > limit.Max:
		return Bad(fmt.Sprintf("%s There are %d devices.", found, l.Fleet.Devices), "Not all of them can be connected. "+remedy)
	case uint64(l.Reserved+l.Connections) > limit.Max:
		return Weak(fmt.Sprintf("%s limits.connections lets %d clients connect.", found, l.Connections), "Fewer can. "+remedy)
	}
	return Good("%s", found)
}

func (l Limits) memory() Result {
	most := memoryOfContainer()
	total, err := memoryOfMachine()
	if err != nil && most == 0 {
		return Weak(fmt.Sprintf("How much memory there is is not told: %v.", err), "Make sure by other means.")
	}
	where := "The machine has"
	if most > 0 && (total == 0 || most < total) {
		total, where = most, "The container may use"
	}
	need := int64(memoryOfOurs) + int64(l.Fleet.Devices)*memoryADevice
	found := fmt.Sprintf("%s %s of memory; %s are needed for %s.", where, disk.Bytes(total), disk.Bytes(need), devices(*l.Fleet))
	limit := debug.SetMemoryLimit(-1) // a negative one changes nothing
	switch {
	case need > total:
		return Bad(found, "The process would be killed when it grows. Give it more memory, or use InfluxDB and an external broker.")
	case need > total/10*8:
		return Weak(found, "That is close: one that grows further is killed. Give it more memory.")
	case total == most && limit == math.MaxInt64:
		return Weak(found, fmt.Sprintf("Set GOMEMLIMIT to nine tenths of the limit (GOMEMLIMIT=%dMiB), so that memory is given back before the container is killed.", total/10*9>>20))
	}
	return Good("%s", found)
}

func devices(f Fleet) string {
	if !f.Known {
		return "a few devices"
	}
	return fmt.Sprintf("%d devices with ten metrics each", f.Devices)
}

// memoryOfMachine reads /proc/meminfo.
func memoryOfMachine() (int64, error) {
	file, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kib int64
		if _, err := fmt.Sscanf(lines.Text(), "MemTotal: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no MemTotal", file.Name())
}

// memoryOfContainer is the limit of the control group, 0 for none.
func memoryOfContainer() int64 {
	for _, path := range []string{cgroupFile("memory.max"), "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		n, err := strconv.ParseInt(readLine(path), 10, 64)
		if err == nil && n < 1<<60 { // version 1 writes a huge number for none
			return n
		}
	}
	return 0
}

// cgroupFile is the file of the control group (version 2) of this process.
func cgroupFile(name string) string {
	group := strings.TrimPrefix(readLine("/proc/self/cgroup"), "0::")
	if path := filepath.Join("/sys/fs/cgroup", group, name); fileExists(path) {
		return path
	}
	return filepath.Join("/sys/fs/cgroup", name)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readLine returns the first line of a file, empty when there is none.
func readLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSpace(line)
}

// processors compares what Go uses with what the control group allows.
func processors() Result {
	uses := runtime.GOMAXPROCS(0)
	quota := processorQuota()
	found := fmt.Sprintf("%d processors are used.", uses)
	switch {
	case quota > 0 && float64(uses) > math.Max(2, math.Ceil(quota)):
		return Weak(fmt.Sprintf("%d processors are used, and the container may use %.1f.", uses, quota),
			"It is held back for part of every tenth of a second, which shows as slow acknowledgements: leave GOMAXPROCS unset, or set it to the limit.")
	case quota > 0 && quota < 1:
		return Weak(fmt.Sprintf("The container may use %.1f of a processor.", quota), "Give it one at least.")
	}
	return Good("%s", found)
}

// processorQuota is how many processors the control group allows, 0 for all.
func processorQuota() float64 {
	var quota, period float64
	if _, err := fmt.Sscanf(readLine(cgroupFile("cpu.max")), "%g %g", &quota, &period); err != nil || period == 0 {
		return 0 // "max"
	}
	return quota / period
}
