package realserver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a running PostgreSQL with a cluster of its own, reached over
// a unix socket only.
type PostgresServer struct {
	// URL of the database "presage", which is empty.
	URL string

	t         testing.TB
	bin, data string
	socket    string // folder
	account   *syscall.SysProcAttr
	cmd       *exec.Cmd
	exited    chan struct{} // closed when cmd has ended
	databases atomic.Int32
	settings  []string // "name=value", which win over those of start
}

const (
	postgresStart = 30 * time.Second
	postgresStop  = 20 * time.Second
	// maxSocketPath is sun_path of sockaddr_un without the final zero.
	maxSocketPath = 107
)

// Postgres starts a PostgreSQL for the test and stops it at its end, within
// about a second. Its programs are those of the PATH, else the newest that
// Debian installed. As root it runs as an unprivileged account, because it refuses root.
func Postgres(t testing.TB) *PostgresServer {
	t.Helper()
	bin := postgresBin()
	if bin == "" {
		Missing(t, "PostgreSQL", "apt-get install postgresql")
	}
	// Not t.TempDir(): its parents belong to root alone, and its name is too long for a socket.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &PostgresServer{t: t, bin: bin, data: filepath.Join(dir, "data"), socket: dir, account: &syscall.SysProcAttr{}}
	if path := filepath.Join(dir, ".s.PGSQL.5432"); len(path) >= maxSocketPath {
		t.Fatalf("the socket %s is longer than %d bytes: set TMPDIR to a shorter folder", path, maxSocketPath)
	}
	if os.Geteuid() == 0 {
		s.dropRoot(dir)
	}
	// Nothing here survives a power cut, and nothing has to: only kills are tested.
	s.run("initdb", "--pgdata="+s.data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	s.URL = s.url("presage")
	s.Start()
	t.Cleanup(s.Stop)
	s.create("presage")
	return s
}

// dropRoot makes the server run as an unprivileged account that owns dir.
func (s *PostgresServer) dropRoot(dir string) {
	s.t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(account.Uid)
		gid, err2 := strconv.Atoi(account.Gid)
		if err1 != nil || err2 != nil {
			continue
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			s.t.Fatal(err)
		}
		for parent := filepath.Dir(dir); parent != "/"; parent = filepath.Dir(parent) {
			info, err := os.Stat(parent)
			if err != nil {
				s.t.Fatal(err)
			}
			if info.Mode()&0o001 == 0 {
				s.t.Fatalf("the account %s cannot reach %s because of the mode of %s: set TMPDIR to a folder it can", name, dir, parent)
			}
		}
		s.account.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return
	}
	s.t.Fatal("PostgreSQL refuses to run as root, and there is neither an account postgres nor nobody")
}

// run runs a program of PostgreSQL to its end.
func (s *PostgresServer) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.SysProcAttr = s.account
	cmd.Dir = s.socket
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

func (s *PostgresServer) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database,
		RawQuery: url.Values{"host": {s.socket}}.Encode()}
	return u.String()
}

// Database makes an empty database and returns its URL.
func (s *PostgresServer) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.databases.Add(1))
	s.create(name)
	return s.url(name)
}

func (s *PostgresServer) create(database string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), postgresStart)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		s.t.Fatalf("create database %s: %v", database, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{database}.Sanitize()); err != nil {
		s.t.Fatalf("create database %s: %v", database, err)
	}
}

// Start starts a server that was stopped or killed and returns when it answers.
func (s *PostgresServer) Start() {
	s.t.Helper()
	deadline := time.Now().Add(postgresStart)
	for {
		err := s.start(deadline)
		if err == nil {
			return
		}
		// After a kill the processes of the former server take a moment to notice
		// and to let go of the shared memory; until then a new one refuses to start.
		if time.Now().After(deadline) {
			s.t.Fatalf("start PostgreSQL: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *PostgresServer) start(deadline time.Time) error {
	log, err := os.OpenFile(s.data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := []string{"-D", s.data, "-k", s.socket, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50", "-c", "deadlock_timeout=100ms"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), args...)
	attributes := *s.account
	attributes.Pdeathsig = syscall.SIGQUIT // no server outlives a test binary that is killed
	s.cmd.SysProcAttr = &attributes
	s.cmd.Dir = s.socket
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func(cmd *exec.Cmd) { // ends with the server; Stop and Kill wait for it
		cmd.Wait()
		close(exited)
	}(s.cmd)
	for {
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			conn.Close(ctx)
			cancel()
			return nil
		}
		cancel()
		select {
		case <-exited:
			return fmt.Errorf("it ended at once:\n%s", tail(s.data+".log", 20))
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

// Set restarts the server with settings, each as "name=value", on top of those that it had.
func (s *PostgresServer) Set(settings ...string) {
	s.t.Helper()
	s.Stop()
	s.settings = append(s.settings, settings...)
	s.Start()
}

// RequirePassword makes a role with a password, and lets it and everybody but the superuser in with their passwords only. It
// returns the URL of the database "presage" for that role.
func (s *PostgresServer) RequirePassword(role, password string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), postgresStart)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", pgx.Identifier{role}.Sanitize(), password),
		"ALTER DATABASE presage OWNER TO " + pgx.Identifier{role}.Sanitize(),
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
	rules := "local all postgres trust\nlocal all all scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(s.data, "pg_hba.conf"), []byte(rules), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_reload_conf()"); err != nil {
		s.t.Fatal(err)
	}
	return s.URLFor(role, password)
}

// URLFor is the URL of the database "presage" for a role and a password.
func (s *PostgresServer) URLFor(role, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Path: "/presage", RawQuery: url.Values{"host": {s.socket}}.Encode()}
	return u.String()
}

// Stop shuts the server down as an operator would: connections are closed, nothing is lost.
func (s *PostgresServer) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server as a crash of the machine would: with all its processes,
// which on the death of the first alone would serve their connections a little longer.
func (s *PostgresServer) Kill() {
	s.t.Helper()
	pid := s.cmd.Process.Pid
	// Stopped, it starts no more processes while those that it has are ended.
	if err := s.cmd.Process.Signal(syscall.SIGSTOP); err == nil {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			s.t.Errorf("find the processes of PostgreSQL: %v", err)
		}
		for _, field := range strings.Fields(string(children)) {
			if child, err := strconv.Atoi(field); err == nil {
				syscall.Kill(child, syscall.SIGKILL)
				defer s.gone(child)
			}
		}
	}
	s.end(syscall.SIGKILL)
}

// gone returns when a killed process has let go of its connections.
func (s *PostgresServer) gone(pid int) {
	s.t.Helper()
	for deadline := time.Now().Add(postgresStop); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		// The state stands behind the name in brackets: Z has ended and waits for its parent.
		if _, state, ok := strings.Cut(string(stat), ") "); err != nil || ok && strings.HasPrefix(state, "Z") {
			return
		}
	}
	s.t.Errorf("process %d of PostgreSQL did not end within %s", pid, postgresStop)
}

func (s *PostgresServer) end(signal syscall.Signal) {
	s.t.Helper()
	select {
	case <-s.exited:
		return
	default:
	}
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("end PostgreSQL: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(postgresStop):
		s.t.Errorf("PostgreSQL did not end within %s after %s", postgresStop, signal)
		s.cmd.Process.Kill()
		<-s.exited
	}
}

// postgresBin returns the folder with PostgreSQL's programs, or "".
func postgresBin() string {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}
