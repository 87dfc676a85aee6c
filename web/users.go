package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// UserList is every account.
type UserList struct {
	Users []access.User `json:"users"`
}

type createUserInput struct {
	Body struct {
		Name       string      `json:"name" minLength:"1" maxLength:"64"`
		Display    string      `json:"display,omitempty" maxLength:"128"`
		Role       access.Role `json:"role" enum:"viewer,technician,dispatcher,planner,admin"`
		Password   string      `json:"password" minLength:"1" maxLength:"1024"`
		Language   string      `json:"language,omitempty" enum:"en,de,zh"`
		TimeZone   string      `json:"time_zone,omitempty" maxLength:"64"`
		Technician string      `json:"technician,omitempty" maxLength:"128"`
	}
}

type updateUserInput struct {
	Name string `path:"name" minLength:"1" maxLength:"64"`
	Body struct {
		Display    *string      `json:"display,omitempty" maxLength:"128"`
		Role       *access.Role `json:"role,omitempty" enum:"viewer,technician,dispatcher,planner,admin"`
		Password   *string      `json:"password,omitempty" maxLength:"1024"`
		Language   *string      `json:"language,omitempty" enum:"en,de,zh"`
		TimeZone   *string      `json:"time_zone,omitempty" maxLength:"64"`
		Technician *string      `json:"technician,omitempty" maxLength:"128"`
		Disabled   *bool        `json:"disabled,omitempty"`
	}
}

func (s *Server) userRoutes() {
	handle(s, operation{id: "list-users", method: "GET", path: "/api/v1/users", summary: "Accounts of people", tag: "accounts"}, s.listUsers)
	handle(s, operation{id: "create-user", method: "POST", path: "/api/v1/users", summary: "Make an account", tag: "accounts", status: http.StatusCreated}, s.createUser)
	handle(s, operation{id: "update-user", method: "PATCH", path: "/api/v1/users/{name}", summary: "Change, disable or enable an account", tag: "accounts"}, s.updateUser)
}

func (s *Server) listUsers(ctx context.Context, who access.Principal, _ *none) (*body[UserList], error) {
	users, err := s.cfg.Users.Users(ctx, who.Tenant)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return answer(UserList{list(users)}), nil
}

func (s *Server) createUser(ctx context.Context, who access.Principal, in *createUserInput) (*body[access.User], error) {
	b := &in.Body
	u := access.User{
		Name: normalName(b.Name), Display: b.Display, Role: b.Role, Language: b.Language,
		Technician: b.Technician, Created: time.Now().UTC(),
	}
	if p := setTimeZone(&u, &b.TimeZone); p != nil {
		return nil, p
	}
	if p := s.checkTechnician(who, u.Technician); p != nil {
		return nil, p
	}
	if err := s.completeUser(ctx, &u, b.Password); err != nil {
		return nil, err
	}
	err := s.cfg.Users.CreateUser(ctx, who.Tenant, u)
	if errors.Is(err, tickets.ErrConflict) {
		return nil, problem(http.StatusConflict, fmt.Sprintf("There is a user %q already.", u.Name))
	}
	if err != nil {
		return nil, fmt.Errorf("create user: %w", err)
	}
	s.cfg.Log.Info("user created", "user", u.Name, "role", string(u.Role), "by", who.User)
	return answer(u), nil
}

func (s *Server) updateUser(ctx context.Context, who access.Principal, in *updateUserInput) (*body[access.User], error) {
	b := &in.Body
	u, err := s.cfg.Users.User(ctx, who.Tenant, normalName(in.Name))
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", in.Name, err)
	}
	before := u
	set(&u.Display, b.Display)
	set(&u.Role, b.Role)
	set(&u.Language, b.Language)
	set(&u.Technician, b.Technician)
	set(&u.Disabled, b.Disabled)
	if p := setTimeZone(&u, b.TimeZone); p != nil {
		return nil, p
	}
	if b.Technician != nil {
		if p := s.checkTechnician(who, u.Technician); p != nil {
			return nil, p
		}
	}
	if err := s.keepAnAdmin(ctx, who, before, u); err != nil {
		return nil, err
	}
	if b.Password != nil {
		if p := checkPassword("body.password", *b.Password, u.Name); p != nil {
			return nil, p
		}
		if u.PasswordHash, err = s.hash(ctx, *b.Password); err != nil {
			return nil, fmt.Errorf("hash password: %w", err)
		}
	}
	if err := s.cfg.Users.UpdateUser(ctx, who.Tenant, u); err != nil {
		return nil, fmt.Errorf("update user %s: %w", u.Name, err)
	}
	// A new password, a smaller role and a disabled account take effect at once, in every browser.
	if b.Password != nil || u.Role != before.Role || u.Disabled {
		if err := s.cfg.Sessions.DeleteUserSessions(ctx, who.Tenant, u.Name); err != nil {
			return nil, fmt.Errorf("end sessions of %s: %w", u.Name, err)
		}
		s.streams.drop(who.Tenant, u.Name)
	}
	s.cfg.Log.Info("user changed", "user", u.Name, "role", string(u.Role), "disabled", u.Disabled, "by", who.User)
	return answer(u), nil
}

// keepAnAdmin refuses a change that would leave nobody who can undo it.
func (s *Server) keepAnAdmin(ctx context.Context, who access.Principal, before, after access.User) error {
	acts := func(u access.User) bool { return u.Role == access.Admin && !u.Disabled }
	if !acts(before) || acts(after) {
		return nil
	}
	users, err := s.cfg.Users.Users(ctx, who.Tenant)
	if err != nil {
		return fmt.Errorf("list users: %w", err)
	}
	if !slices.ContainsFunc(users, func(u access.User) bool { return u.ID != after.ID && acts(u) }) {
		return problem(http.StatusConflict, "This is the last admin. Make another one first.")
	}
	return nil
}

// checkTechnician fails for a technician whom nobody knows.
func (s *Server) checkTechnician(who access.Principal, id string) *Problem {
	known := func(t fleet.Technician) bool { return t.ID == id }
	if id == "" || slices.ContainsFunc(s.cfg.Directory.Technicians(who.Tenant), known) {
		return nil
	}
	return invalid("body.technician", fmt.Sprintf("There is no technician %q.", id))
}
