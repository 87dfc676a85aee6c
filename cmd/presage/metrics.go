package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/presage-pdm/presage/internal/disk"
)

// newRegistry returns the metrics of this process, to which the parts add theirs.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(r).NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "presage", Name: "build_info", Help: "1, with the version of Presage and of Go as labels.",
	}, []string{"version", "go_version"}).WithLabelValues(version, runtime.Version()).Set(1)
	return r
}

// gauge shows a value at the time of each scrape.
func (a *app) gauge(name, help string, value func() float64) {
	promauto.With(a.metrics).NewGaugeFunc(prometheus.GaugeOpts{Namespace: "presage", Name: name, Help: help}, value)
}

// showRoom shows what the disk has left, and how many devices there are.
func (a *app) showRoom() {
	a.gauge("disk_free_bytes", "Bytes that the disk of the data folder has left for Presage.", func() float64 {
		free, _ := disk.Space(a.settings.Data)
		return float64(free)
	})
	a.gauge("disk_size_bytes", "Size of the disk of the data folder.", func() float64 {
		_, size := disk.Space(a.settings.Data)
		return float64(size)
	})
	a.gauge("fleet_devices", "Devices that are known, of all tenants.", func() float64 {
		n := 0
		for _, tenant := range a.directory.Tenants() {
			n += a.directory.Count(tenant)
		}
		return float64(n)
	})
}

// showCertificate shows when the certificate of a listener ("mqtt" or "http") ends; nil is one without TLS.
func (a *app) showCertificate(listener string, c *tls.Config) error {
	if c == nil {
		return nil
	}
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		return fmt.Errorf("%s.tls_certificate: %w", listener, err)
	}
	a.certificates.WithLabelValues(listener).Set(float64(leaf.NotAfter.Unix()))
	return nil
}

func newCertificateMetric(r prometheus.Registerer) *prometheus.GaugeVec {
	return promauto.With(r).NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "presage", Name: "tls_certificate_expiry_timestamp_seconds",
		Help: "When the certificate that a listener has loaded ends, in Unix time.",
	}, []string{"listener"})
}

// tasks counts the rounds of what is done again and again beside the path of the readings.
type tasks struct {
	succeeded *prometheus.GaugeVec
	failed    *prometheus.CounterVec
}

// The tasks, as they stand in the label.
const (
	taskFleet    = "fleet"    // reads the fleet again
	taskDispatch = "dispatch" // looks for somebody to take tickets that nobody could
	taskHeld     = "held"     // opens the tickets that maintenance held back
	taskFlapping = "flapping" // tells of faults that came and went and do so no more
	taskReview   = "review"   // takes the right to open tickets from rules that are mostly wrong
	taskPrune    = "prune"    // removes what is too old
	taskSeen     = "seen"     // notes when devices were last heard of
	taskBacklog  = "backlog"  // looks at what waits in the database
)

func newTasks(r prometheus.Registerer) tasks {
	with := promauto.With(r)
	t := tasks{
		succeeded: with.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "presage", Subsystem: "task", Name: "success_timestamp_seconds",
			Help: "When a task that is done again and again last succeeded, in Unix time; 0 when it has not yet.",
		}, []string{"task"}),
		failed: with.NewCounterVec(prometheus.CounterOpts{
			Namespace: "presage", Subsystem: "task", Name: "failures_total", Help: "Rounds of a task that failed.",
		}, []string{"task"}),
	}
	for _, name := range []string{taskFleet, taskDispatch, taskHeld, taskFlapping, taskReview, taskPrune, taskSeen, taskBacklog} {
		t.succeeded.WithLabelValues(name)
		t.failed.WithLabelValues(name)
	}
	return t
}

// note counts a round.
func (t tasks) note(task string, err error) {
	if err != nil {
		t.failed.WithLabelValues(task).Inc()
		return
	}
	t.succeeded.WithLabelValues(task).Set(float64(time.Now().UnixMilli()) / 1000)
}
