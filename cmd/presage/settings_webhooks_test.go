package main

import (
	"strings"
	"testing"
)

func TestWebhookNames(t *testing.T) {
	const secret = "0123456789abcdef"
	for _, c := range []struct {
		name  string
		hooks []WebhookSettings
		names string // joined by spaces
		fails string // what the error says, empty: there is none
	}{
		{"from the host", []WebhookSettings{{URL: "https://erp.example.com/hook?key=hush", Secret: secret}}, "erp.example.com", ""},
		{"from host and port", []WebhookSettings{{URL: "http://127.0.0.1:9000/", Secret: secret}}, "127.0.0.1:9000", ""},
		{"given", []WebhookSettings{{Name: "erp", URL: "https://a.example.com", Secret: secret}, {Name: "crm", URL: "https://a.example.com", Secret: secret}}, "erp crm", ""},
		{"twice the same host", []WebhookSettings{{URL: "https://a.example.com/1", Secret: secret}, {URL: "https://a.example.com/2", Secret: secret}},
			"a.example.com a.example.com", `two webhooks are called "a.example.com": give each a name`},
		{"not a name", []WebhookSettings{{Name: "my erp", URL: "https://a.example.com", Secret: secret}}, "my erp", "give the webhook a name"},
		{"an address without a name", []WebhookSettings{{URL: "http://[::1]:9000/", Secret: secret}}, "[::1]:9000", "give the webhook a name"},
		{"short secret", []WebhookSettings{{Name: "erp", URL: "https://a.example.com", Secret: "short"}}, "erp", "has 5 bytes, at least 16"},
		{"no host", []WebhookSettings{{Name: "erp", URL: "hush-hush", Secret: secret}}, "erp", "does not begin with https://"},
		{"too many", make([]WebhookSettings, maxWebhooks+1), strings.TrimSpace(strings.Repeat(" ", maxWebhooks)), "more than 32"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nameWebhooks(c.hooks)
			var names []string
			for _, w := range c.hooks {
				names = append(names, w.Name)
			}
			if got := strings.TrimSpace(strings.Join(names, " ")); got != c.names {
				t.Errorf("names are %q, want %q", got, c.names)
			}
			s := DefaultSettings()
			s.Webhooks = c.hooks
			err := s.validate()
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("error is %v, want one that says %q", err, c.fails)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows a URL: %v", err)
			}
		})
	}
}

// presage config shows where a webhook is, and nothing that may be secret.
func TestConfigHidesSecretsOfWebhooks(t *testing.T) {
	s := DefaultSettings()
	s.Webhooks = []WebhookSettings{
		{Name: "erp", URL: "https://user:hush@erp.example.com/hush?key=hush", Secret: "hush-hush-hush-hush"},
		{Name: "crm", URL: "https://crm.example.com", Secret: "hush-hush-hush-hush"},
	}
	text, err := s.yaml()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hush") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{"https://erp.example.com/(hidden)", "https://crm.example.com\n", "name: erp"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not shown:\n%s", want, text)
		}
	}
	if s.Webhooks[0].Secret == hidden {
		t.Error("printing the settings changed them")
	}
}
