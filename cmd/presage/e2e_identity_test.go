package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/presage-pdm/presage/internal/realserver"
)

// signedIn gives a device client a name and a password.
func signedIn(name, password string) func(*mqtt.ClientOptions) {
	return func(o *mqtt.ClientOptions) { o.SetUsername(name).SetPassword(password) }
}

// closing lets a channel be closed when the connection of a device client is lost.
func closing(o *mqtt.ClientOptions, lost chan struct{}) {
	o.SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) })
}

// recent returns the readings of an hour.
func (p *process) recent(device, metric string) [][2]float64 {
	p.t.Helper()
	now := time.Now().UnixMilli()
	return p.points(device, metric, now-3600_000, now+3600_000)
}

// arrives waits until a reading of a device can be read back.
func (p *process) arrives(device, metric string) {
	p.t.Helper()
	p.eventually(20*time.Second, "a reading of "+device+" arrives", func() (bool, string) {
		return len(p.recent(device, metric)) > 0, "none"
	})
}

// never expects that no reading of a device was taken, once everything that was is stored.
func (p *process) never(device, metric string) {
	p.t.Helper()
	p.drained()
	if got := p.recent(device, metric); len(got) > 0 {
		p.t.Errorf("readings of %s arrived: %v", device, got)
	}
}

// ends expects that a connection is lost soon.
func (p *process) ends(lost <-chan struct{}, why string) {
	p.t.Helper()
	select {
	case <-lost:
	case <-time.After(8 * time.Second):
		p.t.Fatalf("the connection is still open 8 s after %s", why)
	}
}

// A device signs in with a token, speaks for itself alone, and is out when the token is revoked: by command, in another process, and by API.
func TestDeviceTokens(t *testing.T) {
	config := writeFile(t, "presage.yaml", `
mqtt:
  require_credentials: true
  topics:
    - {topic: "line/data", each: records, device: id, values: v}
`)
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	out := p.command("device", "credentials", "issue", "car-7")
	token := strings.TrimSpace(out)
	if out != token+"\n" || strings.ContainsAny(token, " \n") {
		t.Fatalf("issue printed %q, want a token alone", out)
	}
	for name, options := range map[string][]func(*mqtt.ClientOptions){
		"nobody": nil, "a wrong token": {signedIn("car-7", token[:len(token)-1]+"_")}, "the device of another": {signedIn("car-8", token)}, "a password": {signedIn("car-7", "secret")},
	} {
		if _, err := p.tryConnect("stranger", options...); err == nil {
			t.Errorf("%s was let in", name)
		}
	}

	lost := make(chan struct{})
	d := p.connect("d", signedIn("car-7", token), func(o *mqtt.ClientOptions) { closing(o, lost) })
	d.publish("presage/v1/car-7/telemetry", `{"own": 1}`)
	p.arrives("car-7", "own")
	// A base name that names another device is a name, and no device.
	d.publish("presage/v1/car-7/senml", `[{"bn": "urn:dev:ow:car-8:", "n": "borrowed", "v": 1}]`)
	p.arrives("car-7", "borrowed")
	// Where only the payload names devices, they are checked one by one, and the message is taken as a whole or not at all.
	d.publish("line/data", `{"records": [{"id": "car-7", "v": {"mapped": 1}}]}`)
	p.arrives("car-7", "mapped")
	d.publish("line/data", `{"records": [{"id": "car-7", "v": {"smuggled": 1}}, {"id": "car-8", "v": {"smuggled": 1}}]}`)
	p.never("car-7", "smuggled")
	p.never("car-8", "smuggled")
	if got := p.quarantined("line/data"); !slices.Equal(got, []string{"foreign-device"}) {
		t.Errorf("the quarantine holds %v", got)
	}
	var kept struct{ Entries []struct{ ID, Device string } }
	p.get("/api/v1/quarantine", &kept)
	if len(kept.Entries) != 1 || kept.Entries[0].Device != "car-7" {
		t.Fatalf("the quarantine holds %+v, want it put down to the sender", kept)
	}
	if err := p.request(http.MethodPost, "/api/v1/quarantine/"+kept.Entries[0].ID+"/retry", nil, nil); err == nil {
		t.Error("a message in the name of another device was taken when it was tried again")
	}
	for _, filter := range []string{"#", "presage/v1/+/telemetry", "presage/v1/car-8/#", "line/data", "$share/g/presage/v1/car-8/#"} {
		sub := d.client.Subscribe(filter, 1, func(mqtt.Client, mqtt.Message) {})
		sub.WaitTimeout(10 * time.Second)
		for _, granted := range sub.(*mqtt.SubscribeToken).Result() { // one, under the name without $share
			if granted != 0x80 {
				t.Errorf("subscription to %s: granted with %#x", filter, granted)
			}
		}
	}
	if d.client.Publish("presage/v1/car-8/telemetry", 1, false, `{"forged": 1}`).WaitTimeout(5 * time.Second); d.client.IsConnected() {
		p.ends(lost, "it published for another device") // 3.1.1 cannot say it otherwise
	}
	p.never("car-8", "forged")

	node := p.connect("n", signedIn("Plant1:Edge1", strings.TrimSpace(p.command("device", "credentials", "issue", "Plant1:Edge1"))))
	for filter, want := range map[string]byte{
		"spBv1.0/Plant1/NCMD/Edge1": 1, "spBv1.0/Plant1/DCMD/Edge1/#": 1, "spBv1.0/Plant1/DCMD/Edge1/+": 1,
		"spBv1.0/Plant1/NCMD/+": 0x80, "spBv1.0/Plant1/#": 0x80, "spBv1.0/+/NCMD/Edge1": 0x80, "spBv1.0/Plant1/+/Edge1": 0x80, "spBv1.0/Plant1/DCMD/Edge2/#": 0x80, "spBv1.0/#": 0x80,
	} {
		sub := node.client.Subscribe(filter, 1, func(mqtt.Client, mqtt.Message) {})
		sub.WaitTimeout(10 * time.Second)
		if granted := sub.(*mqtt.SubscribeToken).Result()[filter]; granted != want {
			t.Errorf("subscription of a node to %s: granted with %#x, want %#x", filter, granted, want)
		}
	}
	node.publish("spBv1.0/Plant1/DDATA/Edge1/pump", "\xff")
	p.eventually(10*time.Second, "what a node says of its device is looked at", func() (bool, string) {
		return len(p.quarantined("spBv1.0/Plant1/DDATA/Edge1/pump")) == 1, "not there"
	})
	node.client.Publish("spBv1.0/Plant1/DDATA/Edge2/pump", 1, false, "\xff").WaitTimeout(3 * time.Second)
	if got := p.quarantined("spBv1.0/Plant1/DDATA/Edge2/pump"); len(got) != 0 {
		t.Errorf("what a node said of another one was looked at: %v", got)
	}

	// Rotated by command: the old token lives on for the grace, and no longer.
	rotated := strings.TrimSpace(p.command("device", "credentials", "rotate", "car-7", "--grace", "4s"))
	lost = make(chan struct{})
	old := p.connect("d", signedIn("car-7", token), func(o *mqtt.ClientOptions) { closing(o, lost) })
	fresh := p.connect("fresh", signedIn("car-7", rotated))
	old.publish("presage/v1/car-7/telemetry", `{"rotated": 1}`)
	p.ends(lost, "the grace")
	if _, err := p.tryConnect("d", signedIn("car-7", token)); err == nil {
		t.Error("the old token works after the grace")
	}
	fresh.publish("presage/v1/car-7/telemetry", `{"fresh": 1}`)

	// Revoked by command.
	lost = make(chan struct{})
	p.connect("e", signedIn("car-7", rotated), func(o *mqtt.ClientOptions) { closing(o, lost) })
	p.command("device", "credentials", "revoke", "car-7")
	p.ends(lost, "the token was revoked")
	if _, err := p.tryConnect("e", signedIn("car-7", rotated)); err == nil {
		t.Error("a revoked token works")
	}

	// Issued and revoked over the API.
	var issued struct{ ID, Token string }
	if err := p.request(http.MethodPost, "/api/v1/devices/gw-1/credentials", map[string]any{"devices": []string{"press-*"}}, &issued); err != nil {
		t.Fatal(err)
	}
	lost = make(chan struct{})
	gateway := p.connect("g", signedIn("gw-1", issued.Token), func(o *mqtt.ClientOptions) { closing(o, lost) })
	gateway.publish("presage/v1/press-7/telemetry", `{"through": 1}`)
	p.arrives("press-7", "through")
	if err := p.request(http.MethodDelete, "/api/v1/devices/gw-1/credentials/"+issued.ID, nil, nil); err != nil {
		t.Fatal(err)
	}
	p.ends(lost, "the token was revoked over the API")

	list := p.command("device", "credentials", "list")
	if strings.Contains(list, token) || strings.Count(list, "car-7") != 2 || !strings.Contains(list, "revoked") || !strings.Contains(list, "press-*") {
		t.Errorf("the list is:\n%s", list)
	}
	for _, want := range []string{`presage_broker_turned_away_total{reason="no-credentials"}`, `reason="unknown-token"`, `reason="wrong-device"`, `reason="revoked"`} {
		if !strings.Contains(p.metrics(), want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if strings.Contains(p.log.String(), token) || strings.Contains(p.log.String(), issued.Token) {
		t.Error("the log shows a token")
	}
}

// Tokens for a whole fleet come as CSV, and a mistake in the file issues none.
func TestTokensForAFleet(t *testing.T) {
	p := start(t, "serve", allEmbedded(t), "--config", writeFile(t, "presage.yaml", "mqtt: {require_credentials: true}\n"), "--unknown-devices", "register")
	var ids strings.Builder
	ids.WriteString("# the fleet\n\n")
	for i := range 1200 { // more than two transactions
		fmt.Fprintf(&ids, "bus-%04d\n", i)
	}
	out := p.command("device", "credentials", "issue", "--file", writeFile(t, "ids.txt", ids.String()), "--expires", "8760h")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 1201 || !slices.Equal(rows[0], []string{"device", "token"}) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	last := rows[len(rows)-1]
	p.connect("last", signedIn(last[0], last[1])).publish("presage/v1/"+last[0]+"/telemetry", `{"a": 1}`)
	p.arrives("bus-1199", "a")
	more := p.command("device", "credentials", "issue", "--missing", "--file", writeFile(t, "ids.txt", ids.String()+"bus-new\n"))
	if strings.Count(more, "\n") != 2 || !strings.Contains(more, "bus-new,") {
		t.Errorf("--missing issued:\n%s", more)
	}
	_, said, err := p.tryCommand("device", "credentials", "issue", "--file", writeFile(t, "ids.txt", "ok\nbus/1\nok\n"))
	if err == nil || !strings.Contains(said, "ids.txt:2: ") || !strings.Contains(said, `ids.txt:3: "ok" stands in line 1 already`) {
		t.Errorf("%v: %s", err, said)
	}
	if list := p.command("device", "credentials", "list", "ok"); strings.Count(list, "\n") != 1 {
		t.Errorf("a file with mistakes issued:\n%s", list)
	}
}

// A certificate names the device, and is out when its authority revokes it. Plain MQTT with tokens goes on beside it.
func TestMutualTLS(t *testing.T) {
	pki := newPKI(t)
	tlsAddress := fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t))
	config := writeFile(t, "presage.yaml", fmt.Sprintf(`
mqtt:
  tls_listen: %q
  tls_certificate: %q
  tls_key: %q
  client_ca: %q
  client_crl: %q
  require_certificate: true
`, tlsAddress, pki.file("server.pem"), pki.file("server.key"), pki.file("ca.pem"), pki.file("crl.pem")))
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	over := func(certificates ...tls.Certificate) func(*mqtt.ClientOptions) {
		return func(o *mqtt.ClientOptions) {
			o.Servers = nil
			o.AddBroker("ssl://" + tlsAddress).SetTLSConfig(&tls.Config{RootCAs: pki.pool, Certificates: certificates})
		}
	}
	car, serial := pki.device("car-7")
	lost := make(chan struct{})
	d := p.connect("d", over(car), func(o *mqtt.ClientOptions) { closing(o, lost) })
	d.publish("presage/v1/car-7/telemetry", `{"a": 1}`)
	p.arrives("car-7", "a")
	other, _ := pki.device("car-8")
	e := p.connect("e", over(other))
	e.client.Publish("presage/v1/car-7/telemetry", 1, false, `{"forged": 1}`).WaitTimeout(2 * time.Second)
	p.never("car-7", "forged")
	stranger, _ := newPKI(t).device("car-7")
	for name, certificates := range map[string][]tls.Certificate{"nobody": nil, "a certificate of another authority": {stranger}} {
		if _, err := p.tryConnect("s", over(certificates...)); err == nil {
			t.Errorf("%s was let in", name)
		}
	}
	p.connect("plain").publish("presage/v1/plain/telemetry", `{"a": 1}`) // loopback, as ever

	pki.revoke(serial)
	select {
	case <-lost:
	case <-time.After(15 * time.Second): // the file is looked at every five seconds
		t.Fatal("the connection of a revoked certificate is still open")
	}
	if _, err := p.tryConnect("d", over(car)); err == nil {
		t.Error("a revoked certificate works")
	}
}

// A JWT of somebody the settings trust names the device, and the connection ends with it.
func TestJWT(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	keys := writeFile(t, "keys.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	config := writeFile(t, "presage.yaml", fmt.Sprintf("mqtt: {require_credentials: true, jwt: {keys: %q, audience: presage}}\n", keys))
	p := start(t, "serve", allEmbedded(t), "--config", config, "--unknown-devices", "register")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token := func(audience string, expires time.Time) string {
		signed, err := jwt.Signed(signer).Claims(jwt.Claims{Subject: "car-7", Audience: jwt.Audience{audience}, Expiry: jwt.NewNumericDate(expires)}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	lost := make(chan struct{})
	soon := time.Now().Add(4 * time.Second)
	d := p.connect("d", signedIn("unused", token("presage", soon)), func(o *mqtt.ClientOptions) { closing(o, lost) })
	d.publish("presage/v1/car-7/telemetry", `{"a": 1}`)
	p.arrives("car-7", "a")
	if _, err := p.tryConnect("x", signedIn("unused", token("shop", soon))); err == nil {
		t.Error("a JWT for somebody else was taken")
	}
	p.ends(lost, "the JWT was issued")
	if early := time.Until(soon.Truncate(time.Second)); early > 0 {
		t.Errorf("the connection ended %s too early", early)
	}
	if _, err := p.tryConnect("d", signedIn("unused", token("presage", time.Now().Add(-time.Second)))); err == nil {
		t.Error("an expired JWT was taken")
	}
}
