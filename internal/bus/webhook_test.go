package bus

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/tickets"
)

const secret = "0123456789abcdef"

func newWebhook(t *testing.T, store Deliveries, config WebhookConfig) *Webhook {
	t.Helper()
	config.Name = "crm"
	config.Secret = secret
	w, err := NewWebhook(store, config)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func event(id string) tickets.Event {
	return tickets.Event{ID: id, Tenant: "default", Type: "ticket.opened", At: time.Unix(1700000000, 0).UTC(), Ticket: tickets.Ticket{Number: "T-000001"}}
}

// once gives an event to the webhook and makes one round of attempts.
func once(t *testing.T, w *Webhook, e tickets.Event) {
	t.Helper()
	if err := w.Take(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := w.post(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWebhookPostsSignedEvents(t *testing.T) {
	type request struct {
		header http.Header
		body   []byte
	}
	received := make(chan request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		received <- request{r.Header, body}
	}))
	defer server.Close()
	m := newMemory()
	w := newWebhook(t, m, WebhookConfig{URL: server.URL})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // ends with cancel
		defer close(done)
		w.Run(ctx)
	}()
	if err := w.Take(ctx, event("e-1")); err != nil {
		t.Fatal(err)
	}
	got := <-received
	var e tickets.Event
	if err := json.Unmarshal(got.body, &e); err != nil || e.ID != "e-1" || e.Ticket.Number != "T-000001" {
		t.Errorf("body %s (error %v)", got.body, err)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", HeaderEvent: "e-1", HeaderType: "ticket.opened"} {
		if v := got.header.Get(name); v != want {
			t.Errorf("header %s is %q, want %q", name, v, want)
		}
	}
	// Verified as an endpoint does, by the documentation of the header.
	signed, sum, ok := strings.Cut(strings.TrimPrefix(got.header.Get(HeaderSignature), "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, signed+"."+string(got.body))
	if want := hex.EncodeToString(mac.Sum(nil)); !ok || sum != want {
		t.Errorf("signature %q, want %q", sum, want)
	}
	<-m.taken
	cancel()
	<-done
	if d := m.delivery("crm", "e-1"); d != nil {
		t.Errorf("a delivery that was taken is still there: %+v", d)
	}
}

func TestSign(t *testing.T) {
	// printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
	const want = "t=1700000000,v1=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e"
	got := Sign([]byte(secret), time.Unix(1700000000, 0), []byte("{}"))
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWebhookChooses(t *testing.T) {
	m := newMemory()
	quiet, other := event("quiet"), event("other")
	quiet.Quiet, other.Tenant = true, "other"
	for _, c := range []struct {
		config WebhookConfig
		want   []string
	}{
		{WebhookConfig{}, []string{"loud", "other"}},
		{WebhookConfig{Quiet: true}, []string{"loud", "other", "quiet"}},
		{WebhookConfig{Tenant: "default"}, []string{"loud"}},
	} {
		m.deliveries = map[string]*tickets.Delivery{}
		c.config.URL = "http://127.0.0.1:1/"
		w := newWebhook(t, m, c.config)
		for _, e := range []tickets.Event{event("loud"), quiet, other} {
			if err := w.Take(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range c.want {
			if m.delivery("crm", id) == nil {
				t.Errorf("%+v did not keep %s", c.config, id)
			}
		}
		if len(m.deliveries) != len(c.want) {
			t.Errorf("%+v kept %d events, want %d", c.config, len(m.deliveries), len(c.want))
		}
	}
}

func TestWebhookRetries(t *testing.T) {
	var status atomic.Int32
	status.Store(http.StatusInternalServerError)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "out of order\xff", int(status.Load()))
	}))
	defer server.Close()
	m := newMemory()
	registry := prometheus.NewRegistry()
	config := WebhookConfig{URL: server.URL, Attempts: 3, Backoff: time.Second, MaxBackoff: time.Minute, Metrics: NewMetrics(registry)}
	w := newWebhook(t, m, config)
	before := time.Now()
	once(t, w, event("e-1"))
	d := m.delivery("crm", "e-1")
	if d == nil || d.Attempts != 1 || d.State != tickets.DeliveryPending || d.LastError != "status 500 Internal Server Error: out of order?" {
		t.Fatalf("after a failure: %+v", d)
	}
	if wait := d.NextAt.Sub(before); wait < 30*time.Second || wait > time.Minute {
		t.Errorf("tries again after %s, want what the endpoint asked for", wait)
	}
	// A process that starts anew goes on where the former one was.
	due := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.deliveries["crme-1"].NextAt = time.Now()
	}
	w = newWebhook(t, m, config)
	due()
	once(t, w, event("e-1"))
	if d = m.delivery("crm", "e-1"); d.Attempts != 2 || d.State != tickets.DeliveryPending {
		t.Errorf("after the second failure: %+v", d)
	}
	due()
	once(t, w, event("e-1"))
	if d = m.delivery("crm", "e-1"); d.Attempts != 3 || d.State != tickets.DeliveryDead {
		t.Errorf("after the last attempt: %+v", d)
	}
	status.Store(http.StatusNoContent)
	once(t, w, event("e-2"))
	if d = m.delivery("crm", "e-2"); d != nil {
		t.Errorf("an event behind a dead one waits: %+v", d)
	}
	const want = `# HELP presage_webhook_deliveries_total Attempts to post an event, by webhook and result: taken, failed (and tried again) or given-up.
# TYPE presage_webhook_deliveries_total counter
presage_webhook_deliveries_total{result="failed",webhook="crm"} 2
presage_webhook_deliveries_total{result="given-up",webhook="crm"} 1
presage_webhook_deliveries_total{result="taken",webhook="crm"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "presage_webhook_deliveries_total"); err != nil {
		t.Error(err)
	}
}

func TestWebhookDoesNotFollowRedirects(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Errorf("the event was shown to %s", r.URL.Path)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
	}))
	defer server.Close()
	m := newMemory()
	once(t, newWebhook(t, m, WebhookConfig{URL: server.URL + "/"}), event("e-1"))
	if d := m.delivery("crm", "e-1"); d == nil || !strings.Contains(d.LastError, "308") {
		t.Errorf("after a redirect: %+v", d)
	}
}

func TestWebhookHidesItsURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody answers
	m := newMemory()
	once(t, newWebhook(t, m, WebhookConfig{URL: server.URL + "/hidden-key"}), event("e-1"))
	if d := m.delivery("crm", "e-1"); d == nil || d.LastError == "" || strings.Contains(d.LastError, "hidden-key") {
		t.Errorf("after a failed connection: %+v", d)
	}
}

func TestWebhookTimesOut(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	m := newMemory()
	once(t, newWebhook(t, m, WebhookConfig{URL: server.URL, Timeout: 50 * time.Millisecond}), event("e-1"))
	if d := m.delivery("crm", "e-1"); d == nil || d.Attempts != 1 || d.LastError == "" {
		t.Errorf("after a time-out: %+v", d)
	}
}

func TestWebhookBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWebhook(t, newMemory(), WebhookConfig{URL: "http://127.0.0.1:1/", Backoff: time.Second, MaxBackoff: time.Minute})
		for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 7: time.Minute, 1000: time.Minute} {
			for range 20 {
				if got := w.backoff(attempt); got < want || got > want+want/4 {
					t.Errorf("behind attempt %d: %s, want %s and up to a quarter more", attempt, got, want)
				}
			}
		}
	})
}

func TestWebhookConfig(t *testing.T) {
	for _, c := range []struct {
		config WebhookConfig
		want   string
	}{
		{WebhookConfig{URL: "https://crm.example/", Secret: secret}, "no name"},
		{WebhookConfig{Name: "crm", URL: "ftp://crm.example/", Secret: secret}, "must begin with https://"},
		{WebhookConfig{Name: "crm", URL: "https:///path", Secret: secret}, "name a host"},
		{WebhookConfig{Name: "crm", URL: "https://crm.example/", Secret: "short"}, "at least 16"},
	} {
		if _, err := NewWebhook(newMemory(), c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one that says %q", c.config, err, c.want)
		}
	}
}
