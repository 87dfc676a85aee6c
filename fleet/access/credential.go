package access

import "time"

// Session is a browser that signed in.
type Session struct {
	// ID is the SHA-256, in hex, of the secret in the cookie: who reads the store cannot sign in with it.
	ID       string    `json:"-"`
	Tenant   string    `json:"-"`
	User     string    `json:"user"` // User.Name
	Created  time.Time `json:"created"`
	LastSeen time.Time `json:"last_seen"`
	Expires  time.Time `json:"expires"`
}

// Token lets a program in.
type Token struct {
	ID     string `json:"id"` // UUIDv7
	Tenant string `json:"-"`
	Name   string `json:"name"` // unique in the tenant
	Role   Role   `json:"role"`
	// Hash is the SHA-256, in hex, of the token, which is shown once and not kept.
	Hash      string    `json:"-"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
	Expires   time.Time `json:"expires,omitzero"` // zero: never
	LastUsed  time.Time `json:"last_used,omitzero"`
}
