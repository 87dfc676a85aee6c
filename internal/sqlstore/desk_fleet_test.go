package sqlstore_test

import (
	"testing"

	"github.com/presage-pdm/presage/detectors"
)

// What two lanes find on a cohort is one ticket, of a device that nobody registered, and the devices that it explains have none.
func deskCohort(t *testing.T, o *office) {
	cohort := func(f *detectors.Finding) {
		f.Device, f.FaultCode, f.Rule, f.Detector = detectors.FleetDevice+"vehicle:bus", detectors.FaultFleetShift, detectors.BaseRule, "cohort"
		f.Reason = detectors.Reason{Key: detectors.ReasonFleetAbove, Params: map[string]string{"metric": "temp", "count": "20", "devices": "30"}}
	}
	alike := func(f *detectors.Finding) {
		f.FaultCode, f.Withheld = detectors.FaultAbnormal, detectors.WithheldFleet
	}
	o.report(t, o.finding(detectors.Raised, cohort), o.finding(detectors.Raised, alike))
	o.report(t, o.finding(detectors.Raised, cohort), o.finding(detectors.Raised, alike))
	if got := o.only(t); got.Device != "cohort:vehicle:bus" || got.FaultCode != "fleet-shift" || got.Component != "cooling" {
		t.Errorf("ticket %+v", got)
	}
}
