package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// CheckListen fails for an address beyond the loopback interface when nobody has to sign in.
func CheckListen(address string, signIn bool) error {
	if signIn {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read listen address %q: %w; write it as HOST:PORT", address, err)
	}
	if !loopbackHost(host) {
		return fmt.Errorf("refusing to listen on %s without sign-in: everybody who reaches it could change everything; "+
			"require sign-in, or listen on 127.0.0.1", address)
	}
	return nil
}

// loopbackHost reports whether a host, with or without a port, names the loopback interface. The name "localhost" does, by RFC 6761.
func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// clientAddress is the address of whoever sent the request. X-Forwarded-For is believed from the right, as far as
// the addresses are those of trusted proxies.
func (s *Server) clientAddress(r *http.Request) string {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	addr := remote.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.trusted(addr) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr.String()
}

func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// fromLoopback reports whether a request came from this machine and from no proxy on it.
func fromLoopback(r *http.Request) bool {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && remote.Addr().Unmap().IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == "" && loopbackHost(r.Host)
}
