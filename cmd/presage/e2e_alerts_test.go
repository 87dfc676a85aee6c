package main

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/presage-pdm/presage/internal/realserver"
)

// stretchedRun is a run of a server as Prometheus would have scraped it, in slow motion: every second counts as
// slowMotion of them. Times that the server measures as gauges are stretched alike, so that a minute's run is
// to the alerts what an outage of twenty minutes is.
type stretchedRun struct {
	*teststorage.TestStorage
	began time.Time
}

const slowMotion = 20

// scrape records what the server shows now.
func (r *stretchedRun) scrape(p *process) {
	p.t.Helper()
	at := r.now().Milliseconds()
	app := r.Appender(p.t.Context())
	put := func(name string, m *dto.Metric, v float64, more ...string) {
		b := labels.NewBuilder(labels.FromStrings("__name__", name, "job", "presage", "instance", "here"))
		for _, l := range m.GetLabel() {
			b.Set(l.GetName(), l.GetValue())
		}
		if len(more) > 0 {
			b.Set(more[0], more[1])
		}
		if _, err := app.Append(0, b.Labels(), at, v); err != nil {
			p.t.Fatalf("%s: %v", name, err)
		}
	}
	for name, family := range p.scraped() {
		for _, m := range family.GetMetric() {
			switch {
			case m.GetHistogram() != nil:
				for _, bucket := range m.GetHistogram().GetBucket() {
					if !math.IsInf(bucket.GetUpperBound(), 1) {
						put(name+"_bucket", m, float64(bucket.GetCumulativeCount()), "le", fmt.Sprint(bucket.GetUpperBound()))
					}
				}
				put(name+"_bucket", m, float64(m.GetHistogram().GetSampleCount()), "le", "+Inf")
			case m.GetCounter() != nil:
				put(name, m, m.GetCounter().GetValue())
			case strings.HasSuffix(name, "_seconds") && !strings.HasSuffix(name, "_timestamp_seconds"):
				put(name, m, slowMotion*m.GetGauge().GetValue())
			case m.GetGauge() != nil:
				put(name, m, m.GetGauge().GetValue())
			}
		}
	}
	if err := app.Commit(); err != nil {
		p.t.Fatal(err)
	}
}

// now is how far the run is, stretched.
func (r *stretchedRun) now() time.Duration { return slowMotion * time.Since(r.began) }

var _ storage.Queryable = (*stretchedRun)(nil)

// A series store that is held back raises the alerts on lag and on the filling journal well before the journal is full and
// devices are slowed down; and none is left when it is back.
func TestAlertsComeBeforeBackPressure(t *testing.T) {
	influx := realserver.Influx(t)
	s := setUp{name: "influx", influx: influx, flags: []string{"--series", influx.URL}}
	config := writeFile(t, "presage.yaml", "ingest: {journal_bytes: 67108864, lanes: 16}\n") // 4 MiB a lane, the least
	p := start(t, "serve", s, "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	d.publish("presage/v1/pump-1/telemetry", `{"a": 1}`)
	r := &stretchedRun{promqltest.LoadedStorage(t, ""), time.Now()}
	r.scrape(p)
	influx.Stop()

	var tokens []interface{ Wait() bool }
	sent, began := 0, time.Now().Add(-time.Hour).UnixMilli()
	p.eventually(60*time.Second, "the journal is full", func() (bool, string) {
		time.Sleep(100 * time.Millisecond) // the pace at which devices publish
		tokens = append(tokens, d.client.Publish("presage/v1/pump-1/telemetry", 1, false, block(began, sent)))
		sent++
		r.scrape(p)
		err := p.request(http.MethodGet, "/readyz", nil, nil)
		return err != nil && strings.Contains(err.Error(), "journal full"), fmt.Sprintf("%d messages sent, /readyz: %v", sent, err)
	})
	full := r.now()

	alerts, _ := alertRules(t)
	for _, name := range []string{"PresageLaneLag", "PresageJournalFilling", "PresageStoreFailing", "PresageJournalNearlyFull"} {
		after, fires := firing(t, alerts[name], r, full)
		t.Logf("%s after %s of %s", name, after, full)
		if !fires || after >= full {
			t.Errorf("%s does not fire before the journal is full, after %s", name, full)
		}
	}
	if after, fires := firing(t, alerts["PresageBackPressure"], r, full); fires {
		t.Errorf("PresageBackPressure fires after %s, before the journal is full", after)
	}

	influx.Start()
	for _, token := range tokens {
		token.Wait()
	}
	p.drained()
	later := &stretchedRun{promqltest.LoadedStorage(t, ""), time.Now()}
	for range 10 {
		later.scrape(p)
		time.Sleep(250 * time.Millisecond) // between two scrapes
	}
	for _, name := range []string{"PresageLaneLag", "PresageLaneStuck", "PresageBackPressure", "PresageReadingsLost", "PresageStoreRefuses"} {
		if _, fires := firing(t, alerts[name], later, later.now()); fires {
			t.Errorf("%s fires although the store is back", name)
		}
	}
}
