package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

const (
	sessionCookie = "presage_session"
	// TokenPrefix begins every API token, so that scanners for leaked secrets know them.
	TokenPrefix = "presage_"
	// A page of another origin cannot send this header without our consent, which we never give (CORS).
	csrfHeader, csrfValue = "X-Requested-With", "presage"
	// touchEvery is how stale LastSeen and LastUsed may be: it keeps reads from becoming writes.
	touchEvery = time.Minute
)

type principalKey struct{}

// principalOf returns who makes the request; the zero Principal for operations that are public.
func principalOf(ctx context.Context) access.Principal {
	p, _ := ctx.Value(principalKey{}).(access.Principal)
	return p
}

// authorize is the middleware of the API framework around [Server.admit].
func (s *Server) authorize(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	who, p := s.admit(r, ctx.Operation().OperationID)
	noteOperation(r.Context(), ctx.Operation().OperationID, who)
	if p != nil {
		challenge(w, p)
		return
	}
	next(huma.WithValue(ctx, principalKey{}, who))
}

// guard puts the table of permissions before a plain handler.
func (s *Server) guard(id string, h http.Handler) http.Handler {
	s.declare(id)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, p := s.admit(r, id)
		noteOperation(r.Context(), id, who)
		if p != nil {
			challenge(w, p)
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, who)))
	})
}

// challenge answers with a problem and the header that belongs to its status.
func challenge(w http.ResponseWriter, p *Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="presage"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "2")
	}
	writeProblem(w, p)
}

// admit decides whether a request may use an operation, and as whom.
func (s *Server) admit(r *http.Request, id string) (access.Principal, *Problem) {
	rule, ok := s.permissions[id]
	if !ok {
		return access.Principal{}, problem(http.StatusForbidden, "This operation has no permissions.")
	}
	_, bearer := bearerToken(r)
	_, noCookie := r.Cookie(sessionCookie)
	// A page of another site could have made the browser send what is not a token. Who has
	// nothing at all is told to sign in instead.
	if !bearer && (rule.public || s.cfg.Anonymous != nil || noCookie == nil) {
		if p := s.sameSite(r); p != nil {
			return access.Principal{}, p
		}
	}
	if rule.public {
		return access.Principal{}, nil
	}
	claim, from := credential(r), s.clientAddress(r)
	if err := s.strangers.enter(claim, from, time.Now()); err != nil {
		p, _ := problemOf(err)
		return access.Principal{}, p
	}
	who, err := s.authenticate(r)
	switch {
	case err == nil && claim != "":
		s.strangers.welcome(claim, from)
	case errors.Is(err, errStale):
		s.strangers.part(claim)
	}
	switch {
	case errors.Is(err, errNobody):
		return who, problem(http.StatusUnauthorized, "Sign in, or send an API token as “Authorization: Bearer …”.")
	case errors.Is(err, errStale):
		return who, problem(http.StatusUnauthorized, "The session has ended or the token is not valid any more. Sign in again.")
	case err != nil:
		p, known := problemOf(err)
		if !known {
			s.cfg.Log.Error("request could not be authenticated", "operation", id, "err", err)
		}
		return who, p
	case !rule.allows(who.Role):
		return who, problem(http.StatusForbidden, fmt.Sprintf("The role %s may not do this. It needs one of: %s.", who.Role, rolesInWords(rule.roles)))
	}
	return who, nil
}

func rolesInWords(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// sameSite refuses requests that change something and may have been sent by a page of somebody else.
func (s *Server) sameSite(r *http.Request) *Problem {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if r.Header.Get(csrfHeader) != csrfValue {
		return problem(http.StatusForbidden, "A request with a cookie that changes something needs the header “X-Requested-With: presage”.")
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		return problem(http.StatusForbidden, "The request came from a page of another site.")
	}
	return nil
}

var (
	errNobody = errors.New("no credentials")
	errStale  = errors.New("credentials are not valid any more")
)

// authenticate finds out who makes a request: a token wins over a cookie, and a token that is not valid is an
// error even when a cookie is there.
func (s *Server) authenticate(r *http.Request) (access.Principal, error) {
	if token, ok := bearerToken(r); ok {
		return s.byToken(r.Context(), token)
	}
	if c, err := r.Cookie(sessionCookie); err == nil && c.Value != "" {
		who, _, err := s.bySession(r.Context(), c.Value)
		return who, err
	}
	if s.cfg.Anonymous != nil {
		if !loopbackHost(r.Host) {
			return access.Principal{}, errNobody
		}
		return *s.cfg.Anonymous, nil
	}
	return access.Principal{}, errNobody
}

func bearerToken(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

func (s *Server) byToken(ctx context.Context, secret string) (access.Principal, error) {
	t, err := s.cfg.Tokens.TokenByHash(ctx, access.HashSecret(secret))
	if errors.Is(err, tickets.ErrNotFound) {
		return access.Principal{}, errStale
	}
	if err != nil {
		return access.Principal{}, fmt.Errorf("look up token: %w", err)
	}
	now := time.Now().UTC()
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return access.Principal{}, errStale
	}
	if now.Sub(t.LastUsed) > touchEvery {
		if err := s.cfg.Tokens.TouchToken(ctx, t.ID, now); err != nil {
			s.cfg.Log.Warn("last use of a token was not noted", "err", err)
		}
	}
	return access.Principal{Tenant: t.Tenant, User: "token:" + t.Name, Display: t.Name, Role: t.Role}, nil
}

func (s *Server) bySession(ctx context.Context, secret string) (access.Principal, access.User, error) {
	id := access.HashSecret(secret)
	session, err := s.cfg.Sessions.Session(ctx, id)
	if errors.Is(err, tickets.ErrNotFound) {
		return access.Principal{}, access.User{}, errStale
	}
	if err != nil {
		return access.Principal{}, access.User{}, fmt.Errorf("look up session: %w", err)
	}
	now := time.Now().UTC()
	if !now.Before(session.Expires) {
		return access.Principal{}, access.User{}, errStale
	}
	u, err := s.cfg.Users.User(ctx, session.Tenant, session.User)
	if errors.Is(err, tickets.ErrNotFound) || err == nil && u.Disabled {
		return access.Principal{}, access.User{}, errStale
	}
	if err != nil {
		return access.Principal{}, access.User{}, fmt.Errorf("look up user: %w", err)
	}
	if now.Sub(session.LastSeen) > touchEvery {
		if err := s.cfg.Sessions.TouchSession(ctx, id, now, s.expiry(session.Created, now)); err != nil {
			s.cfg.Log.Warn("last use of a session was not noted", "err", err)
		}
	}
	return principalFor(session.Tenant, u), u, nil
}

// expiry is when a session ends that is used now: after the idle time, and never later than its whole life.
func (s *Server) expiry(created, now time.Time) time.Time {
	idle, end := now.Add(s.cfg.SessionIdle), created.Add(s.cfg.SessionLife)
	if idle.Before(end) {
		return idle
	}
	return end
}

func principalFor(tenant string, u access.User) access.Principal {
	display := u.Display
	if display == "" {
		display = u.Name
	}
	return access.Principal{
		Tenant: tenant, User: u.Name, Display: display, Role: u.Role,
		Technician: u.Technician, Language: u.Language, TimeZone: u.TimeZone,
	}
}
