package ingest_test

import (
	"errors"
	"testing"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// TestForeignDevice: every device that a message was decoded to must be one that its connection speaks for.
func TestForeignDevice(t *testing.T) {
	mine, others := sample("gw", epoch), sample("car-2", epoch)
	for _, c := range []struct {
		name    string
		decoded []telemetry.Batch
		refused bool
	}{
		{"its own", []telemetry.Batch{mine}, false},
		{"another's", []telemetry.Batch{others}, true},
		{"its own, and then another's", []telemetry.Batch{mine, others}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, log, _ := newIntake(t, fixed(c.decoded...), &registry{}, asIs)
			var why *ingest.RejectError
			m := ingest.Message{
				Topic: "line", Payload: []byte("p"), Arrival: epoch, Sender: "gw", Refused: func(r *ingest.RejectError) { why = r },
				SpeaksFor: func(topic, device string) bool { return topic == "line" && device == "gw" },
			}
			if err := accept(t, in, m); err != nil {
				t.Fatal(err)
			}
			batches, rejected, _ := journalled(t, log)
			if !c.refused {
				if why != nil || len(batches) != 1 {
					t.Errorf("%d batches, refused: %v", len(batches), why)
				}
				return
			}
			if len(batches) != 0 || len(rejected) != 1 || why == nil || why.Reason != ingest.ReasonForeignDevice {
				t.Fatalf("%d batches, %d in the quarantine, refused: %v", len(batches), len(rejected), why)
			}
			if rejected[0].Device != "gw" {
				t.Errorf("it is put down to %q, want the sender", rejected[0].Device)
			}
			// Who retries has no credential of the device.
			var refused *ingest.RejectError
			if err := in.Retry(t.Context(), rejected[0]); !errors.As(err, &refused) || refused.Reason != ingest.ReasonForeignDevice {
				t.Errorf("retry: %v, want it refused", err)
			}
		})
	}
}
