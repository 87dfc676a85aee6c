package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/tickets/quality"
	"github.com/presage-pdm/presage/web"
)

// remoteHistory is the history of a running server, read over its API. What the token may see counts, of the tenant of the token. It
// implements history and is safe for concurrent use.
type remoteHistory struct {
	url, token string
	http       *http.Client

	mu    sync.Mutex
	ahead map[series.Key]ahead
}

// ahead is what was read of a metric beyond what was asked for: an answer holds more than a page. It is at most one answer.
type ahead struct {
	from   time.Time // where the next question begins
	points []series.Point
	to     time.Time     // where they end
	chunk  time.Duration // what one answer can hold
}

// failurePage and ticketPage are the most that the API gives at once.
const (
	failurePage = 10_000
	ticketPage  = 500
	eventsPage  = 5000
)

func newRemoteHistory(server, token string) (*remoteHistory, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--url: %q is no address of a server: give one such as https://presage.example:8080", server)
	}
	if token == "" {
		return nil, errors.New("--token: the server wants to know who asks: see presage token create")
	}
	return &remoteHistory{
		url: strings.TrimSuffix(server, "/"), token: token, http: &http.Client{Timeout: 2 * time.Minute}, ahead: map[series.Key]ahead{},
	}, nil
}

// refusedError is an answer that is not well.
type refusedError struct {
	path   string
	status int
	detail string
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("GET %s: %d %s: %s", e.path, e.status, http.StatusText(e.status), e.detail)
}

// get decodes the answer to a question; path begins behind /api/v1.
func (h *remoteHistory) get(ctx context.Context, path string, query url.Values, into any) error {
	path = "/api/v1" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	resp, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var p web.Problem
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
		if json.Unmarshal(text, &p) != nil {
			p.Detail = "the answer is none of Presage's"
		}
		return &refusedError{path, resp.StatusCode, p.Detail}
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}

func inMillis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func (h *remoteHistory) LoadDirectory(ctx context.Context, d *fleet.Directory) error {
	var f fleet.Fleet
	var models web.Models
	if err := h.get(ctx, "/models", nil, &models); err != nil {
		return err
	}
	f.Models = models.Models
	query := url.Values{"limit": {strconv.Itoa(ticketPage)}, "sort": {"id"}}
	for {
		var page fleet.DevicePage
		if err := h.get(ctx, "/devices", query, &page); err != nil {
			return err
		}
		for _, v := range page.Devices {
			f.Devices = append(f.Devices, v.Device)
		}
		if page.Next == "" {
			break
		}
		query.Set("cursor", page.Next)
	}
	d.Replace(telemetry.DefaultTenant, &f)
	return nil
}

func (h *remoteHistory) device(ctx context.Context, device string) (d web.DeviceDetail, err error) {
	return d, h.get(ctx, "/devices/"+url.PathEscape(device), nil, &d)
}

func (h *remoteHistory) Last(ctx context.Context, _, device string) (map[string]series.Point, error) {
	d, err := h.device(ctx, device)
	last := make(map[string]series.Point, len(d.Metrics))
	for _, m := range d.Metrics {
		last[m.Name] = series.Point{Time: int64(m.Last[0]), Value: m.Last[1]}
	}
	return last, err
}

func (h *remoteHistory) State(ctx context.Context, _, device string) (telemetry.State, error) {
	d, err := h.device(ctx, device)
	if err == nil && d.State == nil {
		err = tickets.ErrNotFound
	}
	if err != nil {
		return telemetry.State{}, err
	}
	return *d.State, nil
}

// Raw asks for as long a time at once as one answer can hold.
func (h *remoteHistory) Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	h.mu.Lock()
	a, known := h.ahead[key]
	delete(h.ahead, key)
	h.mu.Unlock()
	if !known || !a.from.Equal(r.From) {
		a = ahead{to: r.From, chunk: r.To.Sub(r.From)}
	}
	for len(a.points) < limit && a.to.Before(r.To) {
		end := a.to.Add(a.chunk)
		if end.After(r.To) {
			end = r.To
		}
		var got web.Readings
		err := h.get(ctx, "/devices/"+url.PathEscape(key.Device)+"/series",
			url.Values{"metric": {key.Metric}, "from": {inMillis(a.to)}, "to": {inMillis(end)}, "step": {"raw"}}, &got)
		if refused := (*refusedError)(nil); errors.As(err, &refused) && refused.status == http.StatusUnprocessableEntity && a.chunk > time.Second {
			a.chunk = max(time.Second, a.chunk/4).Truncate(time.Millisecond)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, p := range got.Points {
			a.points = append(a.points, series.Point{Time: int64(p[0]), Value: p[1]})
		}
		a.to = end
		if len(got.Points) < limit/2 {
			a.chunk *= 2
		}
	}
	if len(a.points) <= limit {
		return a.points, nil
	}
	out := slices.Clone(a.points[:limit])
	a.points = a.points[limit:]
	a.from = time.UnixMilli(out[limit-1].Time + 1)
	h.mu.Lock()
	h.ahead[key] = a
	h.mu.Unlock()
	return out, nil
}

// Events asks again behind the last moment of an answer that is not whole.
func (h *remoteHistory) Events(ctx context.Context, _, device string, from, to time.Time, limit int) (all []telemetry.Event, err error) {
	for {
		var got web.DeviceEvents
		err := h.get(ctx, "/devices/"+url.PathEscape(device)+"/events",
			url.Values{"from": {inMillis(from)}, "to": {inMillis(to)}, "limit": {strconv.Itoa(eventsPage)}}, &got)
		if err != nil {
			return nil, err
		}
		if !got.Truncated {
			return firstOfList(append(all, got.Events...), limit), nil
		}
		last := got.Events[len(got.Events)-1].Time
		whole := slices.IndexFunc(got.Events, func(e telemetry.Event) bool { return e.Time == last })
		if whole == 0 {
			return nil, fmt.Errorf("events of %s: more than %d at %s", device, eventsPage, time.UnixMilli(last).UTC().Format(time.RFC3339))
		}
		if all = append(all, got.Events[:whole]...); len(all) >= limit {
			return firstOfList(all, limit), nil
		}
		from = time.UnixMilli(last)
	}
}

// firstOfList returns at most so many of a list.
func firstOfList[T any](list []T, most int) []T { return list[:min(len(list), most)] }

func (h *remoteHistory) failures(ctx context.Context, from, to time.Time) (all []quality.Failure, err error) {
	for {
		var page web.FailureList
		err := h.get(ctx, "/failures", url.Values{"from": {inMillis(from)}, "to": {inMillis(to)}, "limit": {strconv.Itoa(failurePage)}}, &page)
		if err != nil {
			return nil, err
		}
		for _, f := range page.Failures {
			if !slices.Contains(all[max(0, len(all)-failurePage):], f) { // those of the last moment come again
				all = append(all, f)
			}
		}
		if !page.More {
			return all, nil
		}
		next := page.Failures[len(page.Failures)-1].FailedAt
		if !next.After(from) {
			return nil, fmt.Errorf("more than %d failures at %s", failurePage, next.Format(time.RFC3339))
		}
		from = next
	}
}

func (h *remoteHistory) closed(ctx context.Context, from, to time.Time) (all []tickets.Ticket, err error) {
	query := url.Values{"open": {"false"}, "sort": {"opened"}, "limit": {strconv.Itoa(ticketPage)}, "opened_from": {inMillis(from)}, "opened_to": {inMillis(to)}}
	for {
		var page tickets.Page
		if err := h.get(ctx, "/tickets", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Tickets...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("cursor", page.Next)
	}
}

// Close implements history.
func (h *remoteHistory) Close() error {
	h.http.CloseIdleConnections()
	return nil
}
