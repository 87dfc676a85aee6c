package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// API is a running Presage server as programs see it.
type API struct {
	URL   string // http://127.0.0.1:8080
	Token string
	HTTP  *http.Client
}

// NewAPI returns the API of a server, with as many connections kept as are used at once.
func NewAPI(url, token string) *API {
	// Compression would be measured too, and a program beside the server does not want it.
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
	return &API{URL: strings.TrimSuffix(url, "/"), Token: token, HTTP: &http.Client{Timeout: time.Minute, Transport: transport}}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// get asks the server and decodes its JSON answer.
func (a *API) get(ctx context.Context, path string, into any) error {
	body, err := a.fetch(ctx, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

// fetch returns the body of an answer, in the room of buffer when that suffices.
func (a *API) fetch(ctx context.Context, path string, buffer []byte) ([]byte, error) {
	resp, err := a.open(ctx, a.HTTP, path)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := readAll(io.LimitReader(resp.Body, maxAnswer), buffer[:0])
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	return body, nil
}

// open asks the server; the caller closes the body of an answer that is well.
func (a *API) open(ctx context.Context, client *http.Client, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return nil, fmt.Errorf("GET %s: %s: %s", path, resp.Status, body)
	}
	return resp, nil
}

func readAll(r io.Reader, buffer []byte) ([]byte, error) {
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return buffer, err
		}
	}
}

// Vitals is what the server tells of its own process.
type Vitals struct {
	CPU      time.Duration // processor time since it started
	Resident int64         // bytes of memory
	Messages int64         // handed to the intake since it started
	InFlight int64         // of these, not durable yet
}

// inFlight are the metrics of messages that are not durable yet: one of the embedded broker, one of an external one.
var inFlight = []string{"presage_broker_in_flight", "presage_subscriber_in_flight"}

// Vitals reads the server's metrics.
func (a *API) Vitals(ctx context.Context) (Vitals, error) {
	body, err := a.fetch(ctx, "/metrics", nil)
	if err != nil {
		return Vitals{}, err
	}
	values := map[string]float64{"process_cpu_seconds_total": -1, "process_resident_memory_bytes": -1, "presage_intake_messages_total": -1}
	for _, name := range inFlight {
		values[name] = 0 // the server has one of them
	}
	for line := range strings.Lines(string(body)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, wanted := values[name]; !wanted {
			continue
		}
		var v float64
		if _, err := fmt.Sscanf(text, "%g", &v); err != nil {
			return Vitals{}, fmt.Errorf("the server's metric %s: %w", name, err)
		}
		values[name] = v
	}
	for name, v := range values {
		if v < 0 {
			return Vitals{}, fmt.Errorf("the server's /metrics do not show %s", name)
		}
	}
	waiting := 0.0
	for _, name := range inFlight {
		waiting += values[name]
	}
	return Vitals{
		CPU:      time.Duration(values["process_cpu_seconds_total"] * float64(time.Second)),
		Resident: int64(values["process_resident_memory_bytes"]),
		Messages: int64(values["presage_intake_messages_total"]),
		InFlight: int64(waiting),
	}, nil
}

const (
	// lookEvery is the time between two looks at the server while waiting for it.
	lookEvery = 100 * time.Millisecond
	// giveUp is how long a broker between the load and the server may hand over nothing before what is
	// missing is taken for lost.
	giveUp = 10 * time.Second
)

// Drain waits until the server was handed all messages, counted since it started, has made them durable, and has
// stored and judged them. A broker between may still hold messages that it acknowledged itself; what it never hands over is found missing later.
func (a *API) Drain(ctx context.Context, messages int64) error {
	handed, since := int64(-1), time.Now()
	for {
		vitals, err := a.Vitals(ctx)
		if err != nil {
			return err
		}
		if vitals.Messages != handed {
			handed, since = vitals.Messages, time.Now()
		}
		if handed >= messages && vitals.InFlight == 0 || time.Since(since) > giveUp {
			break
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for the broker to hand over %d of %d messages: %w", messages-handed, messages, err)
		}
	}
	for {
		var about struct {
			Oldest float64 `json:"oldest_unprocessed_s"`
		}
		if err := a.get(ctx, "/api/v1/about", &about); err != nil {
			return err
		}
		if about.Oldest == 0 {
			return nil
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for the server to catch up, %.1f s behind: %w", about.Oldest, err)
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(lookEvery):
		return nil
	}
}
