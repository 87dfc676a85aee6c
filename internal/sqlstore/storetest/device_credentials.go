package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/tickets"
)

// issued returns a credential that was made at a time.
func issued(t *testing.T, device string, at time.Time, devices ...string) access.DeviceCredential {
	t.Helper()
	c, _, err := access.IssueDeviceCredential(tenant, device, devices, "anna", at, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// anyRevision forgets what only the order of changes tells.
func anyRevision(all []access.DeviceCredential) []access.DeviceCredential {
	out := make([]access.DeviceCredential, len(all))
	for i, c := range all {
		c.Revision = 0
		out[i] = c
	}
	return out
}

func deviceCredentials(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	first, second, gateway := issued(t, "car-7", epoch), issued(t, "car-7", epoch), issued(t, "gw-1", epoch, "press-*", "robot-1")
	first.Expires = epoch.Add(time.Hour)
	if err := s.CreateDeviceCredentials(ctx, []access.DeviceCredential{first, second, gateway}); err != nil {
		t.Fatal(err)
	}
	got, err := s.DeviceCredentials(ctx, tenant, "car-7")
	if want := []access.DeviceCredential{second, first}; err != nil || !reflect.DeepEqual(anyRevision(got), want) {
		t.Errorf("credentials came back as %+v, want %+v (error %v)", got, want, err)
	}
	byHash, err := s.DeviceCredentialByHash(ctx, gateway.Hash)
	if err != nil || !reflect.DeepEqual(anyRevision([]access.DeviceCredential{byHash}), []access.DeviceCredential{gateway}) {
		t.Errorf("the credential came back as %+v (error %v)", byHash, err)
	}
	if _, err := s.DeviceCredentialByHash(ctx, "of nobody\x00"); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("unknown hash: error %v, want ErrNotFound", err)
	}

	if err := s.TouchDeviceCredentials(ctx, map[string]time.Time{first.ID: epoch.Add(time.Minute), "unknown": epoch}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RevokeDeviceCredentials(ctx, "other", "car-7", "", epoch.Add(time.Minute)); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("another tenant revokes: error %v, want ErrNotFound", err)
	}
	if n, err := s.RevokeDeviceCredentials(ctx, tenant, "car-7", first.ID, epoch.Add(2*time.Minute)); err != nil || n != 1 {
		t.Errorf("revoked %d (error %v)", n, err)
	}
	if _, err := s.RevokeDeviceCredentials(ctx, tenant, "car-7", first.ID, epoch.Add(3*time.Minute)); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("revoking twice: error %v, want ErrNotFound", err)
	}
	first.LastUsed, first.Revoked = epoch.Add(time.Minute), epoch.Add(2*time.Minute)
	if got, err := s.DeviceCredentialByHash(ctx, first.Hash); err != nil || !got.Revoked.Equal(first.Revoked) || !got.LastUsed.Equal(first.LastUsed) {
		t.Errorf("revoked credential is %+v (error %v)", got, err)
	}

	next := issued(t, "gw-1", epoch.Add(time.Hour))
	stored, err := s.RotateDeviceCredentials(ctx, next, epoch.Add(2*time.Hour))
	if err != nil || !reflect.DeepEqual(stored.Devices, gateway.Devices) {
		t.Errorf("rotated to %+v, want the devices of the old one (error %v)", stored, err)
	}
	if got, err := s.DeviceCredentialByHash(ctx, gateway.Hash); err != nil || !got.Expires.Equal(epoch.Add(2*time.Hour)) {
		t.Errorf("the old credential is %+v, want it to end after the grace (error %v)", got, err)
	}
	if _, err := s.RotateDeviceCredentials(ctx, issued(t, "car-9", epoch), epoch); !errors.Is(err, tickets.ErrNotFound) {
		t.Errorf("rotating nothing: error %v, want ErrNotFound", err)
	}

	var listed []string
	for id := ""; ; {
		page, err := s.DeviceCredentialsAfter(ctx, tenant, id, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			listed = append(listed, c.ID)
			id = c.ID
		}
		if len(page) < 2 {
			break
		}
	}
	if want := []string{first.ID, second.ID, gateway.ID, next.ID}; !reflect.DeepEqual(listed, want) {
		t.Errorf("listed %v, want %v", listed, want)
	}

	var many []access.DeviceCredential
	for range access.MaxDeviceCredentials + 1 {
		many = append(many, issued(t, "greedy", epoch))
	}
	if err := s.CreateDeviceCredentials(ctx, many); !errors.Is(err, tickets.ErrConflict) {
		t.Errorf("too many credentials: error %v, want ErrConflict", err)
	}
	if all, err := s.DeviceCredentials(ctx, tenant, "greedy"); err != nil || len(all) != 0 {
		t.Errorf("%d credentials of a refused batch are stored (error %v)", len(all), err)
	}
	if err := s.CreateDeviceCredentials(ctx, many[1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RotateDeviceCredentials(ctx, many[0], epoch.Add(time.Hour)); err != nil {
		t.Errorf("rotating as many as there may be: %v", err)
	}
}

func deviceCredentialChanges(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	var all []access.DeviceCredential
	for i := range 5 {
		all = append(all, issued(t, fmt.Sprint("car-", i), epoch))
	}
	if n, err := s.DeviceCredentialRevision(ctx); err != nil || n != 0 {
		t.Fatalf("an empty store has revision %d (error %v)", n, err)
	}
	if err := s.CreateDeviceCredentials(ctx, all); err != nil {
		t.Fatal(err)
	}
	var revision int64
	follow := func(want ...string) {
		t.Helper()
		var got []string
		for {
			changed, err := s.ChangedDeviceCredentials(ctx, revision, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range changed {
				if c.Revision <= revision {
					t.Errorf("revision %d follows %d", c.Revision, revision)
				}
				revision = c.Revision
				got = append(got, c.Device)
			}
			if len(changed) < 2 {
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("changed are %v, want %v", got, want)
		}
		if newest, err := s.DeviceCredentialRevision(ctx); err != nil || newest != revision {
			t.Errorf("the newest revision is %d, want %d (error %v)", newest, revision, err)
		}
	}
	follow("car-0", "car-1", "car-2", "car-3", "car-4")
	if _, err := s.RevokeDeviceCredentials(ctx, tenant, "car-3", "", epoch.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.TouchDeviceCredentials(ctx, map[string]time.Time{all[0].ID: epoch}); err != nil {
		t.Fatal(err)
	}
	follow("car-3")
	if _, err := s.RotateDeviceCredentials(ctx, issued(t, "car-1", epoch.Add(time.Minute)), epoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	follow("car-1", "car-1")
}

func pruneDeviceCredentials(t *testing.T, s *sqlstore.Store) {
	ctx := t.Context()
	revoked, expired, valid := issued(t, "a", epoch), issued(t, "b", epoch), issued(t, "c", epoch)
	revoked.Revoked, expired.Expires, valid.Expires = epoch.Add(time.Hour), epoch.Add(time.Hour), epoch.Add(3*time.Hour)
	if err := s.CreateDeviceCredentials(ctx, []access.DeviceCredential{revoked, expired, valid}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 1, 0} {
		if n, err := s.PruneDeviceCredentials(ctx, epoch.Add(2*time.Hour), 1); err != nil || n != want {
			t.Errorf("removed %d, want %d (error %v)", n, want, err)
		}
	}
	if left, err := s.DeviceCredentialsAfter(ctx, tenant, "", 10); err != nil || len(left) != 1 || left[0].ID != valid.ID {
		t.Errorf("left are %+v (error %v)", left, err)
	}
}
