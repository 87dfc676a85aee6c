package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// DeviceCredentialList is the tokens of a device, the newest first, without their secrets.
type DeviceCredentialList struct {
	Credentials []access.DeviceCredential `json:"credentials"`
}

// NewDeviceCredential is the token of a device at the only time that it is shown.
type NewDeviceCredential struct {
	access.DeviceCredential
	Token string `json:"token"`
}

type issueCredentialInput struct {
	DevicePath
	Body struct {
		// Devices are what a gateway speaks for beside itself.
		Devices []string `json:"devices,omitempty" maxItems:"1000" doc:"What a gateway speaks for beside itself: device ids, and beginnings such as press-*."`
		Days    int      `json:"days,omitempty" minimum:"0" maximum:"3660" doc:"Days until the token expires; 0 means never."`
	}
}

type rotateCredentialInput struct {
	DevicePath
	Body struct {
		GraceHours int `json:"grace_hours" minimum:"0" maximum:"2160" doc:"For how long the tokens that the device has now stay valid."`
		Days       int `json:"days,omitempty" minimum:"0" maximum:"3660" doc:"Days until the new token expires; 0 means never."`
	}
}

type credentialPath struct {
	DevicePath
	Credential string `path:"credential" minLength:"1" maxLength:"64"`
}

func (s *Server) deviceCredentialRoutes() {
	const path = "/api/v1/devices/{id}/credentials"
	handle(s, operation{id: "list-device-credentials", method: "GET", path: path, summary: "Tokens of a device", tag: "devices"}, s.listDeviceCredentials)
	handle(s, operation{id: "issue-device-credential", method: "POST", path: path, summary: "Issue a token for a device", tag: "devices", status: http.StatusCreated}, s.issueDeviceCredential)
	handle(s, operation{id: "rotate-device-credentials", method: "POST", path: path + "/rotate", summary: "Issue a token that takes the place of those that a device has", tag: "devices", status: http.StatusCreated}, s.rotateDeviceCredentials)
	handle(s, operation{id: "revoke-device-credential", method: "DELETE", path: path + "/{credential}", summary: "Revoke a token of a device", tag: "devices", status: http.StatusNoContent}, s.revokeDeviceCredential)
}

func (s *Server) listDeviceCredentials(ctx context.Context, who access.Principal, in *DevicePath) (*body[DeviceCredentialList], error) {
	all, err := s.cfg.DeviceCredentials.DeviceCredentials(ctx, who.Tenant, in.ID)
	if err != nil {
		return nil, fmt.Errorf("list the credentials of %s: %w", in.ID, err)
	}
	return answer(DeviceCredentialList{list(all)}), nil
}

// newDeviceCredential makes a token that is not stored yet.
func newDeviceCredential(who access.Principal, device string, devices []string, days int) (c access.DeviceCredential, token string, now time.Time, err error) {
	if err := telemetry.ValidDeviceID(device); err != nil {
		return c, "", now, invalid("path.id", err.Error())
	}
	if _, err := access.NewScope(devices); err != nil {
		return c, "", now, invalid("body.devices", err.Error())
	}
	now = time.Now().UTC()
	var expires time.Time
	if days > 0 {
		expires = now.AddDate(0, 0, days)
	}
	c, token, err = access.IssueDeviceCredential(who.Tenant, device, devices, who.User, now, expires)
	return c, token, now, err
}

func (s *Server) issueDeviceCredential(ctx context.Context, who access.Principal, in *issueCredentialInput) (*body[NewDeviceCredential], error) {
	c, token, _, err := newDeviceCredential(who, in.ID, in.Body.Devices, in.Body.Days)
	if err != nil {
		return nil, err
	}
	err = s.cfg.DeviceCredentials.CreateDeviceCredentials(ctx, []access.DeviceCredential{c})
	if errors.Is(err, tickets.ErrConflict) {
		return nil, problem(http.StatusConflict, fmt.Sprintf("The device has %d valid tokens already. Revoke some, or rotate them.", access.MaxDeviceCredentials))
	}
	if err != nil {
		return nil, fmt.Errorf("issue a credential of %s: %w", in.ID, err)
	}
	s.cfg.Log.Info("credential of a device issued", "device", in.ID, "credential", c.ID, "by", who.User)
	return answer(NewDeviceCredential{DeviceCredential: c, Token: token}), nil
}

func (s *Server) rotateDeviceCredentials(ctx context.Context, who access.Principal, in *rotateCredentialInput) (*body[NewDeviceCredential], error) {
	c, token, now, err := newDeviceCredential(who, in.ID, nil, in.Body.Days)
	if err != nil {
		return nil, err
	}
	c, err = s.cfg.DeviceCredentials.RotateDeviceCredentials(ctx, c, now.Add(time.Duration(in.Body.GraceHours)*time.Hour))
	if errors.Is(err, tickets.ErrNotFound) {
		return nil, problem(http.StatusNotFound, "The device has no valid token that could be replaced. Issue one.")
	}
	if err != nil {
		return nil, fmt.Errorf("rotate the credentials of %s: %w", in.ID, err)
	}
	s.cfg.Log.Info("credentials of a device rotated", "device", in.ID, "credential", c.ID, "grace_hours", in.Body.GraceHours, "by", who.User)
	return answer(NewDeviceCredential{DeviceCredential: c, Token: token}), nil
}

func (s *Server) revokeDeviceCredential(ctx context.Context, who access.Principal, in *credentialPath) (*none, error) {
	if _, err := s.cfg.DeviceCredentials.RevokeDeviceCredentials(ctx, who.Tenant, in.ID, in.Credential, time.Now().UTC()); err != nil {
		return nil, fmt.Errorf("revoke credential %s of %s: %w", in.Credential, in.ID, err)
	}
	s.cfg.Log.Info("credential of a device revoked", "device", in.ID, "credential", in.Credential, "by", who.User)
	return nil, nil
}
