package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
)

// Listener is an address that Presage listens on.
type Listener struct {
	Setting string // "mqtt.listen"
	Address string
	// Running is set when a Presage runs on the data folder: the port is then its own.
	Running bool
}

// Listeners are all of them.
type Listeners []Listener

// Check looks whether the ports are free, and at the kernel's settings for many connections.
func (l Listeners) Check() Check { return Check{Name: "network", Look: l.look} }

func (l Listeners) look(ctx context.Context) []Result {
	var results []Result
	for _, one := range l {
		results = append(results, one.look(ctx))
	}
	return append(results, queue())
}

func (l Listener) look(ctx context.Context) Result {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", l.Address)
	switch {
	case err == nil:
		if err := listener.Close(); err != nil {
			return Weak(fmt.Sprintf("%s %s cannot be closed: %v.", l.Setting, l.Address, err), "Try again.")
		}
		if l.Running {
			return Bad(fmt.Sprintf("Presage runs, and nobody listens on %s %s.", l.Setting, l.Address), "It runs with other settings than these, or is still starting: give the doctor the same --config and flags.")
		}
		return Good("%s %s is free.", l.Setting, l.Address)
	case errors.Is(err, syscall.EADDRINUSE) && l.Running:
		return Good("%s %s is taken, by the Presage that runs.", l.Setting, l.Address)
	case errors.Is(err, syscall.EADDRINUSE):
		_, port, _ := net.SplitHostPort(l.Address)
		return Bad(fmt.Sprintf("%s %s is taken by another program.", l.Setting, l.Address),
			fmt.Sprintf("Presage will not start. ss -ltnp 'sport = :%s' names the program: stop it, or choose another address with %s.", port, l.Setting))
	case errors.Is(err, syscall.EACCES):
		return Bad(fmt.Sprintf("%s %s is not allowed to this user.", l.Setting, l.Address),
			"Ports below 1024 need CAP_NET_BIND_SERVICE, see deploy/presage.service; or choose a higher one.")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return Bad(fmt.Sprintf("%s %s is no address of this machine.", l.Setting, l.Address), "Choose one of those that ip address lists, or 0.0.0.0 for all.")
	}
	return Bad(fmt.Sprintf("%s %s cannot be listened on: %v.", l.Setting, l.Address, err), "Choose another address.")
}

// fewWaiting is how many connections must be able to wait to be accepted: what comes at once when a network is back.
const fewWaiting = 1024

// queue looks at how many connections may wait to be accepted.
func queue() Result {
	text := readLine("/proc/sys/net/core/somaxconn")
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return Good("The kernel does not tell how many connections may wait.")
	}
	if n < fewWaiting {
		return Weak(fmt.Sprintf("%d connections may wait to be accepted (net.core.somaxconn).", n),
			"When many devices come back at once, some are refused and try again later: sysctl -w net.core.somaxconn=4096.")
	}
	return Good("%d connections may wait to be accepted.", n)
}
