package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// About is what runs here, where the data is, how full and how far behind.
type About struct {
	Version  string    `json:"version"`
	Started  time.Time `json:"started"`
	Database string    `json:"database"` // "sqlite" or "postgresql", with where, without secrets
	Series   string    `json:"series"`   // "embedded" or "influxdb", with where
	Broker   string    `json:"broker"`   // "embedded" or "external", with where
	DataDir  string    `json:"data_dir"`
	// DataBytes is what the data folder holds, DataFree what its disk of DataDisk bytes has left.
	DataBytes int64 `json:"data_bytes"`
	DataFree  int64 `json:"data_free"`
	DataDisk  int64 `json:"data_disk"`
	// DiskLow is set when that is so little that Presage is not ready.
	DiskLow bool `json:"disk_low"`
	// JournalBytes is what the journal holds of at most JournalLimit; JournalFull is set when devices
	// are slowed down, because a partition of it has no room.
	JournalBytes int64       `json:"journal_bytes"`
	JournalLimit int64       `json:"journal_limit"`
	JournalFull  bool        `json:"journal_full"`
	Lanes        []AboutLane `json:"lanes"`
	// OldestUnprocessedS is the age of the oldest reading that was not yet judged, in seconds.
	OldestUnprocessedS float64 `json:"oldest_unprocessed_s"`
	Devices            int     `json:"devices"`
	TicketsOpen        int     `json:"tickets_open"`
}

// AboutLane is how far one lane has come.
type AboutLane struct {
	Partition int `json:"partition"`
	// DetectLagS and StoreLagS are the ages of the oldest readings not yet judged and not yet stored, in seconds.
	DetectLagS float64 `json:"detect_lag_s"`
	StoreLagS  float64 `json:"store_lag_s"`
	Position   string  `json:"position"` // in the journal
}

// Unready is one thing that keeps the server from being ready.
type Unready struct {
	Check  string `json:"check"`  // "journal", "lane 3", "database"
	Detail string `json:"detail"` // a sentence that names the remedy
}

// Readiness tells whether the server may be sent work.
type Readiness struct {
	Ready    bool      `json:"ready"`
	Problems []Unready `json:"problems"`
}

func (s *Server) aboutRoutes() {
	handle(s, operation{id: "get-about", method: "GET", path: "/api/v1/about", summary: "What runs here and how far behind it is", tag: "operation"},
		func(ctx context.Context, _ access.Principal, _ *none) (*body[About], error) {
			a, err := s.cfg.About(ctx)
			if err != nil {
				return nil, fmt.Errorf("describe the server: %w", err)
			}
			a.Lanes = list(a.Lanes)
			return answer(a), nil
		})
	handle(s, operation{id: "get-liveness", method: "GET", path: "/livez", summary: "Whether the process answers", tag: "operation"},
		func(context.Context, access.Principal, *none) (*body[Readiness], error) {
			return answer(Readiness{Ready: true, Problems: []Unready{}}), nil
		})
	handle(s, operation{id: "get-readiness", method: "GET", path: "/readyz", summary: "Whether the server may be sent work", tag: "operation"}, s.readiness)
}

// readinessOutput has the status 200 or 503.
type readinessOutput struct {
	Status int
	Body   Readiness
}

func (s *Server) readiness(ctx context.Context, _ access.Principal, _ *none) (*readinessOutput, error) {
	problems := list(s.cfg.Ready(ctx))
	if s.streams.closing() {
		problems = append(problems, Unready{Check: "shutdown", Detail: "The server is shutting down."})
	}
	out := &readinessOutput{Status: http.StatusOK, Body: Readiness{Ready: len(problems) == 0, Problems: problems}}
	if !out.Body.Ready {
		out.Status = http.StatusServiceUnavailable
	}
	return out, nil
}
