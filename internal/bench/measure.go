package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Figure is how long something took, over many times.
type Figure struct {
	Count int     `json:"count"`
	P50Ms float64 `json:"p50_ms"`
	P99Ms float64 `json:"p99_ms"`
	MaxMs float64 `json:"max_ms"`
}

// figureOf sums times up; their order is lost.
func figureOf(times []time.Duration) Figure {
	if len(times) == 0 {
		return Figure{}
	}
	slices.Sort(times)
	at := func(q float64) float64 {
		return milliseconds(times[min(int(q*float64(len(times))), len(times)-1)])
	}
	return Figure{Count: len(times), P50Ms: at(0.5), P99Ms: at(0.99), MaxMs: milliseconds(times[len(times)-1])}
}

// browserConnections is how many requests a browser sends to one host at once over HTTP/1.1.
const browserConnections = 6

// Chart times the chart of a device: all its metrics over an interval, asked for as a browser does, until the
// last byte of the last answer is there. The first round warms up and does not count. wantPoints is what each answer must hold.
func (a *API) Chart(ctx context.Context, device string, metrics []string, from, to time.Time, rounds, wantPoints int) (Figure, error) {
	times := make([]time.Duration, 0, rounds)
	answers := make([][]byte, len(metrics))
	for round := range rounds + 1 {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(browserConnections)
		began := time.Now()
		for i, metric := range metrics {
			group.Go(func() (err error) {
				path := fmt.Sprintf("/api/v1/devices/%s/series?metric=%s&step=1m&from=%d&to=%d", url.PathEscape(device), url.QueryEscape(metric), from.UnixMilli(), to.UnixMilli())
				answers[i], err = a.fetch(ctx, path, answers[i])
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return Figure{}, err
		}
		if round > 0 {
			times = append(times, time.Since(began))
		}
		for i, metric := range metrics {
			var answer struct {
				Points [][2]float64 `json:"points"`
			}
			if err := json.Unmarshal(answers[i], &answer); err != nil {
				return Figure{}, fmt.Errorf("chart of %s %s: %w", device, metric, err)
			}
			if len(answer.Points) != wantPoints {
				return Figure{}, fmt.Errorf("chart of %s %s: %d points, want %d", device, metric, len(answer.Points), wantPoints)
			}
		}
	}
	return figureOf(times), nil
}

// Pages times pages of tickets: each path so often, in turn. The first turn warms up and
// does not count. It fails for a page without tickets. It returns the figure over all, and over each path.
func (a *API) Pages(ctx context.Context, paths []string, rounds int) (all Figure, each []Figure, err error) {
	times := make([][]time.Duration, len(paths))
	var answer []byte
	for round := range rounds + 1 {
		for i, path := range paths {
			var page struct {
				Tickets []struct {
					ID string `json:"id"`
				} `json:"tickets"`
			}
			began := time.Now()
			if answer, err = a.fetch(ctx, path, answer); err != nil {
				return all, nil, err
			}
			if took := time.Since(began); round > 0 {
				times[i] = append(times[i], took)
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				return all, nil, fmt.Errorf("GET %s: %w", path, err)
			}
			if len(page.Tickets) == 0 {
				return all, nil, fmt.Errorf("GET %s: no tickets", path)
			}
		}
	}
	var mixed []time.Duration
	for _, t := range times {
		mixed = append(mixed, t...)
		each = append(each, figureOf(t))
	}
	return figureOf(mixed), each, nil
}

// Further returns the path of a page of tickets so many pages behind the first.
func (a *API) Further(ctx context.Context, path string, pages int) (string, error) {
	found := path
	for range pages {
		var page struct {
			Next string `json:"next"`
		}
		if err := a.get(ctx, found, &page); err != nil {
			return "", err
		}
		if page.Next == "" {
			return found, nil
		}
		found = path + "&cursor=" + url.QueryEscape(page.Next)
	}
	return found, nil
}
