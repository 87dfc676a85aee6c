package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/web"
)

// A running server tells how much its journal and its disk hold.
func TestAboutTellsOfRoom(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	p.connect("gateway").publish("presage/v1/pump-1/telemetry", `{"pressure": 4.2}`)
	var about web.About
	p.get("/api/v1/about", &about)
	if about.JournalBytes <= 0 || about.JournalLimit != DefaultSettings().Ingest.JournalBytes || about.JournalFull {
		t.Errorf("the journal holds %d of %d bytes (full: %t) after a reading", about.JournalBytes, about.JournalLimit, about.JournalFull)
	}
	if about.DataFree <= 0 || about.DataDisk < about.DataFree {
		t.Errorf("the disk has %d of %d bytes left", about.DataFree, about.DataDisk)
	}
}

// While the series store is away, readings wait in the journal; when that is full, devices
// are slowed down and /readyz says why; when the store is back, everything is stored.
func TestFullJournalIsSeen(t *testing.T) {
	influx := realserver.Influx(t)
	s := setUp{name: "influx", influx: influx, flags: []string{"--series", influx.URL}}
	// The smallest journal there is.
	config := writeFile(t, "presage.yaml", "ingest: {journal_bytes: 67108864, lanes: 16}\n")
	p := start(t, "serve", s, "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	influx.Stop()

	// One device fills its lane, a sixteenth of the journal.
	began := time.Now().Add(-time.Minute).UnixMilli()
	var tokens []interface{ Wait() bool }
	sent := 0
	p.eventually(60*time.Second, "the journal is full", func() (bool, string) {
		for range 10 {
			if sent < 400 {
				tokens = append(tokens, d.client.Publish("presage/v1/pump-1/telemetry", 1, false, block(began, sent)))
				sent++
			}
		}
		err := p.request(http.MethodGet, "/readyz", nil, nil)
		return err != nil && strings.Contains(err.Error(), "journal full"), fmt.Sprintf("%d messages sent, /readyz: %v", sent, err)
	})
	err := p.request(http.MethodGet, "/readyz", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "Storing is") || !strings.Contains(err.Error(), "ingest.journal_bytes") {
		t.Errorf("/readyz says %v, want what is behind and the remedy", err)
	}
	var about web.About
	p.get("/api/v1/about", &about)
	if !about.JournalFull || about.JournalBytes > about.JournalLimit {
		t.Errorf("the journal holds %d of %d bytes, full: %t", about.JournalBytes, about.JournalLimit, about.JournalFull)
	}

	influx.Start()
	for _, token := range tokens {
		token.Wait()
	}
	p.eventually(60*time.Second, "all is stored and ready", func() (bool, string) {
		err := p.request(http.MethodGet, "/readyz", nil, nil)
		return err == nil, fmt.Sprint(err)
	})
	p.drained()
	last := began + int64(sent*blockReadings) - 1
	if got := p.points("pump-1", "a", last, last+1); len(got) != 1 {
		t.Errorf("the last of %d readings is not there: %v", sent*blockReadings, got)
	}
}

// blockReadings is how many readings a block has.
const blockReadings = 2000

// block is a message of readings whose numbers do not compress; each block goes on where the one before ended.
func block(began int64, n int) string {
	var b strings.Builder
	for i := range blockReadings {
		at := began + int64(n*blockReadings+i)
		fmt.Fprintf(&b, `,{"ts": %d, "values": {"a": 0.%d, "b": 0.%d}}`, at, uint64(at)*6364136223846793005, uint64(at)*1442695040888963407)
	}
	return "[" + b.String()[1:] + "]"
}
