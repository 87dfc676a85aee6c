package ingest

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// laneCollector shows the status of the lanes as gauges at the time of each scrape.
type laneCollector struct {
	status func() []LaneStatus
}

func cursorDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("presage_lane_"+name, help, []string{"partition", "cursor"}, nil)
}

func laneDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("presage_lane_"+name, help, []string{"partition"}, nil)
}

var (
	lagDesc        = cursorDesc("lag_seconds", "Age of the oldest reading that a cursor has not dealt with.")
	behindDesc     = cursorDesc("behind_bytes", "Bytes of the journal that a cursor has before it.")
	stuckDesc      = cursorDesc("stuck", "1 when a cursor has readings before it and does not move.")
	savedAtDesc    = cursorDesc("checkpoint_timestamp_seconds", "When this process saved the newest checkpoint of a cursor, in Unix time; 0 when it has not yet.")
	savedBytesDesc = cursorDesc("checkpoint_bytes", "Size of that checkpoint.")
	pendingDesc    = laneDesc("pending_findings", "Findings that wait for the desk; at 4096 detection waits as well.")
	pendingAgeDesc = laneDesc("pending_findings_seconds", "For how long the desk has taken none of the findings that wait.")
	failedDesc     = laneDesc("failed", "1 when a lane has ended with an error.")
)

// Describe implements [prometheus.Collector].
func (c *laneCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lagDesc, behindDesc, stuckDesc, savedAtDesc, savedBytesDesc, pendingDesc, pendingAgeDesc, failedDesc} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *laneCollector) Collect(out chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, labels...)
	}
	truth := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	for _, s := range c.status() {
		partition := strconv.Itoa(s.Partition)
		for role, cursor := range map[string]CursorStatus{roleStore: s.Store, roleDetect: s.Detect} {
			gauge(lagDesc, cursor.LagSeconds, partition, role)
			gauge(behindDesc, float64(cursor.BytesBehind), partition, role)
			gauge(stuckDesc, truth(cursor.Stuck), partition, role)
			saved := 0.0
			if !cursor.SavedAt.IsZero() {
				saved = float64(cursor.SavedAt.UnixMilli()) / 1000
			}
			gauge(savedAtDesc, saved, partition, role)
			gauge(savedBytesDesc, float64(cursor.SavedBytes), partition, role)
		}
		gauge(pendingDesc, float64(s.Pending), partition)
		gauge(pendingAgeDesc, s.PendingSeconds, partition)
		gauge(failedDesc, truth(s.Err != ""), partition)
	}
}
