package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	kyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"github.com/presage-pdm/presage/detectors/decision"
	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/internal/spelling"
)

// Settings is everything an operator can set. A flag wins over the
// environment, the environment over the file, the file over the default. The
// environment variable of a key is its name in capitals after PRESAGE_, dots
// as underscores: http.listen is PRESAGE_HTTP_LISTEN.
type Settings struct {
	// Data is the folder that holds everything of value.
	Data string `koanf:"data"`
	// Database is a postgres:// URL; empty means SQLite in the data folder.
	Database string `koanf:"database"`
	// UnknownDevices is what happens to messages of devices nobody registered:
	// reject, quarantine or register.
	UnknownDevices string `koanf:"unknown_devices"`
	// Catalog names detector catalogue files that are layered over the built-in one.
	Catalog []string `koanf:"catalog"`

	MQTT      MQTTSettings      `koanf:"mqtt"`
	HTTP      HTTPSettings      `koanf:"http"`
	Ingest    IngestSettings    `koanf:"ingest"`
	Detection DetectionSettings `koanf:"detection"`
	Limits    LimitSettings     `koanf:"limits"`
	Series    SeriesSettings    `koanf:"series"`
	Retention RetentionSettings `koanf:"retention"`
	Desk      DeskSettings      `koanf:"desk"`
	Quality   QualitySettings   `koanf:"quality"`
	Webhooks  []WebhookSettings `koanf:"webhooks"`
	Log       LogSettings       `koanf:"log"`
}

// MQTTSettings says where telemetry comes from.
type MQTTSettings struct {
	// Listen is the address of the embedded broker; unused with Broker.
	Listen string `koanf:"listen"`
	// Broker is the URL of an external broker, such as mqtt://user:password@host:1883.
	Broker string `koanf:"broker"`
	// RequireCredentials refuses devices without credentials, also on loopback.
	RequireCredentials bool `koanf:"require_credentials"`
	// Username and Password are what devices share to sign in at the embedded broker, and
	// what Presage signs in with at an external one.
	Username string `koanf:"username"`
	Password string `koanf:"password"`
	// TLSCertificate and TLSKey are PEM files for the embedded broker's listener: that of
	// TLSListen where it is set, and Listen is plain then.
	TLSCertificate string `koanf:"tls_certificate"`
	TLSKey         string `koanf:"tls_key"`
	TLSListen      string `koanf:"tls_listen"`
	// ClientCA is a PEM file of the authorities whose certificates devices may sign in with, which they must
	// with RequireCertificate. ClientCRL is a file of the certificates that they have revoked.
	ClientCA           string `koanf:"client_ca"`
	RequireCertificate bool   `koanf:"require_certificate"`
	ClientCRL          string `koanf:"client_crl"`
	// JWT says which JSON Web Tokens devices may sign in with.
	JWT JWTSettings `koanf:"jwt"`
	// Topics maps foreign topics and JSON shapes; see docs/mqtt.md.
	Topics []payload.Pattern `koanf:"topics"`
}

// HTTPSettings says where people and programs reach Presage.
type HTTPSettings struct {
	Listen         string `koanf:"listen"`
	PublicURL      string `koanf:"public_url"` // as browsers see it, for links; empty means http://LISTEN
	TLSCertificate string `koanf:"tls_certificate"`
	TLSKey         string `koanf:"tls_key"`
}

// IngestSettings bounds the durable path.
type IngestSettings struct {
	// Lanes is the number of partitions; 0 means one per processor. It is
	// kept in the data folder and cannot change later.
	Lanes int `koanf:"lanes"`
	// JournalBytes is the most the journal holds before devices are slowed down.
	JournalBytes int64 `koanf:"journal_bytes"`
	// MaxPayload is the largest message that is taken, in bytes.
	MaxPayload int `koanf:"max_payload"`
	// CheckpointEvery is how often position and state of a lane are saved: what a start after a crash replays.
	CheckpointEvery time.Duration `koanf:"checkpoint_every"`
	// ReorderWindow is how late what is out of order may come and still be judged in order; 0 judges everything as it comes.
	ReorderWindow time.Duration `koanf:"reorder_window"`
}

// DetectionSettings bounds what watching costs: memory, and false tickets.
type DetectionSettings struct {
	// Memory is what judging the novelty of metrics may take over all lanes, in bytes; 0 judges no novelty.
	Memory int64 `koanf:"memory"`
	// FalseTickets is how many false tickets a device may open in a month for behaving unlike itself.
	FalseTickets float64 `koanf:"false_tickets"`
}

func (s DetectionSettings) budget() decision.Budget { return decision.Budget(s.FalseTickets) }

// SeriesSettings says where readings are kept.
type SeriesSettings struct {
	// URL of InfluxDB, such as http://127.0.0.1:8086; empty means the embedded store.
	URL      string `koanf:"url"`
	Token    string `koanf:"token"`    // "user:password" for InfluxDB 1.8
	Database string `koanf:"database"` // bucket
	// Retention is how long readings are kept by the embedded store, and by an
	// InfluxDB database that Presage creates; 0 is for ever.
	Retention time.Duration `koanf:"retention"`
}

// RetentionSettings says how long the relational store keeps what grows with
// the devices; 0 is for ever. Tickets, their evidence and their history are always kept.
type RetentionSettings struct {
	// Findings is for how long findings that belong to no ticket are kept, since they were recorded.
	Findings time.Duration `koanf:"findings"`
	// Events is for how long events of devices are kept, since they happened.
	Events time.Duration `koanf:"events"`
}

// LogSettings says what is logged, always to standard error.
type LogSettings struct {
	Level  string `koanf:"level"`  // debug, info, warn, error
	Format string `koanf:"format"` // text or json
}

// DefaultSettings is what the binary starts with when there is no file.
func DefaultSettings() Settings {
	return Settings{
		Data:           "./data",
		UnknownDevices: "quarantine",
		Catalog:        []string{},
		MQTT:           MQTTSettings{Listen: "127.0.0.1:1883", JWT: JWTSettings{DeviceClaim: "sub"}, Topics: []payload.Pattern{}},
		HTTP:           HTTPSettings{Listen: "127.0.0.1:8080"},
		Ingest:         IngestSettings{JournalBytes: 4 << 30, MaxPayload: 1 << 20, CheckpointEvery: 10 * time.Second, ReorderWindow: 2 * time.Minute},
		Detection:      DetectionSettings{Memory: 256 << 20, FalseTickets: float64(decision.DefaultBudget)},
		Limits:         defaultLimits(),
		Series:         SeriesSettings{Database: "presage"},
		Retention:      RetentionSettings{Findings: 90 * 24 * time.Hour, Events: 400 * 24 * time.Hour},
		Desk:           defaultDesk(),
		Quality:        defaultQuality(),
		Webhooks:       []WebhookSettings{},
		Log:            LogSettings{Level: "info", Format: "text"},
	}
}

// LoadSettings merges the defaults, the file (none when empty), the
// environment ("KEY=value" pairs) and the flags given by key.
func LoadSettings(path string, environ []string, flags map[string]any) (Settings, error) {
	var s Settings
	k := koanf.New(".")
	if err := k.Load(structs.Provider(DefaultSettings(), "koanf"), nil); err != nil {
		return s, fmt.Errorf("load default settings: %w", err)
	}
	known := k.Keys()
	if path != "" {
		fromFile := koanf.New(".")
		if err := fromFile.Load(file.Provider(path), kyaml.Parser()); err != nil {
			return s, fmt.Errorf("read configuration %s: %w", path, err)
		}
		if err := refuseUnknown(path, fromFile.Keys(), known); err != nil {
			return s, err
		}
		if err := k.Merge(fromFile); err != nil {
			return s, fmt.Errorf("read configuration %s: %w", path, err)
		}
	}
	env, err := settingsFromEnvironment(environ, known)
	if err != nil {
		return s, err
	}
	for _, layer := range []map[string]any{env, flags} {
		if err := k.Load(confmap.Provider(layer, "."), nil); err != nil {
			return s, fmt.Errorf("merge settings: %w", err)
		}
	}
	decoder := &mapstructure.DecoderConfig{
		Result: &s, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.StringToTimeDurationHookFunc(),
	}
	if err := k.UnmarshalWithConf("", &s, koanf.UnmarshalConf{DecoderConfig: decoder}); err != nil {
		return s, fmt.Errorf("read settings: %w", err)
	}
	nameWebhooks(s.Webhooks)
	return s, s.validate()
}

// refuseUnknown names every key that does not exist, with the nearest that does.
func refuseUnknown(source string, keys, known []string) error {
	var errs []error
	for _, key := range keys {
		if !slices.Contains(known, key) {
			errs = append(errs, fmt.Errorf("%s: unknown key %q%s", source, key, suggestion(key, known)))
		}
	}
	return errors.Join(errs...)
}

// notSettings tells variables under PRESAGE_ that are no settings: those of commands, and of tests.
func notSettings(name string) bool {
	return name == "PRESAGE_CONFIG" || name == "PRESAGE_TOKEN" || strings.HasPrefix(name, "PRESAGE_TEST_")
}

func settingsFromEnvironment(environ, known []string) (map[string]any, error) {
	byName := make(map[string]string, len(known))
	names := make([]string, 0, len(known))
	for _, key := range known {
		name := "PRESAGE_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		byName[name] = key
		names = append(names, name)
	}
	values := make(map[string]any)
	var errs []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "PRESAGE_") || notSettings(name) {
			continue
		}
		key, ok := byName[name]
		if !ok {
			errs = append(errs, fmt.Errorf("environment: unknown variable %s%s", name, suggestion(name, names)))
			continue
		}
		if key == "catalog" {
			values[key] = strings.Split(value, ",")
			continue
		}
		values[key] = value
	}
	return values, errors.Join(errs...)
}

// suggestion names what was probably meant by an unknown name.
func suggestion(name string, known []string) string {
	if near, ok := spelling.Nearest(name, known); ok {
		return fmt.Sprintf(", did you mean %q?", near)
	}
	return "; presage config lists what there is"
}

func (s *Settings) validate() error {
	var errs []error
	fail := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{key}, args...)...))
	}
	if s.Data == "" {
		fail("data", "name a folder")
	}
	if !slices.Contains([]string{"reject", "quarantine", "register"}, s.UnknownDevices) {
		fail("unknown_devices", "%q is none of reject, quarantine and register", s.UnknownDevices)
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s.Log.Level) {
		fail("log.level", "%q is none of debug, info, warn and error", s.Log.Level)
	}
	if !slices.Contains([]string{"text", "json"}, s.Log.Format) {
		fail("log.format", "%q is neither text nor json", s.Log.Format)
	}
	if s.Database != "" && !strings.HasPrefix(s.Database, "postgres://") && !strings.HasPrefix(s.Database, "postgresql://") {
		fail("database", "give a postgres:// URL, or nothing for SQLite in the data folder")
	}
	for key, address := range map[string]string{"http.listen": s.HTTP.Listen, "mqtt.listen": s.MQTT.Listen} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			fail(key, "%q is not host:port: %v", address, err)
		}
	}
	for key, raw := range map[string]string{"mqtt.broker": s.MQTT.Broker, "series.url": s.Series.URL, "http.public_url": s.HTTP.PublicURL} {
		if raw == "" {
			continue
		}
		if u, err := url.Parse(raw); err != nil || u.Host == "" {
			fail(key, "not a URL with a host")
		}
	}
	if s.Ingest.Lanes < 0 || s.Ingest.Lanes > 256 {
		fail("ingest.lanes", "%d is not within 0 and 256", s.Ingest.Lanes)
	}
	if s.Ingest.JournalBytes < 64<<20 {
		fail("ingest.journal_bytes", "%d is less than 64 MiB", s.Ingest.JournalBytes)
	}
	if s.Ingest.MaxPayload < 1<<10 || s.Ingest.MaxPayload > 64<<20 {
		fail("ingest.max_payload", "%d is not within 1 KiB and 64 MiB", s.Ingest.MaxPayload)
	}
	if s.Ingest.CheckpointEvery < 10*time.Millisecond || s.Ingest.CheckpointEvery > time.Hour {
		fail("ingest.checkpoint_every", "%s is not within 10ms and 1h", s.Ingest.CheckpointEvery)
	}
	if s.Ingest.ReorderWindow < 0 || s.Ingest.ReorderWindow > 10*time.Minute {
		fail("ingest.reorder_window", "%v is not within 0 and 10m", s.Ingest.ReorderWindow)
	}
	if m := s.Detection.Memory; m != 0 && (m < 1<<20 || m > 1<<40) {
		fail("detection.memory", "%d is not within 1 MiB and 1 TiB; 0 judges no novelty", m)
	}
	if b := s.Detection.budget(); !(b >= decision.LeastBudget && b <= decision.MostBudget) {
		fail("detection.false_tickets", "%v is not within %v and %v false tickets of a device in a month", b, decision.LeastBudget, decision.MostBudget)
	}
	for key, keep := range map[string]time.Duration{
		"series.retention": s.Series.Retention, "retention.findings": s.Retention.Findings, "retention.events": s.Retention.Events,
	} {
		if keep != 0 && keep < 24*time.Hour {
			fail(key, "%s is less than a day; 0 keeps everything for ever", keep)
		}
	}
	s.MQTT.validate(fail)
	if (s.HTTP.TLSCertificate == "") != (s.HTTP.TLSKey == "") {
		fail("http.tls_certificate", "set http.tls_certificate and http.tls_key together")
	}
	s.Limits.validate(fail)
	s.Desk.validate(fail)
	s.Quality.validate(fail)
	validateWebhooks(s.Webhooks, fail)
	return errors.Join(errs...)
}

// loopback reports whether an address can be reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// path returns a path inside the data folder.
func (s *Settings) path(elem ...string) string {
	return filepath.Join(append([]string{s.Data}, elem...)...)
}

// publicURL is how browsers reach Presage.
func (s *Settings) publicURL() string {
	if s.HTTP.PublicURL != "" {
		return strings.TrimSuffix(s.HTTP.PublicURL, "/")
	}
	scheme := "http"
	if s.HTTP.TLSCertificate != "" {
		scheme = "https"
	}
	return scheme + "://" + s.HTTP.Listen
}

// redactURL hides the password of a URL.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return hidden
	}
	return u.Redacted()
}

// makeDataFolder creates the data folder, readable by its owner only. Its name survives a power cut.
func (s *Settings) makeDataFolder() error {
	data, err := filepath.Abs(s.Data)
	if err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	named := []string{filepath.Dir(data)} // folders in which a name is new, or may be
	for at := named[0]; !exists(at) && at != filepath.Dir(at); at = filepath.Dir(at) {
		named = append(named, filepath.Dir(at))
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("create the data folder: %w", err)
	}
	for _, folder := range named {
		if err := syncFolder(folder); err != nil {
			return fmt.Errorf("create the data folder: %w", err)
		}
	}
	return nil
}
