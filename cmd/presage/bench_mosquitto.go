package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// benchMosquitto is a Mosquitto for one measurement, which keeps nothing on disk.
type benchMosquitto struct {
	url, dir string
	cmd      *exec.Cmd
}

// findMosquitto returns the program, empty when it is not installed.
func findMosquitto() string {
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func startBenchMosquitto(ctx context.Context, program string) (*benchMosquitto, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "presage-bench-mosquitto-")
	if err != nil {
		return nil, err
	}
	m := &benchMosquitto{url: "mqtt://" + ports[0], dir: dir}
	host, port, _ := strings.Cut(ports[0], ":")
	// Nothing is dropped for want of room, and nobody is held back: only then do the figures compare.
	config := fmt.Sprintf("listener %s %s\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\nmax_queued_messages 0\nlog_dest none\n", port, host)
	path := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		m.close()
		return nil, err
	}
	m.cmd = exec.CommandContext(ctx, program, "-c", path)
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		m.close()
		return nil, fmt.Errorf("start mosquitto: %w", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", ports[0], time.Second)
		if err == nil {
			conn.Close()
			return m, nil
		}
		if time.Now().After(deadline) {
			m.close()
			return nil, fmt.Errorf("mosquitto does not accept connections: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (m *benchMosquitto) close() {
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(syscall.SIGTERM)
		_ = m.cmd.Wait()
	}
	os.RemoveAll(m.dir)
}
