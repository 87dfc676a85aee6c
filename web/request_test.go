package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// request is one call of the handler. Headers come in pairs.
type request struct {
	method, path, body string
	token              string
	cookie             string
	header             []string
	remote             string
	host               string
}

func (q request) send(t testing.TB, s *Server) *http.Response {
	t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r := httptest.NewRequest(q.method, q.path, body)
	r.RemoteAddr = "198.51.100.7:4000"
	if q.remote != "" {
		r.RemoteAddr = q.remote
	}
	if q.host != "" {
		r.Host = q.host
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.cookie != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: q.cookie})
	}
	for i := 0; i+1 < len(q.header); i += 2 {
		r.Header.Set(q.header[i], q.header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Result()
}

// read returns the body of an answer and checks its status.
func read(t testing.TB, res *http.Response, status int) []byte {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", res.StatusCode, status, body)
	}
	return body
}

// decode reads an answer into a T.
func decode[T any](t testing.TB, res *http.Response, status int) T {
	t.Helper()
	var v T
	body := read(t, res, status)
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// refusal checks that an answer is a whole problem document with a status and returns it.
func refusal(t testing.TB, res *http.Response, status int) Problem {
	t.Helper()
	p := decode[Problem](t, res, status)
	if kind := res.Header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("content type %q, want application/problem+json", kind)
	}
	if p.Status != status || p.Type != "about:blank" || p.Title == "" || p.Detail == "" {
		t.Errorf("problem is not whole: %+v", p)
	}
	return p
}

var csrf = []string{csrfHeader, csrfValue}

// signedInCookie returns the secret of the cookie that an answer sets.
func signedInCookie(t testing.TB, res *http.Response) *http.Cookie {
	t.Helper()
	for _, c := range res.Cookies() {
		if c.Name == sessionCookie {
			return c
		}
	}
	t.Fatal("the answer sets no session cookie")
	return nil
}
