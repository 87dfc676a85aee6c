package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine is what the figures were measured on.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"` // that this process may use
	MemoryMiB int64  `json:"memory_mib"`
	Kernel    string `json:"kernel"`
	Go        string `json:"go"`
	// Load is the load average over a minute when the measurement began: work of others takes from the figures.
	Load float64 `json:"load_average"`
	// Sync is how long the disk takes to make 4 KiB durable.
	Sync Figure `json:"disk_sync"`
}

// Describe describes this machine. dir is a folder on the disk that is meant. What the system does not tell stays empty.
func Describe(dir string) (Machine, error) {
	m := Machine{Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Kernel: runtime.GOOS}
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = "Linux " + strings.TrimSpace(string(text))
	}
	m.Processor = procField("/proc/cpuinfo", "model name")
	if kib, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryMiB = kib >> 10
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		m.Load, _ = strconv.ParseFloat(first, 64)
	}
	var err error
	m.Sync, err = syncTimes(dir, 300)
	return m, err
}

// procField returns the first value of a key in a file of "key: value" lines.
func procField(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// syncTimes appends 4 KiB to a file and syncs it, so often.
func syncTimes(dir string, times int) (_ Figure, err error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return Figure{}, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	block := make([]byte, 4096)
	took := make([]time.Duration, 0, times)
	for range times {
		if _, err := f.Write(block); err != nil {
			return Figure{}, err
		}
		began := time.Now()
		if err := f.Sync(); err != nil {
			return Figure{}, err
		}
		took = append(took, time.Since(began))
	}
	return figureOf(took), nil
}

// String describes the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %d MiB, %s, %s, disk sync of 4 KiB p50 %.2f ms and p99 %.2f ms, load average %.1f at the beginning",
		m.Processor, m.Cores, m.MemoryMiB, m.Kernel, m.Go, m.Sync.P50Ms, m.Sync.P99Ms, m.Load)
}
