package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/ingest/broker/identity"
	"github.com/presage-pdm/presage/ingest/payload"
)

// nobodyPublishes is an intake for connections that publish nothing.
type nobodyPublishes struct{}

func (nobodyPublishes) Accept(_ context.Context, _ ingest.Message, done func(error)) { done(nil) }
func (nobodyPublishes) Refuse(_ context.Context, _ ingest.Message, _ *ingest.RejectError, done func(error)) {
	done(nil)
}

// BenchmarkConnect opens connections one after the other from 16 clients: without credentials, with the shared password, with tokens that
// each come from the store, and with tokens that are remembered. Most of the time is that of the connection itself.
func BenchmarkConnect(b *testing.B) {
	s := DefaultSettings()
	s.Data = b.TempDir()
	store, err := openSQL(b.Context(), s, nil, newLogger(s.Log, b.Output()))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	const devices = 20_000
	tokens := make([]string, devices)
	for i := 0; i < devices; i += issueBatch {
		ids := make([]string, issueBatch)
		for j := range ids {
			ids[j] = fmt.Sprint("device-", i+j)
		}
		batch, err := issueTokens(b.Context(), store, ids, nil, 0, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		copy(tokens[i:], batch)
	}
	for _, c := range []struct {
		name  string
		login func(i int) (user, password string)
	}{
		{"anonymous", func(int) (string, string) { return "", "" }},
		{"shared", func(int) (string, string) { return "device", "a shared password" }},
		{"token-stored", func(i int) (string, string) { return fmt.Sprint("device-", i%devices), tokens[i%devices] }},
		{"token-remembered", func(i int) (string, string) { return fmt.Sprint("device-", i%100), tokens[i%100] }},
	} {
		b.Run(c.name, func(b *testing.B) {
			// Anew, so that nothing is remembered of the run before.
			devices, err := identity.New(b.Context(), identity.Config{Username: "device", Password: "a shared password"}, identity.Parts{Store: store})
			if err != nil {
				b.Fatal(err)
			}
			decoder, err := payload.New(payload.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			cfg := broker.DefaultConfig()
			cfg.Address = "127.0.0.1:0"
			server, err := broker.New(cfg, broker.Parts{Intake: nobodyPublishes{}, Topics: decoder, Authenticator: devices})
			if err != nil {
				b.Fatal(err)
			}
			if err := server.Start(); err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			var clients sync.WaitGroup
			next := make(chan int) // handed out one by one
			for range 16 {
				clients.Go(func() {
					for i := range next {
						user, password := c.login(i)
						if err := connectOnce(server.Addr().String(), fmt.Sprint("client-", i), user, password); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ResetTimer()
			for i := range b.N {
				next <- i
			}
			close(next)
			clients.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "connections/s")
		})
	}
}

// connectOnce says CONNECT of MQTT 3.1.1, waits for the answer and hangs up.
func connectOnce(address, client, user, password string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	text := func(b []byte, s string) []byte { return append(append(b, byte(len(s)>>8), byte(len(s))), s...) }
	flags := byte(2)
	if user != "" {
		flags |= 0xc0
	}
	body := text(append(text(nil, "MQTT"), 4, flags, 0, 60), client)
	if user != "" {
		body = text(text(body, user), password)
	}
	length := []byte{byte(len(body))}
	if len(body) > 127 {
		length = []byte{byte(len(body)&127 | 128), byte(len(body) >> 7)}
	}
	if _, err := conn.Write(append(append([]byte{0x10}, length...), body...)); err != nil {
		return err
	}
	var ack [4]byte
	if _, err := conn.Read(ack[:]); err != nil {
		return err
	}
	if ack[3] != 0 {
		return fmt.Errorf("refused with code %d", ack[3])
	}
	return nil
}
