package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// idleConnections is how many devices are connected and say nothing.
const idleConnections = 5000

// idleBytes bounds what each may take of the server, in bytes: two goroutines, the library's queue, and no read buffer.
const idleBytes = 34 << 10

// Thousands of connections that say nothing cost little, and slow nobody who works.
func TestIdleConnections(t *testing.T) {
	if files, err := openFiles(); err != nil || files < idleConnections+1000 {
		t.Skipf("%d files may be open, %v: %d are needed", files, err, idleConnections+1000)
	}
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	working := p.connect("working")
	measure := func() (p50, p99 time.Duration) {
		t.Helper()
		took := make([]time.Duration, 0, 500)
		for i := range cap(took) {
			began := time.Now()
			working.publish("presage/v1/working/telemetry", fmt.Sprintf(`{"n": %d}`, i))
			took = append(took, time.Since(began))
		}
		return quantile(took, 0.5), quantile(took, 0.99)
	}
	measure()
	alone50, alone99 := measure()
	before := p.memory()
	began := time.Now()
	for i := range idleConnections {
		p.idle(fmt.Sprint("idle-", i))
	}
	connected := time.Since(began)
	beside50, beside99 := measure()
	each := (p.memory() - before) / idleConnections
	t.Logf("%d connections in %s, %d bytes each; PUBACK p50 %s, p99 %s beside them, %s and %s alone",
		idleConnections, connected.Round(time.Millisecond), each, beside50, beside99, alone50, alone99)
	if each > idleBytes {
		t.Errorf("an idle connection takes %d bytes, want at most %d", each, idleBytes)
	}
	if most := 4*alone99 + 100*time.Millisecond; beside99 > most {
		t.Errorf("PUBACK p99 is %s beside idle connections, %s alone", beside99, alone99)
	}
	if text := p.metrics(); !strings.Contains(text, fmt.Sprintf("presage_broker_connections %d\n", idleConnections+1)) {
		t.Error("not all of them are connected any more")
	}
	p.stop()
}

// idle opens a connection of MQTT and says nothing more on it.
func (p *process) idle(clientID string) {
	p.t.Helper()
	c, err := net.Dial("tcp", p.mqtt)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { c.Close() })
	packet := append([]byte{0x10, byte(12 + len(clientID)), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, byte(len(clientID))}, clientID...)
	if _, err := c.Write(packet); err != nil {
		p.t.Fatal(err)
	}
	var ack [4]byte
	if _, err := io.ReadFull(c, ack[:]); err != nil || ack != [4]byte{0x20, 2, 0, 0} {
		p.t.Fatalf("%s: got %x, %v, want a CONNACK", clientID, ack, err)
	}
}

// memory is what the process has in memory, in bytes.
func (p *process) memory() int64 {
	p.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Skipf("this system does not say how much memory a process has: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return n << 10
		}
	}
	p.t.Fatal("/proc/PID/status has no VmRSS")
	return 0
}

// The eight bytes that the MQTT library cannot read, and everything else that is no MQTT, end a connection and nothing more.
func TestWhatIsNoMQTTHarmsNobody(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--unknown-devices", "register")
	good := p.connect("good")
	connect := "\x10\x0e\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x01x"
	for _, sent := range []string{
		connect + "\x82\x06\x00\x01\x00\x00\x01a", // SUBSCRIBE without the options of its filter
		connect + "\xff\xff\xff\xff\xff\xff",
		"GET / HTTP/1.1\r\nHost: presage\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), // TLS
		strings.Repeat("\x10\x80\x80\x80\x80", 1000),
	} {
		c, err := net.Dial("tcp", p.mqtt)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, sent)
		c.SetReadDeadline(time.Now().Add(15 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%.40q: the connection is still open", sent)
		}
		c.Close()
		good.publish("presage/v1/good/telemetry", `{"a": 1}`)
	}
	p.stop()
}

// A device that sends more than it may is slowed down, and loses nothing.
func TestADeviceThatSendsTooMuchIsSlowed(t *testing.T) {
	s := allEmbedded(t)
	file := writeFile(t, "presage.yaml", "limits: {device_messages: 200, device_burst: 50}\n")
	p := start(t, "serve", s, "--unknown-devices", "register", "--config", file)
	d := p.connect("fast")
	other := p.connect("other")
	const messages = 250
	first := time.Now().UnixMilli() - messages
	tokens := make([]mqtt.Token, messages)
	began := time.Now()
	for i := range messages {
		tokens[i] = d.client.Publish("presage/v1/fast/telemetry", 1, false, fmt.Sprintf(`{"ts": %d, "values": {"n": %d}}`, first+int64(i), i))
	}
	other.publish("presage/v1/other/telemetry", `{"a": 1}`)
	select {
	case <-tokens[messages-1].Done():
		t.Error("another device had to wait until the fast one was done")
	default:
	}
	for i, token := range tokens {
		if !token.WaitTimeout(30*time.Second) || token.Error() != nil {
			t.Fatalf("message %d: %v", i, token.Error())
		}
	}
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("%d messages at 200 a second took %s", messages, took)
	}
	p.eventually(10*time.Second, "every reading is there", func() (bool, string) {
		n := len(p.points("fast", "n", first-1, first+messages))
		return n == messages, fmt.Sprint(n)
	})
}
