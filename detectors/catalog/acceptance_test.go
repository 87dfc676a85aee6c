package catalog

import (
	"path/filepath"
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// Bars of the acceptance test: with the default catalogue and one configuration for all.
const (
	pumpsToFind  = 14 // of 16 recordings with a fault
	pumpsToTell  = 15 // of them: a ticket, or evidence with an onset of its own that joined one
	falseTickets = 1  // at most, in 2.6 h of a healthy pump and ten healthy trips
)

// TestPumpFaultsAreFound replays every recording of the pump's valve: a ticket must have its onset within, or at most a
// minute from, the labelled anomaly. A fault that joins the ticket of something before it counts apart.
func TestPumpFaultsAreFound(t *testing.T) {
	names := glob(t, dataDir(t, "skab/valve1"), "*.csv")
	found, told := 0, 0
	for _, name := range names {
		r := readSKAB(t, name)
		first, last := r.labelled()
		hit, evidence := false, false
		for _, f := range r.replayAll(newEngine(t), "pump") {
			near := f.Onset >= first-60_000 && f.Onset <= last+60_000
			hit = hit || near && f.Phase == detectors.Raised
			evidence = evidence || near
			t.Logf("%-8s %s %s %s onset %+d s, decided %+d s from the label, score %.2f, p %.1g: %v",
				r.name, f.Phase, f.FaultCode, f.Reason.Key, (f.Onset-first)/1000, (f.Time-first)/1000, f.Score, f.PValue, f.Reason.Params)
		}
		if hit {
			found++
		} else {
			t.Logf("%-8s missed", r.name)
		}
		if evidence {
			told++
		}
	}
	t.Logf("%d of %d faults found, %d told of with an onset of their own", found, len(names), told)
	if len(names) != 16 || found < pumpsToFind || told < pumpsToTell {
		t.Errorf("%d of %d faults found and %d told of, want at least %d and %d of 16", found, len(names), told, pumpsToFind, pumpsToTell)
	}
}

func (r *recording) labelled() (first, last int64) {
	for i, f := range r.faulty {
		if f && first == 0 {
			first = r.times[i]
		}
		if f {
			last = r.times[i]
		}
	}
	return first, last
}

// TestHealthyMachinesAreLeftAlone replays a healthy pump and every healthy trip, with either kind of time; the first trips of each kind, ten of them, count with the
// pump, and all together must stay below one ticket in five hours of driving.
func TestHealthyMachinesAreLeftAlone(t *testing.T) {
	pump := readSKAB(t, filepath.Join(dataDir(t, "skab/anomaly-free"), "anomaly-free.csv"))
	wrong := report(t, pump.name, pump.replay(newEngine(t), "pump"))
	all, hours := 0, 0.0
	dir := dataDir(t, "car_obd")
	for _, kind := range []string{"drive", "idle", "live", "long", "ufpe"} {
		for i, name := range glob(t, dir, kind+"*.csv") {
			for _, runTime := range []bool{false, true} {
				r := readCar(t, name, runTime)
				n := report(t, r.name, r.replay(newEngine(t), "car"))
				all += n
				if i < 2 {
					wrong += n
				}
				hours += float64(len(r.rows)) * 0.5 / 3600
			}
		}
	}
	t.Logf("%d false tickets for the pump and ten trips; %d in %.1f h of driving", wrong, all, hours)
	if wrong > falseTickets {
		t.Errorf("%d false tickets, want at most %d", wrong, falseTickets)
	}
	if float64(all) > hours/5 {
		t.Errorf("%d false tickets in %.1f h of driving, want at most one in 5 h", all, hours)
	}
}

// TestOneCarOverManyTripsIsLeftAlone replays every trip on one and the same device, three hours apart: what the car learned on
// one trip must not turn the next into a fault.
func TestOneCarOverManyTripsIsLeftAlone(t *testing.T) {
	e := newEngine(t)
	wrong, hours := 0, 0.0
	for i, name := range glob(t, dataDir(t, "car_obd"), "*.csv") {
		r := readCar(t, name, false)
		for k := range r.times {
			r.times[k] += int64(i) * 3 * 3600 * 1000
		}
		wrong += report(t, r.name, r.replay(e, "car"))
		hours += float64(len(r.rows)) * 0.5 / 3600
	}
	t.Logf("%d false tickets in %.1f h of driving", wrong, hours)
	if float64(wrong) > hours/5 {
		t.Errorf("%d false tickets, want at most one in 5 h", wrong)
	}
}

func report(t *testing.T, name string, fs []detectors.Finding) int {
	for _, f := range fs {
		t.Logf("%-16s %s on %s: %s %v", name, f.FaultCode, f.Component, f.Reason.Key, f.Reason.Params)
	}
	return len(fs)
}
