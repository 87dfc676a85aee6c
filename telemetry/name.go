package telemetry

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on names that outsiders choose, in bytes.
const (
	MaxDeviceID   = 128
	MaxMetricName = 128
)

// ErrBadName is wrapped by every error of [ValidDeviceID] and [ValidMetricName].
var ErrBadName = errors.New("bad name")

// ValidDeviceID reports why id cannot name a device: it must be 1 to
// [MaxDeviceID] bytes of UTF-8 with no control character or space at either end, and none of
// "+", "#" and "/", which MQTT topics give a meaning (MQTT 5.0 section 4.7.1).
func ValidDeviceID(id string) error {
	if err := validName("device id", id, MaxDeviceID); err != nil {
		return err
	}
	for i := range len(id) {
		switch id[i] {
		case '+', '#', '/':
			return fmt.Errorf("%w: device id %q holds %q, which MQTT topics reserve", ErrBadName, id, id[i])
		}
	}
	return nil
}

// ValidMetricName reports why name cannot name a metric: it must be 1 to
// [MaxMetricName] bytes of UTF-8 with no control characters or space at either end.
func ValidMetricName(name string) error {
	return validName("metric name", name, MaxMetricName)
}

func validName(what, s string, most int) error {
	if s != "" && len(s) <= most && plain(s) {
		return nil
	}
	switch {
	case s == "":
		return fmt.Errorf("%w: %s is empty", ErrBadName, what)
	case len(s) > most:
		return fmt.Errorf("%w: %s is %d bytes long, at most %d are allowed", ErrBadName, what, len(s), most)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: %s %q is not valid UTF-8", ErrBadName, what, s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%w: %s %q begins or ends with white space", ErrBadName, what, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: %s %q holds a control character", ErrBadName, what, s)
		}
	}
	return nil
}

// plain reports whether s holds only visible ASCII, as nearly every name does:
// names are checked for every reading.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
