package main

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

// skabTimes is the layout of the time stamps in SKAB files, UTC by convention.
const skabTimes = "2006-01-02 15:04:05"

// labelledAnomalies returns the instants of a SKAB file that are labelled anomalous.
func labelledAnomalies(t testing.TB, path string) []time.Time {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := -1
	for i, name := range rows[0] {
		if name == "anomaly" {
			column = i
		}
	}
	if column < 0 {
		t.Fatalf("%s has no column anomaly", path)
	}
	var at []time.Time
	for _, row := range rows[1:] {
		label, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			t.Fatal(err)
		}
		if label != 1 {
			continue
		}
		when, err := time.Parse(skabTimes, row[0])
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, when)
	}
	return at
}

// near reports whether an instant lies within a margin of any of others.
func near(at time.Time, others []time.Time, margin time.Duration) bool {
	for _, o := range others {
		if at.Sub(o).Abs() <= margin {
			return true
		}
	}
	return false
}

// replayCSV replays a file through the real command.
func (p *process) replayCSV(deviceID, timeColumn, path string, more ...string) {
	p.t.Helper()
	args := append([]string{"replay", "--format", "csv", "--device", deviceID, "--time-column", timeColumn,
		"--speed", "0", "--broker", "mqtt://" + p.mqtt}, more...)
	out, errOut, err := runCommand(nil, append(args, path)...)
	if err != nil {
		p.t.Fatalf("replay %s: %v\n%s%s", path, err, out, errOut)
	}
}

// Every labelled file of the pump test bed gets a ticket whose onset lies in
// or within a minute of a labelled anomaly, in at least 14 of 16 files; healthy
// recordings of the pump and of a car get at most one ticket in all.
func TestRecordedTelemetry(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testData(t, "skab", "valve1"), "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of SKAB: %v", err)
	}
	sort.Strings(files)
	inBothSetUps(t, func(t *testing.T, s setUp) {
		p := start(t, "serve", s, "--unknown-devices", "register")
		for _, path := range files {
			p.replayCSV(skabDevice(path), "datetime", path)
		}
		healthy := p.replayHealthy(t)
		p.drained()

		hits := 0
		for _, path := range files {
			anomalies := labelledAnomalies(t, path)
			hit := false
			var seen []string
			for _, ticket := range p.tickets(skabDevice(path)) {
				ok := near(ticket.OnsetAt, anomalies, time.Minute)
				hit = hit || ok
				seen = append(seen, fmt.Sprintf("%s %s onset %s near=%v", ticket.Component, ticket.FaultCode, ticket.OnsetAt.Format("15:04:05"), ok))
			}
			if hit {
				hits++
			}
			t.Logf("%s: hit=%v, anomaly %s to %s; %s", filepath.Base(path), hit,
				anomalies[0].Format("15:04:05"), anomalies[len(anomalies)-1].Format("15:04:05"), strings.Join(seen, "; "))
		}
		t.Logf("onset in or within 60 s of a labelled anomaly: %d of %d files", hits, len(files))
		if hits < 14 {
			t.Errorf("%d of %d files, want at least 14", hits, len(files))
		}

		wrong := 0
		for _, id := range healthy {
			for _, ticket := range p.tickets(id) {
				wrong++
				t.Logf("false ticket: %s %s %s onset %s", id, ticket.Component, ticket.FaultCode, ticket.OnsetAt)
			}
		}
		t.Logf("tickets on healthy recordings: %d", wrong)
		if wrong > 1 {
			t.Errorf("%d tickets on healthy recordings, want at most 1 in all", wrong)
		}
	})
}

func skabDevice(path string) string {
	return "skab-" + strings.TrimSuffix(filepath.Base(path), ".csv")
}

// replayHealthy replays the pump's anomaly-free recording and ten trips of a
// car, and returns the devices.
func (p *process) replayHealthy(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(testData(t, "skab", "anomaly-free"), "anomaly-free.csv")
	p.replayCSV("skab-healthy", "datetime", path)
	devices := []string{"skab-healthy"}
	for _, trip := range []string{"drive1", "drive5", "idle10", "idle21", "live1", "live20", "long3", "long10", "ufpe5", "ufpe12"} {
		id := "car-" + trip
		p.replayCSV(id, "ENGINE_RUN_TIME", filepath.Join(testData(t, "car_obd"), trip+".csv"), "--start", "2026-01-05T08:00:00Z")
		devices = append(devices, id)
	}
	for _, id := range devices {
		var found struct {
			ID string `json:"id"`
		}
		p.get("/api/v1/devices/"+url.PathEscape(id), &found)
	}
	return devices
}
