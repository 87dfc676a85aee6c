package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/ingest/journal/journaltest"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

func TestLanesStoreAndReport(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 700)...)
	put(t, r.log, telemetry.Batch{
		Tenant: "acme", Device: "tv-1", Arrival: epoch,
		Events: []telemetry.Event{{Time: epoch, Code: "crash"}, {Time: epoch + 1, Code: "crash"}},
		States: []telemetry.State{{Time: epoch, Online: true}},
	})
	r.dealtWith()
	if n := h.series.count(); n != 700 {
		t.Errorf("%d samples stored, want 700", n)
	}
	if n := len(h.desk.ids()); n != 70 {
		t.Errorf("%d findings reported, want 70", n)
	}
	if len(h.records.events) != 2 || h.records.events[1].Device != "tv-1" || len(h.records.states) != 1 {
		t.Errorf("events %+v, states %+v", h.records.events, h.records.states)
	}
	if err := r.lanes.Ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := r.finish(); err != nil {
		t.Errorf("finish: %v", err)
	}
}

// expected returns the findings of an undisturbed house on the first n readings.
func expected(t *testing.T, n int) []string {
	t.Helper()
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, n)...)
	r.dealtWith()
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	return h.desk.ids()
}

// holds compares a house with an undisturbed one on n readings.
func (h *house) holds(t *testing.T, n int, want []string) {
	t.Helper()
	if got := h.desk.ids(); !slices.Equal(got, want) {
		t.Errorf("%d findings, want %d: got %q, want %q", len(got), len(want), got, want)
	}
	if got := h.series.count(); got != n {
		t.Errorf("%d samples stored, want %d", got, n)
	}
}

// TestReplay holds every way of stopping to the same findings as never having stopped.
func TestReplay(t *testing.T) {
	want := expected(t, 1400)
	often := func(c *ingest.LanesConfig) { c.CheckpointBytes = 1000 }
	for _, c := range []struct {
		name  string
		lanes func(*ingest.LanesConfig)
		stop  func(*testing.T, *running, int)
	}{
		{"stopped in order", func(*ingest.LanesConfig) {}, func(t *testing.T, r *running, _ int) {
			if err := r.finish(); err != nil {
				t.Errorf("finish: %v", err)
			}
		}},
		{"killed without checkpoints", func(*ingest.LanesConfig) {}, func(_ *testing.T, r *running, _ int) { r.kill() }},
		{"killed between checkpoints", often, func(_ *testing.T, r *running, _ int) { r.kill() }},
		{"in turns", often, func(t *testing.T, r *running, part int) {
			if part%2 == 0 {
				r.kill()
			} else if err := r.finish(); err != nil {
				t.Errorf("finish: %v", err)
			}
		}},
		{"newest checkpoints damaged", often, func(t *testing.T, r *running, _ int) {
			r.kill()
			damageNewest(t, r.dir)
		}},
		{"checkpoints lost", often, func(t *testing.T, r *running, part int) {
			r.kill()
			if part == 0 { // later, the journal is trimmed
				if err := os.RemoveAll(r.dir + "/lanes"); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.lanes = c.lanes
			h.watch = newNaive
			for part := range 7 {
				r := h.start()
				put(t, r.log, readings(part*200, 200)...)
				if part%3 == 0 {
					r.dealtWith()
				}
				c.stop(t, r, part)
			}
			h.start().dealtWith()
			h.holds(t, 1400, want)
		})
	}
}

// damageNewest turns a bit in the newest checkpoint of every cursor.
func damageNewest(t *testing.T, dir string) {
	t.Helper()
	for _, prefix := range []string{"0000.store", "0000.detect", "0001.store", "0001.detect"} {
		files, err := filepath.Glob(filepath.Join(dir, "lanes", prefix+".[0-9]*"))
		if err != nil {
			t.Fatal(err)
		}
		newest, number := "", -1
		for _, f := range files {
			var n int
			if _, err := fmt.Sscanf(filepath.Ext(f), ".%d", &n); err == nil && n > number {
				newest, number = f, n
			}
		}
		if len(files) < 2 {
			continue // it may be the only one
		}
		data, err := os.ReadFile(newest)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 4
		if err := os.WriteFile(newest, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOutages lets stores be away for a while: nothing is lost, and the lanes go on by themselves.
func TestOutages(t *testing.T) {
	want := expected(t, 600)
	away := fmt.Errorf("no connection: %w", tickets.ErrUnavailable)
	for _, c := range []struct {
		name string
		set  func(*house, error)
		err  error
	}{
		{"series store", func(h *house, err error) { h.series.set(err) }, fmt.Errorf("no connection: %w", series.ErrUnavailable)},
		{"records", func(h *house, err error) { h.records.set(err) }, away},
		{"desk", func(h *house, err error) { h.desk.set(err) }, away},
		{"desk that times out", func(h *house, err error) { h.desk.set(err) }, context.DeadlineExceeded},
		{"everything", func(h *house, err error) { h.series.set(err); h.records.set(err); h.desk.set(err) }, away},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			r := h.start()
			put(t, r.log, readings(0, 200)...)
			r.dealtWith()
			c.set(h, c.err)
			put(t, r.log, readings(200, 200)...)
			put(t, r.log, telemetry.Batch{Tenant: telemetry.DefaultTenant, Device: "x", Arrival: epoch, Events: []telemetry.Event{{Time: epoch, Code: "crash"}}})
			eventually(t, "a lane that waits", func() bool {
				for _, s := range r.lanes.Status() {
					if s.Pending > 0 || s.Store.Position < r.log.End(s.Partition) {
						return true
					}
				}
				return false
			})
			if err := r.finish(); err != nil { // even a stop in the middle of the outage
				t.Errorf("finish: %v", err)
			}
			r = h.start()
			put(t, r.log, readings(400, 200)...)
			c.set(h, nil)
			r.dealtWith()
			h.holds(t, 600, want)
			if len(h.records.events) == 0 {
				t.Error("the event is lost")
			}
			if q := h.records.quarantine(); len(q) > 0 {
				t.Errorf("in the quarantine: %+v", q)
			}
		})
	}
}

// TestFindingsOutliveTheProcess stops while the desk is away: the findings are in the checkpoint, with
// everything they hold.
func TestFindingsOutliveTheProcess(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	eventually(t, "the beginning", func() bool { return r.lanes.Ready(t.Context()) == nil })
	h.desk.set(tickets.ErrUnavailable)
	put(t, r.log, readings(0, 350)...)
	eventually(t, "35 findings", func() bool {
		n := 0
		for _, s := range r.lanes.Status() {
			n += s.Pending
		}
		return n == 35
	})
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	if len(h.desk.ids()) > 0 {
		t.Fatal("the desk was not away")
	}
	h.desk.set(nil)
	h.start().dealtWith()
	ids := h.desk.ids()
	if len(ids) != 35 {
		t.Fatalf("%d findings, want 35", len(ids))
	}
	f := h.desk.findings[ids[0]]
	if f.Tenant != telemetry.DefaultTenant || len(f.Signals) != 1 || f.Signals[0].Metric != "load" || f.Score != 1 {
		t.Errorf("the finding came back as %+v", f)
	}
}

// TestPendingIsBounded holds the detection to waiting when the desk does not take its findings.
func TestPendingIsBounded(t *testing.T) {
	want := expected(t, 2000)
	h := newHouse(t)
	h.lanes = func(c *ingest.LanesConfig) { c.Pending, c.ReportFindings = 5, 3 }
	h.watch = newNaive
	r := h.start()
	eventually(t, "the beginning", func() bool { return r.lanes.Ready(t.Context()) == nil })
	h.desk.set(tickets.ErrUnavailable)
	put(t, r.log, readings(0, 2000)...)
	eventually(t, "full queues", func() bool {
		full := 0
		for _, s := range r.lanes.Status() {
			if s.Pending > 6 {
				t.Fatalf("%d findings are pending, 5 were allowed", s.Pending)
			}
			if s.Pending >= 5 {
				full++
			}
		}
		return full == 2
	})
	for range 3 {
		if err := r.finish(); err != nil { // in the middle of a blob
			t.Fatal(err)
		}
		r = h.start()
	}
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	h.desk.set(nil)
	h.start().dealtWith()
	h.holds(t, 2000, want)
}

func TestFencedLane(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 100)...)
	r.dealtWith()
	h.desk.set(fmt.Errorf("partition: %w", tickets.ErrFenced))
	put(t, r.log, readings(100, 700)...)
	eventually(t, "the end of the lanes", func() bool {
		for _, s := range r.lanes.Status() {
			if s.Err == "" {
				return false
			}
		}
		return true
	})
	err := r.lanes.Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("ready: %v, want it to say that another process works the lane", err)
	}
	eventually(t, "storing, which needs no lease", func() bool { return h.series.count() == 800 })
	if err := r.lanes.Do(t.Context(), func(int, ingest.Watcher) {}); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("Do on lanes that have ended: %v", err)
	}
	if err := r.finish(); !errors.Is(err, tickets.ErrFenced) {
		t.Errorf("Run returned %v, want ErrFenced", err)
	}
}

// TestPoison holds the lanes to going on when something is refused for good, and to making it visible.
func TestPoison(t *testing.T) {
	t.Run("series store", func(t *testing.T) {
		h := newHouse(t)
		h.series.poison = "dev-3"
		r := h.start()
		put(t, r.log, readings(0, 70)...)
		r.dealtWith()
		if n := h.series.count(); n != 60 {
			t.Errorf("%d samples stored, want the 60 of the other devices", n)
		}
		q := h.records.quarantine()
		if len(q) != 10 {
			t.Fatalf("%d in the quarantine, want 10", len(q))
		}
		if q[0].Reason != ingest.ReasonStoreRefused || q[0].Device != "dev-3" || q[0].Topic != "presage/v1/dev-3/telemetry" || !strings.Contains(q[0].Detail, "wrong type") {
			t.Errorf("in the quarantine: %+v", q[0])
		}
		var payload []struct {
			TS     int64              `json:"ts"`
			Values map[string]float64 `json:"values"`
		}
		if err := json.Unmarshal(q[0].Payload, &payload); err != nil || len(payload) != 1 || payload[0].TS != epoch+3 || payload[0].Values["load"] != 3 {
			t.Errorf("payload %s cannot be tried again: %v", q[0].Payload, err)
		}
	})
	t.Run("desk", func(t *testing.T) {
		want := expected(t, 700)
		h := newHouse(t)
		h.desk.poison = want[10]
		r := h.start()
		put(t, r.log, readings(0, 700)...)
		r.dealtWith()
		h.holds(t, 700, slices.Delete(slices.Clone(want), 10, 11))
		if q := h.records.quarantine(); len(q) != 1 || q[0].Reason != ingest.ReasonDeskRefused || !strings.Contains(string(q[0].Payload), want[10]) {
			t.Errorf("in the quarantine: %+v", q)
		}
	})
	t.Run("detection", func(t *testing.T) {
		h := newHouse(t)
		h.watch = func(int) ingest.Watcher {
			w := newCounter()
			w.panics = "dev-2"
			return w
		}
		r := h.start()
		put(t, r.log, readings(0, 700)...)
		r.dealtWith()
		if n := len(h.desk.ids()); n != 60 {
			t.Errorf("%d findings, want the 60 of the other devices", n)
		}
		q := h.records.quarantine()
		if len(q) != 100 || q[0].Reason != ingest.ReasonDetectorPanic || !strings.Contains(q[0].Detail, "cannot count this") {
			t.Errorf("%d in the quarantine, want 100 with the panic", len(q))
		}
	})
	t.Run("journal", func(t *testing.T) {
		h := newHouse(t)
		r := h.start()
		journaltest.Put(t, r.log, 0, "")
		journaltest.Put(t, r.log, 0, "\x01\x01damaged")
		put(t, r.log, readings(0, 70)...)
		r.dealtWith()
		if n := h.series.count(); n != 70 {
			t.Errorf("%d samples stored, want 70", n)
		}
		q := h.records.quarantine()
		if len(q) != 2 || q[1].Reason != ingest.ReasonBadEntry || string(q[1].Payload) != "\x01\x01damaged" {
			t.Errorf("in the quarantine: %+v", q)
		}
		if err := r.lanes.Ready(t.Context()); err != nil {
			t.Errorf("ready: %v", err)
		}
	})
	t.Run("journal of a newer release", func(t *testing.T) {
		h := newHouse(t)
		r := h.start()
		journaltest.Put(t, r.log, 1, "\x02\x01something new")
		eventually(t, "the end of the lane", func() bool {
			err := r.lanes.Ready(t.Context())
			return err != nil && strings.Contains(err.Error(), "newer")
		})
		if err := r.finish(); !errors.Is(err, telemetry.ErrNewerEntry) {
			t.Errorf("Run returned %v, want ErrNewerEntry", err)
		}
	})
	t.Run("quarantine", func(t *testing.T) {
		h := newHouse(t)
		h.series.poison = "dev-3"
		h.records.set(errors.New("no such table"))
		r := h.start()
		put(t, r.log, readings(0, 14)...)
		r.dealtWith() // it is counted and logged, and does not hold up the lane
		if n := h.series.count(); n != 12 {
			t.Errorf("%d samples stored, want 12", n)
		}
	})
}

// TestFullJournalRecovers fills the journal while a store is away. When the store is back the lanes trim, and what waited goes on.
func TestFullJournalRecovers(t *testing.T) {
	want := expected(t, 6000)
	h := newHouse(t)
	h.journal = func(c *journal.Config) { c.MaxBytes, c.GroupBytes = 256<<10, 4<<10 }
	h.lanes = func(c *ingest.LanesConfig) { c.CheckpointEvery = 20 * time.Millisecond }
	r := h.start()
	h.series.set(series.ErrUnavailable)
	var appended atomic.Int64
	all := make(chan struct{})
	go func() { // ends when everything is durable
		for i := range 60 {
			put(t, r.log, readings(i*100, 100)...)
			appended.Add(100)
		}
		close(all)
	}()
	eventually(t, "a full journal", func() bool { return r.log.Size() > 100<<10 })
	h.series.set(nil)
	select {
	case <-all:
	case <-time.After(30 * time.Second):
		t.Fatalf("appending stands still after %d of 6000", appended.Load())
	}
	r.dealtWith()
	h.holds(t, 6000, want)
	eventually(t, "trimming", func() bool { return r.log.Size() < 100<<10 })
}

func TestDo(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 70)...)
	for range 20 {
		var calls atomic.Int64
		if err := r.lanes.Do(t.Context(), func(partition int, w ingest.Watcher) {
			if _, ok := w.(*counter); !ok {
				t.Errorf("lane %d called with %T", partition, w)
			}
			calls.Add(int64(1 + 100*partition))
		}); err != nil {
			t.Fatal(err)
		}
		if calls.Load() != 102 {
			t.Fatalf("calls add up to %d, want one for each of two lanes", calls.Load())
		}
	}
}

func TestReadiness(t *testing.T) {
	h := newHouse(t)
	h.lanes = func(c *ingest.LanesConfig) { c.StuckAfter = time.Millisecond }
	h.desk.set(tickets.ErrUnavailable)
	r := h.start()
	if err := r.lanes.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "has not begun") {
		t.Errorf("ready before the lanes were acquired: %v", err)
	}
	h.desk.set(nil)
	eventually(t, "readiness", func() bool { return r.lanes.Ready(t.Context()) == nil })
	h.series.set(series.ErrUnavailable)
	put(t, r.log, readings(0, 7)...)
	eventually(t, "a stuck cursor", func() bool {
		err := r.lanes.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "look at the series store")
	})
	eventually(t, "both stuck in the status", func() bool {
		both := r.lanes.Status()
		return both[0].Store.Stuck && both[1].Store.Stuck
	})
	h.series.set(nil)
	r.dealtWith()
	eventually(t, "readiness", func() bool { return r.lanes.Ready(t.Context()) == nil })

	h.desk.set(tickets.ErrUnavailable)
	put(t, r.log, readings(7, 70)...)
	eventually(t, "findings that wait for too long", func() bool {
		err := r.lanes.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "for the desk")
	})
	h.desk.set(nil)
	r.dealtWith()
	eventually(t, "readiness", func() bool { return r.lanes.Ready(t.Context()) == nil })
}

func TestLag(t *testing.T) {
	h := newHouse(t)
	registry := prometheus.NewRegistry()
	h.lanes = func(c *ingest.LanesConfig) { c.Registerer = registry }
	r := h.start()
	put(t, r.log, readings(0, 70)...)
	r.dealtWith()
	for _, s := range r.lanes.Status() {
		if s.Store.LagSeconds != 0 || s.Detect.LagSeconds != 0 {
			t.Errorf("lag at the end of the journal: %+v", s)
		}
	}
	h.series.set(series.ErrUnavailable)
	put(t, r.log, readings(70, 70)...)
	eventually(t, "a lag of the storing cursors", func() bool {
		n := 0
		for _, s := range r.lanes.Status() {
			if s.Store.LagSeconds > 0.02 && s.Detect.LagSeconds < 20 {
				n++
			}
		}
		return n == 2
	})
	if s := r.lanes.Status()[0]; s.Store.BytesBehind == 0 || s.Store.BytesBehind < s.Detect.BytesBehind {
		t.Errorf("with the store away %d bytes are to be stored, %d to be judged", s.Store.BytesBehind, s.Detect.BytesBehind)
	}
	if n := failures(t, registry, "append", "unavailable"); n == 0 {
		t.Error("the failures of the series store are not counted")
	}
	if n, err := testutil.GatherAndCount(registry, "presage_lane_lag_seconds", "presage_lane_stuck", "presage_lane_pending_findings", "presage_lane_failed"); err != nil || n != 12 {
		t.Errorf("%d gauges, %v, want 12", n, err)
	}
}

// TestForeignJournal refuses to begin on a journal that does not reach as far as the checkpoints.
func TestForeignJournal(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 100)...)
	r.dealtWith()
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(h.dir + "/journal"); err != nil {
		t.Fatal(err)
	}
	r = h.start()
	eventually(t, "the refusal", func() bool {
		err := r.lanes.Ready(t.Context())
		return err != nil && strings.Contains(err.Error(), "do not belong together")
	})
	if err := r.finish(); !errors.Is(err, ingest.ErrPositionLost) {
		t.Errorf("Run returned %v, want ErrPositionLost", err)
	}
}

// TestStateOfAnotherVersion begins with an empty memory when no checkpoint can be restored, rather than not at all.
func TestStateOfAnotherVersion(t *testing.T) {
	h := newHouse(t)
	r := h.start()
	put(t, r.log, readings(0, 100)...)
	r.dealtWith()
	if err := r.finish(); err != nil {
		t.Fatal(err)
	}
	h.watch = func(int) ingest.Watcher { return &forgetful{newCounter()} }
	r = h.start()
	put(t, r.log, readings(100, 100)...)
	r.dealtWith()
	if n := len(h.desk.ids()); n == 0 {
		t.Error("nothing was found")
	}
}

// forgetful is a watcher of a release that cannot read older states.
type forgetful struct{ *counter }

func (*forgetful) Restore([]byte) error { return errors.New("state is of another release") }

// TestWatcherKeepsItsFindings hands out findings in memory that the watcher uses again.
func TestWatcherKeepsItsFindings(t *testing.T) {
	h := newHouse(t)
	h.watch = func(int) ingest.Watcher { return &reusing{newCounter()} }
	h.desk.set(tickets.ErrUnavailable)
	r := h.start()
	h.desk.set(nil)
	put(t, r.log, readings(0, 700)...)
	r.dealtWith()
	for id, f := range h.desk.findings {
		if len(f.Signals) != 1 || f.Signals[0].Metric != "load" || !strings.HasPrefix(id, f.Device+"#") {
			t.Fatalf("finding %s was overwritten: %+v", id, f)
		}
	}
}

// reusing overwrites the findings of the call before.
type reusing struct{ *counter }

func (w *reusing) Apply(b *telemetry.Batch) []detectors.Finding {
	for i := range w.findings {
		for k := range w.findings[i].Signals {
			w.findings[i].Signals[k].Metric = "overwritten"
		}
		w.findings[i].Device = "overwritten"
	}
	return w.counter.Apply(b)
}

func TestLanesConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*ingest.LanesConfig){
		"no folder":   func(c *ingest.LanesConfig) { c.Dir = "" },
		"no owner":    func(c *ingest.LanesConfig) { c.Owner = "" },
		"no interval": func(c *ingest.LanesConfig) { c.CheckpointEvery = 0 },
		"no room":     func(c *ingest.LanesConfig) { c.Pending = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ingest.DefaultLanesConfig()
			cfg.Dir, cfg.Owner = t.TempDir(), "test"
			change(&cfg)
			if _, err := ingest.NewLanes(ingest.Parts{Journal: &slowJournal{}}, cfg); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// failures is how many attempts at an effect failed for a reason.
func failures(t *testing.T, g prometheus.Gatherer, effect, reason string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "presage_lane_effect_failures_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if l := m.GetLabel(); l[0].GetValue() == effect && l[1].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}
