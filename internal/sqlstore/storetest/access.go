package storetest

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
)

func users(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	anna := access.User{ID: "u-1", Name: "anna", Display: "Anna Änders", Role: access.Technician, Language: "de", TimeZone: "Europe/Berlin",
		Technician: "t-1", Created: epoch, PasswordHash: "$argon2id$..."}
	if err := s.CreateUser(ctx, tenant, anna); err != nil {
		t.Fatal(err)
	}
	if got, err := s.User(ctx, tenant, "anna"); err != nil || !reflect.DeepEqual(got, anna) {
		t.Errorf("user came back as %+v (error %v)", got, err)
	}
	twin := anna
	twin.ID = "u-2"
	if err := s.CreateUser(ctx, tenant, twin); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("taken name: error %v, want ErrConflict", err)
	}
	if err := s.CreateUser(ctx, "other", twin); err != nil {
		t.Errorf("the name in another tenant: %v", err)
	}
	twin.Name = "bea"
	if err := s.CreateUser(ctx, tenant, twin); err != nil {
		t.Fatal(err)
	}
	twin.Disabled, twin.Role, twin.PasswordHash, twin.Created = true, access.Admin, "new", epoch.Add(time.Hour)
	if err := s.UpdateUser(ctx, tenant, twin); err != nil {
		t.Fatal(err)
	}
	twin.Created = epoch // stays
	all, err := s.Users(ctx, tenant)
	if err != nil || !reflect.DeepEqual(all, []access.User{anna, twin}) {
		t.Errorf("users are %+v (error %v)", all, err)
	}
	twin.Name = "anna"
	if err := s.UpdateUser(ctx, tenant, twin); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("renaming to a taken name: error %v, want ErrConflict", err)
	}
	twin.ID = "u-9"
	if err := s.UpdateUser(ctx, tenant, twin); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("changing an unknown user: error %v, want ErrNotFound", err)
	}
	if _, err := s.User(ctx, tenant, "nobody\x00"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown user: error %v, want ErrNotFound", err)
	}
}

func firstUser(t *testing.T, s *sqlstore.Store) {
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			err := s.CreateFirstUser(t.Context(), tenant, access.User{Name: string(rune('a' + i)), Role: access.Admin, Created: epoch})
			switch {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, tickets.ErrConflict):
				t.Errorf("error %v, want ErrConflict", err)
			}
		})
	}
	wg.Wait()
	if all, err := s.Users(t.Context(), tenant); made.Load() != 1 || len(all) != 1 {
		t.Errorf("%d first users, stored %+v (error %v)", made.Load(), all, err)
	}
}

func sessions(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	session := func(id, user string, expires time.Duration) access.Session {
		return access.Session{ID: id, Tenant: tenant, User: user, Created: epoch, LastSeen: epoch, Expires: epoch.Add(expires)}
	}
	a, b, c := session("a", "anna", time.Hour), session("b", "anna", time.Minute), session("c", "bea", time.Minute)
	for _, v := range []access.Session{a, b, c} {
		if err := s.CreateSession(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.Session(ctx, "a"); err != nil || got != a {
		t.Errorf("session came back as %+v (error %v)", got, err)
	}
	if err := s.TouchSession(ctx, "b", epoch.Add(time.Second), epoch.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Session(ctx, "b"); err != nil || !got.LastSeen.Equal(epoch.Add(time.Second)) || !got.Expires.Equal(epoch.Add(2*time.Hour)) {
		t.Errorf("touched session is %+v (error %v)", got, err)
	}
	if err := s.TouchSession(ctx, "x", epoch, epoch); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("touching an unknown session: error %v", err)
	}
	gone := func(id string) {
		t.Helper()
		if _, err := s.Session(ctx, id); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("session %s is still there (error %v)", id, err)
		}
	}
	if err := s.DeleteExpiredSessions(ctx, epoch.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	gone("a")
	gone("c")
	if err := s.DeleteUserSessions(ctx, "other", "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Session(ctx, "b"); err != nil {
		t.Errorf("another tenant signed anna out: %v", err)
	}
	if err := s.DeleteUserSessions(ctx, tenant, "anna"); err != nil {
		t.Fatal(err)
	}
	gone("b")
	if err := s.CreateSession(ctx, a); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.DeleteSession(ctx, "a"); err != nil {
			t.Error(err)
		}
	}
	gone("a")
}

func tokens(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	erp := access.Token{ID: "k-1", Tenant: tenant, Name: "erp", Role: access.Planner, Hash: "h-1", Created: epoch, CreatedBy: "anna"}
	crm := access.Token{ID: "k-2", Tenant: tenant, Name: "crm", Role: access.Viewer, Hash: "h-2", Created: epoch, CreatedBy: "anna", Expires: epoch.Add(time.Hour)}
	for _, v := range []access.Token{erp, crm} {
		if err := s.CreateToken(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	taken := erp
	taken.ID, taken.Hash = "k-3", "h-3"
	if err := s.CreateToken(ctx, taken); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("taken name: error %v, want ErrConflict", err)
	}
	if got, err := s.TokenByHash(ctx, "h-1"); err != nil || got != erp {
		t.Errorf("token came back as %+v (error %v)", got, err)
	}
	if _, err := s.TokenByHash(ctx, "h-9"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown token: error %v", err)
	}
	if err := s.TouchToken(ctx, "k-1", epoch.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	erp.LastUsed = epoch.Add(time.Minute)
	if all, err := s.Tokens(ctx, tenant); err != nil || !reflect.DeepEqual(all, []access.Token{crm, erp}) {
		t.Errorf("tokens are %+v (error %v)", all, err)
	}
	if err := s.DeleteToken(ctx, "other", "k-1"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant deletes the token: error %v", err)
	}
	if err := s.DeleteToken(ctx, tenant, "k-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TokenByHash(ctx, "h-1"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("deleted token: error %v", err)
	}
}
