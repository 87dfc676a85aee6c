package multivariate

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

var machineMetrics = []string{"speed_rpm", "flow", "pressure", "current"}

// machine returns readings of a machine that runs at the speed that is asked for in a row: flow and current go with it, pressure with its square.
func machine(seed uint64, speed func(row int) float64) source {
	rng := rand.New(rand.NewPCG(seed, 11))
	return func(row, m int) float64 {
		v, e := speed(row), rng.NormFloat64()
		return [4]float64{1000*v + 5*e, 20*v + 0.5*e, 50*v*v + e, 3*v + 0.1*e}[m]
	}
}

func newMachine() *Chart {
	c := New(DefaultConfig()).Chart()
	for _, name := range machineMetrics {
		c.Metric(name, "machine")
	}
	return c
}

// turns is a machine that is asked for another speed every so many rows, from a row on.
func turns(from, every int, speeds ...float64) func(int) float64 {
	return func(row int) float64 {
		if row < from {
			return speeds[0]
		}
		return speeds[((row-from)/every+1)%len(speeds)]
	}
}

// What is asked of the machine for the first time is learned, and then neither it nor the way there and back is an alarm.
func TestRegimeIsLearnedAndSwitchedWithoutAlarm(t *testing.T) {
	for seed := range uint64(10) {
		c, value := newMachine(), machine(seed, turns(600, 700, 1, 2))
		if got := feed(c, 0, 620, value); len(got) > 0 || !c.Unseen() || c.Level() != 0 {
			t.Fatalf("seed %d: decided %+v, unseen %v, level %v", seed, got, c.Unseen(), c.Level())
		}
		if got := feed(c, 620, 1290, value); len(got) > 0 || c.Unseen() || c.Regimes() != 2 {
			t.Fatalf("seed %d: decided %+v, unseen %v, %d regimes", seed, got, c.Unseen(), c.Regimes())
		}
		if sd := c.regimes[1].least[0]; sd > 2 { // of an average over 20 readings that scatter by 5; the way from 1000 to 2000 rpm is not in it
			t.Errorf("seed %d: the speed deviates by %v", seed, sd)
		}
		if got := feed(c, 1290, 6000, value); len(got) > 0 || c.Regimes() > 3 {
			t.Errorf("seed %d: row %d decided %+v, %d regimes", seed, got[0].row, got[0].Decision, c.Regimes())
		}
	}
}

// A machine that stood still while it was learned.
func TestRegimeAfterStandstill(t *testing.T) {
	running := machine(3, func(int) float64 { return 1 })
	c := newMachine()
	got := feed(c, 0, 3000, func(row, m int) float64 {
		switch {
		case row < 500:
			return 0
		case row >= 2500 && m == 2:
			return running(row, m) + 6
		}
		return running(row, m)
	})
	if len(got) == 0 || got[0].row < 2500 || got[0].row > 2600 || got[0].Signals[0].Metric != "pressure" {
		t.Errorf("decided %+v", got)
	}
}

// A pressure that is usual at the one speed is a fault at the other, in either of them.
func TestFaultWithinRegime(t *testing.T) {
	for _, at := range []struct{ speed, pressure float64 }{{1, 200}, {2, 50}} {
		speed := turns(600, 700, 1, 2)
		value := machine(5, func(row int) float64 {
			if row >= 4000 {
				return at.speed
			}
			return speed(row)
		})
		c := newMachine()
		got := feed(c, 0, 4400, func(row, m int) float64 {
			v := value(row, m)
			if row >= 4200 && m == 2 {
				return at.pressure
			}
			return v
		})
		if len(got) == 0 || got[0].row < 4200 || got[0].row > 4240 || got[0].Verdict != detectors.Faulty || got[0].Signals[0].Metric != "pressure" {
			t.Errorf("speed %v: decided %+v", at.speed, got)
		}
	}
}

// While the device is off it may be asked for another speed: that makes nothing worse and is not learned, and where it is well again is told.
func TestRegimeChangesWhileOff(t *testing.T) {
	c := newMachine()
	speed := turns(600, 700, 1, 2)
	value := machine(9, func(row int) float64 {
		switch {
		case row >= 4300 && row < 4900:
			return 4
		case row >= 4100:
			return 1
		}
		return speed(row)
	})
	sick := func(row, m int) float64 {
		v := value(row, m)
		if m == 2 && row >= 4000 && row < 5200 {
			v += 20
		}
		return v
	}
	got := feed(c, 0, 4290, sick)
	if _, ok := c.Still("machine", 0); !ok {
		t.Error("nothing speaks for it at speed 1")
	}
	got = append(got, feed(c, 4290, 4890, sick)...)
	if _, ok := c.Still("machine", 0); ok || !c.Unseen() {
		t.Error("a speed that is not known speaks for it")
	}
	got = append(got, feed(c, 4890, 6000, sick)...)
	if len(got) < 2 || got[0].row < 4000 || got[0].row > 4010 {
		t.Fatalf("decided %+v", got)
	}
	for _, d := range got[:len(got)-1] {
		if d.Signals[0].Metric != "pressure" {
			t.Errorf("row %d told of %+v", d.row, d.Signals)
		}
	}
	if last := got[len(got)-1]; last.Verdict != detectors.Healthy || last.row < 5200 || last.row > 5300 || c.Regimes() != 2 {
		t.Errorf("row %d decided %+v, %d regimes", last.row, last.Decision, c.Regimes())
	}
}

// A metric that drives nothing is a fault when it goes where it never was, however far.
func TestOtherMetricsAreNoRegime(t *testing.T) {
	value := machine(6, func(int) float64 { return 1 })
	c := newMachine()
	got := feed(c, 0, 1100, func(row, m int) float64 {
		if v := value(row, m); row < 1000 || m != 1 {
			return v
		}
		return 0
	})
	if len(got) == 0 || got[0].row < 1000 || got[0].row > 1010 || got[0].Signals[0].Metric != "flow" || c.Regimes() != 1 {
		t.Errorf("decided %+v, %d regimes", got, c.Regimes())
	}
}

// However many regimes a machine has, so many are known, and the one that was not met for longest is forgotten.
func TestRegimesAreBounded(t *testing.T) {
	c := newMachine()
	if got := feed(c, 0, 9000, machine(7, turns(1000, 1000, 1, 2, 4, 8, 16, 32, 64, 128, 256))); len(got) > 0 {
		t.Errorf("decided %+v", got[0])
	}
	if c.Regimes() != mostRegimes {
		t.Errorf("%d regimes are known", c.Regimes())
	}
	if n := len(c.AppendState(nil)); n > 2500 {
		t.Errorf("%d bytes", n)
	}
	for _, b := range c.regimes {
		if b.met < 4_900_000 {
			t.Errorf("a regime that was met last in row %d is known still", b.met/1000)
		}
	}
}

// A chart that is stopped and restored while it learns and meets regimes goes on as one that never was.
func TestRestoreWithRegimes(t *testing.T) {
	value := machine(8, turns(600, 500, 1, 2))
	var table [3200][4]float64
	for at := range table {
		for m := range 4 {
			if table[at][m] = value(at, m); at >= 3000 && m == 2 {
				table[at][m] += 20
			}
		}
	}
	read := func(row, m int) float64 { return table[row][m] }
	whole := newMachine()
	if got := feed(whole, 0, len(table), read); len(got) == 0 || got[0].row < 3000 || whole.Regimes() < 2 {
		t.Fatalf("decided %+v with %d regimes", got, whole.Regimes())
	}
	for stop := 1; stop < len(table); stop += 101 {
		first, second := newMachine(), New(DefaultConfig()).Chart()
		feed(first, 0, stop, read)
		if err := second.RestoreState(first.AppendState(nil)); err != nil {
			t.Fatalf("stopped in row %d: %v", stop, err)
		}
		if !reflect.DeepEqual(first.regimes, second.regimes) || first.Unseen() != second.Unseen() {
			t.Fatalf("stopped in row %d: regimes %+v before and %+v after", stop, first.regimes, second.regimes)
		}
		feed(second, stop, len(table), read)
		if !bytes.Equal(whole.AppendState(nil), second.AppendState(nil)) {
			t.Fatalf("stopped in row %d: another state", stop)
		}
	}
}

func TestDrivesByName(t *testing.T) {
	for name, want := range map[string]bool{
		"ENGINE_RPM": true, "vehicle-speed": true, "spindle.Load": true, "THROTTLE": true, "PEDAL_D": true, "oven_setpoint": true, "engineSpeed": true, "fan2rpm": true,
		"download_rate": false, "payload": false, "loader": false,
		"Volume Flow RateRMS": false, "Current": false, "coolant_temperature": false, "": false,
	} {
		if DrivesByName(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	cfg := DefaultConfig()
	cfg.Drives = func(metric string) bool { return metric == "mode" }
	c := New(cfg).Chart()
	c.Metric("mode", "machine")
	c.Metric("flow", "machine")
	value := pump(4, 1)
	if got := feed(c, 0, 1500, func(row, m int) float64 {
		if m == 0 {
			return float64(row / 700)
		}
		return value(row, 0) + 30*float64(row/700)
	}); len(got) > 0 || c.Regimes() != 2 {
		t.Errorf("decided %+v, %d regimes", got, c.Regimes())
	}
}
