package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet"
	"github.com/presage-pdm/presage/fleet/access"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// TestAnswers keeps the JSON that clients read.
func TestAnswers(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	around := "&from=2026-11-21T07:00:00Z&to=1795250400000" // until 09:20
	for name, path := range map[string]string{
		"about": "/api/v1/about", "catalog": "/api/v1/catalog", "counts": "/api/v1/tickets/counts", "demo": "/api/v1/demo",
		"device": "/api/v1/devices/car-7", "devices": "/api/v1/devices", "diagnosis": "/api/v1/tickets/T-000001/diagnosis",
		"band": "/api/v1/devices/car-7/band?metric=coolant_temp" + around, "events": "/api/v1/devices/car-7/events",
		"findings": "/api/v1/findings", "fleet": "/api/v1/fleet", "deliveries": "/api/v1/webhooks/deliveries?state=dead", "history": "/api/v1/tickets/0190-1/history", "livez": "/livez",
		"models": "/api/v1/models", "quarantine": "/api/v1/quarantine", "readyz": "/readyz", "regions": "/api/v1/regions",
		"series": "/api/v1/devices/car-7/series?metric=coolant_temp" + around, "series-step": "/api/v1/devices/car-7/series?metric=coolant_temp&step=5m" + around,
		"stations": "/api/v1/stations", "technicians": "/api/v1/technicians", "ticket": "/api/v1/tickets/T-000001", "tickets": "/api/v1/tickets", "workflows": "/api/v1/workflows",
		"missing": "/api/v1/tickets/T-999999", "invalid": "/api/v1/tickets?limit=0&color=red",
	} {
		t.Run(name, func(t *testing.T) {
			res := request{method: "GET", path: path, token: admin}.send(t, s)
			var body bytes.Buffer
			if _, err := body.ReadFrom(res.Body); err != nil {
				t.Fatal(err)
			}
			out := bytes.NewBufferString(fmt.Sprintf("%d %s\n", res.StatusCode, res.Header.Get("Content-Type")))
			if json.Valid(body.Bytes()) {
				if err := json.Indent(out, body.Bytes(), "", "  "); err != nil {
					t.Fatal(err)
				}
			} else {
				out.Write(body.Bytes())
			}
			golden(t, "testdata/answers/"+name+".txt", out.Bytes())
		})
	}
}

// TestNoNullLists: a browser that maps over a list must not meet null.
func TestNoNullLists(t *testing.T) {
	s, w := newServer(t, nil)
	w.entries, w.evidence, w.events, w.rejected, w.deliveries, w.points = nil, nil, nil, nil, nil, nil
	admin := w.token(t, access.Admin)
	for id, q := range samples() {
		if q.method != "GET" || id == "stream" || !strings.HasPrefix(q.path, "/api/v1/") || id == "get-catalog" || id == "get-profile" {
			continue
		}
		q.token = admin
		body := read(t, q.send(t, s), 200)
		var top map[string]json.RawMessage
		if err := json.Unmarshal(body, &top); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		for name, v := range top {
			if string(v) == "null" && name != "median_lead_s" {
				t.Errorf("%s: %s is null", id, name)
			}
		}
	}
}

func TestErrorsOfStores(t *testing.T) {
	secret := errors.New("dial tcp 10.0.0.5:5432: password=hunter2")
	for _, c := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("x: %w", tickets.ErrNotFound), 404},
		{fmt.Errorf("x: %w: the cursor does not belong here", tickets.ErrBadFilter), 422},
		{fmt.Errorf("x: %w", tickets.ErrConflict), 409},
		{fmt.Errorf("%w: %w", tickets.ErrUnavailable, secret), 503},
		{fmt.Errorf("%w: %w", series.ErrUnavailable, secret), 503},
		{fmt.Errorf("x: %w", &RejectedError{Detail: "Not like this."}), 422},
		{secret, 500},
	} {
		s, w := newServer(t, nil)
		admin := w.token(t, access.Admin)
		q := request{method: "GET", path: "/api/v1/fleet", token: admin}
		read(t, q.send(t, s), 200) // the token was used just now: only the store of the fleet is asked below
		s.cfg.Devices = failing{w, c.err}
		res := q.send(t, s)
		p := refusal(t, res, c.status)
		if strings.Contains(fmt.Sprint(p), "hunter2") {
			t.Errorf("the answer shows what only the log should: %+v", p)
		}
		if c.status == 503 && res.Header.Get("Retry-After") == "" {
			t.Error("a 503 without Retry-After")
		}
	}
}

func TestStoreOfAccountsDown(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	w.failWith = fmt.Errorf("%w: busy", tickets.ErrUnavailable)
	refusal(t, request{method: "GET", path: "/api/v1/fleet", token: admin}.send(t, s), 503)
	refusal(t, signInAs("mira", "x").send(t, s), 401) // the fake finds no user before it fails
}

func TestPanicIsAProblem(t *testing.T) {
	s, w := newServer(t, nil)
	w.panics = true
	p := refusal(t, request{method: "GET", path: "/api/v1/devices/car-7", token: w.token(t, access.Viewer)}.send(t, s), 500)
	if strings.Contains(p.Detail, "fell over") {
		t.Errorf("the panic is shown: %s", p.Detail)
	}
}

func TestWrongRequests(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.MaxBody = 1000 })
	admin := w.token(t, access.Admin)
	for name, c := range map[string]struct {
		q      request
		status int
		where  string
	}{
		"unknown path":        {request{method: "GET", path: "/api/v1/nothing"}, 404, ""},
		"unknown below api":   {request{method: "GET", path: "/api"}, 404, ""},
		"method":              {request{method: "PUT", path: "/api/v1/tickets"}, 405, ""},
		"method on metrics":   {request{method: "POST", path: "/metrics"}, 405, ""},
		"large body":          {request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"` + strings.Repeat("x", 2000) + `"}`}, 413, ""},
		"not JSON":            {request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":`}, 400, ""},
		"no body":             {request{method: "POST", path: "/api/v1/tickets/0190-1/comments"}, 400, ""},
		"wrong type":          {request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":5}`}, 422, "body.text"},
		"unknown member":      {request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"x","color":"red"}`}, 422, "body.color"},
		"empty text":          {request{method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":""}`}, 422, "body.text"},
		"unknown parameter":   {request{method: "GET", path: "/api/v1/tickets?colour=red"}, 422, "query.colour"},
		"limit too large":     {request{method: "GET", path: "/api/v1/tickets?limit=100000"}, 422, "query.limit"},
		"limit not a number":  {request{method: "GET", path: "/api/v1/devices?limit=many"}, 422, "query.limit"},
		"unknown sort":        {request{method: "GET", path: "/api/v1/tickets?sort=luck"}, 422, "query.sort"},
		"unknown severity":    {request{method: "GET", path: "/api/v1/tickets?severity=purple"}, 422, "query.severity"},
		"unknown health":      {request{method: "GET", path: "/api/v1/devices?health=fine"}, 422, "query.health"},
		"too many values":     {request{method: "GET", path: "/api/v1/tickets?region=" + strings.Repeat("a,", 101)}, 422, "query.region"},
		"open is not a bool":  {request{method: "GET", path: "/api/v1/tickets?open=maybe"}, 422, "query.open"},
		"time":                {request{method: "GET", path: "/api/v1/findings?from=yesterday"}, 422, "query.from"},
		"time far away":       {request{method: "GET", path: "/api/v1/findings?to=9999999999999999"}, 422, "query.to"},
		"backwards":           {request{method: "GET", path: "/api/v1/devices/car-7/events?from=2000&to=1000"}, 422, "query.from"},
		"no metric":           {request{method: "GET", path: "/api/v1/devices/car-7/series"}, 422, "query.metric"},
		"metric with newline": {request{method: "GET", path: "/api/v1/devices/car-7/series?metric=a%0Ab"}, 422, "query.metric"},
		"unknown device":      {request{method: "GET", path: "/api/v1/devices/car-8/series?metric=coolant_temp"}, 404, ""},
		"step":                {request{method: "GET", path: "/api/v1/devices/car-7/series?metric=coolant_temp&step=fast"}, 422, "query.step"},
		"step too small":      {request{method: "GET", path: "/api/v1/devices/car-7/series?metric=coolant_temp&step=1s"}, 422, "query.step"},
		"span too long":       {request{method: "GET", path: "/api/v1/devices/car-7/series?metric=coolant_temp&from=0&to=4102444800000"}, 422, "query.from"},
		"reload fails":        {request{method: "POST", path: "/api/v1/catalog/reload"}, 422, ""},
		"retry refused":       {request{method: "POST", path: "/api/v1/quarantine/q1/retry"}, 422, ""},
		"unknown demo fault":  {request{method: "POST", path: "/api/v1/demo/faults", body: `{"kind":"meteor"}`}, 422, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w.reloadErr = errors.New(`catalog.yaml:3: there is no method "limits"`)
			w.retryErr = &RejectedError{Reason: "malformed-json", Detail: "It ends too soon."}
			q := c.q
			q.token = admin
			res := q.send(t, s)
			p := refusal(t, res, c.status)
			if c.status == 405 && res.Header.Get("Allow") == "" {
				t.Error("a 405 without Allow")
			}
			if c.where != "" && (len(p.Errors) == 0 || p.Errors[0].Location != c.where) {
				t.Errorf("errors %+v do not name %s", p.Errors, c.where)
			}
		})
	}
}

// TestSecretsAreNotEchoed: validation of the framework puts values into its answers.
func TestSecretsAreNotEchoed(t *testing.T) {
	s, _ := newServer(t, nil)
	res := request{method: "POST", path: "/api/v1/session", header: csrf, body: `{"name":"mira","password":["hunter2-secret"],"token":"hunter2-secret"}`}.send(t, s)
	body := read(t, res, 422)
	if bytes.Contains(body, []byte("hunter2-secret")) {
		t.Errorf("the answer echoes the password: %s", body)
	}
}

func TestTicketFilters(t *testing.T) {
	s, w := newServer(t, nil)
	q := request{method: "GET", token: w.token(t, access.Viewer), path: "/api/v1/tickets?device=car-7&customer=acme&state=new,assigned&state=in_repair&region=south&station=frankfurt&assignee=mira" +
		"&component=cooling&severity=critical,major&open=true&q=leak&opened_from=2026-11-01T00:00:00Z&opened_to=1795248000000&sort=opened&cursor=abc&limit=7"}
	page := decode[tickets.Page](t, q.send(t, s), 200)
	if page.Total != 7 || page.Next != "c2" {
		t.Errorf("page %+v", page)
	}
	open := true
	want := tickets.Filter{
		Device: "car-7", Customer: "acme", State: []string{"new", "assigned", "in_repair"}, Region: []string{"south"}, Station: []string{"frankfurt"},
		Assignee: []string{"mira"}, Component: []string{"cooling"}, Severity: []telemetry.Severity{telemetry.Critical, telemetry.Major}, Open: &open, Text: "leak",
		OpenedFrom: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), OpenedTo: time.UnixMilli(1795248000000).UTC(), Sort: "opened", Cursor: "abc", Limit: 7,
	}
	same(t, w.filter, want)

	read(t, request{method: "GET", path: "/api/v1/tickets", token: q.token}.send(t, s), 200)
	same(t, w.filter, tickets.Filter{Limit: 50})
}

func TestDeviceAndFindingFilters(t *testing.T) {
	s, w := newServer(t, nil)
	token := w.token(t, access.Viewer)
	read(t, request{method: "GET", path: "/api/v1/devices?q=car&model=e&model=s&region=south&site=1&customer=acme&health=silent,critical&sort=last_seen&limit=500", token: token}.send(t, s), 200)
	same(t, w.devices, fleet.DeviceFilter{Text: "car", Model: []string{"e", "s"}, Region: []string{"south"}, Site: []string{"1"}, Customer: []string{"acme"},
		Health: []fleet.Health{fleet.HealthSilent, fleet.HealthCritical}, Sort: "last_seen", Limit: 500})
	read(t, request{method: "GET", path: "/api/v1/findings?device=car-7&detector=limit&component=cooling&ticket=T-1&withheld=false&phase=raised&from=0", token: token}.send(t, s), 200)
	withheld := false
	same(t, w.findings, tickets.FindingFilter{Device: "car-7", Detector: "limit", Component: "cooling", Ticket: "T-1", Withheld: &withheld, Phase: "raised", From: time.UnixMilli(0).UTC(), Limit: 50})
}

// same compares as JSON, which shows what differs.
func same(t *testing.T, got, want any) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	v, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, v) {
		t.Errorf("got  %s\nwant %s", g, v)
	}
}

func TestDeeds(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)
	post := func(what, body string) *http.Response {
		return request{method: "POST", path: "/api/v1/tickets/T-000001/" + what, token: admin, body: body}.send(t, s)
	}

	refusal(t, post("transitions", `{"to":"in_repair","revision":3}`), 409)
	moved := decode[TicketDetail](t, post("transitions", `{"to":"in_repair","revision":4}`), 200)
	if moved.State != "in_repair" || moved.Revision != 5 || moved.StationName != "Frankfurt" || moved.AssigneeName != "Mira" || moved.RegionName != "South" || len(moved.Actions) != 2 {
		t.Errorf("moved to %+v", moved)
	}
	p := refusal(t, post("transitions", `{"to":"closed","revision":5}`), 422)
	if len(p.Errors) != 2 || p.Errors[0].Location != "body.note" || p.Errors[1].Location != "body.resolution" {
		t.Errorf("what is missing: %+v", p.Errors)
	}
	p = refusal(t, post("transitions", `{"to":"closed","note":"done","resolution":"magic"}`), 422)
	if len(p.Errors) != 1 || p.Errors[0].Location != "body.resolution" {
		t.Errorf("what is missing: %+v", p.Errors)
	}
	// Who saw an old revision learns that first, whatever else is missing.
	refusal(t, post("transitions", `{"to":"closed","revision":4}`), 409)

	if got := decode[TicketDetail](t, post("assign", `{}`), 200).Assignee; got != "tom" {
		t.Errorf("dispatch chose %q", got)
	}
	if got := decode[TicketDetail](t, post("assign", `{"technician":"mira"}`), 200).Assignee; got != "mira" {
		t.Errorf("assigned to %q", got)
	}
	if got := decode[TicketDetail](t, post("assign", `{"unassign":true}`), 200).Assignee; got != "" {
		t.Errorf("unassigned, it belongs to %q", got)
	}
	refusal(t, post("assign", `{"unassign":true,"technician":"mira"}`), 422)
	read(t, post("comments", `{"text":"hello"}`), 200)

	w.refused = tickets.Text{"en": "Not yours.", "de": "Nicht Ihres."}
	if p := refusal(t, post("transitions", `{"to":"in_repair"}`), 403); p.Detail != "Not yours." {
		t.Errorf("refused with %q", p.Detail)
	}
	w.addUser("mira", access.Technician)
	u := w.users["mira"]
	u.Language = "de"
	w.users["mira"] = u
	c := signedInCookie(t, signInAs("mira", "password of mira").send(t, s))
	res := request{method: "POST", path: "/api/v1/tickets/T-000001/comments", body: `{"text":"x"}`, cookie: c.Value, header: csrf}.send(t, s)
	if p := refusal(t, res, 403); p.Detail != "Nicht Ihres." {
		t.Errorf("refused with %q", p.Detail)
	}
}

func TestHiddenTickets(t *testing.T) {
	s, w := newServer(t, nil)
	w.tickets[0].State = "secret"
	viewer := w.token(t, access.Viewer)
	for _, path := range []string{"", "/diagnosis", "/history"} {
		refusal(t, request{method: "GET", path: "/api/v1/tickets/0190-1" + path, token: viewer}.send(t, s), 403)
	}
	if got := decode[tickets.Page](t, request{method: "GET", path: "/api/v1/tickets", token: viewer}.send(t, s), 200); len(got.Tickets) != 0 {
		t.Errorf("the list shows %v", got.Tickets)
	}
}

func TestQuarantinePayloads(t *testing.T) {
	for name, c := range map[string]struct {
		payload     []byte
		text, bytes int
	}{
		"text":      {[]byte(`{"ts":`), 6, 0},
		"long text": {bytes.Repeat([]byte("密"), 5000), 4095, 0},
		"bytes":     {[]byte{0xff, 0xfe, 0}, 0, 3},
		"empty":     {nil, 0, 0},
	} {
		e := quarantineEntry(&telemetry.Quarantined{Rejected: telemetry.Rejected{Payload: c.payload}})
		if len(e.Text) != c.text || len(e.Bytes) != c.bytes || e.Size != len(c.payload) {
			t.Errorf("%s: %d of text, %d bytes, size %d", name, len(e.Text), len(e.Bytes), e.Size)
		}
	}
}

func TestNoDemonstration(t *testing.T) {
	s, w := newServer(t, func(c *Config) { c.Scoreboard = nil })
	admin := w.token(t, access.Admin)
	refusal(t, request{method: "GET", path: "/api/v1/demo", token: admin}.send(t, s), 404)
	refusal(t, request{method: "POST", path: "/api/v1/demo/faults", token: admin, body: `{"kind":"coolant-leak"}`}.send(t, s), 404)
}
