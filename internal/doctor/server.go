package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Server is the Presage that runs on the data folder.
type Server struct {
	// URL is where it answers on this machine, such as "http://127.0.0.1:8080".
	URL     string
	Running bool
}

// Check asks /readyz.
func (s Server) Check() Check { return Check{Name: "server", Look: s.look} }

func (s Server) look(ctx context.Context) []Result {
	if !s.Running {
		return one(Good("No Presage runs on this data folder."))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/readyz", nil)
	if err != nil {
		return one(Bad(fmt.Sprintf("%s is no address: %v.", s.URL, err), "Correct http.listen."))
	}
	// The certificate is for the name that clients use and not for this address; nothing secret is sent.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Timeout: 10 * time.Second, Transport: transport}).Do(request)
	if err != nil {
		return one(Bad(fmt.Sprintf("A Presage runs on this data folder and does not answer: %v.", err),
			"It is still starting, hangs, or listens elsewhere: look at its log, and give the doctor the same --config and flags."))
	}
	defer response.Body.Close()
	var ready struct {
		Ready    bool
		Problems []struct{ Check, Detail string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&ready); err != nil {
		return one(Bad(fmt.Sprintf("%s answers %s, but not as Presage does.", s.URL, response.Status), "Another program listens there: correct http.listen."))
	}
	if ready.Ready {
		return one(Good("It runs and is ready."))
	}
	var results []Result
	for _, p := range ready.Problems {
		results = append(results, Bad("It runs and is not ready: "+p.Check+".", p.Detail))
	}
	return results
}
