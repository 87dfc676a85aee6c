package web

import (
	"context"
	"fmt"
	"net/http"

	"github.com/presage-pdm/presage/fleet/access"
)

// catalogOutput is the catalogue as YAML.
type catalogOutput struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) catalogRoutes() {
	handle(s, operation{id: "get-catalog", method: "GET", path: "/api/v1/catalog", summary: "The detector catalogue in force, as YAML", tag: "catalogue"},
		func(ctx context.Context, _ access.Principal, _ *none) (*catalogOutput, error) {
			text, err := s.cfg.Catalog.Effective(ctx)
			if err != nil {
				return nil, fmt.Errorf("read catalogue: %w", err)
			}
			return &catalogOutput{ContentType: "application/yaml; charset=utf-8", Body: text}, nil
		})
	handle(s, operation{id: "reload-catalog", method: "POST", path: "/api/v1/catalog/reload", summary: "Read the detector catalogue from its files again", tag: "catalogue", status: http.StatusNoContent},
		func(ctx context.Context, who access.Principal, _ *none) (*none, error) {
			if err := s.cfg.Catalog.Reload(ctx); err != nil {
				// The words are for the admin who wrote the file: they name the file, the line and the remedy.
				return nil, problem(http.StatusUnprocessableEntity, fmt.Sprintf("The catalogue in force stays: %v", err))
			}
			s.cfg.Log.Info("detector catalogue reloaded", "user", who.User)
			return nil, nil
		})
}
