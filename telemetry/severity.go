package telemetry

import (
	"fmt"
	"strings"
)

// Severity ranks how much something matters, after the perceived severities of
// ITU-T X.733 section 8.1.2.3 with "indeterminate" as Info. The zero value is
// Info; larger is worse, so severities compare with < and max.
type Severity uint8

// The severities, least first.
const (
	Info Severity = iota
	Warning
	Major
	Critical
)

var severityNames = [...]string{"info", "warning", "major", "critical"}

// String returns the lower-case name.
func (s Severity) String() string {
	if int(s) < len(severityNames) {
		return severityNames[s]
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText implements [encoding.TextMarshaler].
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler] with [ParseSeverity].
func (s *Severity) UnmarshalText(text []byte) error {
	v, err := ParseSeverity(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// ParseSeverity reads a severity by name, in any case. Names of other systems
// that mean the same are understood: "minor" and "warn" are Warning, "error"
// is Major, "fatal" and "emergency" are Critical. The empty string is Info.
func ParseSeverity(name string) (Severity, error) {
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "", "info", "indeterminate", "notice", "debug":
		return Info, nil
	case "warning", "warn", "minor":
		return Warning, nil
	case "major", "error", "err", "high":
		return Major, nil
	case "critical", "fatal", "emergency", "alert":
		return Critical, nil
	}
	return Info, fmt.Errorf("unknown severity %q: use info, warning, major or critical", name)
}
