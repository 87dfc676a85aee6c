package main

import (
	"net/url"
	"regexp"
)

// WebhookSettings is one receiver of ticket events.
type WebhookSettings struct {
	// Name tells the receiver from others in logs and in the list of deliveries,
	// which are kept under it; empty means the host of the URL, with its port.
	Name string `koanf:"name"`
	// URL takes the events by POST. It may hold a secret and is shown nowhere.
	URL string `koanf:"url"`
	// Secret signs what is posted; it has 16 bytes at least.
	Secret string `koanf:"secret"`
}

const (
	// maxWebhooks bounds the receivers: each costs a copy of every event.
	maxWebhooks = 32
	// minSecret is the shortest secret, in bytes.
	minSecret = 16
)

// webhookName is what a webhook may be called: it stands in paths and in logs.
var webhookName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`)

// nameWebhooks names those that have no name after the host of their URL.
func nameWebhooks(hooks []WebhookSettings) {
	for i := range hooks {
		if u, err := url.Parse(hooks[i].URL); err == nil && hooks[i].Name == "" {
			hooks[i].Name = u.Host
		}
	}
}

// validateWebhooks tells fail what is wrong and what to do. It never shows a URL.
func validateWebhooks(hooks []WebhookSettings, fail func(key, format string, args ...any)) {
	if len(hooks) > maxWebhooks {
		fail("webhooks", "%d are more than %d: let one receiver pass events on", len(hooks), maxWebhooks)
	}
	named := map[string]bool{}
	for _, w := range hooks {
		if u, err := url.Parse(w.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			fail("webhooks.url", "that of %q does not begin with https:// or http:// and a host", w.Name)
		}
		switch {
		case !webhookName.MatchString(w.Name):
			fail("webhooks.name", "%q is not 1 to 64 letters, digits, dots, colons, dashes and underscores: give the webhook a name", w.Name)
		case named[w.Name]:
			fail("webhooks.name", "two webhooks are called %q: give each a name of its own", w.Name)
		}
		named[w.Name] = true
		if len(w.Secret) < minSecret {
			fail("webhooks.secret", "that of %q has %d bytes, at least %d are needed to sign: make one with openssl rand -hex 32", w.Name, len(w.Secret), minSecret)
		}
	}
}

// hide takes out of the settings what may be a secret, the path of the URL included.
func (w *WebhookSettings) hide() {
	if w.Secret != "" {
		w.Secret = hidden
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		w.URL = hidden
		return
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
	if u.User != nil || u.RawQuery != "" || len(u.Path) > 1 {
		shown += "/" + hidden
	}
	w.URL = shown
}
