package broker

import (
	"net"
	"syscall"
	"testing"
	"time"
)

func checkVanish(t *testing.T, c *net.TCPConn) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	option := func(name string, option, want int) {
		var got int
		var failed error
		if err := raw.Control(func(fd uintptr) { got, failed = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	option("user time-out (ms)", tcpUserTimeout, int(silence/time.Millisecond))
	option("keep-alive begins after (s)", syscall.TCP_KEEPIDLE, 60)
	option("keep-alive interval (s)", syscall.TCP_KEEPINTVL, 15)
	option("keep-alive probes", syscall.TCP_KEEPCNT, 4)
}
