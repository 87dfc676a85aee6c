package web

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
)

// finishDocument says in the OpenAPI document what Go types cannot: lists are never null, and some strings come from short
// lists.
func finishDocument(doc *huma.OpenAPI) {
	words := map[string][]any{
		"role":     anyOf(access.Roles()),
		"severity": {"info", "warning", "major", "critical"},
		"category": {"new", "active", "waiting", "verifying", "done"},
		"phase":    {"raised", "continued", "cleared"},
		"health":   anyOf(fleet.Healths()),
	}
	for _, s := range doc.Components.Schemas.Map() {
		finishSchema(s, words)
	}
	for _, item := range doc.Paths {
		for _, op := range [...]*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				finishSchema(p.Schema, words)
			}
		}
	}
}

func finishSchema(s *huma.Schema, words map[string][]any) {
	if s == nil || s.Ref != "" {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
		finishSchema(s.Items, words)
	}
	for name, p := range s.Properties {
		if known, ok := words[name]; ok && p.Type == huma.TypeString && len(p.Enum) == 0 {
			p.Enum = known
		}
		finishSchema(p, words)
	}
	if inner, ok := s.AdditionalProperties.(*huma.Schema); ok {
		finishSchema(inner, words)
	}
}

func anyOf[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}
