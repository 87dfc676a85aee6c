package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Webhook is a receiver of ticket events. Its URL may hold a secret and is never shown.
type Webhook struct{ Name, URL string }

// Check asks whether the receiver is there, by a request that has no effect.
func (w Webhook) Check() Check { return Check{Name: "webhook " + w.Name, Look: w.look} }

func (w Webhook) look(ctx context.Context) []Result {
	request, err := http.NewRequestWithContext(ctx, http.MethodOptions, w.URL, nil)
	if err != nil {
		return one(Bad("Its URL cannot be read.", "Set webhooks.url to one that begins with https:// or http:// and a host."))
	}
	request.Header.Set("User-Agent", "presage")
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return one(w.unreachable(err))
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code >= 500:
		return one(Weak(fmt.Sprintf("It answers %s.", response.Status), "Events wait and are tried for some 15 hours: mend the receiver."))
	case code == http.StatusNotFound || code == http.StatusGone:
		return one(Weak(fmt.Sprintf("It answers %s.", response.Status), "Nothing seems to be at that address: check the path in webhooks.url."))
	case code/100 == 3:
		return one(Weak(fmt.Sprintf("It answers %s.", response.Status), "Redirects are not followed, as they would show events to somebody else: set webhooks.url to where it leads."))
	}
	if len(w.URL) > 5 && w.URL[:5] == "http:" {
		if u, err := url.Parse(w.URL); err == nil && !net.ParseIP(u.Hostname()).IsLoopback() && u.Hostname() != "localhost" {
			return one(Weak("It answers, without TLS.", "Everybody on the way can read the events: use https://."))
		}
	}
	return one(Good("It answers."))
}

func (w Webhook) unreachable(err error) Result {
	err = withoutURL(err)
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return Bad(fmt.Sprintf("Its certificate is not trusted: %v.", certificate.Err), "Renew it there, or add the authority that signed it to those of this system.")
	}
	return Weak(fmt.Sprintf("It cannot be reached: %v.", err), "Events wait and are tried for some 15 hours: check name, port and firewall.")
}
