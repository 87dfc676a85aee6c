package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// API is a running Presage server as programs see it.
type API struct {
	URL   string // http://127.0.0.1:8080
	Token string
	HTTP  *http.Client
}

// get asks the server and decodes its JSON answer.
func (a *API) get(ctx context.Context, path string, into any) error {
	body, err := a.fetch(ctx, path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func (a *API) fetch(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.URL, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	resp, err := a.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s: %.300s", path, resp.Status, body)
	}
	return body, nil
}

// CPU returns the processor time that the server has used since it started.
func (a *API) CPU(ctx context.Context) (time.Duration, error) {
	body, err := a.fetch(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(body)) {
		var seconds float64
		if _, err := fmt.Sscanf(line, "process_cpu_seconds_total %g", &seconds); err == nil {
			return time.Duration(seconds * float64(time.Second)), nil
		}
	}
	return 0, fmt.Errorf("the server's /metrics do not show process_cpu_seconds_total")
}

// Drain waits until the server has stored everything that it acknowledged.
func (a *API) Drain(ctx context.Context) error {
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
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the server to catch up, %.1f s behind: %w", about.Oldest, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// ReadBack is what became of the acknowledged messages.
type ReadBack struct {
	Lost       int64 // acknowledged, but cannot be read back with its value
	Duplicated int64 // can be read back more than once
}

// pageMillis is the span of one question: so many readings, a millisecond
// apart, are few enough to be answered raw.
const pageMillis = 1000

// Check reads the first metric of every message back over the API and compares
// it with what was acknowledged. progress, when not nil, is told the messages checked.
func (a *API) Check(ctx context.Context, cfg Config, load *Load, progress func(messages int64)) (ReadBack, error) {
	var result ReadBack
	start := cfg.Start.UnixMilli()
	for device, acked := range load.acked {
		last := int64(len(acked.words)) * 64
		for from := int64(0); from < last; from += pageMillis {
			seen, err := a.page(ctx, device, start, from)
			if err != nil {
				return result, err
			}
			for n := from; n < min(from+pageMillis, last); n++ {
				switch times := seen[n]; {
				case acked.has(n) && times == 0:
					result.Lost++
				case times > 1:
					result.Duplicated++
				}
			}
			if progress != nil {
				progress(min(pageMillis, last-from))
			}
		}
	}
	return result, nil
}

// page returns how often each message of a span could be read back with its own value.
func (a *API) page(ctx context.Context, device string, start, from int64) (map[int64]int, error) {
	var answer struct {
		Points [][2]float64 `json:"points"`
	}
	path := fmt.Sprintf("/api/v1/devices/%s/series?metric=m0&from=%d&to=%d", url.PathEscape(device), start+from, start+from+pageMillis)
	if err := a.get(ctx, path, &answer); err != nil {
		return nil, err
	}
	seen := make(map[int64]int, len(answer.Points))
	for _, point := range answer.Points {
		if n := int64(point[0]) - start; point[1] == float64(n) {
			seen[n]++
		}
	}
	return seen, nil
}
