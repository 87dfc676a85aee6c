package access

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/presage-pdm/presage/telemetry"
)

// DeviceTokenPrefix begins every token of a device, so that the broker tells them from passwords at a
// glance, and scanners for leaked secrets know them.
const DeviceTokenPrefix = "presagedevice_"

// MaxDeviceCredentials is how many credentials of one device may be valid at a time.
const MaxDeviceCredentials = 8

// DeviceCredential is a token with which a device, or a gateway for many of them, signs in at the broker.
type DeviceCredential struct {
	ID     string `json:"id"` // UUIDv7
	Tenant string `json:"-"`
	// Device is the device or gateway that has the token.
	Device string `json:"device"`
	// Devices are what a gateway speaks for beside itself, as [NewScope] reads them.
	Devices []string `json:"devices,omitempty"`
	// Hash is [HashSecret] of the token, which is shown once and not kept.
	Hash string `json:"-"`
	// Mosquitto is the token as a password file of Mosquitto holds it. It can be
	// made only while the token is known, so it is made with it.
	Mosquitto string    `json:"-"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
	Expires   time.Time `json:"expires,omitzero"`   // zero: never
	Revoked   time.Time `json:"revoked,omitzero"`   // zero: not
	LastUsed  time.Time `json:"last_used,omitzero"` // of the last connection, some minutes late
	// Revision grows with every change of any credential, so that who has seen all up to one finds what came after.
	Revision int64 `json:"-"`
}

// Ends is when the credential is not valid any more; zero for never.
func (c DeviceCredential) Ends() time.Time {
	if !c.Revoked.IsZero() && (c.Expires.IsZero() || c.Revoked.Before(c.Expires)) {
		return c.Revoked
	}
	return c.Expires
}

// ValidAt tells whether the credential is valid at a time.
func (c DeviceCredential) ValidAt(now time.Time) bool {
	ends := c.Ends()
	return ends.IsZero() || now.Before(ends)
}

// IssueDeviceCredential returns a new credential and its token, which is not kept. expires zero means never.
func IssueDeviceCredential(tenant, device string, devices []string, by string, now, expires time.Time) (c DeviceCredential, token string, err error) {
	if err := telemetry.ValidDeviceID(device); err != nil {
		return c, "", fmt.Errorf("issue a credential: %w", err)
	}
	if _, err := NewScope(devices); err != nil {
		return c, "", fmt.Errorf("issue a credential of %q: %w", device, err)
	}
	if !expires.IsZero() && !expires.After(now) {
		return c, "", fmt.Errorf("issue a credential of %q: it would have expired already, at %s", device, expires.Format(time.RFC3339))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return c, "", fmt.Errorf("make an id: %w", err)
	}
	token = DeviceTokenPrefix + NewSecret()
	entry, err := MosquittoHash(token)
	if err != nil {
		return c, "", err
	}
	return DeviceCredential{
		ID: id.String(), Tenant: tenant, Device: device, Devices: devices,
		Hash: HashSecret(token), Mosquitto: entry, Created: now.UTC(), CreatedBy: by, Expires: expires.UTC(),
	}, token, nil
}

// IsDeviceToken tells whether a password has the form of a device's token.
func IsDeviceToken(password []byte) bool {
	return len(password) <= 128 && strings.HasPrefix(string(password), DeviceTokenPrefix)
}
