package broker

import (
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT of linux/tcp.h, which package syscall lacks.
const tcpUserTimeout = 18

// boundSilence makes the connections that a listening socket accepts end when what was sent to them is not acknowledged for so long. Without it Linux
// goes on for a quarter of an hour (tcp_retries2), since it does not send keep-alives meanwhile. See tcp(7) and RFC 5482.
func boundSilence(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(silence/time.Millisecond))
	})
	if err != nil {
		return err
	}
	return failed
}
