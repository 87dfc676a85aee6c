package promseries

import (
	"slices"
	"sync"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"

	"github.com/presage-pdm/presage/telemetry/series"
)

// maxCachedDevices bounds the cache: past it the cache starts again from empty,
// which costs one lookup per series. At ten metrics a device it is about 2 GB.
const maxCachedDevices = 1_000_000

// refs remembers, for each device, the engine's reference and the newest
// reading of each metric, so that appending needs no labels and Last no search.
type refs struct {
	mu      sync.RWMutex
	devices map[deviceKey]*device
}

type deviceKey struct{ tenant, id string }

// device is what is remembered of one device. Its mutex is held only while it is looked at.
type device struct {
	mu      sync.Mutex
	metrics []metric       // in the order in which they came
	index   map[string]int // where each stands; only made for more than fewMetrics
	// searched tells that the store was searched for readings from before the cache began.
	searched bool
}

type metric struct {
	name string
	ref  storage.SeriesRef // 0 when not known yet
	last series.Point
	some bool // last is valid
}

// fewMetrics is how many metrics are searched one by one.
const fewMetrics = 16

func newRefs() *refs { return &refs{devices: map[deviceKey]*device{}} }

// device returns the entry of a device, creating it when missing.
func (r *refs) device(tenant, id string) *device {
	k := deviceKey{tenant, id}
	r.mu.RLock()
	d := r.devices[k]
	r.mu.RUnlock()
	if d != nil {
		return d
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if d = r.devices[k]; d != nil {
		return d
	}
	if len(r.devices) >= maxCachedDevices {
		clear(r.devices)
	}
	d = &device{}
	r.devices[k] = d
	return d
}

// find returns the entry of a metric, nil when there is none. next is the place at which it is expected, and is
// set to the place behind it: messages repeat their metrics in order.
func (d *device) find(name string, next *int) *metric {
	at := *next
	if at >= len(d.metrics) || d.metrics[at].name != name {
		if at = d.search(name); at < 0 {
			return nil
		}
	}
	*next = at + 1
	return &d.metrics[at]
}

func (d *device) search(name string) int {
	if d.index == nil {
		return slices.IndexFunc(d.metrics, func(m metric) bool { return m.name == name })
	}
	if at, ok := d.index[name]; ok {
		return at
	}
	return -1
}

// metric returns the entry of a metric, creating it when missing. It is valid until another is created.
func (d *device) metric(name string) *metric {
	at := d.search(name)
	if at < 0 {
		at = len(d.metrics)
		d.metrics = append(d.metrics, metric{name: name})
		switch {
		case d.index != nil:
			d.index[name] = at
		case at == fewMetrics:
			d.index = make(map[string]int, 2*fewMetrics)
			for i := range d.metrics {
				d.index[d.metrics[i].name] = i
			}
		}
	}
	return &d.metrics[at]
}

// saw notes a reading that is stored; of two with the same time the first stays.
func (m *metric) saw(p series.Point) {
	if !m.some || p.Time > m.last.Time {
		m.last, m.some = p, true
	}
}

const (
	labelDevice = "device"
	labelTenant = "tenant"
)

// seriesLabels names a series. Labels are sorted: "__name__" < "device" < "tenant".
func seriesLabels(tenant, device, metric string) labels.Labels {
	return labels.FromStrings(model.MetricNameLabel, metric, labelDevice, device, labelTenant, tenant)
}

// deviceMatchers select the series of a device.
func deviceMatchers(tenant, device string) []*labels.Matcher {
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, labelDevice, device),
		labels.MustNewMatcher(labels.MatchEqual, labelTenant, tenant),
	}
}
