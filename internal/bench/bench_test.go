package bench

import (
	"context"
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
	if got := string(appendReading(nil, 1700000000000, 7, 3)); got != `{"ts":1700000000000,"values":{"m0":7.0,"m1":7.1,"m2":7.2}}` {
		t.Errorf("got %s", got)
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
	if _, err := Generate(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "inflight") {
		t.Errorf("got %v", err)
	}
}

// The generator against Mosquitto: everything that was sent is acknowledged,
// each message once.
func TestGenerateAgainstMosquitto(t *testing.T) {
	server := realserver.Mosquitto(t)
	cfg := DefaultConfig()
	cfg.Broker = strings.Replace(server.URL, "tcp://", "mqtt://", 1)
	cfg.Connections, cfg.Inflight, cfg.Duration, cfg.Start = 4, 20, 300*time.Millisecond, time.Unix(1_700_000_000, 0)
	load, err := Generate(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var distinct int64
	for _, acked := range load.acked {
		distinct += acked.n
	}
	if load.Sent == 0 || load.Acked != load.Sent || distinct != load.Sent {
		t.Errorf("sent %d, acked %d, different ones %d", load.Sent, load.Acked, distinct)
	}
	if load.Puback(0.5) <= 0 || load.Puback(0.99) < load.Puback(0.5) {
		t.Errorf("PUBACK p50 %v, p99 %v", load.Puback(0.5), load.Puback(0.99))
	}
}
