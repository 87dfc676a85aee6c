package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/tickets"
)

// TokenList is every API token, without its secret.
type TokenList struct {
	Tokens []access.Token `json:"tokens"`
}

// NewTokenAnswer is an API token at the only time that its secret is shown.
type NewTokenAnswer struct {
	access.Token
	Secret string `json:"secret"`
}

type createTokenInput struct {
	Body struct {
		Name string      `json:"name" minLength:"1" maxLength:"64"`
		Role access.Role `json:"role" enum:"viewer,technician,dispatcher,planner,admin"`
		// Days until the token expires; 0 means never.
		Days int `json:"days,omitempty" minimum:"0" maximum:"3660"`
	}
}

type tokenPath struct {
	ID string `path:"id" minLength:"1" maxLength:"64"`
}

// MakeToken returns a new API token and its secret, which is not kept. expires zero means never.
func MakeToken(tenant, name string, role access.Role, by string, now, expires time.Time) (token access.Token, secret string, err error) {
	id, err := uuid.NewV7()
	if err != nil {
		return token, "", fmt.Errorf("make an id: %w", err)
	}
	secret = TokenPrefix + access.NewSecret()
	return access.Token{
		ID: id.String(), Tenant: tenant, Name: name, Role: role, Hash: access.HashSecret(secret),
		Created: now, CreatedBy: by, Expires: expires,
	}, secret, nil
}

func (s *Server) tokenRoutes() {
	handle(s, operation{id: "list-tokens", method: "GET", path: "/api/v1/tokens", summary: "API tokens", tag: "accounts"},
		func(ctx context.Context, who access.Principal, _ *none) (*body[TokenList], error) {
			tokens, err := s.cfg.Tokens.Tokens(ctx, who.Tenant)
			if err != nil {
				return nil, fmt.Errorf("list tokens: %w", err)
			}
			return answer(TokenList{list(tokens)}), nil
		})
	handle(s, operation{id: "create-token", method: "POST", path: "/api/v1/tokens", summary: "Make an API token", tag: "accounts", status: http.StatusCreated}, s.createToken)
	handle(s, operation{id: "delete-token", method: "DELETE", path: "/api/v1/tokens/{id}", summary: "Revoke an API token", tag: "accounts", status: http.StatusNoContent},
		func(ctx context.Context, who access.Principal, in *tokenPath) (*none, error) {
			if err := s.cfg.Tokens.DeleteToken(ctx, who.Tenant, in.ID); err != nil {
				return nil, fmt.Errorf("revoke token %s: %w", in.ID, err)
			}
			s.cfg.Log.Info("token revoked", "token", in.ID, "by", who.User)
			return nil, nil
		})
}

func (s *Server) createToken(ctx context.Context, who access.Principal, in *createTokenInput) (*body[NewTokenAnswer], error) {
	name := strings.TrimSpace(in.Body.Name)
	if name == "" {
		return nil, invalid("body.name", "Give the token a name that tells who uses it.")
	}
	now := time.Now().UTC()
	var expires time.Time
	if in.Body.Days > 0 {
		expires = now.AddDate(0, 0, in.Body.Days)
	}
	token, secret, err := MakeToken(who.Tenant, name, in.Body.Role, who.User, now, expires)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Tokens.CreateToken(ctx, token)
	if errors.Is(err, tickets.ErrConflict) {
		return nil, problem(http.StatusConflict, fmt.Sprintf("There is a token %q already.", name))
	}
	if err != nil {
		return nil, fmt.Errorf("create token: %w", err)
	}
	s.cfg.Log.Info("token created", "token", token.ID, "role", string(token.Role), "by", who.User)
	return answer(NewTokenAnswer{Token: token, Secret: secret}), nil
}
