package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/bus"
	"github.com/presage-pdm/presage/web"
)

// receiver is another system that takes events, once it is in order.
type receiver struct {
	*httptest.Server
	secret string

	mu      sync.Mutex
	broken  bool
	refused int            // posts that were answered with 500
	taken   map[string]int // posts of each event that were answered with 200
	types   map[string]string
	forged  []string // why a post was not believed
}

func newReceiver(t *testing.T, secret string) *receiver {
	r := &receiver{secret: secret, broken: true, taken: map[string]int{}, types: map[string]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	var e struct{ ID, Type string }
	switch {
	case err != nil:
		r.forged = append(r.forged, err.Error())
	case !r.signed(q.Header.Get(bus.HeaderSignature), body):
		r.forged = append(r.forged, fmt.Sprintf("signature %q of %s", q.Header.Get(bus.HeaderSignature), body))
	case json.Unmarshal(body, &e) != nil || e.ID == "" || e.ID != q.Header.Get(bus.HeaderEvent) || e.Type != q.Header.Get(bus.HeaderType):
		r.forged = append(r.forged, fmt.Sprintf("headers %v of %s", q.Header, body))
	}
	if r.broken {
		r.refused++
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	r.taken[e.ID]++
	r.types[e.ID] = e.Type
}

// signed checks a signature as docs/tickets.md tells receivers to, not with the code that made it.
func (r *receiver) signed(header string, body []byte) bool {
	at, signature, ok := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	if !ok {
		return false
	}
	mac := hmac.New(sha256.New, []byte(r.secret))
	fmt.Fprintf(mac, "%s.%s", at, body)
	want := hex.EncodeToString(mac.Sum(nil))
	var seconds int64
	if _, err := fmt.Sscan(at, &seconds); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return false
	}
	return hmac.Equal([]byte(signature), []byte(want))
}

func (r *receiver) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = false
}

// ofType returns how often each event of a type was taken.
func (r *receiver) ofType(kind string) map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := maps.Clone(r.taken)
	maps.DeleteFunc(found, func(id string, _ int) bool { return r.types[id] != kind })
	return found
}

func (p *process) deliveries(state string) []web.DeliveryEntry {
	p.t.Helper()
	var all []web.DeliveryEntry
	cursor := ""
	for {
		var page web.DeliveryPage
		p.get("/api/v1/webhooks/deliveries?limit=100&state="+state+"&cursor="+url.QueryEscape(cursor), &page)
		all = append(all, page.Deliveries...)
		if page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

// A receiver that is out of order gets the event, signed, once it is mended;
// each event once, also with a restart of Presage in between.
func TestWebhookSurvivesReceiverAndRestart(t *testing.T) {
	inBothSetUps(t, func(t *testing.T, s setUp) {
		r := newReceiver(t, "a secret of thirty-two bytes ....")
		config := writeFile(t, "presage.yaml", fmt.Sprintf("webhooks:\n  - {name: erp, url: %q, secret: %q}\n", r.URL+"/hook?key=hush-hush", r.secret))
		p := start(t, "serve", s, "--config", config, "--unknown-devices", "register")
		d := p.connect("gateway")
		began := time.Now().Add(-time.Minute).UnixMilli()
		crash := func(tv string) {
			for i := range int64(3) {
				d.publish("presage/v1/"+tv+"/event", fmt.Sprintf(`{"ts": %d, "code": "crash"}`, began+i*1000))
			}
		}
		crash("tv-1")
		var waiting web.DeliveryEntry
		p.eventually(30*time.Second, "a delivery waits with the reason", func() (bool, string) {
			all := p.deliveries("pending")
			for _, e := range all {
				if e.Type == "ticket.opened" && strings.Contains(e.LastError, "500") {
					waiting = e
					return true, ""
				}
			}
			return false, fmt.Sprintf("%+v", all)
		})
		if number := p.tickets("tv-1")[0].Number; waiting.Webhook != "erp" || waiting.Number != number || waiting.NextAttemptAt.IsZero() || waiting.Attempts == 0 {
			t.Errorf("the waiting delivery is %+v, want one to erp of ticket %s", waiting, number)
		}

		p.stop()
		r.mend()
		p.run()
		p.eventually(60*time.Second, "the event is taken after the restart", func() (bool, string) {
			got := r.ofType("ticket.opened")
			return got[waiting.Event] > 0, fmt.Sprint(got)
		})
		// Later events go by; those before stay taken.
		d = p.connect("gateway")
		crash("tv-2")
		p.eventually(60*time.Second, "nothing waits any more", func() (bool, string) {
			opened, left := r.ofType("ticket.opened"), p.deliveries("")
			return len(opened) == 2 && len(left) == 0, fmt.Sprintf("%d opened, waiting: %+v", len(opened), left)
		})
		r.mu.Lock()
		defer r.mu.Unlock()
		for id, n := range r.taken {
			if n != 1 {
				t.Errorf("event %s (%s) was delivered %d times", id, r.types[id], n)
			}
		}
		if len(r.forged) > 0 {
			t.Errorf("not believed: %s", r.forged[0])
		}
		if r.refused == 0 {
			t.Error("the receiver refused nothing: the test has shown nothing")
		}
		if strings.Contains(p.log.String(), "hush") {
			t.Error("the log shows the URL of the webhook, which may hold a secret")
		}
	})
}

// A delivery that waits in its back-off is sent at once when an admin asks for it.
func TestWebhookDeliveryIsRetriedByHand(t *testing.T) {
	r := newReceiver(t, "a secret of thirty-two bytes ....")
	config := writeFile(t, "presage.yaml", fmt.Sprintf("webhooks:\n  - {url: %q, secret: %q}\n", r.URL, r.secret))
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	d := p.connect("gateway")
	for i := range 3 {
		d.publish("presage/v1/tv-1/event", fmt.Sprintf(`{"id": "%d", "code": "crash"}`, i))
	}
	var waiting web.DeliveryEntry
	// Behind the third attempt the wait is four seconds and more.
	p.eventually(60*time.Second, "a delivery has failed three times", func() (bool, string) {
		all := p.deliveries("pending")
		for _, e := range all {
			if e.Type == "ticket.opened" && e.Attempts >= 3 && e.LastError != "" {
				waiting = e
			}
		}
		return waiting.ID != "", fmt.Sprintf("%+v", all)
	})
	if want := strings.TrimPrefix(r.URL, "http://"); waiting.Webhook != want {
		t.Errorf("a webhook without a name is called %q, want %q", waiting.Webhook, want)
	}
	r.mend()
	if err := p.request(http.MethodPost, "/api/v1/webhooks/deliveries/"+waiting.ID+"/retry", nil, nil); err != nil {
		t.Fatal(err)
	}
	p.eventually(30*time.Second, "the event is taken", func() (bool, string) {
		got := r.ofType("ticket.opened")
		return got[waiting.Event] == 1, fmt.Sprint(got)
	})
	if err := p.request(http.MethodPost, "/api/v1/webhooks/deliveries/none:erp/retry", nil, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("retrying what is not there: %v, want status 404", err)
	}
}
