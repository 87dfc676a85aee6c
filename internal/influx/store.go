package influx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"

	"github.com/presage-pdm/presage/telemetry/series"
)

// Store is a [series.Store] on an InfluxDB server.
type Store struct {
	cfg    Config
	log    *slog.Logger
	client influxdb2.Client
	http   influxhttp.Service
	writer api.WriteAPIBlocking
	conns  *http.Transport
}

var _ series.Store = (*Store)(nil)

// Open connects to the server and creates the database when it is missing. A server that
// cannot be reached is no error, only a warning: the journal keeps readings until it can. One that
// refuses the credentials, or to create the database, is an error.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	conns := http.DefaultTransport.(*http.Transport).Clone()
	conns.MaxIdleConnsPerHost = 16 // one for each lane and a few readers
	opts := influxdb2.DefaultOptions().
		SetPrecision(time.Millisecond).
		SetUseGZip(false). // does not pay where servers are near
		SetMaxRetries(0).  // the lane retries
		SetLogLevel(0).
		SetHTTPClient(&http.Client{Timeout: cfg.Timeout, Transport: conns})
	client := influxdb2.NewClientWithOptions(cfg.URL, cfg.Token, opts)
	s := &Store{
		cfg: cfg, log: cfg.Logger, client: client, conns: conns,
		http:   client.HTTPService(),
		writer: client.WriteAPIBlocking(cfg.Org, cfg.Database),
	}
	switch err := s.ensureDatabase(ctx); {
	case errors.Is(err, errNotThere):
		s.log.Warn("influxdb cannot be reached yet, readings wait in the journal", "err", err)
	case err != nil:
		_ = s.Close() // only releases memory; err is what matters
		return nil, fmt.Errorf("open influxdb %s: %w", cfg.URL, err)
	}
	return s, nil
}

// ensureDatabase creates the database unless it is listed.
func (s *Store) ensureDatabase(ctx context.Context) error {
	results, err := s.query(ctx, "SHOW DATABASES")
	if err != nil {
		return err
	}
	for _, row := range results {
		for _, v := range row.Values {
			if len(v) > 0 && v[0] == s.cfg.Database {
				return nil
			}
		}
	}
	var q strings.Builder
	fmt.Fprintf(&q, "CREATE DATABASE %s", quoteIdent(s.cfg.Database))
	if s.cfg.Retention > 0 {
		fmt.Fprintf(&q, " WITH DURATION %ds", int64(s.cfg.Retention.Seconds()))
	}
	if _, err := s.query(ctx, q.String()); err != nil {
		return fmt.Errorf("create database %s (or create it by hand and let the user read and write it): %w", s.cfg.Database, err)
	}
	return nil
}

// Sync implements [series.Store]: a write that was answered is durable, see the top of the package.
func (s *Store) Sync(ctx context.Context) error { return ctx.Err() }

// Close releases the connections.
func (s *Store) Close() error {
	s.client.Close()
	s.conns.CloseIdleConnections()
	return nil
}
