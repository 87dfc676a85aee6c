package catalog

import "path"

// globs reports whether a glob matches a name. The empty glob matches everything; "*" reaches over every character.
func globs(pattern, name string) bool {
	if pattern == "" || pattern == "*" || pattern == name {
		return true
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// covers reports whether a section is about devices of a model.
func (m Match) covers(model, kind string) bool { return globs(m.Model, model) && globs(m.Kind, kind) }
