package ingest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/telemetry"
)

// TestADeviceThatSendsTooFast is taken whole, and slowed down to its rate: whoever stops for as long as it is told never
// falls behind more than its burst. Other devices are not concerned.
func TestADeviceThatSendsTooFast(t *testing.T) {
	var device string
	in, log, counts := newIntake(t, decoderFunc(func(dst []telemetry.Batch, m ingest.Message) ([]telemetry.Batch, error) {
		return append(dst, sample(device, epoch)), nil
	}), &registry{}, func(c *ingest.IntakeConfig) { c.Limits.DeviceMessages, c.Limits.DeviceBurst = 10, 5 })
	now := int64(epoch)
	sent := 0
	send := func(id string) (wait time.Duration) {
		t.Helper()
		device = id
		sent++
		if err := accept(t, in, ingest.Message{Arrival: now, Slow: func(d time.Duration) { wait = d }}); err != nil {
			t.Fatal(err)
		}
		return wait
	}
	for i := range 4 {
		if wait := send("a"); wait != 0 {
			t.Fatalf("message %d of a burst of 5: wait %s", i, wait)
		}
	}
	for i := range 50 {
		wait := send("a")
		if wait != 100*time.Millisecond {
			t.Fatalf("message %d after the burst: wait %s, want 100 ms", i, wait)
		}
		now += wait.Milliseconds()
	}
	if wait := send("b"); wait != 0 {
		t.Errorf("another device waits %s", wait)
	}
	now += 60_000
	for range 4 {
		if wait := send("a"); wait != 0 {
			t.Errorf("after a minute of silence: wait %s", wait)
		}
	}
	now -= 3_600_000
	if wait := send("a"); wait != 0 {
		t.Errorf("after the clock was set back by an hour: wait %s", wait)
	}
	// Of an external broker nobody can be asked to wait: everything is taken, and counted.
	device = "c"
	for range 50 {
		sent++
		if err := accept(t, in, ingest.Message{Arrival: now}); err != nil {
			t.Fatal(err)
		}
	}
	if batches, rejected, _ := journalled(t, log); len(batches) != sent || len(rejected) != 0 {
		t.Errorf("%d of %d messages were taken, %d refused", len(batches), sent, len(rejected))
	}
	families, err := counts.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "presage_intake_too_fast_total" {
			if n := f.GetMetric()[0].GetCounter().GetValue(); n != 50+46 {
				t.Errorf("%v messages counted as too fast, want 96", n)
			}
			return
		}
	}
	t.Error("no counter of messages that came too fast")
}

// TestDevicesOfATenantAreBounded stops registering by itself, and takes the devices that are there.
func TestDevicesOfATenantAreBounded(t *testing.T) {
	var device string
	r := &registry{}
	in, log, _ := newIntake(t, decoderFunc(func(dst []telemetry.Batch, _ ingest.Message) ([]telemetry.Batch, error) {
		return append(dst, sample(device, epoch)), nil
	}), r, func(c *ingest.IntakeConfig) {
		c.UnknownDevices, c.Limits.TenantDevices = ingest.PolicyRegister, 3
	})
	for i := range 10 {
		device = fmt.Sprint("unknown-", i)
		for range 2 {
			if err := accept(t, in, ingest.Message{Arrival: epoch}); err != nil {
				t.Fatal(err)
			}
		}
	}
	batches, rejected, _ := journalled(t, log)
	if len(batches) != 6 || len(rejected) != 14 {
		t.Fatalf("%d batches and %d in the quarantine, want 6 and 14", len(batches), len(rejected))
	}
	if got := rejected[0]; got.Reason != ingest.ReasonTenantDevices || got.Device != "unknown-3" || got.Detail == "" {
		t.Errorf("got %+v", got)
	}
}
