package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Server answers HTTP. It is safe for concurrent use.
type Server struct {
	cfg         Config
	permissions map[string]permission
	mux         *http.ServeMux // everything but the browser application
	api         huma.API
	app         *app
	limiter     *limiter
	strangers   *strangers
	heavy       chan struct{} // as many as may run of the operations that read much
	hashing     chan struct{} // bounds the memory that password hashing takes at once
	dummyHash   string        // verified for users that do not exist, so that they take as long
	meters      *meters
	streams     *streams
	handler     http.Handler

	registered map[string]bool // operations, to find what the table names but nothing serves
	closeOnce  sync.Once
}

// New makes a server. It fails when a required part is missing or the table of
// permissions and the operations do not match.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:         cfg,
		permissions: permissions(),
		mux:         http.NewServeMux(),
		limiter:     newLimiter(signInRates()),
		strangers:   newStrangers(),
		heavy:       make(chan struct{}, max(0, cfg.HeavyQueries)),
		hashing:     make(chan struct{}, 2), // 2 x 64 MiB, as much as two processors can use
		registered:  make(map[string]bool),
	}
	s.streams = newStreams(cfg.Streams, cfg.StreamsPerUser)
	var err error
	if s.meters, err = newMeters(cfg.Registerer, cfg.Hub); err != nil {
		return nil, fmt.Errorf("register metrics of the web server: %w", err)
	}
	if s.dummyHash, err = cfg.Passwords.Hash("a password that nobody has"); err != nil {
		return nil, fmt.Errorf("hash a password: %w", err)
	}
	s.api = newAPI(s.mux, cfg.Version)
	s.api.UseMiddleware(s.authorize)
	s.routes()
	for name := range s.permissions {
		if !s.registered[name] {
			return nil, fmt.Errorf("operation %q has permissions but no handler", name)
		}
	}
	finishDocument(s.api.OpenAPI())
	document, err := s.documentHandler()
	if err != nil {
		return nil, err
	}
	s.mux.Handle("GET /openapi.json", document)
	if s.app, err = newApp(cfg.Assets); err != nil {
		return nil, err
	}
	if s.handler, err = s.chain(); err != nil {
		return nil, fmt.Errorf("build the handler: %w", err)
	}
	return s, nil
}

func (c *Config) check() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Tickets": c.Tickets == nil, "Desk": c.Desk == nil, "Diagnoses": c.Diagnoses == nil, "Bands": c.Bands == nil,
		"Series": c.Series == nil, "Devices": c.Devices == nil, "Directory": c.Directory == nil,
		"Users": c.Users == nil, "Sessions": c.Sessions == nil, "Tokens": c.Tokens == nil, "Passwords": c.Passwords == nil,
		"Quarantine": c.Quarantine == nil, "Failures": c.Failures == nil, "Maintenance": c.Maintenance == nil, "Deliveries": c.Deliveries == nil, "Catalog": c.Catalog == nil, "Detectors": c.Detectors == nil, "Hub": c.Hub == nil,
		"About": c.About == nil, "Ready": c.Ready == nil, "Assets": c.Assets == nil, "Log": c.Log == nil,
		"Tenant": c.Tenant == "",
	} {
		if missing {
			errs = append(errs, fmt.Errorf("web configuration lacks %s", name))
		}
	}
	if c.MaxBody <= 0 || c.Timeout <= 0 || c.SessionIdle <= 0 || c.SessionLife <= 0 || c.Streams <= 0 || c.StreamsPerUser <= 0 || c.HeavyQueries <= 0 || c.Heartbeat <= 0 {
		errs = append(errs, errors.New("web configuration has a limit of zero: begin with DefaultConfig"))
	}
	return errors.Join(errs...)
}

// Handler returns the whole server as a handler.
func (s *Server) Handler() http.Handler { return s.handler }

// HTTPServer returns an http.Server with the limits of the configuration, to be given a listener.
// Its Shutdown ends the live streams.
func (s *Server) HTTPServer() *http.Server {
	h := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       s.cfg.Timeout,
		// Streams set deadlines of their own, event by event.
		WriteTimeout:   s.cfg.Timeout + 5*time.Second,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: s.cfg.MaxHeader,
		// What it has to say is about clients that break off: nothing that an operator could mend.
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	h.RegisterOnShutdown(s.Close)
	return h
}

// Close ends the live streams and refuses new ones; other requests go on to
// be answered until the http.Server around it is shut down.
func (s *Server) Close() { s.closeOnce.Do(s.streams.close) }

// Housekeep removes expired sessions once an hour until the context ends. The caller runs and awaits it.
func (s *Server) Housekeep(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := s.cfg.Sessions.DeleteExpiredSessions(ctx, time.Now().UTC()); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("expired sessions could not be removed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
