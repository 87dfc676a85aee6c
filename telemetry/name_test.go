package telemetry

import (
	"errors"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 128)
	for _, c := range []struct {
		name           string
		device, metric bool // valid as
	}{
		{"car-0001", true, true},
		{"x", true, true},
		{"Gerät 7", true, true},
		{"车-1", true, true},
		{"a:b.c_d%e", true, true},
		{long, true, true},
		{long + "x", false, false},
		{strings.Repeat("车", 43), false, false}, // 129 bytes
		{"", false, false},
		{" car", false, false},
		{"car ", false, false},
		{"car\u00a0", false, false},
		{"a b", true, true},
		{"a\tb", false, false},
		{"a\x00b", false, false},
		{"a\x7fb", false, false},
		{"a\u0085b", false, false},
		{"a\xffb", false, false},
		{"a/b", false, true},
		{"a+b", false, true},
		{"#", false, true},
	} {
		for _, v := range []struct {
			what  string
			check func(string) error
			valid bool
		}{{"device", ValidDeviceID, c.device}, {"metric", ValidMetricName, c.metric}} {
			err := v.check(c.name)
			if (err == nil) != v.valid {
				t.Errorf("%s %q: %v, want valid %v", v.what, c.name, err, v.valid)
			}
			if err != nil && !errors.Is(err, ErrBadName) {
				t.Errorf("%s %q: %v is no ErrBadName", v.what, c.name, err)
			}
		}
	}
}

func TestSeverityNames(t *testing.T) {
	for _, s := range []Severity{Info, Warning, Major, Critical} {
		if got, err := ParseSeverity(s.String()); err != nil || got != s {
			t.Errorf("ParseSeverity(%q) = %v, %v", s, got, err)
		}
	}
	for name, want := range map[string]Severity{"": Info, " Minor ": Warning, "WARN": Warning, "error": Major, "fatal": Critical} {
		if got, err := ParseSeverity(name); err != nil || got != want {
			t.Errorf("ParseSeverity(%q) = %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := ParseSeverity("catastrophic"); err == nil {
		t.Error("an unknown severity was understood")
	}
}
