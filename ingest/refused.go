package ingest

import (
	"encoding/json"
	"fmt"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/telemetry"
)

// The reasons for which lanes put something into the quarantine.
const (
	ReasonStoreRefused  = "store-refused"
	ReasonDeskRefused   = "desk-refused"
	ReasonDetectorPanic = "detector-panic"
	ReasonBadEntry      = "bad-journal-entry"
)

// refusedBatch turns samples back into a message in the native form, so that a retry of
// the quarantine feeds them to the intake again.
func refusedBatch(b *telemetry.Batch) telemetry.Rejected {
	type reading struct {
		Time   int64              `json:"ts"`
		Values map[string]float64 `json:"values"`
	}
	var readings []reading
	for _, s := range b.Samples {
		last := len(readings) - 1
		if last >= 0 && readings[last].Time == s.Time {
			if _, twice := readings[last].Values[s.Metric]; !twice {
				readings[last].Values[s.Metric] = s.Value
				continue
			}
		}
		readings = append(readings, reading{s.Time, map[string]float64{s.Metric: s.Value}})
	}
	return refusedMessage(b.Tenant, b.Device, "telemetry", b.Arrival, readings)
}

func refusedEvent(tenant string, e DeviceEvent) telemetry.Rejected {
	return refusedMessage(tenant, e.Device, "event", e.Time, struct {
		Time       int64              `json:"ts"`
		ID         string             `json:"id,omitempty"`
		Code       string             `json:"code"`
		Severity   telemetry.Severity `json:"severity"`
		Attributes map[string]string  `json:"attributes,omitempty"`
	}{e.Time, e.ID, e.Code, e.Severity, e.Attributes})
}

func refusedState(tenant string, s DeviceState) telemetry.Rejected {
	members := map[string]any{"online": s.Online, "ts": s.Time}
	for k, v := range s.Attributes {
		if _, taken := members[k]; !taken {
			members[k] = v
		}
	}
	return refusedMessage(tenant, s.Device, "state", s.Time, members)
}

func refusedMessage(tenant, device, kind string, arrival int64, payload any) telemetry.Rejected {
	data, err := json.Marshal(payload)
	if err != nil {
		data = []byte(err.Error()) // values are finite and keys are strings: there is nothing that JSON has not
	}
	return telemetry.Rejected{
		Tenant: tenant, Device: device, Topic: "presage/v1/" + device + "/" + kind,
		Arrival: arrival, Reason: ReasonStoreRefused, Payload: data,
	}
}

// refusedFinding keeps a finding that the desk will not have. It is no message of the device, so it has no topic.
func refusedFinding(f *detectors.Finding) telemetry.Rejected {
	data, err := json.Marshal(f)
	if err != nil {
		data = fmt.Appendf(nil, "%+v", *f)
	}
	return telemetry.Rejected{Tenant: f.Tenant, Device: f.Device, Arrival: f.Arrival, Reason: ReasonDeskRefused, Payload: data}
}
