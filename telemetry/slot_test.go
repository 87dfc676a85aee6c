package telemetry

import "testing"

// The slot of a device is part of the stored format: these vectors were computed
// once, from the definition of FNV-1a, and never change.
func TestSlotVectors(t *testing.T) {
	for _, c := range []struct {
		tenant, device string
		want           int
	}{
		{"default", "car-0001", 376},
		{"default", "car-0002", 657},
		{"default", "tv-17", 683},
		{"default", "pump/3", 1022},
		{"acme", "car-0001", 671},
		{"acmec", "ar-0001", 873},
		{"default", "Gerät-ß", 786},
		{"default", "车-1", 891},
		{"", "", 991},
	} {
		if got := Slot(c.tenant, c.device); got != c.want {
			t.Errorf("Slot(%q, %q) = %d, want %d", c.tenant, c.device, got, c.want)
		}
	}
}

// TestSlotsSpread holds the slots to an even spread: with 200 devices a slot on average, none
// is empty and none has twice as many.
func TestSlotsSpread(t *testing.T) {
	var count [Slots]int
	id := []byte("device-000000")
	for n := range 200 * Slots {
		for i, v := len(id)-1, n; i > 6; i, v = i-1, v/10 {
			id[i] = byte('0' + v%10)
		}
		count[Slot(DefaultTenant, string(id))]++
	}
	for slot, n := range count {
		if n < 100 || n > 400 {
			t.Errorf("slot %d has %d devices", slot, n)
		}
	}
}
