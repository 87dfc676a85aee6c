package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchQueryCommand struct {
	Devices int  `help:"Devices with a day of readings." default:"20"`
	Rounds  int  `help:"Charts to draw." default:"200"`
	JSON    bool `name:"json" help:"Print the report as JSON."`
}

// Help says what is measured.
func (benchQueryCommand) Help() string {
	return `Starts a server, replays a day of readings of 10 metrics a minute of each device over MQTT, and draws the chart of one device
over the API: 10 requests, six at once as browsers do, until the last answer is there. A first round warms up.`
}

// queryReport is how long a chart takes.
type queryReport struct {
	Devices int          `json:"devices"`
	Metrics int          `json:"metrics"`
	Points  int          `json:"points_a_metric"`
	Chart   bench.Figure `json:"chart"`
}

// Run measures and prints.
func (c benchQueryCommand) Run(ctx context.Context, std streams) error {
	r, err := c.measure(ctx, std)
	return show(std.out, c.JSON, r, err)
}

func (r *queryReport) text(w io.Writer) error {
	_, err := fmt.Fprintf(w, "chart           1 of %d devices, %d metrics x %d points: p50 %.1f ms, p99 %.1f ms, most %.1f ms of %d\n",
		r.Devices, r.Metrics, r.Points, r.Chart.P50Ms, r.Chart.P99Ms, r.Chart.MaxMs, r.Chart.Count)
	return err
}

const (
	chartMetrics = 10
	chartMinutes = 24 * 60
)

func (c benchQueryCommand) measure(ctx context.Context, std streams) (*queryReport, error) {
	server, err := newBenchServer(std, "")
	if err != nil {
		return nil, err
	}
	defer server.close()
	if _, err := server.start(ctx); err != nil {
		return nil, err
	}
	to := time.Now().Truncate(time.Minute)
	from := to.Add(-chartMinutes * time.Minute)
	recording := filepath.Join(server.dir, "day.csv")
	if err := os.WriteFile(recording, []byte(aDay(from)), 0o600); err != nil {
		return nil, err
	}
	fmt.Fprintf(std.err, "replaying a day of %d devices ...\n", c.Devices)
	for i := range c.Devices {
		if _, err := server.command(ctx, "replay", "--broker", server.mqtt, "--device", chartDevice(i), "--time-column", "timestamp", recording); err != nil {
			return nil, err
		}
	}
	api := server.api()
	if err := api.Drain(ctx, 0); err != nil {
		return nil, err
	}
	metrics := make([]string, chartMetrics)
	for m := range metrics {
		metrics[m] = chartMetric(m)
	}
	r := &queryReport{Devices: c.Devices, Metrics: chartMetrics, Points: chartMinutes}
	r.Chart, err = api.Chart(ctx, chartDevice(c.Devices/2), metrics, from, to, c.Rounds, chartMinutes)
	return r, err
}

func chartDevice(i int) string { return fmt.Sprintf("pump-%03d", i) }
func chartMetric(m int) string { return fmt.Sprintf("m%d", m) }

// aDay is a recording of a day, one reading of every metric a minute.
func aDay(from time.Time) string {
	var b strings.Builder
	b.WriteString("timestamp")
	for m := range chartMetrics {
		b.WriteString("," + chartMetric(m))
	}
	for i := range chartMinutes {
		b.WriteString("\n" + strconv.FormatInt(from.Add(time.Duration(i)*time.Minute).UnixMilli(), 10))
		for m := range chartMetrics {
			// A daily swing and what no rule explains.
			v := 50 + 10*math.Sin(2*math.Pi*float64(i)/chartMinutes+float64(m)) + float64((i*7919+m*104729)%97)/97
			b.WriteString("," + strconv.FormatFloat(v, 'f', 3, 64))
		}
	}
	return b.String() + "\n"
}
