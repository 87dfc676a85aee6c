package broker

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// TestClosingWhileClientsComeAndGo ends brokers in the middle of connections that begin and end.
func TestClosingWhileClientsComeAndGo(t *testing.T) {
	for range 30 {
		b := start(t, nil)
		var crowd sync.WaitGroup
		over := make(chan struct{})
		for i := range 8 {
			crowd.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
					}
					raw, err := net.Dial("tcp", b.Addr().String())
					if err != nil {
						return
					}
					c := &client{t: t, conn: raw, version: 4}
					raw.Write(c.encode(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connect}, ProtocolVersion: 4,
						Connect: packets.ConnectParams{ProtocolName: []byte("MQTT"), Clean: true, ClientIdentifier: fmt.Sprint("c", i)}}))
					raw.Read(make([]byte, 4))
					raw.Close()
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		ended := make(chan error)
		go func() { ended <- b.Close() }()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("closing waits for ever")
		}
		close(over)
		crowd.Wait()
	}
}
