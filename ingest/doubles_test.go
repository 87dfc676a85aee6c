package ingest_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// The doubles of this file inject faults that real stores do not have on demand.
// The journal is always the real one, on disk.

// faults makes the methods of a double fail. Its zero value lets everything pass.
type faults struct {
	mu  sync.Mutex
	err error
}

func (f *faults) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *faults) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// memorySeries keeps samples by series and time.
type memorySeries struct {
	faults
	mu     sync.Mutex
	values map[series.Key]map[int64]float64
	syncs  int
	poison string // device whose samples are refused
}

func newMemorySeries() *memorySeries {
	return &memorySeries{values: make(map[series.Key]map[int64]float64)}
}

var errPoison = errors.New("refused: wrong type")

func (m *memorySeries) Append(_ context.Context, batches []telemetry.Batch) (int, error) {
	if err := m.get(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range batches {
		if b.Device == m.poison {
			return 0, errPoison
		}
	}
	for _, b := range batches {
		for _, s := range b.Samples {
			k := series.Key{Tenant: b.Tenant, Device: b.Device, Metric: s.Metric}
			if m.values[k] == nil {
				m.values[k] = make(map[int64]float64)
			}
			m.values[k][s.Time] = s.Value
		}
	}
	return 0, nil
}

func (m *memorySeries) Sync(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.syncs++
	return m.get()
}

func (m *memorySeries) Raw(context.Context, series.Key, series.Range, int) ([]series.Point, error) {
	return nil, nil
}

func (m *memorySeries) Windows(context.Context, series.Key, series.Range, time.Duration) ([]series.Window, error) {
	return nil, nil
}

func (m *memorySeries) Last(context.Context, string, string) (map[string]series.Point, error) {
	return nil, nil
}

func (m *memorySeries) Close() error { return nil }

func (m *memorySeries) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, s := range m.values {
		n += len(s)
	}
	return n
}

// memoryRecords keeps events, states and the quarantine.
type memoryRecords struct {
	faults
	mu       sync.Mutex
	events   []ingest.DeviceEvent
	states   []ingest.DeviceState
	rejected []telemetry.Rejected
}

func (m *memoryRecords) PutEvents(_ context.Context, _ string, events []ingest.DeviceEvent) error {
	if err := m.get(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, events...)
	return nil
}

func (m *memoryRecords) PutStates(_ context.Context, _ string, states []ingest.DeviceState) error {
	if err := m.get(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.states = append(m.states, states...)
	return nil
}

func (m *memoryRecords) PutRejected(_ context.Context, rejected []telemetry.Rejected) error {
	if err := m.get(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rejected = append(m.rejected, rejected...)
	return nil
}

func (m *memoryRecords) quarantine() []telemetry.Rejected {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rejected)
}

// desk keeps findings by ID.
type desk struct {
	faults
	mu       sync.Mutex
	findings map[string]detectors.Finding
	poison   string // ID that is refused
	epoch    int64  // the epoch that holds the lane
}

func newDesk() *desk { return &desk{findings: make(map[string]detectors.Finding)} }

func (d *desk) AcquireLane(context.Context, int, string, string) (int64, error) {
	if err := d.get(); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epoch++
	return d.epoch, nil
}

func (d *desk) Report(_ context.Context, fence tickets.Fence, findings []detectors.Finding) error {
	if err := d.get(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if fence.Epoch > d.epoch || fence.Epoch == 0 {
		return fmt.Errorf("epoch %d was never given", fence.Epoch)
	}
	for _, f := range findings {
		if f.ID == d.poison {
			return errPoison
		}
	}
	for _, f := range findings {
		d.findings[f.ID] = f
	}
	return nil
}

func (d *desk) ids() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.findings))
}

// counter is a watcher whose findings depend on all that it has seen: every tenth
// new reading of a device is one, numbered. A reading that it has seen before changes nothing.
type counter struct {
	seen     map[string]int64 // newest time by device and metric
	count    map[string]int64 // new readings by device
	panics   string           // device whose batches it panics on
	naive    bool             // it counts readings that it has seen before
	findings []detectors.Finding
}

func newCounter() *counter {
	return &counter{seen: make(map[string]int64), count: make(map[string]int64)}
}

func (c *counter) Apply(b *telemetry.Batch) []detectors.Finding {
	if b.Device == c.panics {
		panic("cannot count this")
	}
	c.findings = c.findings[:0]
	for _, s := range b.Samples {
		k := b.Device + "/" + s.Metric
		if t, ok := c.seen[k]; ok && s.Time <= t && !c.naive {
			continue
		}
		c.seen[k] = s.Time
		c.count[b.Device]++
		if n := c.count[b.Device]; n%10 == 0 {
			c.findings = append(c.findings, detectors.Finding{
				ID: fmt.Sprintf("%s#%d@%d", b.Device, n, s.Time), Tenant: b.Tenant, Device: b.Device,
				Component: "device", FaultCode: "ten", Detector: "counter", Phase: detectors.Raised,
				Time: s.Time, Arrival: b.Arrival, Score: 1,
				Signals: []detectors.Signal{{Metric: strings.Clone(s.Metric), Actual: s.Value, Share: 1}},
			})
		}
	}
	return c.findings
}

func (c *counter) Tick(int64) []detectors.Finding { return nil }

func (c *counter) AppendState(dst []byte) []byte {
	data, err := json.Marshal([]map[string]int64{c.seen, c.count})
	if err != nil {
		panic(err)
	}
	dst = binary.AppendUvarint(dst, 7) // the version of this double
	return append(dst, data...)
}

func (c *counter) Restore(state []byte) error {
	if len(state) < 1 || state[0] != 7 {
		return errors.New("state has another version")
	}
	var both []map[string]int64
	if err := json.Unmarshal(state[1:], &both); err != nil {
		return err
	}
	if len(both) != 2 {
		return errors.New("state is cut short")
	}
	c.seen, c.count = both[0], both[1]
	return nil
}

// newNaive returns a counter that takes every reading that is applied for a new one: the lane itself must
// apply each exactly once to one state.
func newNaive(int) ingest.Watcher {
	c := newCounter()
	c.naive = true
	return c
}

// house is the durable path with doubles behind it, restartable on the same folder.
type house struct {
	t       *testing.T
	dir     string
	series  *memorySeries
	records *memoryRecords
	desk    *desk
	watch   func(int) ingest.Watcher
	journal func(*journal.Config)
	lanes   func(*ingest.LanesConfig)
}

func newHouse(t *testing.T) *house {
	return &house{
		t: t, dir: t.TempDir(), series: newMemorySeries(), records: &memoryRecords{}, desk: newDesk(),
		watch:   func(int) ingest.Watcher { return newCounter() },
		journal: func(*journal.Config) {},
		lanes:   func(*ingest.LanesConfig) {},
	}
}

// running is a house at work.
type running struct {
	*house
	log    *journal.Log
	lanes  *ingest.Lanes
	finish func() error // stops the lanes in order and returns their error
	kill   func()       // stops them without a last checkpoint
}

func (h *house) openJournal() *journal.Log {
	h.t.Helper()
	cfg := journal.DefaultConfig()
	cfg.Dir = h.dir + "/journal"
	cfg.Partitions = 2
	cfg.SegmentBytes = 64 << 10
	h.journal(&cfg)
	log, err := journal.Open(cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { log.Close() })
	return log
}

func (h *house) start() *running {
	h.t.Helper()
	log := h.openJournal()
	cfg := ingest.DefaultLanesConfig()
	cfg.Dir = h.dir + "/lanes"
	cfg.Owner = "test"
	h.lanes(&cfg)
	lanes, err := ingest.NewLanes(ingest.Parts{
		Journal: log, Store: h.series, Records: h.records, Reporter: h.desk, Leases: h.desk, Watch: h.watch,
	}, cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	stop, stopNow := context.WithCancel(context.Background())
	abort, abortNow := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- lanes.Run(stop, abort) }() // ended by finish or kill, at the latest in the cleanup
	end := sync.OnceValue(func() error {
		stopNow()
		err := <-result
		return errors.Join(err, log.Close())
	})
	r := &running{house: h, log: log, lanes: lanes, finish: end, kill: func() {
		abortNow()
		end()
	}}
	h.t.Cleanup(func() { abortNow(); end() })
	return r
}

// put journals batches and waits until they are durable.
func put(t *testing.T, log ingest.Journal, batches ...telemetry.Batch) {
	t.Helper()
	var wait sync.WaitGroup
	for i := range batches {
		b := &batches[i]
		wait.Add(1)
		partition := telemetry.Slot(b.Tenant, b.Device) % log.Partitions()
		err := log.Append(t.Context(), partition, telemetry.AppendBatch(nil, b), func(err error) {
			if err != nil {
				t.Errorf("append: %v", err)
			}
			wait.Done()
		})
		if err != nil {
			t.Fatalf("append: %v", err)
		}
	}
	wait.Wait()
}

// readings returns n batches of one sample each, of a few devices, from a number on.
func readings(from, n int) []telemetry.Batch {
	batches := make([]telemetry.Batch, n)
	for i := range batches {
		k := from + i
		batches[i] = telemetry.Batch{
			Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("dev-%d", k%7), Arrival: epoch + int64(k),
			Samples: []telemetry.Sample{{Metric: "load", Time: epoch + int64(k), Value: float64(k)}},
		}
	}
	return batches
}

// epoch is the time of the first reading, in Unix milliseconds.
const epoch = 1_750_000_000_000

// eventually waits until something is true that goroutines of the subject bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("%s did not happen", what)
		case <-look.C:
		}
	}
}

// dealtWith waits until both cursors of every lane are at the end and nothing is pending.
func (r *running) dealtWith() {
	r.t.Helper()
	eventually(r.t, "dealing with the whole journal", func() bool {
		for _, s := range r.lanes.Status() {
			if end := r.log.End(s.Partition); s.Store.Position != end || s.Detect.Position != end || s.Pending > 0 {
				return false
			}
		}
		return true
	})
}
