package bench

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The check sees a reading that is missing, twice there, changed or made up,
// and takes what was never acknowledged either way.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	const messages, metrics = 25_000, 3 // three pages
	d := &device{id: "d", start: 1_700_000_000_000}
	for n := range messages {
		d.next(time.UnixMilli(d.start + int64(2*n)))
		if n != 5 {
			d.acked.set(n)
		}
	}
	load := &Load{devices: []*device{d}}
	cfg := Config{Values: metrics}
	type point = [2]float64
	for _, c := range []struct {
		name   string
		verify Verify
		spoil  func(n, m int, p point) []point
		want   ReadBack
	}{
		{"all is well", VerifyAll, func(_, _ int, p point) []point { return []point{p} }, ReadBack{Readings: metrics * messages}},
		{"a sample", VerifySample, func(_, _ int, p point) []point { return []point{p} }, ReadBack{Readings: messages}},
		{"a message is missing", VerifyAll, func(n, _ int, p point) []point {
			if n == 12_345 {
				return nil
			}
			return []point{p}
		}, ReadBack{Readings: metrics * (messages - 1), Lost: 1}},
		{"one metric of a message is missing", VerifyAll, func(n, m int, p point) []point {
			if n == messages-1 && m == 2 {
				return nil
			}
			return []point{p}
		}, ReadBack{Readings: metrics*messages - 1, Lost: 1}},
		{"what was not acknowledged is missing", VerifyAll, func(n, _ int, p point) []point {
			if n == 5 {
				return nil
			}
			return []point{p}
		}, ReadBack{Readings: metrics * (messages - 1)}},
		{"twice", VerifyAll, func(n, m int, p point) []point {
			if n == 10_000 && m == 1 {
				return []point{p, p}
			}
			return []point{p}
		}, ReadBack{Readings: metrics*messages + 1, Duplicated: 1}},
		{"another value", VerifyAll, func(n, m int, p point) []point {
			if n == 0 && m == 0 {
				p[1]++
			}
			return []point{p}
		}, ReadBack{Readings: metrics * messages, Lost: 1, Strange: 1}},
		{"a time between", VerifyAll, func(n, m int, p point) []point {
			if n == 20_001 && m == 2 {
				return []point{p, {p[0] + 1, p[1]}}
			}
			return []point{p}
		}, ReadBack{Readings: metrics*messages + 1, Strange: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				from, _ := strconv.ParseInt(q.Get("from"), 10, 64)
				to, _ := strconv.ParseInt(q.Get("to"), 10, 64)
				m, err := strconv.Atoi(strings.TrimPrefix(q.Get("metric"), "m"))
				if err != nil || q.Get("step") != "raw" {
					http.Error(w, "bad question", http.StatusBadRequest)
					return
				}
				points := []point{}
				for n := range messages {
					if at := d.stamp(n); at >= from && at < to {
						points = append(points, c.spoil(n, m, point{float64(at), values[valueAt(n, m)].value})...)
					}
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"points": points})
			}))
			defer server.Close()
			told := int64(0)
			got, err := NewAPI(server.URL, "").Check(t.Context(), cfg, load, c.verify, 7, func(n int64) { told += n })
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want || told != got.Readings {
				t.Errorf("got %+v and told %d, want %+v", got, told, c.want)
			}
		})
	}
}
