package bus

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/presage-pdm/presage/tickets"
)

// Deliveries keeps the events that webhooks have not taken yet, so that a
// restart loses neither them nor their place in the back-off.
type Deliveries interface {
	// PutDelivery keeps an event for an endpoint; putting it again changes nothing.
	PutDelivery(ctx context.Context, endpoint string, e tickets.Event, now time.Time) error
	// ClaimDeliveries takes due deliveries and counts the attempt; nobody else is given them before the lease ends.
	ClaimDeliveries(ctx context.Context, endpoint string, now time.Time, lease time.Duration, limit int) ([]tickets.Delivery, error)
	DeliveryTaken(ctx context.Context, d tickets.Delivery) error
	// DeliveryFailed notes why an attempt failed, when the next one is, and that there is none when dead is set.
	DeliveryFailed(ctx context.Context, d tickets.Delivery, reason string, next time.Time, dead bool) error
}

// WebhookConfig is where and how events are posted.
type WebhookConfig struct {
	// Name tells the webhook from others for ever: deliveries are kept under it.
	Name string
	// URL takes the events by POST.
	URL string
	// Secret signs them; it is at least 16 bytes.
	Secret string
	// Quiet includes the events that page nobody.
	Quiet bool
	// Tenant restricts the webhook to the events of one tenant; empty means all.
	Tenant string
	// Timeout bounds one attempt.
	Timeout time.Duration
	// Attempts is how often an event is tried before it is given up. With the
	// default the last attempt is some 15 hours after the first.
	Attempts int
	// Backoff is the wait behind the first failed attempt; it doubles up to MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Poll is how often due deliveries are looked for without a new event.
	Poll time.Duration
	// Parallel is how many events are posted at once.
	Parallel int
	Log      *slog.Logger
	Metrics  *Metrics // nil counts for nobody
}

// DefaultWebhookConfig returns the settings of a webhook without its name, URL and secret.
func DefaultWebhookConfig() WebhookConfig {
	return WebhookConfig{Timeout: 10 * time.Second, Attempts: 20, Backoff: time.Second, MaxBackoff: 2 * time.Hour,
		Poll: time.Second, Parallel: 4, Log: slog.New(slog.DiscardHandler)}
}

// The headers of a posted event.
const (
	// HeaderSignature is "t=" and the time of the attempt in Unix seconds, ",v1=" and
	// the HMAC-SHA256 in hex, under the secret, of that time, a dot and the body.
	HeaderSignature = "Presage-Signature"
	// HeaderEvent is the ID of the event: an endpoint drops one that it has seen.
	HeaderEvent = "Presage-Event-Id"
	// HeaderType is the type of the event, such as "ticket.opened".
	HeaderType = "Presage-Event-Type"
)

// Webhook posts events to another system, each until it is taken with a status
// of 2xx. The order is that of the events only while nothing fails: the
// revision of the ticket tells which event is newer.
type Webhook struct {
	config WebhookConfig
	store  Deliveries
	client *http.Client
	// wake holds at most one signal: that there is a new delivery or not.
	wake chan struct{}
}

// NewWebhook checks the configuration and returns a webhook.
func NewWebhook(store Deliveries, config WebhookConfig) (*Webhook, error) {
	def := DefaultWebhookConfig()
	if config.Name == "" {
		return nil, errors.New("webhook: it has no name")
	}
	u, err := url.Parse(config.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("webhook %s: its URL must begin with https:// or http:// and name a host", config.Name)
	}
	if len(config.Secret) < 16 {
		return nil, fmt.Errorf("webhook %s: its secret has %d bytes, at least 16 are needed to sign", config.Name, len(config.Secret))
	}
	for _, p := range []struct{ value, otherwise *time.Duration }{
		{&config.Timeout, &def.Timeout}, {&config.Backoff, &def.Backoff}, {&config.MaxBackoff, &def.MaxBackoff}, {&config.Poll, &def.Poll},
	} {
		if *p.value <= 0 {
			*p.value = *p.otherwise
		}
	}
	if config.Attempts <= 0 {
		config.Attempts = def.Attempts
	}
	if config.Parallel <= 0 {
		config.Parallel = def.Parallel
	}
	if config.Log == nil {
		config.Log = def.Log
	}
	if config.Metrics == nil {
		config.Metrics = NewMetrics(nil)
	}
	config.Metrics.expect(config.Name)
	return &Webhook{
		config: config,
		store:  store,
		wake:   make(chan struct{}, 1),
		client: &http.Client{
			Timeout: config.Timeout,
			// A redirect is an answer like any other: following it would show the event to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: config.Parallel, IdleConnTimeout: time.Minute},
		},
	}, nil
}

// Take is the [Handler] of the webhook: it keeps the event for [Webhook.Run] to post.
func (w *Webhook) Take(ctx context.Context, e tickets.Event) error {
	if e.Quiet && !w.config.Quiet || w.config.Tenant != "" && w.config.Tenant != e.Tenant {
		return nil
	}
	if err := w.store.PutDelivery(ctx, w.config.Name, e, time.Now()); err != nil {
		return err
	}
	select {
	case w.wake <- struct{}{}:
	default: // a signal is waiting already
	}
	return nil
}

// Run posts what is due until ctx ends. Attempts that are under way then are
// given up and made again later.
func (w *Webhook) Run(ctx context.Context) {
	defer w.client.CloseIdleConnections()
	poll := time.NewTicker(w.config.Poll)
	defer poll.Stop()
	failing := false
	for ctx.Err() == nil {
		n, err := w.post(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			w.config.Log.Error("deliveries wait", "webhook", w.config.Name, "err", err)
		}
		failing = err != nil
		if err == nil && n == w.config.Parallel {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
		case <-poll.C:
		case <-w.wake:
		}
	}
}

// post makes one attempt for each of a few due deliveries, at once.
func (w *Webhook) post(ctx context.Context) (claimed int, err error) {
	due, err := w.store.ClaimDeliveries(ctx, w.config.Name, time.Now(), 2*w.config.Timeout+time.Minute, w.config.Parallel)
	if err != nil {
		return 0, err
	}
	errs := make([]error, len(due))
	var attempts sync.WaitGroup
	for i, d := range due {
		attempts.Go(func() { errs[i] = w.attempt(ctx, d) })
	}
	attempts.Wait()
	return len(due), errors.Join(errs...)
}

// attempt posts one delivery and notes the outcome. It fails only when the
// outcome cannot be noted.
func (w *Webhook) attempt(ctx context.Context, d tickets.Delivery) error {
	begun := time.Now()
	wait, cause := w.send(ctx, d)
	w.config.Metrics.posts.WithLabelValues(w.config.Name).Observe(time.Since(begun).Seconds())
	result := func(r string) { w.config.Metrics.deliveries.WithLabelValues(w.config.Name, r).Inc() }
	// An outcome is noted also when ctx has ended meanwhile.
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.config.Timeout)
	defer cancel()
	if cause == nil {
		result(resultTaken)
		return w.store.DeliveryTaken(note, d)
	}
	dead := d.Attempts >= w.config.Attempts && ctx.Err() == nil
	if dead {
		result(resultGivenUp)
		w.config.Log.Error("delivery given up", "webhook", w.config.Name, "event", d.Event.ID, "ticket", d.Event.Ticket.Number, "err", cause)
	} else {
		result(resultFailed)
	}
	return w.store.DeliveryFailed(note, d, cause.Error(), time.Now().Add(max(wait, w.backoff(d.Attempts))), dead)
}

// backoff is the wait behind an attempt: doubling, with up to a quarter of jitter, so that events that failed
// together do not come back together.
func (w *Webhook) backoff(attempt int) time.Duration {
	wait := w.config.Backoff
	for i := 1; i < attempt && wait < w.config.MaxBackoff; i++ {
		wait *= 2
	}
	wait = min(wait, w.config.MaxBackoff)
	return wait + rand.N(wait/4+1)
}

// send makes one request. wait is what the endpoint asked for when it refused.
func (w *Webhook) send(ctx context.Context, d tickets.Delivery) (wait time.Duration, err error) {
	body, err := json.Marshal(d.Event)
	if err != nil {
		return 0, fmt.Errorf("encode the event: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.config.URL, bytes.NewReader(body))
	if err != nil {
		return 0, plain(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "presage")
	request.Header.Set(HeaderEvent, d.Event.ID)
	request.Header.Set(HeaderType, d.Event.Type)
	request.Header.Set(HeaderSignature, Sign([]byte(w.config.Secret), time.Now(), body))
	response, err := w.client.Do(request)
	if err != nil {
		return 0, plain(err)
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 512))
	if response.StatusCode/100 == 2 {
		return 0, nil
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		wait = min(time.Duration(seconds)*time.Second, w.config.MaxBackoff)
	}
	return wait, fmt.Errorf("status %s: %s", response.Status, strings.ToValidUTF8(strings.TrimSpace(string(answer)), "?"))
}

// plain takes the URL out of an error: it may hold a secret, and errors are shown.
func plain(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Sign returns the signature header of a body posted at a time.
func Sign(secret []byte, at time.Time, body []byte) string {
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(seconds + "."))
	mac.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
