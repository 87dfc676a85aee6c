package catalog

import "testing"

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "x", true},
		{"", "", true},
		{"*", "engine/temp", true},
		{"engine/*", "engine/left/temp", true},
		{"*temp", "engine/temp", true},
		{"engine?temp", "engine/temp", true},
		{"engine/t[a-e]mp", "engine/temp", true},
		{"engine/*", "engine", false},
		{"temp", "temperature", false},
		{"temp?", "temp", false},
		{"Temp", "temp", false},
	} {
		if got := globs(c.pattern, c.name); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}
