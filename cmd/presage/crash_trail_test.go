package main

import (
	"encoding/binary"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/internal/powercut"
)

// trail remembers which message had which packet identifier on which connection, so that a
// PUBACK that was seen on its way can be told to belong to it.
type trail struct {
	mu    sync.Mutex
	local string                 // address of the present connection
	ids   map[packetOnWire][]int // messages in the order in which they had it
}

type packetOnWire struct {
	client string // address
	id     uint16
}

func newTrail() *trail { return &trail{ids: map[packetOnWire][]int{}} }

// dial opens a connection and remembers its address.
func (t *trail) dial(uri *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", uri.Host, 5*time.Second)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.local = conn.LocalAddr().String()
	return conn, nil
}

func (t *trail) sent(id uint16, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	on := packetOnWire{t.local, id}
	t.ids[on] = append(t.ids[on], n)
}

// ackOnWire is a PUBACK that was written to a client.
type ackOnWire struct {
	at int // point of the log
	packetOnWire
}

// pubacks finds the PUBACKs in what a broker has sent (OASIS MQTT 3.1.1, section 3.4). It sends nothing to
// these clients that is longer than 127 bytes.
func pubacks(sent []powercut.Sent, broker string) (acks []ackOnWire) {
	for _, s := range sent {
		if s.Local != broker {
			continue
		}
		for rest := s.Data; len(rest) >= 2 && len(rest) >= 2+int(rest[1]); rest = rest[2+int(rest[1]):] {
			if rest[0] == 0x40 && rest[1] == 2 {
				acks = append(acks, ackOnWire{s.At, packetOnWire{s.Remote, binary.BigEndian.Uint16(rest[2:])}})
			}
		}
	}
	return acks
}

// ackedBy returns which messages of a script were acknowledged by a point of the log.
func (t *trail) ackedBy(point int, acks []ackOnWire, messages int) []bool {
	acked := make([]bool, messages)
	seen := map[packetOnWire]int{}
	for _, a := range acks {
		if a.at > point {
			break
		}
		k := seen[a.packetOnWire]
		seen[a.packetOnWire]++
		if ns := t.ids[a.packetOnWire]; k < len(ns) {
			acked[ns[k]] = true
		}
	}
	return acked
}
