package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestCheckListen(t *testing.T) {
	for address, ok := range map[string]bool{
		"127.0.0.1:8080": true, "[::1]:8080": true, "localhost:8080": true, "127.8.8.8:1": true, "[::ffff:127.0.0.1]:80": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.5:8080": false, "presage.example:80": false, "8080": false,
	} {
		if err := CheckListen(address, false); (err == nil) != ok {
			t.Errorf("CheckListen(%q, no sign-in) = %v", address, err)
		}
		if err := CheckListen(address, true); err != nil {
			t.Errorf("CheckListen(%q, sign-in) = %v", address, err)
		}
	}
}

func TestClientAddress(t *testing.T) {
	s := &Server{cfg: Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"198.51.100.7:1234", "", "198.51.100.7"},
		{"198.51.100.7:1234", "1.2.3.4", "198.51.100.7"}, // a stranger may say anything
		{"10.0.0.1:1234", "1.2.3.4", "1.2.3.4"},
		{"10.0.0.1:1234", "6.6.6.6, 1.2.3.4", "1.2.3.4"}, // what the client claimed itself does not count
		{"10.0.0.1:1234", "1.2.3.4, 10.0.0.2", "1.2.3.4"},
		{"10.0.0.1:1234", "rubbish", "10.0.0.1"},
		{"10.0.0.1:1234", "", "10.0.0.1"},
		{"[::ffff:198.51.100.7]:1234", "", "198.51.100.7"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := s.clientAddress(r); got != c.want {
			t.Errorf("clientAddress(%s, %q) = %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

func TestFromLoopback(t *testing.T) {
	for _, c := range []struct {
		remote, host, forwarded string
		want                    bool
	}{
		{"127.0.0.1:9", "127.0.0.1:8080", "", true},
		{"[::1]:9", "localhost:8080", "", true},
		{"127.0.0.1:9", "127.0.0.1:8080", "1.2.3.4", false}, // a proxy on this machine
		{"127.0.0.1:9", "presage.example", "", false},
		{"198.51.100.7:9", "localhost", "", false},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := fromLoopback(r); got != c.want {
			t.Errorf("fromLoopback(%+v) = %v", c, got)
		}
	}
}

func TestHeadersAgainstAbuse(t *testing.T) {
	s, _ := newServer(t, nil)
	for _, path := range []string{"/", "/api/v1/me", "/livez", "/nothing", "/assets/app-1a.js"} {
		h := request{method: "GET", path: path}.send(t, s).Header
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
		if h.Get("Content-Security-Policy") == "" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	if got := (request{method: "GET", path: "/api/v1/me"}).send(t, s).Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("answers of the API are cached: %q", got)
	}
}

func TestOperationEndpoints(t *testing.T) {
	s, w := newServer(t, nil)
	read(t, request{method: "GET", path: "/livez"}.send(t, s), 200)
	if r := decode[Readiness](t, request{method: "GET", path: "/readyz"}.send(t, s), 200); !r.Ready || r.Problems == nil {
		t.Errorf("readiness %+v", r)
	}
	w.unready = []Unready{{Check: "lane 3", Detail: "It stands still since 2 min."}}
	if r := decode[Readiness](t, request{method: "GET", path: "/readyz"}.send(t, s), 503); r.Ready || len(r.Problems) != 1 || r.Problems[0].Check != "lane 3" {
		t.Errorf("readiness %+v", r)
	}
	w.unready = nil
	s.Close()
	if r := decode[Readiness](t, request{method: "GET", path: "/readyz"}.send(t, s), 503); r.Ready {
		t.Error("ready while shutting down")
	}
	if doc := read(t, request{method: "GET", path: "/openapi.json"}.send(t, s), 200); len(doc) < 10_000 {
		t.Errorf("the document has %d bytes", len(doc))
	}
	res := request{method: "GET", path: "/openapi.json", header: []string{"Accept-Encoding", "gzip"}}.send(t, s)
	if res.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a long answer is not compressed")
	}
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}
