package promseries

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzPromQL asks anything: the answer is one of the API's, within the limits, and tells nothing of another tenant.
func FuzzPromQL(f *testing.F) {
	for _, q := range []string{
		`coolant_temp`, `rate(coolant_temp[5m])`, `{tenant=~".+"}`, `{__name__=~".+"} or on() vector(1)`, `count_values("x", coolant_temp)`,
		`label_replace(coolant_temp, "tenant", "acme", "", "")`, `max_over_time(coolant_temp[1000y:1ms])`, `coolant_temp offset -1y @ end()`, `((((((`,
		`topk(5, coolant_temp) by (tenant)`, `absent({tenant="acme"})`, `info(coolant_temp)`, `histogram_quantile(0.9, coolant_temp)`,
	} {
		f.Add("query", q, "60")
		f.Add("query_range", q, "1")
		f.Add("series", q, "")
		f.Add("label/device/values", q, "")
	}
	s := open(f, DefaultConfig(f.TempDir()))
	defer s.Close()
	fill(f, s, "default", "car-7", "coolant_temp", 61)
	fill(f, s, "acme", "spy-device", "spy_metric", 61)
	h := s.Handler("default")
	f.Fuzz(func(t *testing.T, path, query, step string) {
		if strings.Contains(query, "spy") || strings.Contains(path, "spy") || strings.Contains(step, "spy") || len(query) > 4096 {
			return // what was asked stands in the answer
		}
		values := url.Values{
			"query": {query}, "match[]": {query}, "step": {step}, "time": {fmt.Sprint(day/1000 + 60)},
			"start": {fmt.Sprint(day / 1000)}, "end": {fmt.Sprint(day/1000 + 60)},
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: "/api/v1/" + path, RawQuery: values.Encode()}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code >= 500 && rec.Code != 503 {
			t.Fatalf("%s %q: %d %s", path, query, rec.Code, rec.Body)
		}
		if strings.Contains(rec.Body.String(), "spy") {
			t.Fatalf("%s %q: tells of another tenant: %s", path, query, rec.Body)
		}
	})
}
