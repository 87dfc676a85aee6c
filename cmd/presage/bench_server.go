package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/presage-pdm/presage/internal/bench"
)

// benchServer is a server for one measurement, in a process of its own so that
// its processor time and its memory are its own.
type benchServer struct {
	std       streams
	self, dir string
	args      []string
	database  string // URL; empty for SQLite in the data folder
	mqtt      string // where devices publish
	url       string
	token     string
	log       *os.File
	cmd       *exec.Cmd
}

// newBenchServer prepares a server with an empty data folder. database is that of a PostgreSQL, empty for SQLite; flags
// are further ones of presage serve.
func newBenchServer(std streams, database string, flags ...string) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find my own program: %w", err)
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "presage-bench-")
	if err != nil {
		return nil, err
	}
	s := &benchServer{std: std, self: self, dir: dir, database: database, mqtt: "mqtt://" + ports[0], url: "http://" + ports[1]}
	s.args = append([]string{"serve", "--data", s.data(), "--database", database, "--mqtt", ports[0], "--http", ports[1],
		"--unknown-devices", "register", "--log-level", "warn"}, flags...)
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *benchServer) data() string { return filepath.Join(s.dir, "data") }

// api returns the API of the running server.
func (s *benchServer) api() *bench.API { return bench.NewAPI(s.url, s.token) }

// register makes devices known, as an operator does before they come.
func (s *benchServer) register(ctx context.Context, devices []string) error {
	path := filepath.Join(s.dir, "devices.csv")
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	rows := [][]string{{"id"}}
	for _, id := range devices {
		rows = append(rows, []string{id})
	}
	if err := errors.Join(w.WriteAll(rows), f.Close()); err != nil {
		return err
	}
	_, err = s.command(ctx, "import", "devices", path, "--data", s.data(), "--database", s.database)
	return err
}

// command runs another command of presage and returns its output.
func (s *benchServer) command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.self, args...)
	cmd.Env = s.std.environ
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("presage %s: %w: %s", args[0], err, strings.TrimSpace(problems.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// startPatience is how long a server may take until it is ready.
const startPatience = 5 * time.Minute

// start starts the server, also once more after its end, and returns how long it took until it was ready.
func (s *benchServer) start(ctx context.Context) (time.Duration, error) {
	s.cmd = exec.CommandContext(ctx, s.self, s.args...)
	s.cmd.Stderr, s.cmd.Env = s.log, s.std.environ
	began := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return 0, fmt.Errorf("start the server: %w", err)
	}
	if err := awaitReady(ctx, s.url, startPatience); err != nil {
		return 0, fmt.Errorf("start the server: %w\n%s", err, s.lastWords())
	}
	took := time.Since(began)
	if s.token != "" {
		return took, nil
	}
	var err error
	s.token, err = s.command(ctx, "token", "create", "--role", "admin", "--data", s.data(), "--database", s.database)
	return took, err
}

// lastWords is the end of the server's log.
func (s *benchServer) lastWords() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// kill ends the server as kill -9 does.
func (s *benchServer) kill() error {
	if s.cmd == nil {
		return nil
	}
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // its state after the signal is of no interest
	s.cmd = nil
	return err
}

// close ends the server and removes its data.
func (s *benchServer) close() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
	s.log.Close()
	os.RemoveAll(s.dir)
}

// memory returns a figure of the server's process in bytes: VmHWM, the most memory
// that it held at once, or VmRSS, what it holds now (proc_pid_status(5)).
func (s *benchServer) memory(field string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of the server: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("memory of the server: the system does not tell %s", field)
}

// freePorts returns loopback addresses that were free a moment ago.
func freePorts(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// awaitReady polls /readyz.
func awaitReady(ctx context.Context, url string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := errors.New("no answer yet")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("%s answered %s", req.URL, resp.Status)
		} else if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", patience, last)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
