package catalog

import (
	"path"
	"strings"
)

// globs reports whether a glob matches a name. The empty glob matches everything; "*" reaches over every character.
func globs(pattern, name string) bool {
	if pattern == "" || pattern == "*" || pattern == name {
		return true
	}
	// A slash is a character like any other here, as in the metrics of Sparkplug.
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(name, "/", "\x00"))
	return err == nil && ok
}

// covers reports whether a section is about devices of a model.
func (m Match) covers(model, kind string) bool { return globs(m.Model, model) && globs(m.Kind, kind) }
