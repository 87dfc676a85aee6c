package journal

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// metrics are counted once a group or less often, never once an entry.
type metrics struct {
	commit, durable, waiting, groupEntries prometheus.Histogram
	bytes, entries                         prometheus.Counter
	waits, failures, damaged               prometheus.Counter
}

func newMetrics(r prometheus.Registerer, log *Log) *metrics {
	with := promauto.With(r)
	counter := func(name, help string) prometheus.Counter {
		return with.NewCounter(prometheus.CounterOpts{Namespace: "presage", Subsystem: "journal", Name: name, Help: help})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return with.NewHistogram(prometheus.HistogramOpts{Namespace: "presage", Subsystem: "journal", Name: name, Help: help, Buckets: buckets})
	}
	if r != nil {
		r.MustRegister(collector{log})
	}
	return &metrics{
		commit: histogram("commit_seconds", "Time to write and sync one group of entries.",
			prometheus.ExponentialBuckets(50e-6, 2, 16)), // 50 us to 1.6 s
		durable: histogram("durable_seconds", "Time from the first entry of a group until the group is durable: the most that an acknowledgement waits for the disk.",
			prometheus.ExponentialBuckets(100e-6, 2, 17)), // 100 us to 6.6 s
		waiting: histogram("wait_seconds", "Time that an entry waited for room in the journal before it could join a group.",
			prometheus.ExponentialBuckets(1e-3, 4, 10)), // 1 ms to 262 s
		groupEntries: histogram("group_entries", "Entries that were committed together.",
			prometheus.ExponentialBuckets(1, 4, 8)), // 1 to 16384
		bytes:    counter("bytes_total", "Bytes committed."),
		entries:  counter("entries_total", "Entries committed: messages of devices, refused messages, and one tick a second and partition."),
		waits:    counter("waits_total", "Entries that had to wait for room: back-pressure."),
		failures: counter("failures_total", "Attempts to commit that failed."),
		damaged:  counter("damaged_bytes_total", "Bytes that readers had to pass over because they were damaged."),
	}
}

// collector shows the state of each partition at the time of each scrape.
type collector struct{ log *Log }

func partitionDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("presage_journal_"+name, help, []string{"partition"}, nil)
}

var (
	sizeDesc           = partitionDesc("size_bytes", "Bytes that a partition of the journal holds on disk.")
	limitDesc          = partitionDesc("limit_bytes", "Most bytes that a partition may hold on disk before devices are slowed down.")
	pendingBytesDesc   = partitionDesc("pending_bytes", "Bytes that wait for the next commit or are in the one under way.")
	pendingEntriesDesc = partitionDesc("pending_entries", "Entries that wait for the next commit.")
	waitersDesc        = partitionDesc("waiters", "Connections and clocks that wait for room.")
	fullDesc           = partitionDesc("full", "1 while a partition has no room on disk for what is to be appended.")
	failingDesc        = partitionDesc("failing", "1 while the last attempt to write a partition has failed.")
)

// Describe implements [prometheus.Collector].
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sizeDesc, limitDesc, pendingBytesDesc, pendingEntriesDesc, waitersDesc, fullDesc, failingDesc} {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c collector) Collect(out chan<- prometheus.Metric) {
	for i, p := range c.log.partitions {
		p.mu.Lock()
		values := map[*prometheus.Desc]float64{
			sizeDesc: float64(p.held), limitDesc: float64(p.cfg.most),
			pendingEntriesDesc: float64(len(p.pending.done)), waitersDesc: float64(p.waiters),
			pendingBytesDesc: float64(p.inwork), fullDesc: truth(p.full), failingDesc: truth(p.failing != nil),
		}
		if !p.pending.empty() {
			values[pendingBytesDesc] += float64(len(p.pending.blob))
		}
		p.mu.Unlock()
		for desc, v := range values {
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, strconv.Itoa(i))
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
