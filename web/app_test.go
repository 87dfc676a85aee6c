package web

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestShell(t *testing.T) {
	s, _ := newServer(t, nil)
	nonces := make(map[string]bool)
	html := []string{"Accept", "text/html,application/xhtml+xml"}
	for _, path := range []string{"/", "/tickets/T-000001", "/devices/tv.12", "/setup?token=secret"} {
		res := request{method: "GET", path: path, header: html}.send(t, s)
		body := string(read(t, res, 200))
		policy := res.Header.Get("Content-Security-Policy")
		m := regexp.MustCompile(`script-src 'self' 'nonce-([\w-]{22})'`).FindStringSubmatch(policy)
		if m == nil || !strings.Contains(body, `nonce="`+m[1]+`"`) || strings.Contains(body, NoncePlaceholder) {
			t.Fatalf("%s: policy %q, page %s", path, policy, body)
		}
		if strings.Contains(policy, "script-src 'self' 'unsafe") || nonces[m[1]] {
			t.Errorf("%s: policy %q", path, policy)
		}
		nonces[m[1]] = true
		if res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: the shell is cached", path)
		}
	}
	read(t, request{method: "GET", path: "/"}.send(t, s), 200) // also without an Accept header
	if body := read(t, request{method: "HEAD", path: "/"}.send(t, s), 200); len(body) != 0 {
		t.Error("HEAD has a body")
	}
}

func TestAssets(t *testing.T) {
	s, _ := newServer(t, nil)
	res := request{method: "GET", path: "/assets/app-1a.js"}.send(t, s)
	read(t, res, 200)
	if res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || res.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("headers %v", res.Header)
	}
	res = request{method: "GET", path: "/favicon.svg"}.send(t, s)
	read(t, res, 200)
	if res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("headers %v", res.Header)
	}
	read(t, request{method: "GET", path: "/favicon.svg", header: []string{"If-None-Match", res.Header.Get("ETag")}}.send(t, s), 304)

	html := []string{"Accept", "text/html"}
	refusal(t, request{method: "GET", path: "/assets/app-2b.js", header: html}.send(t, s), 404)
	refusal(t, request{method: "GET", path: "/apple-touch-icon.png", header: []string{"Accept", "image/*"}}.send(t, s), 404)
	refusal(t, request{method: "GET", path: "/../../etc/passwd", header: []string{"Accept", "*/*"}}.send(t, s), 404)
	if res := (request{method: "POST", path: "/", header: html}).send(t, s); res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST / allows %q", res.Header.Get("Allow"))
	}
}

func TestAppWithoutShell(t *testing.T) {
	if _, err := newApp(fstest.MapFS{"assets/app.js": {Data: []byte("1")}}); err == nil || !strings.Contains(err.Error(), "make ui") {
		t.Errorf("newApp without index.html: %v", err)
	}
}
