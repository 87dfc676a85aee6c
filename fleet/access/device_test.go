package access

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestScope(t *testing.T) {
	s, err := NewScope([]string{"robot-1", "press-*", "Plant1:*"})
	if err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]bool{
		"robot-1": true, "robot-12": false, "robot-": false, "press-": true, "press-7": true, "press": false, "Press-7": false,
		"Plant1:Edge1": true, "Plant1:Edge1:pump": true, "Plant11:Edge1": false, "": false, "*": false,
	} {
		if got := s.Covers(device); got != want {
			t.Errorf("Covers(%q) = %v, want %v", device, got, want)
		}
	}
	if none, err := NewScope(nil); err != nil || none.Covers("x") || none.Fingerprint() != "" {
		t.Errorf("no entries cover %v, %v", none, err)
	}
	if all, err := NewScope([]string{"*"}); err != nil || !all.Covers("x") {
		t.Errorf("* covers %v, %v", all, err)
	}
	for _, entries := range [][]string{{""}, {"a/b"}, {"a", "b+"}, {"#"}, {"a**/"}, make([]string, MaxScope+1)} {
		if _, err := NewScope(entries); err == nil {
			t.Errorf("%.3q is taken", entries)
		}
	}
	seen := map[string]string{}
	for _, entries := range [][]string{{"a"}, {"a*"}, {"a", "b"}, {"ab"}, {"*"}, {"a", "b*"}} {
		s, err := NewScope(entries)
		if err != nil {
			t.Fatal(err)
		}
		if other, twice := seen[s.Fingerprint()]; twice {
			t.Errorf("%v and %s have one fingerprint", entries, other)
		}
		seen[s.Fingerprint()] = fmt.Sprint(entries)
	}
	one, _ := NewScope([]string{"a", "b"})
	two, _ := NewScope([]string{"b", "a"})
	if one.Fingerprint() != two.Fingerprint() {
		t.Error("the order of the entries changes the fingerprint")
	}
}

func TestDeviceCredential(t *testing.T) {
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	c, token, err := IssueDeviceCredential("acme", "car-7", nil, "ada", now, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if !IsDeviceToken([]byte(token)) || len(token) < len(DeviceTokenPrefix)+43 || c.Hash != HashSecret(token) || !strings.HasPrefix(c.Mosquitto, "$7$101$") {
		t.Errorf("issued %+v with %q", c, token)
	}
	if _, again, err := IssueDeviceCredential("acme", "car-7", nil, "ada", now, time.Time{}); err != nil || again == token {
		t.Errorf("issued the same token twice (error %v)", err)
	}
	for _, v := range []struct {
		expires, revoked, ends time.Duration // since now; 0 for none
	}{{0, 0, 0}, {60, 0, 60}, {0, 30, 30}, {60, 30, 30}, {30, 60, 30}} {
		at := func(d time.Duration) time.Time {
			if d == 0 {
				return time.Time{}
			}
			return now.Add(d)
		}
		c.Expires, c.Revoked = at(v.expires), at(v.revoked)
		if got := c.Ends(); !got.Equal(at(v.ends)) {
			t.Errorf("%+v ends at %s", v, got)
		}
		if !c.ValidAt(now) || v.ends != 0 && (c.ValidAt(now.Add(v.ends)) || !c.ValidAt(now.Add(v.ends-1))) {
			t.Errorf("%+v is valid at the wrong time", v)
		}
	}
	for name, fail := range map[string]func() error{
		"no device id": func() error { _, _, err := IssueDeviceCredential("acme", "a/b", nil, "", now, time.Time{}); return err },
		"bad devices": func() error {
			_, _, err := IssueDeviceCredential("acme", "a", []string{"+"}, "", now, time.Time{})
			return err
		},
		"expired": func() error { _, _, err := IssueDeviceCredential("acme", "a", nil, "", now, now); return err },
	} {
		if fail() == nil {
			t.Errorf("%s: a credential was issued", name)
		}
	}
	for _, password := range []string{"", "secret", "presage_x", DeviceTokenPrefix + strings.Repeat("x", 200)} {
		if IsDeviceToken([]byte(password)) {
			t.Errorf("%.20q passes for a token", password)
		}
	}
}
