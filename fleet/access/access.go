// Package access names who may sign in and what each role may do.
package access

import (
	"fmt"
	"slices"
	"time"
)

// Role is what a user is at the desk.
type Role string

// The roles.
const (
	Viewer     Role = "viewer"
	Technician Role = "technician"
	Dispatcher Role = "dispatcher"
	Planner    Role = "planner"
	Admin      Role = "admin"
)

// Roles lists every role, least powerful first.
func Roles() []Role { return []Role{Viewer, Technician, Dispatcher, Planner, Admin} }

// ParseRole reads a role by name.
func ParseRole(name string) (Role, error) {
	if r := Role(name); slices.Contains(Roles(), r) {
		return r, nil
	}
	return "", fmt.Errorf("unknown role %q: use one of %v", name, Roles())
}

// User is an account of a person.
type User struct {
	ID       string `json:"id"`
	Name     string `json:"name"`    // sign-in name, unique in the tenant, lower case
	Display  string `json:"display"` // how others see the user
	Role     Role   `json:"role"`
	Language string `json:"language,omitempty"`
	TimeZone string `json:"time_zone,omitempty"`
	// Technician is the fleet.Technician.ID the user acts as, empty for others.
	Technician string    `json:"technician,omitempty"`
	Created    time.Time `json:"created"`
	Disabled   bool      `json:"disabled,omitempty"`
	// PasswordHash is never sent to a client.
	PasswordHash string `json:"-"`
}

// Principal is who makes a request: a signed-in user or an API token.
type Principal struct {
	Tenant     string `json:"tenant"`
	User       string `json:"user"` // sign-in name, or "token:" and the token's name
	Display    string `json:"display"`
	Role       Role   `json:"role"`
	Technician string `json:"technician,omitempty"`
	Language   string `json:"language,omitempty"`
	TimeZone   string `json:"time_zone,omitempty"`
}
