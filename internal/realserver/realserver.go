// Package realserver starts the real servers that tests talk to: Mosquitto,
// PostgreSQL and InfluxDB, each private to one test, on a port or socket that
// was free, in a temporary folder, and stopped at the end of the test.
package realserver

import (
	"net"
	"os"
	"testing"
)

// Missing ends a test whose real server is not installed: with a failure
// in CI, where that must not go unnoticed, and with a skip that names the remedy elsewhere.
func Missing(t testing.TB, server, remedy string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing, and CI must test against the real one: %s", server, remedy)
	}
	t.Skipf("%s is missing: %s", server, remedy)
}

// FreePort returns a TCP port of the loopback interface that was free a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("find a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
