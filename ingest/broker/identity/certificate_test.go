package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// authority is a certificate authority of a test.
type authority struct {
	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	chain       []*x509.Certificate // from this one up
}

var serials int64

func newAuthority(t testing.TB, name string, parent *authority) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	signer := parent
	if signer == nil {
		signer = &authority{t: t, certificate: template, key: a.key}
	}
	a.certificate = signer.sign(template, a.key)
	a.chain = append([]*x509.Certificate{a.certificate}, signer.chain...)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	serials++
	template.SerialNumber, template.NotBefore = big.NewInt(serials), time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate
}

func (a *authority) device(subject pkix.Name) *x509.Certificate {
	return a.sign(&x509.Certificate{Subject: subject, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, newKey(a.t))
}

// state is the connection of a device, as the handshake would leave it.
func (a *authority) state(leaf *x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{append([]*x509.Certificate{leaf}, a.chain...)}}
}

func (a *authority) revoke(next time.Time, revoked ...*x509.Certificate) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: next}
	for _, c := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.certificate, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

func TestCertificate(t *testing.T) {
	root := newAuthority(t, "root", nil)
	plant := newAuthority(t, "plant", root)
	good := plant.device(pkix.Name{CommonName: "car-7", Organization: []string{"acme"}})
	taken, under := plant.device(pkix.Name{CommonName: "car-8"}), newAuthority(t, "closed plant", root)
	orphan := under.device(pkix.Name{CommonName: "car-9"})
	tomorrow := time.Now().Add(24 * time.Hour)
	path := keyFile(t, append(plant.revoke(tomorrow, taken), root.revoke(tomorrow, under.certificate)...))
	config := Config{ClientCAs: []*x509.Certificate{root.certificate, plant.certificate}, RevokedCertificates: path}
	a := newAuthenticator(t, config, &ledger{})

	id, err := a.Authenticate(t.Context(), withTLS(given("", ""), plant.state(good)))
	if err != nil || id.Device != "car-7" || id.Tenant != telemetry.DefaultTenant || !id.Expires.Equal(good.NotAfter) || !strings.HasPrefix(id.Credential, "certificate:") {
		t.Errorf("got %+v, %v", id, err)
	}
	// The certificate decides, whatever else the client says.
	if id, err := a.Authenticate(t.Context(), withTLS(given("car-1", "secret"), plant.state(good))); err != nil || id.Device != "car-7" {
		t.Errorf("got %+v, %v", id, err)
	}
	unverified := plant.state(good)
	unverified.VerifiedChains = nil
	extra := pkix.Name{CommonName: "car-7", ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidCommonName, Value: "car-8"}, {Type: oidCommonName, Value: "car-7"}}}
	expired := plant.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "old"}, NotAfter: time.Now().Add(-time.Second)}, newKey(t))
	for name, c := range map[string]struct {
		state *tls.ConnectionState
		want  string
	}{
		"not verified":      {unverified, "bad-certificate"},
		"revoked":           {plant.state(taken), "revoked"},
		"authority revoked": {under.state(orphan), "revoked"},
		"no name":           {plant.state(plant.device(pkix.Name{Organization: []string{"car-7"}})), "bad-certificate"},
		"two names":         {plant.state(plant.device(extra)), "bad-certificate"},
		"no device id":      {plant.state(plant.device(pkix.Name{CommonName: "car/7"})), "bad-certificate"},
		"wildcard":          {plant.state(plant.device(pkix.Name{CommonName: "+"})), "bad-certificate"},
		"expired":           {plant.state(expired), "expired"},
	} {
		if _, err := a.Authenticate(t.Context(), withTLS(given("", ""), c.state)); refusedFor(t, err) != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

// TestRevocationListIsReadAgain, and ends the connections of what is new on it.
func TestRevocationListIsReadAgain(t *testing.T) {
	root := newAuthority(t, "root", nil)
	first, second := root.device(pkix.Name{CommonName: "a"}), root.device(pkix.Name{CommonName: "b"})
	tomorrow := time.Now().Add(24 * time.Hour)
	path := keyFile(t, root.revoke(tomorrow, first))
	a := newAuthenticator(t, Config{ClientCAs: []*x509.Certificate{root.certificate}, RevokedCertificates: path}, &ledger{})
	id, err := a.Authenticate(t.Context(), withTLS(broker.Credentials{}, root.state(second)))
	if err != nil {
		t.Fatal(err)
	}
	var ended []string
	write := func(content []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		a.look(time.Now(), func(credential string, _ time.Time) int { ended = append(ended, credential); return 0 })
	}
	write(newAuthority(t, "stranger", nil).revoke(tomorrow), 2*time.Hour) // would pardon the first
	write([]byte("rubbish"), time.Hour)
	if _, err := a.Authenticate(t.Context(), withTLS(given("", ""), root.state(first))); refusedFor(t, err) != "revoked" || ended != nil {
		t.Errorf("a list that is not valid was taken over: %v, ended %v", err, ended)
	}
	write(root.revoke(time.Now().Add(-time.Minute), first, second), time.Minute) // overdue, and in force
	if !slices.Equal(ended, []string{id.Credential}) {
		t.Errorf("the connections of %v end, want those of %s", ended, id.Credential)
	}
	if _, err := a.Authenticate(t.Context(), withTLS(given("", ""), root.state(second))); refusedFor(t, err) != "revoked" {
		t.Errorf("got %v", err)
	}
	if !a.revoked.Load().overdue {
		t.Error("nobody was told that the list is overdue")
	}
}

func TestParseAuthorities(t *testing.T) {
	root := newAuthority(t, "root", nil)
	encode := func(c *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	if all, err := ParseAuthorities(append(encode(root.certificate), encode(newAuthority(t, "second", nil).certificate)...)); err != nil || len(all) != 2 {
		t.Errorf("got %d authorities, %v", len(all), err)
	}
	for name, content := range map[string][]byte{
		"nothing": nil, "rubbish": []byte("x"), "a device": encode(root.device(pkix.Name{CommonName: "car-7"})),
		"broken": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}),
	} {
		if _, err := ParseAuthorities(content); err == nil {
			t.Errorf("%s is taken for authorities", name)
		}
	}
}
