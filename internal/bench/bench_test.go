package bench

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/realserver"
)

func TestHistogramQuantiles(t *testing.T) {
	var h histogram
	for us := range 100_000 {
		h.add(time.Duration(us) * time.Microsecond)
	}
	for _, q := range []float64{0.01, 0.5, 0.99, 0.999} {
		want := q * 100_000
		got := float64(h.quantile(q).Microseconds())
		if got < want || got > want*(1+1.0/subBuckets)+1 {
			t.Errorf("quantile %v is %v µs, want %v to %v", q, got, want, want*(1+1.0/subBuckets))
		}
	}
	if got := (&histogram{}).quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
	var long histogram
	long.add(3 * time.Hour)
	if got := long.quantile(0.5); got < 3*time.Hour || got > 3*time.Hour*33/32 {
		t.Errorf("three hours are counted as %v", got)
	}
}

func TestAppendReading(t *testing.T) {
	v := func(m int) string { return values[valueAt(7, m)].text }
	want := fmt.Sprintf(`{"ts":1700000000012,"values":{"m0":%s,"m1":%s,"m2":%s}}`, v(0), v(1), v(2))
	if got := string(JSON.appendReading(nil, 1_700_000_000_012, 7, 3)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	want = fmt.Sprintf(`[{"bt":1700000000.012,"n":"m0","v":%s},{"n":"m1","v":%s}]`, v(0), v(1))
	if got := string(SenML.appendReading(nil, 1_700_000_000_012, 7, 2)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Messages and metrics beside each other are told apart.
	for _, other := range [][2]int{{8, 0}, {7, 1}, {8, 1}} {
		if valueAt(7, 0) == valueAt(other[0], other[1]) {
			t.Errorf("message %d, metric %d is written as message 7, metric 0", other[0], other[1])
		}
	}
}

func TestAppendLength(t *testing.T) {
	// The examples of MQTT 3.1.1, table 2.4.
	for n, want := range map[int]string{0: "\x00", 127: "\x7f", 128: "\x80\x01", 16383: "\xff\x7f", 16384: "\x80\x80\x01", 2097152: "\x80\x80\x80\x01"} {
		if got := string(appendLength(nil, n)); got != want {
			t.Errorf("length %d is % x, want % x", n, got, want)
		}
	}
}

func TestConfigRefusesNonsense(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Inflight = 70_000
	if _, err := Generate(context.Background(), cfg, nil); err == nil || !strings.Contains(err.Error(), "inflight") {
		t.Errorf("got %v", err)
	}
}

// The generator against Mosquitto: everything that was sent is acknowledged,
// each message once.
func TestGenerateAgainstMosquitto(t *testing.T) {
	server := realserver.Mosquitto(t)
	cfg := DefaultConfig()
	cfg.Broker = strings.Replace(server.URL, "tcp://", "mqtt://", 1)
	cfg.Connections, cfg.Inflight, cfg.Duration, cfg.Faults = 4, 20, 300*time.Millisecond, 20
	load, err := Generate(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	var distinct int64
	for _, d := range load.devices {
		distinct += int64(d.acked.n)
		for n := 1; n < len(d.offsets); n++ {
			if d.offsets[n] <= d.offsets[n-1] {
				t.Fatalf("%s: message %d is dated %d, the one before %d", d.id, n, d.offsets[n], d.offsets[n-1])
			}
		}
	}
	for _, f := range load.faults {
		if !f.acked || f.published.IsZero() {
			t.Errorf("%s did not break", f.device)
		}
	}
	faults := int64(len(load.faults))
	if faults != 6 || load.Warm != 40+2*faults {
		t.Errorf("%d faults and %d messages of the warm-up", faults, load.Warm)
	}
	// Every device's first reading belongs to the warm-up; a crash is a message without readings.
	if load.Sent <= faults || load.Acked != load.Sent || distinct != load.Sent-faults+40 {
		t.Errorf("sent %d, acked %d, different readings %d", load.Sent, load.Acked, distinct)
	}
	if load.Puback(0.5) <= 0 || load.Puback(0.99) < load.Puback(0.5) {
		t.Errorf("PUBACK p50 %v, p99 %v", load.Puback(0.5), load.Puback(0.99))
	}
}
