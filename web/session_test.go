package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

func signInAs(name, password string) request {
	return request{method: "POST", path: "/api/v1/session", header: csrf, body: fmt.Sprintf(`{"name":%q,"password":%q}`, name, password)}
}

func TestSignInAndOut(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)

	res := signInAs(" Mira ", "password of mira").send(t, s)
	me := decode[Me](t, res, 200)
	if me.User != "mira" || me.Role != access.Technician || len(me.Roles) != 5 || len(me.May) == 0 {
		t.Errorf("signed in as %+v", me)
	}
	c := signedInCookie(t, res)
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Secure || len(c.Value) < 40 {
		t.Errorf("cookie %+v", c)
	}
	for id := range w.sessions {
		if strings.Contains(id, c.Value) {
			t.Error("the store holds the secret of the session")
		}
	}
	who := request{method: "GET", path: "/api/v1/me", cookie: c.Value}
	decode[Me](t, who.send(t, s), 200)

	out := request{method: "DELETE", path: "/api/v1/session", cookie: c.Value, header: csrf}.send(t, s)
	read(t, out, 204)
	if gone := signedInCookie(t, out); gone.Value != "" || gone.MaxAge >= 0 {
		t.Errorf("sign-out leaves the cookie %+v", gone)
	}
	refusal(t, who.send(t, s), 401)
}

func TestSecureCookieBehindTLS(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.PublicURL = "https://presage.example" })
	w.addUser("mira", access.Technician)
	res := signInAs("mira", "password of mira").send(t, s)
	if !signedInCookie(t, res).Secure || res.Header.Get("Strict-Transport-Security") == "" {
		t.Error("a cookie that leaves TLS")
	}
}

func TestSignInRefusals(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)
	w.addUser("gone", access.Admin)
	u := w.users["gone"]
	u.Disabled = true
	w.users["gone"] = u
	w.users["open"] = access.User{Name: "open", Role: access.Admin} // without a password nobody gets in

	var details []string
	for _, q := range []request{
		signInAs("mira", "password of gone"), signInAs("gone", "password of gone"), signInAs("nobody", "password of nobody"),
		signInAs("open", "a password that nobody has"), signInAs("mira", "hash of password of mira"),
	} {
		res := q.send(t, s)
		if len(res.Cookies()) != 0 {
			t.Error("a refused sign-in sets a cookie")
		}
		details = append(details, refusal(t, res, 401).Detail)
	}
	for _, d := range details {
		if d != details[0] {
			t.Errorf("refusals differ, which tells who has an account: %q, %q", details[0], d)
		}
	}
}

func TestStaleHashIsRenewed(t *testing.T) {
	s, w := newServer(t, nil)
	w.users["mira"] = access.User{ID: "u", Name: "mira", Role: access.Viewer, PasswordHash: "old hash of password of mira"}
	read(t, signInAs("mira", "password of mira").send(t, s), 200)
	if got := w.users["mira"].PasswordHash; got != "hash of password of mira" {
		t.Errorf("the hash is %q still", got)
	}
}

func TestGuessingIsLimited(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)
	var last *http.Response
	for range 6 {
		last = signInAs("mira", "wrong").send(t, s)
	}
	refusal(t, last, 429)
	if last.Header.Get("Retry-After") == "" {
		t.Error("a 429 without Retry-After")
	}
	refusal(t, signInAs("mira", "password of mira").send(t, s), 429)

	// Somebody elsewhere is not kept out.
	elsewhere := signInAs("mira", "password of mira")
	elsewhere.remote = "203.0.113.9:99"
	read(t, elsewhere.send(t, s), 200)

	// One address may not try many names either.
	for i := range 20 {
		last = signInAs(fmt.Sprint("user", i), "wrong").send(t, s)
	}
	refusal(t, last, 429)
}

// TestSuccessDoesNotCount: an office behind one address signs in every morning.
func TestSuccessDoesNotCount(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)
	for i := range 30 {
		if res := signInAs("mira", "password of mira").send(t, s); res.StatusCode != 200 {
			t.Fatalf("sign-in %d: status %d", i+1, res.StatusCode)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	for name, end := range map[string]func(*world, *access.Session){
		"expired":       func(_ *world, s *access.Session) { s.Expires = time.Now().Add(-time.Second) },
		"user deleted":  func(w *world, _ *access.Session) { delete(w.users, "mira") },
		"user disabled": func(w *world, _ *access.Session) { u := w.users["mira"]; u.Disabled = true; w.users["mira"] = u },
	} {
		t.Run(name, func(t *testing.T) {
			s, w := newServer(t, nil)
			w.addUser("mira", access.Technician)
			c := signedInCookie(t, signInAs("mira", "password of mira").send(t, s))
			for id, session := range w.sessions {
				end(w, &session)
				w.sessions[id] = session
			}
			refusal(t, request{method: "GET", path: "/api/v1/me", cookie: c.Value}.send(t, s), 401)
		})
	}
}

func TestUseProlongsASessionUpToItsLife(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)
	c := signedInCookie(t, signInAs("mira", "password of mira").send(t, s))
	id := access.HashSecret(c.Value)
	now := time.Now().UTC()

	old := w.sessions[id]
	old.LastSeen, old.Expires = now.Add(-time.Hour), now.Add(time.Hour)
	w.sessions[id] = old
	read(t, request{method: "GET", path: "/api/v1/me", cookie: c.Value}.send(t, s), 200)
	if got := w.sessions[id]; !got.Expires.After(now.Add(11 * time.Hour)) {
		t.Errorf("used now, the session ends at %v", got.Expires)
	}

	old.Created = now.Add(-s.cfg.SessionLife + time.Minute)
	w.sessions[id] = old
	read(t, request{method: "GET", path: "/api/v1/me", cookie: c.Value}.send(t, s), 200)
	if got := w.sessions[id]; got.Expires.After(now.Add(2 * time.Minute)) {
		t.Errorf("at the end of its life, the session ends at %v", got.Expires)
	}
}

func TestForeignPagesCannotAct(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("ada", access.Admin)
	c := signedInCookie(t, signInAs("ada", "password of ada").send(t, s))
	act := request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"hi"}`, cookie: c.Value}

	refusal(t, act.send(t, s), 403)
	act.header = []string{csrfHeader, csrfValue, "Sec-Fetch-Site", "cross-site"}
	refusal(t, act.send(t, s), 403)
	act.header = []string{csrfHeader, csrfValue, "Sec-Fetch-Site", "same-origin"}
	read(t, act.send(t, s), 200)
	// Signing a victim in as somebody else is an attack too.
	login := signInAs("ada", "password of ada")
	login.header = nil
	refusal(t, login.send(t, s), 403)
	// Programs have no cookie that a page could borrow.
	read(t, request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"hi"}`, token: w.token(t, access.Admin)}.send(t, s), 200)
}

func TestSetUp(t *testing.T) {
	secret := access.NewSecret()
	s, w := newServer(t, func(c *Config) { c.SetupToken = secret })
	setUp := func(token, name, password string) *http.Response {
		return request{method: "POST", path: "/api/v1/setup", header: csrf, body: fmt.Sprintf(`{"token":%q,"name":%q,"password":%q}`, token, name, password)}.send(t, s)
	}
	refusal(t, setUp("wrong", "ada", "correct horse"), 403)
	if p := refusal(t, setUp(secret, "ada", "short"), 422); p.Errors[0].Location != "body.password" {
		t.Errorf("problem %+v", p.Errors[0])
	}
	refusal(t, setUp(secret, "a b", "correct horse"), 422)
	res := setUp(secret, "Ada", "correct horse")
	if me := decode[Me](t, res, 200); me.User != "ada" || me.Role != access.Admin {
		t.Errorf("set up %+v", me)
	}
	read(t, request{method: "GET", path: "/api/v1/users", cookie: signedInCookie(t, res).Value}.send(t, s), 200)
	refusal(t, setUp(secret, "eve", "correct horse"), 409)
	if len(w.users) != 1 {
		t.Errorf("%d users", len(w.users))
	}
}

func TestSetUpWithoutALink(t *testing.T) {
	s, _ := newServer(t, nil)
	refusal(t, request{method: "POST", path: "/api/v1/setup", header: csrf, body: `{"token":"anything","name":"ada","password":"correct horse"}`}.send(t, s), 403)
}

func TestPasswordRules(t *testing.T) {
	for password, ok := range map[string]bool{
		"correct horse": true, "ten chars!": true, "密码密码密码密码密码": true,
		"nine char": false, "aaaaaaaaaaaaaa": false, "mira.schmidt": false, strings.Repeat("xy", 600): false,
	} {
		if p := checkPassword("body.password", password, "Mira.Schmidt"); (p == nil) != ok {
			t.Errorf("checkPassword(%.20q) = %v", password, p)
		}
	}
}

func TestUpdateMe(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("mira", access.Technician)
	here := signedInCookie(t, signInAs("mira", "password of mira").send(t, s))
	there := signedInCookie(t, signInAs("mira", "password of mira").send(t, s))
	change := func(body string) *http.Response {
		return request{method: "PATCH", path: "/api/v1/me", cookie: here.Value, header: csrf, body: body}.send(t, s)
	}
	if me := decode[Me](t, change(`{"display":"Mira S.","language":"de","time_zone":"Europe/Berlin"}`), 200); me.Display != "Mira S." || me.Language != "de" || me.TimeZone != "Europe/Berlin" {
		t.Errorf("changed to %+v", me)
	}
	refusal(t, change(`{"time_zone":"Mars/Olympus"}`), 422)
	refusal(t, change(`{"role":"admin"}`), 422)
	refusal(t, change(`{"password":"another password"}`), 422)
	refusal(t, change(`{"password":"another password","current":"wrong"}`), 422)
	read(t, change(`{"password":"another password","current":"password of mira"}`), 200)
	read(t, request{method: "GET", path: "/api/v1/me", cookie: here.Value}.send(t, s), 200)
	refusal(t, request{method: "GET", path: "/api/v1/me", cookie: there.Value}.send(t, s), 401)
	read(t, signInAs("mira", "another password").send(t, s), 200)
}

func TestUserAdministration(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("ada", access.Admin)
	admin := w.token(t, access.Admin)
	call := func(method, path, body string) *http.Response {
		return request{method: method, path: path, token: admin, body: body}.send(t, s)
	}

	made := read(t, call("POST", "/api/v1/users", `{"name":"Tom","role":"technician","password":"correct horse","technician":"mira"}`), 201)
	if bytes.Contains(made, []byte("hash of")) || bytes.Contains(made, []byte("correct horse")) {
		t.Errorf("the answer shows the password: %s", made)
	}
	refusal(t, call("POST", "/api/v1/users", `{"name":"tom","role":"viewer","password":"correct horse"}`), 409)
	refusal(t, call("POST", "/api/v1/users", `{"name":"eve","role":"owner","password":"correct horse"}`), 422)
	refusal(t, call("POST", "/api/v1/users", `{"name":"eve","role":"viewer","password":"correct horse","technician":"nobody"}`), 422)
	refusal(t, call("PATCH", "/api/v1/users/nobody", `{"disabled":true}`), 404)

	c := signedInCookie(t, signInAs("tom", "correct horse").send(t, s))
	read(t, call("PATCH", "/api/v1/users/tom", `{"role":"viewer"}`), 200)
	refusal(t, request{method: "GET", path: "/api/v1/me", cookie: c.Value}.send(t, s), 401)
	read(t, call("PATCH", "/api/v1/users/tom", `{"disabled":true}`), 200)
	refusal(t, signInAs("tom", "correct horse").send(t, s), 401)

	refusal(t, call("PATCH", "/api/v1/users/ada", `{"disabled":true}`), 409)
	refusal(t, call("PATCH", "/api/v1/users/ada", `{"role":"viewer"}`), 409)
	read(t, call("PATCH", "/api/v1/users/tom", `{"role":"admin","disabled":false}`), 200)
	read(t, call("PATCH", "/api/v1/users/ada", `{"disabled":true}`), 200)
}

func TestAnonymousOnLoopback(t *testing.T) {
	guest := access.Principal{Tenant: "default", User: "guest", Display: "Guest", Role: access.Admin}
	s, _ := newServer(t, func(c *Config) { c.Anonymous = &guest })
	q := request{method: "GET", path: "/api/v1/me", host: "127.0.0.1:8080", remote: "127.0.0.1:5000"}
	if me := decode[Me](t, q.send(t, s), 200); me.User != "guest" || !me.Anonymous {
		t.Errorf("anonymous is %+v", me)
	}
	// A page whose name was bound to 127.0.0.1 after it loaded has its own name as host.
	q.host = "evil.example"
	refusal(t, q.send(t, s), 401)
	q = request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"x"}`, host: "localhost", remote: "127.0.0.1:5000"}
	refusal(t, q.send(t, s), 403)
}
