package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/presage-pdm/presage/telemetry"
)

// MaxScope is how many entries a [Scope] may have.
const MaxScope = 1000

// Scope is the devices that a gateway speaks for beside itself: device ids, and
// beginnings of device ids with a "*" behind them; "*" alone is every device of the tenant. A nil
// Scope covers nothing. It does not change and is safe for concurrent use.
type Scope struct {
	exact       map[string]struct{}
	prefixes    []string
	fingerprint string
}

// NewScope reads entries such as "press-7" and "robot-*". No entries make a nil Scope.
func NewScope(entries []string) (*Scope, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if len(entries) > MaxScope {
		return nil, fmt.Errorf("%d devices are named, at most %d are taken: use a beginning such as \"press-*\"", len(entries), MaxScope)
	}
	s := &Scope{exact: make(map[string]struct{}, len(entries))}
	for i, entry := range entries {
		prefix, open := strings.CutSuffix(entry, "*")
		if prefix != "" || !open {
			if err := telemetry.ValidDeviceID(prefix); err != nil {
				return nil, fmt.Errorf("entry %d of the devices: %w", i+1, err)
			}
		}
		if open {
			s.prefixes = append(s.prefixes, prefix)
		} else {
			s.exact[entry] = struct{}{}
		}
	}
	sorted := slices.Sorted(slices.Values(entries))
	// Device ids hold no "/", so that the text tells the entries apart.
	sum := sha256.Sum256([]byte(strings.Join(sorted, "/")))
	s.fingerprint = hex.EncodeToString(sum[:8])
	return s, nil
}

// Covers tells whether a device is among them.
func (s *Scope) Covers(device string) bool {
	if s == nil {
		return false
	}
	if _, ok := s.exact[device]; ok {
		return true
	}
	return slices.ContainsFunc(s.prefixes, func(p string) bool { return strings.HasPrefix(device, p) })
}

// Fingerprint is short and the same for the same entries only; empty for a nil Scope.
func (s *Scope) Fingerprint() string {
	if s == nil {
		return ""
	}
	return s.fingerprint
}
