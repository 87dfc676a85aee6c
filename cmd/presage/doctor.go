package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/presage-pdm/presage/ingest/payload"
	"github.com/presage-pdm/presage/ingest/subscriber"
	"github.com/presage-pdm/presage/internal/doctor"
	"github.com/presage-pdm/presage/internal/sqlstore"
)

type doctorCommand struct {
	serveFlags
	JSON bool `name:"json" help:"Print the results as JSON."`
}

// Run makes all checks of the set-up that the settings describe. It fails when there is something to fix.
func (c doctorCommand) Run(ctx context.Context, std streams) error {
	s, err := c.load(std)
	checks := []doctor.Check{settingsCheck(err)}
	if err == nil {
		more, err := checksOf(s)
		if err != nil {
			return err
		}
		checks = append(checks, more...)
	}
	report := doctor.Examine(ctx, checks, func(r doctor.Result) {
		if !c.JSON {
			_ = r.Write(std.out) // nobody is left to tell
		}
	})
	if ctx.Err() != nil {
		return errInterrupted
	}
	if c.JSON {
		encoder := json.NewEncoder(std.out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(report); err != nil {
			return fmt.Errorf("print the results: %w", err)
		}
	} else {
		fmt.Fprintf(std.out, "\n%s\n", report.Summary())
	}
	if report.Failures > 0 {
		return fmt.Errorf("the doctor found %d to fix", report.Failures)
	}
	return nil
}

// settingsCheck tells what is wrong with the settings, one mistake a result.
func settingsCheck(err error) doctor.Check {
	return doctor.Check{Name: "settings", Look: func(context.Context) []doctor.Result {
		if err == nil {
			return []doctor.Result{doctor.Good("They are valid.")}
		}
		var results []doctor.Result
		for line := range strings.Lines(err.Error()) {
			results = append(results, doctor.Bad(strings.TrimSpace(line), "Presage will not start. docs/operation.md lists every setting; presage config prints those in effect."))
		}
		return results
	}}
}

// checksOf are the checks of a set-up, in the order in which an operator would look.
func checksOf(s Settings) ([]doctor.Check, error) {
	running := held(s.path("lock"))
	now := time.Now()
	fleet := new(doctor.Fleet)
	folder := doctor.Folder{Path: s.Data, Journal: s.Ingest.JournalBytes, Reserve: func(size int64) int64 { return min(size/100, diskReserve) }}
	_, err := os.Stat(s.path("journal"))
	ran := err == nil
	checks := []doctor.Check{
		folder.Check(),
		doctor.Disk{Path: s.Data}.Check(),
		{Name: "journal and lanes", Look: func(context.Context) []doctor.Result { return foldersBelongTogether(s, running) }},
		doctor.Clock{Data: s.Data, Now: now}.Check(),
	}
	if s.Database != "" {
		checks = append(checks, doctor.Postgres{URL: s.Database, Connections: sqlstore.DefaultConfig().MaxConnections, Fleet: fleet}.Check())
	} else {
		checks = append(checks, doctor.SQLite{Path: s.path("presage.db"), Running: running, Fleet: fleet}.Check())
	}
	if s.Series.URL != "" {
		checks = append(checks, doctor.Influx{URL: s.Series.URL, Token: s.Series.Token, Database: s.Series.Database, Retention: s.Series.Retention}.Check())
	}
	limits := doctor.Limits{Fleet: fleet}
	if s.MQTT.Broker == "" {
		limits.Connections, limits.Reserved = int64(s.Limits.Connections), reservedFiles
	}
	checks = append(checks, limits.Check())
	listeners := doctor.Listeners{{Setting: "http.listen", Address: s.HTTP.Listen, Running: running}}
	if s.MQTT.Broker == "" {
		listeners = append(listeners, doctor.Listener{Setting: "mqtt.listen", Address: s.MQTT.Listen, Running: running})
		if s.MQTT.TLSListen != "" {
			listeners = append(listeners, doctor.Listener{Setting: "mqtt.tls_listen", Address: s.MQTT.TLSListen, Running: running})
		}
	}
	checks = append(checks, listeners.Check())
	if s.MQTT.TLSCertificate != "" && s.MQTT.Broker == "" {
		checks = append(checks, doctor.Certificate{Setting: "mqtt", Certificate: s.MQTT.TLSCertificate, Key: s.MQTT.TLSKey, Now: now}.Check())
	}
	if s.HTTP.TLSCertificate != "" {
		c := doctor.Certificate{Setting: "http", Certificate: s.HTTP.TLSCertificate, Key: s.HTTP.TLSKey, Now: now}
		if u, err := url.Parse(s.HTTP.PublicURL); err == nil {
			c.Host = u.Hostname()
		}
		checks = append(checks, c.Check())
	}
	if s.MQTT.Broker != "" {
		broker, err := brokerCheck(s, running, ran)
		if err != nil {
			return nil, err
		}
		checks = append(checks, broker)
	}
	checks = append(checks, doctor.Check{Name: "catalogue", Look: func(context.Context) []doctor.Result { return catalogIsValid(s) }})
	for _, w := range s.Webhooks {
		checks = append(checks, doctor.Webhook{Name: w.Name, URL: w.URL}.Check())
	}
	return append(checks, doctor.Server{URL: s.localURL(), Running: running}.Check()), nil
}

// brokerCheck looks at the external broker as the subscriber would use it.
func brokerCheck(s Settings, running, ran bool) (doctor.Check, error) {
	topics := payload.DefaultConfig()
	topics.Patterns = s.MQTT.Topics
	decoder, err := payload.New(topics)
	if err != nil {
		return doctor.Check{}, fmt.Errorf("mqtt.topics: %w", err)
	}
	return doctor.Broker{
		URL: s.MQTT.Broker, Username: s.MQTT.Username, Password: s.MQTT.Password,
		Session: subscriber.DefaultConfig().ClientID + "-0", Filters: decoder.Filters(), Running: running, Ran: ran,
	}.Check(), nil
}

// catalogIsValid reads the detector catalogue as a start would.
func catalogIsValid(s Settings) []doctor.Result {
	w := watching{files: s.Catalog}
	if _, err := w.read(); err != nil {
		var results []doctor.Result
		for line := range strings.Lines(err.Error()) {
			results = append(results, doctor.Bad(strings.TrimSpace(line), "Presage will not start, and a reload is refused. docs/detectors.md describes the catalogue."))
		}
		return results
	}
	if len(s.Catalog) == 0 {
		return []doctor.Result{doctor.Good("The built-in one is in force.")}
	}
	return []doctor.Result{doctor.Good("%s and the built-in one are valid.", strings.Join(s.Catalog, ", "))}
}

// held reports whether a process holds a lock that lockFile takes. It asks by sharing the lock for an instant, in which
// a start would be refused.
func held(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close() // which gives the lock back
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// localURL is where pages and API answer on this machine.
func (s *Settings) localURL() string {
	scheme := "http"
	if s.HTTP.TLSCertificate != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(s.HTTP.Listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return scheme + "://" + net.JoinHostPort("localhost", port)
	}
	return scheme + "://" + s.HTTP.Listen
}
