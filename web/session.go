package web

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// Me is who is signed in.
type Me struct {
	access.Principal
	// Roles are all roles there are, least powerful first.
	Roles []access.Role `json:"roles"`
	// May lists the operations of the API that the role may use.
	May []string `json:"may"`
	// Anonymous is set when nobody has to sign in, on a loopback address.
	Anonymous bool `json:"anonymous,omitempty"`
}

type signInBody struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"1024"`
}

type setUpBody struct {
	Token    string `json:"token" minLength:"1" maxLength:"128"`
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"1024"`
	Display  string `json:"display,omitempty" maxLength:"128"`
	Language string `json:"language,omitempty" enum:"en,de,zh"`
}

type updateMeBody struct {
	Display  *string `json:"display,omitempty" maxLength:"128"`
	Language *string `json:"language,omitempty" enum:"en,de,zh"`
	TimeZone *string `json:"time_zone,omitempty" maxLength:"64"`
	// Password is the new one; it needs the Current.
	Password *string `json:"password,omitempty" maxLength:"1024"`
	Current  string  `json:"current,omitempty" maxLength:"1024"`
}

// signedIn answers with a new cookie.
type signedIn struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Me
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

// client carries what an operation needs to know of the connection.
type client struct {
	address string
	secure  bool
}

func (s *Server) sessionRoutes() {
	handle(s, operation{id: "get-me", method: "GET", path: "/api/v1/me", summary: "Who is signed in", tag: "session"},
		func(_ context.Context, who access.Principal, _ *none) (*body[Me], error) {
			return answer(s.me(who)), nil
		})
	handle(s, operation{id: "update-me", method: "PATCH", path: "/api/v1/me", summary: "Change one's own account", tag: "session"}, s.updateMe)
	handle(s, operation{id: "sign-in", method: "POST", path: "/api/v1/session", summary: "Sign in", tag: "session"}, s.signIn)
	handle(s, operation{id: "sign-out", method: "DELETE", path: "/api/v1/session", summary: "Sign out", tag: "session", status: http.StatusNoContent}, s.signOut)
	handle(s, operation{id: "set-up", method: "POST", path: "/api/v1/setup", summary: "Make the first admin", tag: "session"}, s.setUp)
}

func (s *Server) me(who access.Principal) Me {
	return Me{Principal: who, Roles: access.Roles(), May: mayOf(s.permissions, who.Role), Anonymous: s.cfg.Anonymous != nil && who == *s.cfg.Anonymous}
}

type signInInput struct {
	connection
	Body signInBody
}

// connection takes the address of the client from the request.
type connection struct{ client client }

// Resolve implements huma.Resolver.
func (c *connection) Resolve(ctx huma.Context) []error {
	if found, ok := ctx.Context().Value(clientKey{}).(client); ok {
		c.client = found
	}
	return nil
}

type clientKey struct{}

func (s *Server) signIn(ctx context.Context, _ access.Principal, in *signInInput) (*signedIn, error) {
	now := time.Now().UTC()
	name := normalName(in.Body.Name)
	attempts := [...][2]string{{"address", in.client.address}, {"pair", in.client.address + "\x00" + name}, {"name", name}}
	for _, attempt := range attempts {
		if err := s.limiter.take(attempt[0], attempt[1], now); err != nil {
			s.cfg.Log.Warn("too many sign-in attempts", "user", name, "address", in.client.address)
			return nil, err
		}
	}
	u, err := s.checkPassword(ctx, name, in.Body.Password)
	if errors.Is(err, errStale) {
		s.cfg.Log.Warn("sign-in refused", "user", name, "address", in.client.address)
		return nil, problem(http.StatusUnauthorized, "Name or password is wrong.")
	}
	if err != nil {
		return nil, err
	}
	for _, attempt := range attempts {
		s.limiter.giveBack(attempt[0], attempt[1])
	}
	return s.open(ctx, u, in.client, now)
}

// checkPassword returns the user with a name and password, or errStale. It takes as long for a user that does not exist.
func (s *Server) checkPassword(ctx context.Context, name, password string) (access.User, error) {
	u, err := s.cfg.Users.User(ctx, s.cfg.Tenant, name)
	missing := errors.Is(err, tickets.ErrNotFound)
	if err != nil && !missing {
		return u, fmt.Errorf("look up user: %w", err)
	}
	hash := u.PasswordHash
	if missing || hash == "" {
		hash, missing = s.dummyHash, true
	}
	ok, stale, err := s.verify(ctx, hash, password)
	if err != nil {
		return u, fmt.Errorf("check password of %s: %w", name, err)
	}
	if missing || !ok || u.Disabled {
		return u, errStale
	}
	if stale {
		if u.PasswordHash, err = s.hash(ctx, password); err != nil {
			return u, err
		}
		if err := s.cfg.Users.UpdateUser(ctx, s.cfg.Tenant, u); err != nil {
			s.cfg.Log.Warn("password hash was not renewed", "user", name, "err", err)
		}
	}
	return u, nil
}

func (s *Server) verify(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	if err := s.claimHashing(ctx); err != nil {
		return false, false, err
	}
	defer func() { <-s.hashing }()
	return s.cfg.Passwords.Verify(hash, password)
}

func (s *Server) hash(ctx context.Context, password string) (string, error) {
	if err := s.claimHashing(ctx); err != nil {
		return "", err
	}
	defer func() { <-s.hashing }()
	return s.cfg.Passwords.Hash(password)
}

// claimHashing waits for a place among those who may hash at once.
func (s *Server) claimHashing(ctx context.Context) error {
	select {
	case s.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

// open starts a session and answers with its cookie.
func (s *Server) open(ctx context.Context, u access.User, from client, now time.Time) (*signedIn, error) {
	secret := access.NewSecret()
	session := access.Session{
		ID: access.HashSecret(secret), Tenant: s.cfg.Tenant, User: u.Name,
		Created: now, LastSeen: now, Expires: s.expiry(now, now),
	}
	if err := s.cfg.Sessions.CreateSession(ctx, session); err != nil {
		return nil, fmt.Errorf("start session of %s: %w", u.Name, err)
	}
	s.strangers.welcome(session.ID, from.address)
	return &signedIn{SetCookie: cookie(secret, now.Add(s.cfg.SessionLife), from.secure), Body: s.me(principalFor(s.cfg.Tenant, u))}, nil
}

// cookie carries the secret of a session, or ends it when the secret is empty.
func cookie(secret string, until time.Time, secure bool) http.Cookie {
	c := http.Cookie{Name: sessionCookie, Value: secret, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, Expires: until}
	if secret == "" {
		c.MaxAge, c.Expires = -1, time.Time{}
	}
	return c
}

type signOutInput struct {
	connection
	Session string `cookie:"presage_session" maxLength:"128"`
}

func (s *Server) signOut(ctx context.Context, _ access.Principal, in *signOutInput) (*signedOut, error) {
	if in.Session != "" {
		if err := s.cfg.Sessions.DeleteSession(ctx, access.HashSecret(in.Session)); err != nil && !errors.Is(err, tickets.ErrNotFound) {
			return nil, fmt.Errorf("end session: %w", err)
		}
	}
	return &signedOut{SetCookie: cookie("", time.Time{}, in.client.secure)}, nil
}

type setUpInput struct {
	connection
	Body setUpBody
}

func (s *Server) setUp(ctx context.Context, _ access.Principal, in *setUpInput) (*signedIn, error) {
	now := time.Now().UTC()
	if err := s.limiter.take("address", in.client.address, now); err != nil {
		return nil, err
	}
	if s.cfg.SetupToken == "" || subtle.ConstantTimeCompare([]byte(access.HashSecret(in.Body.Token)), []byte(access.HashSecret(s.cfg.SetupToken))) != 1 {
		return nil, problem(http.StatusForbidden, "The set-up link is not valid. Presage prints a new one at every start as long as there is no user.")
	}
	u := access.User{Name: normalName(in.Body.Name), Display: in.Body.Display, Language: in.Body.Language, Role: access.Admin, Created: now}
	if err := s.completeUser(ctx, &u, in.Body.Password); err != nil {
		return nil, err
	}
	err := s.cfg.Users.CreateFirstUser(ctx, s.cfg.Tenant, u)
	if errors.Is(err, tickets.ErrConflict) {
		return nil, problem(http.StatusConflict, "The set-up link was used already. Sign in, or ask an admin for an account.")
	}
	if err != nil {
		return nil, fmt.Errorf("create first user: %w", err)
	}
	s.limiter.giveBack("address", in.client.address)
	s.cfg.Log.Info("first admin created", "user", u.Name)
	return s.open(ctx, u, in.client, now)
}

// completeUser checks a new account and gives it an ID and a password hash.
func (s *Server) completeUser(ctx context.Context, u *access.User, password string) error {
	if p := checkName(u.Name); p != nil {
		return p
	}
	if p := checkPassword("body.password", password, u.Name); p != nil {
		return p
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make an id: %w", err)
	}
	u.ID = id.String()
	if u.Display == "" {
		u.Display = u.Name
	}
	if u.PasswordHash, err = s.hash(ctx, password); err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	return nil
}

func normalName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

func checkName(name string) *Problem {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("._@+-", r))
	}) {
		return invalid("body.name", "A sign-in name has 1 to 64 letters a to z, digits and . _ @ + -")
	}
	return nil
}

// MinPassword is the fewest characters of a password; NIST SP 800-63B section 3.1.1.2 asks for 8 at least.
const MinPassword = 10

func checkPassword(location, password, name string) *Problem {
	switch n := len([]rune(password)); {
	case n < MinPassword:
		return invalid(location, fmt.Sprintf("A password has at least %d characters.", MinPassword))
	case len(password) > 1024:
		return invalid(location, "A password has at most 1024 bytes.")
	case name != "" && strings.EqualFold(password, name):
		return invalid(location, "The password is the name.")
	case strings.Count(password, password[:1]) == len(password):
		return invalid(location, "The password is one character over and over.")
	}
	return nil
}

type updateMeInput struct {
	connection
	Session string `cookie:"presage_session" maxLength:"128"`
	Body    updateMeBody
}

func (s *Server) updateMe(ctx context.Context, who access.Principal, in *updateMeInput) (*body[Me], error) {
	u, err := s.cfg.Users.User(ctx, who.Tenant, who.User)
	if errors.Is(err, tickets.ErrNotFound) {
		return nil, problem(http.StatusForbidden, "Only people have an account to change: this request was made with a token or without sign-in.")
	}
	if err != nil {
		return nil, fmt.Errorf("look up user: %w", err)
	}
	set(&u.Display, in.Body.Display)
	set(&u.Language, in.Body.Language)
	if p := setTimeZone(&u, in.Body.TimeZone); p != nil {
		return nil, p
	}
	if in.Body.Password != nil {
		if err := s.limiter.take("pair", in.client.address+"\x00"+u.Name, time.Now().UTC()); err != nil {
			return nil, err
		}
		if ok, _, err := s.verify(ctx, u.PasswordHash, in.Body.Current); err != nil || !ok {
			return nil, invalid("body.current", "The current password is wrong.")
		}
		if p := checkPassword("body.password", *in.Body.Password, u.Name); p != nil {
			return nil, p
		}
		if u.PasswordHash, err = s.hash(ctx, *in.Body.Password); err != nil {
			return nil, fmt.Errorf("hash password: %w", err)
		}
	}
	if err := s.cfg.Users.UpdateUser(ctx, who.Tenant, u); err != nil {
		return nil, fmt.Errorf("update user: %w", err)
	}
	if in.Body.Password != nil {
		if err := s.keepOnly(ctx, who.Tenant, u.Name, in.Session); err != nil {
			return nil, err
		}
	}
	return answer(s.me(principalFor(who.Tenant, u))), nil
}

// keepOnly signs a user out everywhere but in one session.
func (s *Server) keepOnly(ctx context.Context, tenant, user, secret string) error {
	kept, err := s.cfg.Sessions.Session(ctx, access.HashSecret(secret))
	if err != nil {
		return fmt.Errorf("look up session: %w", err)
	}
	if err := s.cfg.Sessions.DeleteUserSessions(ctx, tenant, user); err != nil {
		return fmt.Errorf("end sessions of %s: %w", user, err)
	}
	if err := s.cfg.Sessions.CreateSession(ctx, kept); err != nil {
		return fmt.Errorf("keep session of %s: %w", user, err)
	}
	return nil
}

// set changes a member when the request names it.
func set[T any](member, to *T) {
	if to != nil {
		*member = *to
	}
}

func setTimeZone(u *access.User, zone *string) *Problem {
	if zone == nil {
		return nil
	}
	if _, err := time.LoadLocation(*zone); err != nil || *zone == "Local" {
		return invalid("body.time_zone", "There is no such time zone. Use a name like Europe/Berlin.")
	}
	u.TimeZone = *zone
	return nil
}
