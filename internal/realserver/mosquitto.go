package realserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// MosquittoServer is a private Mosquitto broker on a loopback port that stays the
// same over restarts. It keeps sessions, queued and retained messages on disk,
// and drops none for want of room.
type MosquittoServer struct {
	// URL is where it listens, such as "tcp://127.0.0.1:40001".
	URL string

	t       testing.TB
	program string
	folder  string
	port    int
	process *exec.Cmd
}

// Mosquitto starts a broker and stops it at the end of the test.
func Mosquitto(t testing.TB) *MosquittoServer {
	t.Helper()
	return MosquittoWith(t, func(port int) string {
		return fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\n", port)
	})
}

// MosquittoWith starts a broker that is told where to listen, which must be that port of the loopback interface, and whom to let in.
func MosquittoWith(t testing.TB, listen func(port int) string) *MosquittoServer {
	t.Helper()
	program := findMosquitto()
	if program == "" {
		Missing(t, "mosquitto", "install the package mosquitto")
	}
	m := &MosquittoServer{t: t, program: program, port: FreePort(t)}
	m.URL = fmt.Sprintf("tcp://127.0.0.1:%d", m.port)
	m.folder = m.makeFolder()
	config := listen(m.port) + fmt.Sprintf(`persistence true
persistence_location %s/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
log_dest file %s
log_type error
log_type warning
log_type notice
`, m.folder, m.log())
	if err := os.WriteFile(m.config(), []byte(config), 0o644); err != nil {
		t.Fatalf("write mosquitto's configuration: %v", err)
	}
	t.Cleanup(func() {
		m.Stop()
		if t.Failed() {
			t.Logf("mosquitto's last words:\n%s", tail(m.log(), 30))
		}
		os.RemoveAll(m.folder)
	})
	m.Start()
	return m
}

// Restart starts the broker anew with a part of its configuration replaced, "allow_anonymous true" for example.
func (m *MosquittoServer) Restart(part, by string) {
	m.t.Helper()
	m.Stop()
	text, err := os.ReadFile(m.config())
	if err != nil || !strings.Contains(string(text), part) {
		m.t.Fatalf("mosquitto's configuration has no %q: %v", part, err)
	}
	if err := os.WriteFile(m.config(), []byte(strings.Replace(string(text), part, by, 1)), 0o644); err != nil {
		m.t.Fatal(err)
	}
	m.Start()
}

// Start starts a broker that was stopped or killed, with the sessions and
// messages that it had on disk, and waits until it accepts connections.
func (m *MosquittoServer) Start() {
	m.t.Helper()
	if m.process != nil {
		m.t.Fatal("mosquitto runs already")
	}
	m.process = exec.Command(m.program, "-c", m.config())
	if err := m.process.Start(); err != nil {
		m.t.Fatalf("start mosquitto: %v", err)
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		conn, err := net.DialTimeout("tcp", strings.TrimPrefix(m.URL, "tcp://"), time.Second)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("mosquitto does not accept connections: %v\n%s", err, tail(m.log(), 30))
		}
		time.Sleep(10 * time.Millisecond) // between two attempts to reach another process
	}
}

// Reload makes the broker read its users and rules again.
func (m *MosquittoServer) Reload() {
	m.t.Helper()
	if err := m.process.Process.Signal(syscall.SIGHUP); err != nil {
		m.t.Fatalf("reload mosquitto: %v", err)
	}
}

// Stop lets the broker write everything to disk and waits for its end.
func (m *MosquittoServer) Stop() { m.end(syscall.SIGTERM) }

// Kill ends the broker at once, as a power cut would: it forgets what came after
// its last save.
func (m *MosquittoServer) Kill() { m.end(syscall.SIGKILL) }

func (m *MosquittoServer) end(signal syscall.Signal) {
	if m.process == nil {
		return
	}
	if err := m.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		m.t.Errorf("stop mosquitto: %v", err)
	}
	m.process.Wait() // its state after a signal is of no interest
	m.process = nil
}

func (m *MosquittoServer) config() string { return filepath.Join(m.folder, "mosquitto.conf") }
func (m *MosquittoServer) log() string    { return filepath.Join(m.folder, "mosquitto.log") }

// makeFolder makes the folder of the broker. Started as root, Mosquitto becomes
// the user "mosquitto", to whom the folder must then belong, and all folders
// above it must be open; testing's own temporary folders are not.
func (m *MosquittoServer) makeFolder() string {
	m.t.Helper()
	folder, err := os.MkdirTemp("", "mosquitto-")
	if err != nil {
		m.t.Fatalf("make a folder for mosquitto: %v", err)
	}
	if os.Geteuid() != 0 {
		return folder
	}
	account, err := user.Lookup("mosquitto")
	if err != nil {
		m.t.Fatalf("mosquitto started as root becomes a user who does not exist: %v", err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	if err := os.Chown(folder, uid, gid); err != nil {
		m.t.Fatalf("give mosquitto its folder: %v", err)
	}
	return folder
}

func findMosquitto() string {
	for _, name := range []string{"mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// tail returns the last lines of a file, or why it cannot be read.
func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// Forget removes what a broker that is stopped kept on disk.
func (m *MosquittoServer) Forget() {
	m.t.Helper()
	if err := os.Remove(filepath.Join(m.folder, "mosquitto.db")); err != nil {
		m.t.Fatal(err)
	}
}
