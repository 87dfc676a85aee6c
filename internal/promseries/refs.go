package promseries

import (
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

// device is what is remembered of one device. Its mutex is held only for map access.
type device struct {
	mu      sync.Mutex
	metrics map[string]*metric
	// searched tells that the store was searched for readings from before the cache began.
	searched bool
}

type metric struct {
	ref  storage.SeriesRef // 0 when not known yet
	last series.Point
	some bool // last is valid
}

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
	d = &device{metrics: map[string]*metric{}}
	r.devices[k] = d
	return d
}

// ref returns the reference of a metric, 0 when it is not known.
func (d *device) ref(name string) storage.SeriesRef {
	if m := d.metrics[name]; m != nil {
		return m.ref
	}
	return 0
}

// metric returns the entry of a metric, creating it when missing.
func (d *device) metric(name string) *metric {
	m := d.metrics[name]
	if m == nil {
		m = &metric{}
		d.metrics[name] = m
	}
	return m
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
