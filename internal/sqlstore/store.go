package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/tickets"
)

// Config tells where the database is. Exactly one of URL and Path is set.
type Config struct {
	// URL of a PostgreSQL database, "postgres://user@host/name".
	URL string
	// Path of the SQLite file. Its folder is made when it is missing.
	Path string
	// MaxConnections bounds the connections to PostgreSQL and the readers of SQLite.
	MaxConnections int
	// BusyTimeout is how long SQLite waits for another process that writes.
	BusyTimeout time.Duration
	// Retries is how often a transaction that lost against another one is run again.
	Retries int
	// MaxRejected bounds the quarantined payloads of a tenant; the oldest give way.
	MaxRejected int
	// Log receives what nobody else can handle; nil discards.
	Log *slog.Logger
	// Registerer takes the metrics of the store; nil keeps them unregistered.
	Registerer prometheus.Registerer
}

// DefaultConfig is an SQLite database in the working folder.
func DefaultConfig() Config {
	return Config{
		Path:           "presage.db",
		MaxConnections: 16,
		BusyTimeout:    10 * time.Second,
		Retries:        8,
		MaxRejected:    10_000,
	}
}

// Store is an open database.
type Store struct {
	// write is the one writing connection of SQLite, or the pool of PostgreSQL;
	// read is a pool of reading connections, or the same pool.
	write, read *sql.DB
	pool        *pgxpool.Pool // nil on SQLite
	dialect     dialect
	config      Config
	log         *slog.Logger
	// wake holds at most one signal: that the outbox may have rows is known or not.
	wake chan struct{}
	// prepared are the statements of transactions, by their text, where the driver does not keep them itself.
	prepared sync.Map // string -> *sql.Stmt
	entered  entered
	metrics  *metrics
}

// Open opens the database and brings its schema up to date.
func Open(ctx context.Context, config Config) (*Store, error) {
	def := DefaultConfig()
	if config.MaxConnections <= 0 {
		config.MaxConnections = def.MaxConnections
	}
	if config.BusyTimeout <= 0 {
		config.BusyTimeout = def.BusyTimeout
	}
	if config.Retries <= 0 {
		config.Retries = def.Retries
	}
	if config.MaxRejected <= 0 {
		config.MaxRejected = def.MaxRejected
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{config: config, log: config.Log, wake: make(chan struct{}, 1)}
	var err error
	switch {
	case config.URL != "" && config.Path != "":
		return nil, errors.New("open database: both a URL and a path are given: keep one")
	case strings.HasPrefix(config.URL, "postgres://"), strings.HasPrefix(config.URL, "postgresql://"):
		err = s.openPostgres(ctx)
	case config.URL != "":
		return nil, fmt.Errorf("open database %q: only postgres:// URLs are known; leave the URL empty for SQLite", redact(config.URL))
	case config.Path != "":
		err = s.openSQLite()
	default:
		return nil, errors.New("open database: neither a URL nor a path is given")
	}
	if err != nil {
		return nil, err
	}
	s.metrics = newMetrics(config.Registerer, s)
	if err := s.Migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) openPostgres(ctx context.Context) error {
	config, err := pgxpool.ParseConfig(s.config.URL)
	if err != nil {
		return fmt.Errorf("open database %s: %w", redact(s.config.URL), err)
	}
	config.MaxConns = int32(s.config.MaxConnections)
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	config.ConnConfig.RuntimeParams["application_name"] = "presage"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("open database %s: %w", redact(s.config.URL), err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return fmt.Errorf("open database %s: %w: %w", redact(s.config.URL), tickets.ErrUnavailable, err)
	}
	s.pool = pool
	s.write = stdlib.OpenDBFromPool(pool)
	s.read = s.write
	s.dialect = postgresDialect
	return nil
}

func (s *Store) openSQLite() error {
	path, err := filepath.Abs(s.config.Path)
	if err != nil {
		return fmt.Errorf("open database %s: %w", s.config.Path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("open database: make its folder: %w", err)
	}
	open := func(connections int, pragmas ...string) (*sql.DB, error) {
		query := url.Values{
			// The driver runs the pragmas in this order: waiting comes first, because
			// already the switch to the write-ahead log can meet a lock.
			"_pragma": append([]string{
				fmt.Sprintf("busy_timeout(%d)", s.config.BusyTimeout.Milliseconds()),
				"journal_mode(WAL)",
				"synchronous(FULL)",
				"temp_store(MEMORY)",
				"cache_size(-65536)",
				"mmap_size(268435456)",
			}, pragmas...),
			"_time_format": {"sqlite"},
			"_txlock":      {"immediate"},
		}
		dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
		db, err := sql.Open("sqlite", dsn)
		if err != nil {
			return nil, fmt.Errorf("open database %s: %w", path, err)
		}
		db.SetMaxOpenConns(connections)
		db.SetMaxIdleConns(connections)
		return db, nil
	}
	if s.write, err = open(1); err != nil {
		return err
	}
	// The writer makes the file before a reader, which may not, asks for it.
	if err := s.write.Ping(); err != nil {
		s.write.Close()
		return fmt.Errorf("open database %s: %w", path, err)
	}
	if s.read, err = open(s.config.MaxConnections, "query_only(1)"); err != nil {
		s.write.Close()
		return err
	}
	s.dialect = sqliteDialect
	return nil
}

// Engine names the database for people: "SQLite" or "PostgreSQL".
func (s *Store) Engine() string { return s.dialect.name }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.fail(ctx, "ping the database", s.read.PingContext(ctx))
}

// Close releases the database. Nobody may be using the store any more.
func (s *Store) Close() error {
	var errs []error
	if s.read != nil && s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	if s.dialect.optimize != "" {
		if _, err := s.write.Exec(s.dialect.optimize); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.write.Close())
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}

// transact runs fn in one transaction and commits when it returns nil. It runs
// fn again after losing against another transaction.
func (s *Store) transact(ctx context.Context, op string, fn func(tx *transaction) error) error {
	begun, label := time.Now(), operation(op)
	err := s.transactAgain(ctx, op, fn)
	s.metrics.seconds.WithLabelValues(label).Observe(time.Since(begun).Seconds())
	failures := s.metrics.failures.WithLabelValues(label) // there before the first one, which is then a rise from 0
	if err != nil {
		failures.Inc()
	}
	return err
}

func (s *Store) transactAgain(ctx context.Context, op string, fn func(tx *transaction) error) error {
	for attempt := 0; ; attempt++ {
		err := s.transactOnce(ctx, fn)
		if err == nil {
			return nil
		}
		if !s.dialect.retryable(err) || attempt >= s.config.Retries {
			return s.fail(ctx, op, err)
		}
		s.metrics.retries.Inc()
		// Full jitter: those who collided must not collide again.
		wait := time.Duration(rand.Int64N(int64(2*time.Millisecond) << min(attempt, 7)))
		select {
		case <-ctx.Done():
			return s.fail(ctx, op, err)
		case <-time.After(wait):
		}
	}
}

// fail puts the operation before an error and wraps the sentinel that tells the
// caller what to do about it. It returns nil for nil.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%s: %w: %w", op, cause, err)
	}
	if sentinel := s.dialect.sentinel(err); sentinel != nil && !errors.Is(err, sentinel) {
		return fmt.Errorf("%s: %w: %w", op, sentinel, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// redact hides the password of a database URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable URL)"
	}
	return u.Redacted()
}
