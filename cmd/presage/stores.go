package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/internal/influx"
	"github.com/presage-pdm/presage/internal/promseries"
	"github.com/presage-pdm/presage/internal/sqlstore"
	"github.com/presage-pdm/presage/telemetry/series"
)

// openSQL opens the relational store that the settings name. metrics may be nil.
func openSQL(ctx context.Context, s Settings, metrics prometheus.Registerer, log *slog.Logger) (*sqlstore.Store, error) {
	if err := s.makeDataFolder(); err != nil {
		return nil, err
	}
	cfg := sqlstore.DefaultConfig()
	cfg.Log, cfg.Registerer = log, metrics
	if s.Database != "" {
		cfg.URL, cfg.Path = s.Database, ""
	} else {
		cfg.Path = s.path("presage.db")
	}
	store, err := sqlstore.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database %s: %w", s.databaseName(), err)
	}
	return store, nil
}

// databaseName says which database is meant, without secrets.
func (s *Settings) databaseName() string {
	if s.Database != "" {
		return redactURL(s.Database)
	}
	return s.path("presage.db")
}

// openSeries opens the series store that the settings name. promQL is nil for
// a store without PromQL.
func openSeries(ctx context.Context, s Settings, metrics prometheus.Registerer, log *slog.Logger) (store series.Store, promQL *promseries.Store, err error) {
	if s.Series.URL != "" {
		cfg := influx.DefaultConfig(s.Series.URL, s.Series.Token, s.Series.Database)
		cfg.Logger, cfg.Retention = log, s.Series.Retention
		store, err := influx.Open(ctx, cfg)
		if err != nil {
			return nil, nil, fmt.Errorf("open the series store %s: %w", redactURL(s.Series.URL), err)
		}
		return store, nil, nil
	}
	cfg := promseries.DefaultConfig(s.path("series"))
	cfg.Retention, cfg.Logger, cfg.Registerer = s.Series.Retention, log, metrics
	promQL, err = promseries.Open(cfg)
	if err != nil {
		return nil, nil, fmt.Errorf("open the series store in %s: %w", cfg.Dir, err)
	}
	return promQL, promQL, nil
}
