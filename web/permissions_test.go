package web

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// samples holds one request for every operation.
func samples() map[string]request {
	return map[string]request{
		"get-liveness":      {method: "GET", path: "/livez"},
		"get-readiness":     {method: "GET", path: "/readyz"},
		"get-metrics":       {method: "GET", path: "/metrics"},
		"get-profile":       {method: "GET", path: "/api/v1/profile/goroutine"},
		"query-promql":      {method: "GET", path: "/prometheus/api/v1/query?query=up"},
		"stream":            {method: "GET", path: "/api/v1/stream"},
		"get-me":            {method: "GET", path: "/api/v1/me"},
		"update-me":         {method: "PATCH", path: "/api/v1/me", body: `{"language":"de"}`},
		"sign-in":           {method: "POST", path: "/api/v1/session", body: `{"name":"nobody","password":"wrong"}`},
		"sign-out":          {method: "DELETE", path: "/api/v1/session"},
		"set-up":            {method: "POST", path: "/api/v1/setup", body: `{"token":"x","name":"a","password":"b"}`},
		"list-devices":      {method: "GET", path: "/api/v1/devices"},
		"get-device":        {method: "GET", path: "/api/v1/devices/car-7"},
		"get-series":        {method: "GET", path: "/api/v1/devices/car-7/series?metric=coolant_temp"},
		"get-band":          {method: "GET", path: "/api/v1/devices/car-7/band?metric=coolant_temp"},
		"list-events":       {method: "GET", path: "/api/v1/devices/car-7/events"},
		"get-fleet":         {method: "GET", path: "/api/v1/fleet"},
		"list-models":       {method: "GET", path: "/api/v1/models"},
		"list-regions":      {method: "GET", path: "/api/v1/regions"},
		"list-stations":     {method: "GET", path: "/api/v1/stations"},
		"list-technicians":  {method: "GET", path: "/api/v1/technicians"},
		"list-workflows":    {method: "GET", path: "/api/v1/workflows"},
		"list-tickets":      {method: "GET", path: "/api/v1/tickets"},
		"count-tickets":     {method: "GET", path: "/api/v1/tickets/counts"},
		"get-ticket":        {method: "GET", path: "/api/v1/tickets/0190-1"},
		"get-diagnosis":     {method: "GET", path: "/api/v1/tickets/0190-1/diagnosis"},
		"get-history":       {method: "GET", path: "/api/v1/tickets/0190-1/history"},
		"transition-ticket": {method: "POST", path: "/api/v1/tickets/0190-1/transitions", body: `{"to":"in_repair"}`},
		"assign-ticket":     {method: "POST", path: "/api/v1/tickets/0190-1/assign", body: `{}`},
		"comment-ticket":    {method: "POST", path: "/api/v1/tickets/0190-1/comments", body: `{"text":"hello"}`},
		"list-findings":     {method: "GET", path: "/api/v1/findings"},

		"list-maintenance":   {method: "GET", path: "/api/v1/maintenance"},
		"get-maintenance":    {method: "GET", path: "/api/v1/maintenance/m1"},
		"create-maintenance": {method: "POST", path: "/api/v1/maintenance", body: `{"name":"Shut","from":"2099-11-20T08:00:00Z","to":"2099-11-20T09:00:00Z"}`},
		"change-maintenance": {method: "PUT", path: "/api/v1/maintenance/m1", body: `{"name":"Shut","from":"2099-11-20T08:00:00Z","to":"2099-11-20T09:00:00Z"}`},
		"list-notices":       {method: "GET", path: "/api/v1/notices"},
		"end-maintenance":    {method: "POST", path: "/api/v1/maintenance/m1/end"},

		"list-failures":     {method: "GET", path: "/api/v1/failures"},
		"put-failures":      {method: "POST", path: "/api/v1/failures", body: `{"failures":[{"device":"car-7","failed_at":"2026-11-20T08:00:00Z"}]}`},
		"list-quarantine":   {method: "GET", path: "/api/v1/quarantine"},
		"retry-quarantine":  {method: "POST", path: "/api/v1/quarantine/q1/retry"},
		"delete-quarantine": {method: "DELETE", path: "/api/v1/quarantine/q1"},
		"list-deliveries":   {method: "GET", path: "/api/v1/webhooks/deliveries"},
		"retry-delivery":    {method: "POST", path: "/api/v1/webhooks/deliveries/e1:crm/retry"},
		"get-catalog":       {method: "GET", path: "/api/v1/catalog"},
		"reload-catalog":    {method: "POST", path: "/api/v1/catalog/reload"},
		"list-users":        {method: "GET", path: "/api/v1/users"},
		"create-user":       {method: "POST", path: "/api/v1/users", body: `{"name":"new","role":"viewer","password":"long enough"}`},
		"update-user":       {method: "PATCH", path: "/api/v1/users/mira", body: `{"display":"M"}`},
		"list-tokens":       {method: "GET", path: "/api/v1/tokens"},
		"create-token":      {method: "POST", path: "/api/v1/tokens", body: `{"name":"grafana","role":"viewer"}`},
		"delete-token":      {method: "DELETE", path: "/api/v1/tokens/none"},
		"get-about":         {method: "GET", path: "/api/v1/about"},

		"list-detectors":            {method: "GET", path: "/api/v1/detectors"},
		"list-detector-tickets":     {method: "GET", path: "/api/v1/detectors/coolant-hot/tickets"},
		"set-detector-level":        {method: "PUT", path: "/api/v1/detectors/base/level", body: `{"model":"","level":1.25,"reason":"x"}`},
		"set-detector-stage":        {method: "PUT", path: "/api/v1/detectors/coolant-hot/stage", body: `{"model":"","stage":"shadow","reason":"x"}`},
		"list-device-credentials":   {method: "GET", path: "/api/v1/devices/car-7/credentials"},
		"issue-device-credential":   {method: "POST", path: "/api/v1/devices/car-7/credentials", body: `{}`},
		"rotate-device-credentials": {method: "POST", path: "/api/v1/devices/car-7/credentials/rotate", body: `{"grace_hours":1}`},
		"revoke-device-credential":  {method: "DELETE", path: "/api/v1/devices/car-7/credentials/none"},
		"get-demo":                  {method: "GET", path: "/api/v1/demo"},
		"inject-fault":              {method: "POST", path: "/api/v1/demo/faults", body: `{"kind":"coolant-leak"}`},
	}
}

// TestPermissions sends a request of every role, and of nobody, to every operation, and compares with the table.
func TestPermissions(t *testing.T) {
	table := permissions()
	all := samples()
	for id := range table {
		if _, ok := all[id]; !ok {
			t.Errorf("operation %s has no sample here", id)
		}
	}
	for id, q := range all {
		t.Run(id, func(t *testing.T) {
			s, w := newServer(t, func(c *Config) {
				c.PromQL = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
			})
			w.addUser("mira", access.Technician)
			s.Close() // so that the stream answers at once
			for _, role := range append([]access.Role{""}, access.Roles()...) {
				q := q
				q.header = csrf
				if role != "" {
					q.token = w.token(t, role)
				}
				got := q.send(t, s).StatusCode
				switch {
				case id == "sign-in" || id == "set-up":
					// They answer 401 and 403 to wrong passwords and links, not to roles.
					if got == http.StatusNotFound {
						t.Errorf("role %q: status %d", role, got)
					}
				case id == "update-me" && role != "":
					if got != http.StatusForbidden { // a token has no account
						t.Errorf("role %q: status %d, want 403", role, got)
					}
				case role == "" && !table[id].public:
					if got != http.StatusUnauthorized {
						t.Errorf("nobody: status %d, want 401", got)
					}
				case !table[id].allows(role):
					if got != http.StatusForbidden {
						t.Errorf("role %q: status %d, want 403", role, got)
					}
				default:
					want := []int{200, 201, 204}
					switch id {
					case "delete-token", "rotate-device-credentials", "revoke-device-credential":
						want = []int{404} // there is no such token
					case "stream", "get-readiness":
						want = []int{503} // the server is closing
					case "get-metrics":
						want = []int{404} // none are collected
					}
					if !slices.Contains(want, got) {
						t.Errorf("role %q: status %d, want one of %v", role, got, want)
					}
				}
			}
		})
	}
}

// TestPermissionTable shows every change of the table in review.
func TestPermissionTable(t *testing.T) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%-26s %-8s", "operation", "nobody")
	for _, r := range access.Roles() {
		fmt.Fprintf(&out, " %-10s", r)
	}
	out.WriteByte('\n')
	mark := map[bool]string{true: "yes", false: "-"}
	table := permissions()
	for _, id := range slices.Sorted(maps.Keys(table)) {
		fmt.Fprintf(&out, "%-26s %-8s", id, mark[table[id].public])
		for _, r := range access.Roles() {
			fmt.Fprintf(&out, " %-10s", mark[table[id].allows(r)])
		}
		out.WriteByte('\n')
	}
	golden(t, "testdata/permissions.txt", out.Bytes())
}

func TestUnlistedOperationDoesNotRegister(t *testing.T) {
	s, _ := newServer(t, nil)
	defer func() {
		if recover() == nil {
			t.Error("an operation without permissions was registered")
		}
	}()
	handle(s, operation{id: "steal-everything", method: "GET", path: "/api/v1/steal"},
		func(context.Context, access.Principal, *none) (*none, error) { return nil, nil })
}

// TestNobodyIsToldToSignIn: a program that forgot its token needs no header against forged requests.
func TestNobodyIsToldToSignIn(t *testing.T) {
	s, _ := newServer(t, nil)
	for _, path := range []string{"/prometheus/api/v1/query", "/api/v1/catalog/reload"} {
		res := request{method: "POST", path: path}.send(t, s)
		if p := refusal(t, res, 401); !strings.Contains(p.Detail, "Authorization: Bearer") {
			t.Errorf("%s says %q, want how to sign in", path, p.Detail)
		}
	}
}

func TestTokens(t *testing.T) {
	s, w := newServer(t, nil)
	admin := w.token(t, access.Admin)

	created := decode[NewTokenAnswer](t, request{method: "POST", path: "/api/v1/tokens", token: admin, body: `{"name":"grafana","role":"viewer","days":30}`}.send(t, s), 201)
	if created.Secret == "" || created.Expires.IsZero() {
		t.Fatalf("created %+v", created)
	}
	listing := read(t, request{method: "GET", path: "/api/v1/tokens", token: admin}.send(t, s), 200)
	if bytes.Contains(listing, []byte(created.Secret)) || bytes.Contains(listing, []byte(access.HashSecret(created.Secret))) {
		t.Error("the list of tokens shows a secret or its hash")
	}
	me := decode[Me](t, request{method: "GET", path: "/api/v1/me", token: created.Secret}.send(t, s), 200)
	if me.User != "token:grafana" || me.Role != access.Viewer {
		t.Errorf("the token is %+v", me.Principal)
	}
	if used := w.tokens[access.HashSecret(created.Secret)].LastUsed; used.IsZero() {
		t.Error("the use of the token was not noted")
	}
	refusal(t, request{method: "POST", path: "/api/v1/tokens", token: admin, body: `{"name":"grafana","role":"viewer"}`}.send(t, s), 409)
	read(t, request{method: "DELETE", path: "/api/v1/tokens/" + created.ID, token: admin}.send(t, s), 204)
	refusal(t, request{method: "GET", path: "/api/v1/me", token: created.Secret}.send(t, s), 401)
	refusal(t, request{method: "DELETE", path: "/api/v1/tokens/" + created.ID, token: admin}.send(t, s), 404)
}

func TestExpiredTokenIsRefused(t *testing.T) {
	s, w := newServer(t, nil)
	token, secret, err := MakeToken("default", "old", access.Admin, "test", epoch, time.Now().Add(-time.Second))
	if err != nil {
		t.Fatal(err)
	}
	w.tokens[token.Hash] = token
	res := request{method: "GET", path: "/api/v1/me", token: secret}.send(t, s)
	refusal(t, res, 401)
	if res.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate")
	}
}

// TestWrongTokenBeatsCookie: a program that sends a token means the token.
func TestWrongTokenBeatsCookie(t *testing.T) {
	s, w := newServer(t, nil)
	w.addUser("ada", access.Admin)
	c := signedInCookie(t, request{method: "POST", path: "/api/v1/session", header: csrf, body: `{"name":"ada","password":"password of ada"}`}.send(t, s))
	refusal(t, request{method: "GET", path: "/api/v1/me", cookie: c.Value, token: "presage_wrong"}.send(t, s), 401)
}
