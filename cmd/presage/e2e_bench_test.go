package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/presage-pdm/presage/internal/bench"
	"github.com/presage-pdm/presage/internal/realserver"
)

// benchmark runs presage bench and decodes the JSON that it prints.
func benchmark(t *testing.T, into any, args ...string) {
	t.Helper()
	var out bytes.Buffer
	std := streams{in: strings.NewReader(""), out: &out, err: io.Discard, environ: append(os.Environ(), beServer+"=1")}
	if err := run(t.Context(), append(append([]string{"bench"}, args...), "--json"), std); err != nil {
		t.Fatalf("presage bench %v: %v\n%s", args, err, &out)
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("presage bench %v: %v\n%s", args, err, &out)
	}
}

// complete holds a report to what must be true of every run.
func complete(t *testing.T, r bench.Report) {
	t.Helper()
	if r.Acked == 0 || r.Acked != r.Sent || r.Lost+r.Duplicated+r.Strange != 0 {
		t.Errorf("sent %d, acked %d, lost %d, duplicated %d, strange %d", r.Sent, r.Acked, r.Lost, r.Duplicated, r.Strange)
	}
	if r.Faults == 0 || r.TicketsMissing != 0 || r.TicketsUnexpected != 0 || r.TicketP50Ms <= 0 || r.TicketP99Ms < r.TicketP50Ms {
		t.Errorf("%d faults, %d without a ticket, %d tickets unexpected, p50 %v ms, p99 %v ms", r.Faults, r.TicketsMissing, r.TicketsUnexpected, r.TicketP50Ms, r.TicketP99Ms)
	}
	if r.CPUPerSampleUs <= 0 || r.PeakMemoryBytes < 10<<20 || r.PeakMemorySource == "" || r.PubackP50Ms <= 0 {
		t.Errorf("%v µs a sample, %d bytes (%s), PUBACK p50 %v ms", r.CPUPerSampleUs, r.PeakMemoryBytes, r.PeakMemorySource, r.PubackP50Ms)
	}
}

// The load of a server of its own: at a rate, in both forms, all of it read back.
func TestBenchIngest(t *testing.T) {
	for _, form := range []string{"json", "senml"} {
		var r bench.Report
		benchmark(t, &r, "ingest", "--duration", "2s", "--rate", "500", "--connections", "3", "--devices", "9", "--inflight", "20", "--values", "4", "--faults", "3", "--form", form)
		complete(t, r)
		// Faults come on top of the rate; of the warm-up, each device's reading is read back, too.
		if r.Faults != 6 || r.Acked != 1000+6 || r.Readings != 4*(1000+9) || r.Offered != 500 || r.Verify != bench.VerifyAll {
			t.Errorf("%s: %+v", form, r)
		}
	}
}

// Through Mosquitto, which acknowledges before Presage has the message: all that Mosquitto acknowledged can be read back
// once Presage has caught up, whether the bench starts the server or finds it running.
func TestBenchIngestThroughMosquitto(t *testing.T) {
	broker := realserver.Mosquitto(t)
	load := []string{"ingest", "--duration", "1s", "--connections", "4", "--inflight", "20", "--values", "2", "--verify", "sample"}
	var r bench.Report
	benchmark(t, &r, append(load, "--broker", broker.URL)...)
	complete(t, r)
	if r.Verify != bench.VerifySample || r.Readings < r.Acked-int64(r.Faults) || r.PeakMemorySource != "VmHWM" {
		t.Errorf("%+v", r)
	}

	p := start(t, "serve", setUp{broker: broker.URL, flags: []string{"--broker", broker.URL}}, "--unknown-devices", "register")
	benchmark(t, &r, append(load, "--broker", broker.URL, "--http", "http://"+p.http, "--token", p.token)...)
	complete(t, r)
	if r.PeakMemorySource == "VmHWM" {
		t.Errorf("the memory of a server that was running is not known by VmHWM")
	}
}

// Every measurement works by itself, in small.
func TestBenchEach(t *testing.T) {
	var memory memoryReport
	benchmark(t, &memory, "memory", "--devices", "300", "--values", "4", "--rest", "0s")
	if memory.Series != 1200 || memory.PeakBytes < memory.StartedBytes || memory.StartedBytes < 10<<20 {
		t.Errorf("memory: %+v", memory)
	}
	var starting startReport
	benchmark(t, &starting, "start", "--samples", "50000")
	if starting.Samples != 55_000 || starting.Seconds <= 0 || starting.Lost != 0 { // 500 messages more warm up
		t.Errorf("start: %+v", starting)
	}
	var query queryReport
	benchmark(t, &query, "query", "--devices", "2", "--rounds", "5")
	if query.Chart.Count != 5 || query.Chart.P50Ms <= 0 || query.Chart.P99Ms < query.Chart.P50Ms {
		t.Errorf("query: %+v", query)
	}
	for _, database := range []string{"", realserver.Postgres(t).URL} {
		var pages ticketsReport
		benchmark(t, &pages, "tickets", "--tickets", "8000", "--rounds", "2", "--database", database)
		if len(pages.Kinds) < 20 || pages.Pages.Count != 2*len(pages.Kinds) || (database == "") != (pages.Engine == "SQLite") {
			t.Errorf("tickets: %+v", pages)
		}
	}
	var watching detectorsReport
	benchmark(t, &watching, "detectors", "--devices", "30")
	if watching.Series != 300 || watching.BytesASeries < 500 || watching.BytesASeries > 2048 || watching.NsASample <= 0 {
		t.Errorf("detectors: %+v", watching)
	}
}
