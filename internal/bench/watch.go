package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Watch listens to the server's live stream and notes when tickets open: the
// moment at which a browser would show them. Its clock is the one that the generator writes with, so that the
// difference is from device to screen, the commit of the ticket, the relay and the stream included.
type Watch struct {
	prefix string
	end    context.CancelFunc
	ended  chan struct{} // closed by the goroutine that listens
	err    error         // of it, once ended is closed

	mu     sync.Mutex
	opened map[string]time.Time // by device
	resets int
}

// Watch begins to listen for tickets of devices with a prefix. It returns once the stream is open; Close ends it.
func (a *API) Watch(ctx context.Context, prefix string) (*Watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	client := &http.Client{Transport: a.HTTP.Transport} // a stream has no end: no timeout
	resp, err := a.open(ctx, client, "/api/v1/stream")
	if err != nil {
		cancel()
		return nil, fmt.Errorf("listen to the live stream: %w", err)
	}
	w := &Watch{prefix: prefix, end: cancel, ended: make(chan struct{}), opened: map[string]time.Time{}}
	go func() { // owned by the watch: Close waits for it
		defer close(w.ended)
		defer resp.Body.Close()
		w.err = w.listen(resp.Body)
	}()
	return w, nil
}

// maxEvent bounds one event of the stream.
const maxEvent = 4 << 20

func (w *Watch) listen(stream io.Reader) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	event := ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		at := time.Now()
		switch event {
		case "ticket":
			var e struct {
				Type   string `json:"type"`
				Ticket struct {
					Device string `json:"device"`
				} `json:"ticket"`
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				return fmt.Errorf("event of the live stream: %w", err)
			}
			if e.Type == "ticket.opened" && strings.HasPrefix(e.Ticket.Device, w.prefix) {
				w.mu.Lock()
				if _, known := w.opened[e.Ticket.Device]; !known {
					w.opened[e.Ticket.Device] = at
				}
				w.mu.Unlock()
			}
		case "reset":
			w.mu.Lock()
			w.resets++
			w.mu.Unlock()
		}
	}
	return lines.Err()
}

// Close ends the stream and returns why it ended before, if it did.
func (w *Watch) Close() error {
	w.end()
	<-w.ended
	if errors.Is(w.err, context.Canceled) {
		return nil
	}
	return w.err
}

// Opening is how the faults of a load became tickets.
type Opening struct {
	Faults     int // published and acknowledged
	Unseen     int // of those: have a ticket that the stream did not tell
	Missing    int // of those: have none
	Unexpected int // tickets of devices that did not break
	latency    histogram
}

// Quantile is the q-quantile of the time from publishing the message that completes a
// fault, or from when it was due in an open loop, to the ticket on the live stream.
func (o *Opening) Quantile(q float64) time.Duration { return o.latency.quantile(q) }

// latePatience is how long a ticket may take after everything was judged.
const latePatience = 10 * time.Second

// Openings waits for the tickets of the faults of a load, asks the API for those that the stream
// did not tell, and sums up.
func (a *API) Openings(ctx context.Context, w *Watch, load *Load) (*Opening, error) {
	deadline := time.Now().Add(latePatience)
	for time.Now().Before(deadline) && w.missing(load) > 0 {
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	o := &Opening{}
	broken := make(map[string]bool, len(load.faults))
	for _, f := range load.faults {
		broken[f.device] = true
		if !f.acked {
			continue
		}
		o.Faults++
		if at, ok := w.opened[f.device]; ok {
			o.latency.add(at.Sub(f.published))
			continue
		}
		var page struct {
			Total int `json:"total"`
		}
		if err := a.get(ctx, "/api/v1/tickets?device="+url.QueryEscape(f.device), &page); err != nil {
			return nil, err
		}
		if page.Total > 0 {
			o.Unseen++
		} else {
			o.Missing++
		}
	}
	for device := range w.opened {
		if !broken[device] {
			o.Unexpected++
		}
	}
	return o, nil
}

func (w *Watch) missing(load *Load) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, f := range load.faults {
		if _, ok := w.opened[f.device]; !ok && f.acked {
			n++
		}
	}
	return n
}
