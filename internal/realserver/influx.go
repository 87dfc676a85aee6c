package realserver

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// InfluxServer is a running influxd 1.8 with authentication on and Flux off.
type InfluxServer struct {
	URL      string // "http://127.0.0.1:port"
	Token    string // "user:password" of an administrator
	Database string // a name that does not exist yet

	t      testing.TB
	binary string
	folder string
	port   int // 0 until the server has chosen one
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
}

const (
	influxUser     = "presage"
	influxPassword = "p'a\"ss\\word" // what URLs and quotes stumble over
)

// Influx starts an influxd for the test and stops it at its end. The program
// is the file .tools/influxd under the root of the module, else influxd of the PATH.
func Influx(t testing.TB) *InfluxServer {
	t.Helper()
	binary := influxBinary()
	if binary == "" {
		Missing(t, "InfluxDB", "GOBIN=$PWD/.tools go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10")
	}
	s := &InfluxServer{
		Token:    influxUser + ":" + influxPassword,
		Database: "presage_test",
		t:        t,
		binary:   binary,
		folder:   t.TempDir(),
	}
	t.Cleanup(s.Stop)
	s.Start()
	s.createUser()
	return s
}

// Start starts the server again, with its data and on its port, after Stop or Kill.
func (s *InfluxServer) Start() {
	s.t.Helper()
	if s.cmd != nil {
		s.t.Fatal("influxd is running already")
	}
	s.writeConfig()
	log, err := os.Create(s.logFile())
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(s.binary, "run", "-config", filepath.Join(s.folder, "influxdb.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.binary, err)
	}
	exited := make(chan struct{})
	go func() { // ends with the process; end waits for it
		defer close(exited)
		_ = cmd.Wait() // that it ended by a signal is no error here
	}()
	s.cmd, s.exited = cmd, exited
	s.awaitReady()
}

// writeConfig lets the server choose its port at the first start: one
// that was free a moment ago may be another server's by now, which would answer in its place.
func (s *InfluxServer) writeConfig() {
	s.t.Helper()
	config := fmt.Sprintf(`
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = %q
[data]
  dir = %q
  wal-dir = %q
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:%d"
  auth-enabled = true
  flux-enabled = false
  log-enabled = false
[logging]
  format = "logfmt"
  level = "info"
`, filepath.Join(s.folder, "meta"), filepath.Join(s.folder, "data"), filepath.Join(s.folder, "wal"), s.port)
	if err := os.WriteFile(filepath.Join(s.folder, "influxdb.conf"), []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Stop ends the server in an orderly way. Stopping twice is fine.
func (s *InfluxServer) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server as a crash would.
func (s *InfluxServer) Kill() { s.end(syscall.SIGKILL) }

func (s *InfluxServer) end(signal os.Signal) {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("stop influxd: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill() // it did not listen; the test fails below
		<-s.exited
		s.t.Error("influxd did not stop within 20 s")
	}
	s.cmd = nil
}

// listening is how the server tells the port that it has got.
var listening = regexp.MustCompile(`msg="Listening on HTTP".* addr=127\.0\.0\.1:(\d+)`)

func (s *InfluxServer) awaitReady() {
	s.t.Helper()
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if m := listening.FindStringSubmatch(s.log()); m != nil {
			s.port, _ = strconv.Atoi(m[1]) // the pattern lets only digits through
			s.URL = "http://127.0.0.1:" + m[1]
			if resp, err := client.Get(s.URL + "/ping"); err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusNoContent {
					return
				}
			}
		}
		select {
		case <-s.exited:
			s.t.Fatalf("influxd ended while starting:\n%s", s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.t.Fatalf("influxd was not ready within 30 s:\n%s", s.log())
}

func (s *InfluxServer) createUser() {
	s.t.Helper()
	quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(influxPassword)
	q := fmt.Sprintf(`CREATE USER %q WITH PASSWORD '%s' WITH ALL PRIVILEGES`, influxUser, quoted)
	resp, err := http.PostForm(s.URL+"/query", url.Values{"q": {q}})
	if err != nil {
		s.t.Fatalf("create user of influxd: %v", err)
	}
	defer resp.Body.Close()
	// The server answers 200 before it runs the statement: the end of the body tells that
	// it ran, and whether it failed.
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(body), `"error"`) {
		s.t.Fatalf("create user of influxd: %s %s %v\n%s", resp.Status, body, err, s.log())
	}
}

func (s *InfluxServer) logFile() string { return filepath.Join(s.folder, "influxd.log") }

func (s *InfluxServer) log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func influxBinary() string {
	if root := moduleRoot(); root != "" {
		path := filepath.Join(root, ".tools", "influxd")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	path, err := exec.LookPath("influxd")
	if err != nil {
		return ""
	}
	return path
}

// moduleRoot is the nearest folder above the working directory that holds a go.mod, "" when there is none.
func moduleRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
