package influx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/presage-pdm/presage/telemetry/series"
)

// Raw implements [series.Store].
func (s *Store) Raw(ctx context.Context, key series.Key, r series.Range, limit int) ([]series.Point, error) {
	from, to, ok := bounds(r)
	if limit <= 0 || !ok {
		return nil, ctx.Err()
	}
	rows, err := s.query(ctx, fmt.Sprintf("SELECT value FROM %s WHERE %s AND time >= %dms AND time < %dms ORDER BY time LIMIT %d",
		measurement, only(key), from, to, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", key.Metric, key.Device, err)
	}
	var points []series.Point
	for _, row := range rows {
		for _, v := range row.Values {
			var p series.Point
			if err := scan(v, &p.Time, &p.Value); err != nil {
				return nil, fmt.Errorf("read %s of %s: %w", key.Metric, key.Device, err)
			}
			points = append(points, p)
		}
	}
	return points, nil
}

// Windows implements [series.Store].
func (s *Store) Windows(ctx context.Context, key series.Key, r series.Range, step time.Duration) ([]series.Window, error) {
	ms := step.Milliseconds()
	if ms <= 0 || time.Duration(ms)*time.Millisecond != step {
		return nil, fmt.Errorf("windows of %s: step %v is not a positive number of whole milliseconds", key.Metric, step)
	}
	from, to, ok := bounds(r)
	if !ok {
		return nil, ctx.Err()
	}
	rows, err := s.query(ctx, fmt.Sprintf(
		"SELECT mean(value), min(value), max(value), count(value) FROM %s WHERE %s AND time >= %dms AND time < %dms GROUP BY time(%dms) fill(none)",
		measurement, only(key), from, to, ms))
	if err != nil {
		return nil, fmt.Errorf("summarise %s of %s: %w", key.Metric, key.Device, err)
	}
	var windows []series.Window
	for _, row := range rows {
		for _, v := range row.Values {
			if slices.Contains(v, nil) {
				// The server runs the four summaries one after another: the first
				// reading of this window arrived between them.
				continue
			}
			var w series.Window
			if err := scan(v, &w.Start, &w.Mean, &w.Min, &w.Max, &w.Count); err != nil {
				return nil, fmt.Errorf("summarise %s of %s: %w", key.Metric, key.Device, err)
			}
			windows = append(windows, w)
		}
	}
	return windows, nil
}

// Last implements [series.Store].
func (s *Store) Last(ctx context.Context, tenant, device string) (map[string]series.Point, error) {
	// One selector to a statement: with two the server reports time 0.
	rows, err := s.query(ctx, fmt.Sprintf("SELECT last(value) FROM %s WHERE %s GROUP BY metric", measurement, onlyDevice(tenant, device)))
	if err != nil {
		return nil, fmt.Errorf("read last of %s: %w", device, err)
	}
	last := make(map[string]series.Point, len(rows))
	for _, row := range rows {
		for _, v := range row.Values {
			var p series.Point
			if err := scan(v, &p.Time, &p.Value); err != nil {
				return nil, fmt.Errorf("read last of %s: %w", device, err)
			}
			last[decodeName(row.Tags["metric"])] = p
		}
	}
	return last, nil
}

func only(k series.Key) string {
	return onlyDevice(k.Tenant, k.Device) + " AND metric = " + quoteString(encodeName(k.Metric))
}

func onlyDevice(tenant, device string) string {
	return "tenant = " + quoteString(encodeName(tenant)) + " AND device = " + quoteString(encodeName(device))
}

// bounds turns a range of instants into one of milliseconds, [from, to), that
// the server can hold; ok is false when it is empty.
func bounds(r series.Range) (from, to int64, ok bool) {
	from, to = max(ceilMilli(r.From), 0), min(ceilMilli(r.To), maxTime+1)
	return from, to, from < to
}

// ceilMilli returns the first Unix millisecond that is not before t.
func ceilMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if ms < math.MaxInt64 && t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return ms
}

// row is one series of an answer.
type row struct {
	Tags   map[string]string `json:"tags"`
	Values [][]any           `json:"values"` // json.Number, string or nil
}

type answer struct {
	Results []struct {
		Series  []row  `json:"series"`
		Error   string `json:"error"`
		Partial bool   `json:"partial"`
	} `json:"results"`
	Error string `json:"error"`
}

// query runs one InfluxQL statement. It is sent by POST, so that no name ends up in a log of URLs.
func (s *Store) query(ctx context.Context, statement string) ([]row, error) {
	form := url.Values{"db": {s.cfg.Database}, "epoch": {"ms"}, "q": {statement}}
	target := strings.TrimSuffix(s.cfg.URL, "/") + "/query"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := s.http.DoHTTPRequestWithResponse(req, nil)
	if err != nil {
		return nil, classify(ctx, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, s.cfg.MaxResponse+1))
	if err != nil {
		return nil, classify(ctx, err)
	}
	if int64(len(body)) > s.cfg.MaxResponse {
		return nil, fmt.Errorf("influxdb: the answer is larger than %d bytes: ask for a shorter range or a longer step", s.cfg.MaxResponse)
	}
	return parse(resp.StatusCode, body)
}

// parse reads the answer to one statement.
func parse(status int, body []byte) ([]row, error) {
	var a answer
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // values come back to the last bit
	if err := dec.Decode(&a); err != nil {
		if status/100 != 2 {
			return nil, answered(status, http.StatusText(status))
		}
		return nil, fmt.Errorf("influxdb: answer cannot be read: %w", err)
	}
	if status/100 != 2 {
		return nil, answered(status, a.Error)
	}
	if a.Error != "" {
		return nil, errors.New("influxdb: " + a.Error)
	}
	var rows []row
	for _, r := range a.Results {
		switch {
		case strings.HasPrefix(r.Error, "database not found"):
			return nil, answered(http.StatusNotFound, r.Error)
		case r.Error != "":
			return nil, errors.New("influxdb: " + r.Error)
		case r.Partial:
			return nil, errors.New("influxdb: the server cut the answer at its max-row-limit: ask for a shorter range or raise it")
		}
		rows = append(rows, r.Series...)
	}
	return rows, nil
}

// scan reads the numbers of one row of values.
func scan(values []any, into ...any) error {
	if len(values) != len(into) {
		return fmt.Errorf("influxdb: %d columns where %d belong", len(values), len(into))
	}
	for i, v := range values {
		n, ok := v.(json.Number)
		if !ok {
			return fmt.Errorf("influxdb: column %d is %v, not a number", i, v)
		}
		var err error
		switch p := into[i].(type) {
		case *int64:
			*p, err = n.Int64()
		case *float64:
			*p, err = n.Float64()
		}
		if err != nil {
			return fmt.Errorf("influxdb: column %d: %w", i, err)
		}
	}
	return nil
}
