package simulation

import (
	"context"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
)

// midnight is a time for histories to end at.
var midnight = time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)

const (
	fortnight = 14 * 24 * time.Hour
	step      = 10 * time.Minute
	chunk     = 12 * time.Hour
)

func newFleet(t testing.TB, change func(*Config)) *Fleet {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func small(c *Config) { c.Vehicles, c.TVs, c.Machines = 8, 4, 4 }

func TestSameSeedSameReadings(t *testing.T) {
	run := func(seed uint64) (batches []telemetry.Batch, faults []Fault) {
		f := newFleet(t, func(c *Config) { small(c); c.Seed = seed })
		for b := range f.History(midnight.Add(-fortnight), midnight, step, chunk) {
			batches = append(batches, b)
		}
		return batches, f.Faults()
	}
	a, faultsA := run(7)
	b, faultsB := run(7)
	if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(faultsA, faultsB) {
		t.Fatal("the same seed gives other readings")
	}
	if c, _ := run(8); reflect.DeepEqual(a, c) {
		t.Fatal("another seed gives the same readings")
	}
}

// How finely one reads a device changes the noise, not the fleet: level and spread
// of every metric at 10 minutes are those at 1 minute.
func TestStepDoesNotMatter(t *testing.T) {
	spread := func(step time.Duration) map[string][2]float64 {
		f := newFleet(t, func(c *Config) { small(c); c.PastFaults = 0 })
		values := map[string][]float64{}
		for b := range f.History(midnight.Add(-7*24*time.Hour), midnight, step, chunk) {
			for _, s := range b.Samples {
				values[b.Device+" "+s.Metric] = append(values[b.Device+" "+s.Metric], s.Value)
			}
		}
		out := map[string][2]float64{}
		for k, v := range values {
			mean, sd := moments(v)
			out[k] = [2]float64{mean, sd}
		}
		return out
	}
	coarse, fine := spread(step), spread(time.Minute)
	for k, c := range coarse {
		f := fine[k]
		if math.Abs(c[0]-f[0]) > 0.5*f[1] {
			t.Errorf("%s: mean %.3f at 10 minutes, %.3f at 1", k, c[0], f[0])
		}
		if c[1] > 1.3*f[1] || c[1] < 0.7*f[1] {
			t.Errorf("%s: standard deviation %.3f at 10 minutes, %.3f at 1", k, c[1], f[1])
		}
	}
}

func moments(v []float64) (mean, sd float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	for _, x := range v {
		sd += (x - mean) * (x - mean)
	}
	return mean, math.Sqrt(sd / float64(len(v)))
}

func TestHistoryCoversEveryDeviceInOrder(t *testing.T) {
	f := newFleet(t, nil)
	if f.Devices() != 350 {
		t.Fatalf("%d devices, want 350", f.Devices())
	}
	last := map[string]int64{}
	count := map[string]int{}
	samples := 0
	const span = 4 * 24 * time.Hour
	for b := range f.History(midnight.Add(-span), midnight, step, chunk) {
		for _, s := range b.Samples {
			if s.Time < last[b.Device] || s.Time >= midnight.UnixMilli() || math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
				t.Fatalf("%s reports %+v after %d", b.Device, s, last[b.Device])
			}
			last[b.Device] = s.Time
		}
		samples += len(b.Samples)
		count[b.Device] += len(b.Samples) / len(f.byID[b.Device].model.metrics)
		for i := 1; i < len(b.Events); i++ {
			if b.Events[i].Time < b.Events[i-1].Time {
				t.Fatalf("%s reports events out of order", b.Device)
			}
		}
	}
	for id, n := range count {
		if n != 4*144 {
			t.Errorf("%s has %d readings, want %d", id, n, 4*144)
		}
	}
	if len(count) != 350 || samples < 1_200_000 {
		t.Errorf("%d devices and %d samples", len(count), samples)
	}
	past := f.Faults()
	if len(past) != DefaultConfig().PastFaults {
		t.Fatalf("%d past faults, want %d", len(past), DefaultConfig().PastFaults)
	}
	devices := map[string]bool{}
	for _, p := range past {
		if !p.Past || p.InjectedAt.Before(midnight.Add(-span*8/10-time.Hour)) || p.RepairedAt.After(midnight.Add(-span/10)) || devices[p.Device] {
			t.Errorf("past fault %+v", p)
		}
		devices[p.Device] = true
	}
}

// A healthy TV never crashes twice in a row; a crash loop completes no session.
func TestSessions(t *testing.T) {
	f := newFleet(t, func(c *Config) { c.Vehicles, c.TVs, c.Machines, c.PastFaults = 0, 100, 0, 0 })
	row, worst, crashes := map[string]int{}, 0, 0
	see := func(b telemetry.Batch) {
		for _, e := range b.Events {
			if e.Code == "crash" {
				row[b.Device]++
				crashes++
			} else {
				row[b.Device] = 0
			}
			worst = max(worst, row[b.Device])
		}
	}
	for b := range f.History(midnight.Add(-fortnight), midnight, step, chunk) {
		see(b)
	}
	if worst != 1 || crashes < 50 {
		t.Fatalf("%d crashes in a row, %d in all; want 1 in a row and a hundred or two", worst, crashes)
	}
	fault, err := f.Inject(CrashLoop, midnight)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.devices, func(d *device) bool { return d.id == fault.Device })
	clear(row)
	worst = 0
	now := midnight
	for range 60 { // four minutes
		now = now.Add(4 * time.Second)
		see(f.Read(i, now))
	}
	if worst < 10 {
		t.Fatalf("%d crashes in a row in a crash loop, want 10", worst)
	}
	for range 6 * 3600 / 4 {
		now = now.Add(4 * time.Second)
		see(f.Read(i, now))
	}
	if row[fault.Device] > 1 {
		t.Fatalf("%d crashes in a row after the repair", row[fault.Device])
	}
}

// Every kind shows in the readings before the call, and is gone some time after the repair.
func TestFaultsShowAndEnd(t *testing.T) {
	shows := map[Kind]struct {
		metric string
		by     float64 // change at the call
	}{
		CoolantLeak: {"coolant_level", -70}, CellImbalance: {"cell_spread", 110}, MotorBearingWear: {"motor_vibration", 6},
		ChargerFault: {"charger_ripple", 160}, BacklightAgeing: {"luminance", -45}, WiFiLoss: {"wifi_rssi", -34},
		Cavitation: {"suction_pressure", -70}, SealLeak: {"seal_leakage", 60}, BearingWear: {"bearing_envelope", 5},
	}
	for _, kind := range Kinds() {
		want, ok := shows[kind]
		if !ok {
			continue // crash loops and stuck sensors have tests of their own
		}
		t.Run(string(kind), func(t *testing.T) {
			f := newFleet(t, small)
			for i := range f.devices {
				f.Read(i, midnight)
			}
			fault, err := f.Inject(kind, midnight)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(f.devices, func(d *device) bool { return d.id == fault.Device })
			read := func(at time.Time) float64 {
				b := f.Read(i, at)
				k := slices.IndexFunc(b.Samples, func(s telemetry.Sample) bool { return s.Metric == want.metric })
				return b.Samples[k].Value
			}
			before := read(midnight.Add(time.Second))
			at := read(fault.ExpectedCallAt)
			if change := at - before; change/want.by < 0.8 || change/want.by > 1.2 {
				t.Errorf("%s changes by %v until the call, want %v", want.metric, change, want.by)
			}
			if after := read(fault.RepairedAt); math.Abs(after-before) > 0.1*math.Abs(want.by) {
				t.Errorf("%s is %v after the repair, %v before the fault", want.metric, after, before)
			}
		})
	}
}

func TestStuckSensorRepeatsToTheLastDigit(t *testing.T) {
	f := newFleet(t, small)
	fault, err := f.Inject(StuckSensor, midnight.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.devices, func(d *device) bool { return d.id == fault.Device })
	distinct := map[bool]map[float64]bool{true: {}, false: {}}
	for now := midnight; now.Before(fault.RepairedAt.Add(2 * time.Minute)); now = now.Add(4 * time.Second) {
		for _, s := range f.Read(i, now).Samples {
			if s.Metric == "bearing_temp" {
				distinct[now.After(fault.InjectedAt) && now.Before(fault.RepairedAt)][s.Value] = true
			}
		}
	}
	if len(distinct[true]) != 1 || len(distinct[false]) < 20 {
		t.Fatalf("%d values while stuck, %d otherwise", len(distinct[true]), len(distinct[false]))
	}
}

func TestOverheatingSendsOneCode(t *testing.T) {
	f := newFleet(t, small)
	fault, err := f.Inject(CoolantLeak, midnight)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.devices, func(d *device) bool { return d.id == fault.Device })
	codes := 0
	for now := midnight; now.Before(midnight.Add(time.Hour)); now = now.Add(4 * time.Second) {
		for _, e := range f.Read(i, now).Events {
			if e.Code == "P0217" && e.Severity == telemetry.Major {
				codes++
			}
		}
	}
	if codes > 1 {
		t.Fatalf("P0217 came %d times", codes)
	}
}

func TestInject(t *testing.T) {
	f := newFleet(t, func(c *Config) { c.Vehicles, c.TVs, c.Machines, c.PastFaults = 2, 0, 0, 0 }) // a van and an electric car
	if _, err := f.Inject("rust", midnight); err == nil {
		t.Error("an unknown kind is injected")
	}
	if _, err := f.Inject(CrashLoop, midnight); err == nil {
		t.Error("a car gets a TV's fault")
	}
	first, err := f.Inject(CoolantLeak, midnight)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Inject(CoolantLeak, midnight.Add(time.Minute)); err == nil {
		t.Error("the only van breaks twice at once")
	}
	if _, err := f.Inject(CoolantLeak, first.RepairedAt.Add(first.ExpectedCallAt.Sub(first.InjectedAt)+time.Second)); err != nil {
		t.Errorf("the van cannot break again after it recovered: %v", err)
	}
	if n := len(f.Faults()); n != 2 {
		t.Errorf("%d faults declared, want 2", n)
	}
}

// Live operation reports every device each interval and declares faults on time, without catching up after a pause.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, small)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		began := time.Now()
		times := map[int][]time.Time{}
		f.runLive(ctx, func(i int, b telemetry.Batch) bool {
			if len(b.Samples) == 0 || b.Samples[0].Time != time.Now().UnixMilli() {
				t.Errorf("device %d reports %v", i, b)
			}
			if i == 3 && len(times[3]) == 40 {
				time.Sleep(time.Minute) // the broker is away
			}
			times[i] = append(times[i], time.Now())
			return true
		})
		for i := range f.Devices() {
			if n := len(times[i]); n < 58 || n > 62 { // 240 s of readings every 4 s
				t.Errorf("device %d reports %d times in 5 minutes with a pause of one", i, n)
			}
		}
		faults := f.Faults()
		if len(faults) < 5 || len(faults) > 6 {
			t.Fatalf("%d faults in 5 minutes", len(faults))
		}
		if first := faults[0].InjectedAt.Sub(began); first < 2*time.Second || first > 3*time.Second {
			t.Errorf("the first fault comes after %v", first)
		}
		kinds := map[Kind]bool{}
		for _, fault := range faults {
			kinds[fault.Kind] = true
		}
		if len(kinds) != len(faults) {
			t.Errorf("kinds repeat: %v", faults)
		}
	})
}

func TestConfigRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no devices":    func(c *Config) { c.Vehicles, c.TVs, c.Machines = 0, 0, 0 },
		"negative":      func(c *Config) { c.TVs = -1 },
		"too many":      func(c *Config) { c.Vehicles = maxDevices + 1 },
		"too many past": func(c *Config) { c.PastFaults = 351 },
		"no tenant":     func(c *Config) { c.Tenant = "" },
		"no interval":   func(c *Config) { c.Interval = 0 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}

// Everything in the inventory refers to something that is there, and every
// fault finds a technician with the skill at the station of its device.
func TestInventoryHoldsTogether(t *testing.T) {
	f := newFleet(t, nil)
	inv := f.Inventory()
	regions, stations, sites, models, customers := map[string]fleet.Region{}, map[string]fleet.Station{}, map[string]fleet.Site{}, map[string]fleet.Model{}, map[string]bool{}
	for _, r := range inv.Regions {
		regions[r.ID] = r
	}
	for _, s := range inv.Stations {
		stations[s.ID] = s
		if errs := s.Calendar.Validate(); len(errs) > 0 || regions[s.Region].Name == "" {
			t.Errorf("station %+v: %v", s, errs)
		}
	}
	for _, s := range inv.Sites {
		sites[s.ID] = s
		if _, err := time.LoadLocation(s.TimeZone); err != nil || regions[s.Region].Name == "" {
			t.Errorf("site %+v: %v", s, err)
		}
	}
	for _, m := range inv.Models {
		models[m.ID] = m
	}
	for _, c := range inv.Customers {
		customers[c.ID] = true
	}
	skills := map[string]map[string]bool{} // by station
	for _, tech := range inv.Technicians {
		if stations[tech.Station].ID == "" {
			t.Errorf("technician %+v", tech)
		}
		if skills[tech.Station] == nil {
			skills[tech.Station] = map[string]bool{}
		}
		for _, s := range tech.Skills {
			skills[tech.Station][s.Name] = true
		}
	}
	zones := map[string]bool{}
	for _, d := range inv.Devices {
		site, model := sites[d.Site], models[d.Model]
		zones[site.TimeZone] = true
		if telemetry.ValidDeviceID(d.ID) != nil || site.ID == "" || model.ID == "" || !customers[d.Customer] {
			t.Errorf("device %+v", d)
		}
		for _, c := range model.Components {
			skill := c.Skill
			if skill == "" {
				skill = c.ID
			}
			station := "st-" + f.byID[d.ID].place.id
			if !skills[station][skill] {
				t.Errorf("nobody at %s can repair %s of %s", station, c.ID, model.ID)
			}
		}
	}
	if len(zones) < 5 || len(inv.Devices) != 350 {
		t.Errorf("%d time zones and %d devices", len(zones), len(inv.Devices))
	}
	for _, trait := range traits {
		if trait.title["en"] == "" || trait.title["de"] == "" || trait.title["zh"] == "" {
			t.Errorf("%s has no title", trait.kind)
		}
		for _, m := range allModels() {
			if m.class&trait.class != 0 && !slices.ContainsFunc(m.components, func(c fleet.Component) bool { return c.ID == trait.component }) {
				t.Errorf("%s: %s has no %s", trait.kind, m.id, trait.component)
			}
		}
	}
	if trait := StuckSensor.trait(); trait.code != detectors.FaultStuck {
		t.Error("the code of a stuck sensor is the engine's")
	}
}
