package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/presage-pdm/presage/telemetry"
)

// signer makes keys of every kind, once for all tests of a run.
type signers struct {
	rsa   *rsa.PrivateKey
	weak  *rsa.PrivateKey
	p256  *ecdsa.PrivateKey
	p384  *ecdsa.PrivateKey
	ed    ed25519.PrivateKey
	other ed25519.PrivateKey
}

func newSigners(t testing.TB) signers {
	t.Helper()
	var s signers
	var errs [6]error
	s.rsa, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
	s.weak, errs[1] = rsa.GenerateKey(rand.Reader, 1024)
	s.p256, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.p384, errs[3] = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, s.ed, errs[4] = ed25519.GenerateKey(rand.Reader)
	_, s.other, errs[5] = ed25519.GenerateKey(rand.Reader)
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func publicPEM(t testing.TB, keys ...crypto.Signer) []byte {
	t.Helper()
	var all []byte
	for _, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	return all
}

func sign(t testing.TB, algorithm jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func keyFile(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestJWT(t *testing.T) {
	s := newSigners(t)
	now := time.Now()
	secret := strings.Repeat("s", 32)
	public := publicPEM(t, s.rsa, s.p256, s.ed)
	config := JWTConfig{Keys: keyFile(t, public), Secret: secret, Issuer: "https://id.example.com", Audience: "presage", DeviceClaim: "sub"}
	a := newAuthenticator(t, Config{JWT: config}, &ledger{})
	claims := func(change map[string]any) map[string]any {
		all := map[string]any{"sub": "car-7", "iss": "https://id.example.com", "aud": []string{"other", "presage"}, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix()}
		for k, v := range change {
			if v == nil {
				delete(all, k)
				continue
			}
			all[k] = v
		}
		return all
	}
	for algorithm, key := range map[jose.SignatureAlgorithm]any{jose.RS256: s.rsa, jose.ES256: s.p256, jose.EdDSA: s.ed, jose.HS256: []byte(secret)} {
		id, err := a.Authenticate(t.Context(), given("whatever", sign(t, algorithm, key, "", claims(nil))))
		if err != nil || id.Device != "car-7" || id.Tenant != telemetry.DefaultTenant || id.Expires.Unix() != now.Add(time.Hour).Unix() {
			t.Errorf("%s: got %+v, %v", algorithm, id, err)
		}
	}
	signed := func(change map[string]any) string { return sign(t, jose.EdDSA, s.ed, "", claims(change)) }
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	good := signed(nil)
	pieces := strings.Split(good, ".")
	for name, c := range map[string]struct{ token, want string }{
		"no signature":            {part(map[string]string{"alg": "none", "typ": "JWT"}) + "." + pieces[1] + ".", "bad-jwt"},
		"signature left out":      {pieces[0] + "." + pieces[1] + ".", "bad-jwt"},
		"other claims":            {pieces[0] + "." + part(claims(map[string]any{"sub": "car-8"})) + "." + pieces[2], "bad-jwt"},
		"public key as secret":    {sign(t, jose.HS256, public, "", claims(nil)), "bad-jwt"},
		"another secret":          {sign(t, jose.HS256, []byte(strings.Repeat("x", 32)), "", claims(nil)), "bad-jwt"},
		"another key":             {sign(t, jose.EdDSA, s.other, "", claims(nil)), "bad-jwt"},
		"another algorithm":       {sign(t, jose.RS512, s.rsa, "", claims(nil)), "bad-jwt"},
		"PSS with the key of RSA": {sign(t, jose.PS256, s.rsa, "", claims(nil)), "bad-jwt"},
		"expired":                 {signed(map[string]any{"exp": now.Add(-time.Second).Unix()}), "expired"},
		"expired long ago":        {signed(map[string]any{"exp": now.Add(-time.Hour).Unix()}), "bad-jwt"},
		"never expires":           {signed(map[string]any{"exp": nil}), "bad-jwt"},
		"not yet":                 {signed(map[string]any{"nbf": now.Add(time.Hour).Unix()}), "bad-jwt"},
		"of the future":           {signed(map[string]any{"iat": now.Add(time.Hour).Unix()}), "bad-jwt"},
		"another issuer":          {signed(map[string]any{"iss": "https://evil.example.com"}), "bad-jwt"},
		"no issuer":               {signed(map[string]any{"iss": nil}), "bad-jwt"},
		"another audience":        {signed(map[string]any{"aud": "shop"}), "bad-jwt"},
		"no audience":             {signed(map[string]any{"aud": nil}), "bad-jwt"},
		"no device":               {signed(map[string]any{"sub": nil}), "bad-jwt"},
		"no device id":            {signed(map[string]any{"sub": "+"}), "bad-jwt"},
		"device of another type":  {signed(map[string]any{"sub": 7}), "bad-jwt"},
		"tenant of its own":       {signed(map[string]any{"tenant": "globex"}), ""}, // is not looked at
		"not base64":              {"eyJ!!.eyJ!!.x", "bad-jwt"},
		"too long":                {"eyJ" + strings.Repeat("a", maxJWT) + ".a.a", "credentials"},
	} {
		id, err := a.Authenticate(t.Context(), given("car-7", c.token))
		if got := refusedFor(t, err); got != c.want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, c.want)
		}
		if err == nil && id.Tenant != telemetry.DefaultTenant {
			t.Errorf("%s: got tenant %q", name, id.Tenant)
		}
	}
}

func TestJWTClaims(t *testing.T) {
	s := newSigners(t)
	config := JWTConfig{Keys: keyFile(t, publicPEM(t, s.ed)), DeviceClaim: "device", TenantClaim: "org"}
	a := newAuthenticator(t, Config{JWT: config}, &ledger{})
	exp := time.Now().Add(time.Hour).Unix()
	id, err := a.Authenticate(t.Context(), given("", sign(t, jose.EdDSA, s.ed, "", map[string]any{"device": "pump", "org": "acme", "exp": exp})))
	if err != nil || id.Device != "pump" || id.Tenant != "acme" {
		t.Errorf("got %+v, %v", id, err)
	}
	for _, org := range []any{nil, "", 5, strings.Repeat("x", maxTenant+1)} {
		if _, err := a.Authenticate(t.Context(), given("", sign(t, jose.EdDSA, s.ed, "", map[string]any{"device": "pump", "org": org, "exp": exp}))); refusedFor(t, err) != "bad-jwt" {
			t.Errorf("tenant %v: got %v", org, err)
		}
	}
	// HS256 without a secret.
	if _, err := a.Authenticate(t.Context(), given("", sign(t, jose.HS256, []byte(strings.Repeat("\x00", 32)), "", map[string]any{"device": "pump", "org": "acme", "exp": exp}))); refusedFor(t, err) != "bad-jwt" {
		t.Errorf("HS256 without a secret: %v", err)
	}
}

func TestKeyFiles(t *testing.T) {
	s := newSigners(t)
	jwks := func(keys ...jose.JSONWebKey) []byte {
		b, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	private, err := x509.MarshalPKCS8PrivateKey(s.ed)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"PEM":             {publicPEM(t, s.rsa, s.p256, s.ed), ""},
		"key set":         {jwks(jose.JSONWebKey{KeyID: "a", Key: s.ed.Public(), Algorithm: "EdDSA", Use: "sig"}, jose.JSONWebKey{KeyID: "b", Key: s.p256.Public()}), ""},
		"nothing":         {nil, "no public key"},
		"rubbish":         {[]byte("hello"), "no public key"},
		"no keys":         {[]byte(`{"keys":[]}`), "holds no key"},
		"not a key set":   {[]byte(`{"keys":7}`), "no JSON Web Key Set"},
		"private key":     {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), "no public key"},
		"weak RSA":        {publicPEM(t, s.weak), "too weak"},
		"another curve":   {publicPEM(t, s.p384), "P-384"},
		"symmetric":       {jwks(jose.JSONWebKey{KeyID: "a", Key: []byte("secret")}), "not taken"},
		"for another":     {jwks(jose.JSONWebKey{KeyID: "a", Key: s.rsa.Public(), Algorithm: "RS512"}), "RS512"},
		"too many":        {publicPEM(t, slicesOf(maxKeys+1, s.ed)...), "at most"},
		"only for cipher": {jwks(jose.JSONWebKey{KeyID: "a", Key: s.rsa.Public(), Use: "enc"}), "no key that verifies"},
	} {
		_, err := parseKeys(c.content, "")
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	// A key that is named is the only one that is tried.
	set, err := parseKeys(jwks(jose.JSONWebKey{KeyID: "a", Key: s.ed.Public()}, jose.JSONWebKey{KeyID: "b", Key: s.other.Public()}), "")
	if err != nil {
		t.Fatal(err)
	}
	// A key verifies the one algorithm of its kind, whatever the library would let it do.
	rsaOnly, err := parseKeys(publicPEM(t, s.rsa), "")
	if err != nil {
		t.Fatal(err)
	}
	for algorithm, want := range map[jose.SignatureAlgorithm]bool{jose.RS256: true, jose.PS256: false} {
		token, err := jwt.ParseSigned(sign(t, algorithm, s.rsa, "", map[string]any{"sub": "x"}), []jose.SignatureAlgorithm{algorithm})
		if err != nil {
			t.Fatal(err)
		}
		if got := rsaOnly.verify(token, &jwt.Claims{}); got != want {
			t.Errorf("%s: verified %v, want %v", algorithm, got, want)
		}
	}
	for kid, want := range map[string]bool{"a": true, "b": false, "c": false, "": true} {
		token, err := jwt.ParseSigned(sign(t, jose.EdDSA, s.ed, kid, map[string]any{"sub": "x"}), set.algorithms())
		if err != nil {
			t.Fatal(err)
		}
		if got := set.verify(token, &jwt.Claims{}); got != want {
			t.Errorf("kid %q: verified %v, want %v", kid, got, want)
		}
	}
}

func slicesOf(n int, key crypto.Signer) []crypto.Signer {
	all := make([]crypto.Signer, n)
	for i := range all {
		all[i] = key
	}
	return all
}

// TestKeysAreReadAgain when their file changes; a file that is not valid changes nothing.
func TestKeysAreReadAgain(t *testing.T) {
	s := newSigners(t)
	path := keyFile(t, publicPEM(t, s.ed))
	a := newAuthenticator(t, Config{JWT: JWTConfig{Keys: path, DeviceClaim: "sub"}}, &ledger{})
	try := func(key ed25519.PrivateKey) string {
		_, err := a.Authenticate(t.Context(), given("", sign(t, jose.EdDSA, key, "", map[string]any{"sub": "x", "exp": time.Now().Add(time.Hour).Unix()})))
		return refusedFor(t, err)
	}
	write := func(content []byte, age time.Duration) {
		t.Helper()
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		a.look(time.Now(), nil)
	}
	write([]byte("half a fi"), time.Hour)
	if got := try(s.ed); got != "" {
		t.Errorf("a broken file took the keys away: %s", got)
	}
	write(publicPEM(t, s.other), time.Minute)
	if old, next := try(s.ed), try(s.other); old != "bad-jwt" || next != "" {
		t.Errorf("after the change the old key gives %q and the new one %q", old, next)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	a.look(time.Now(), nil)
	if got := try(s.other); got != "" {
		t.Errorf("a missing file took the keys away: %s", got)
	}
	if _, err := New(t.Context(), Config{JWT: JWTConfig{Keys: path, DeviceClaim: "sub"}}, Parts{Store: &ledger{}}); err == nil {
		t.Error("it starts without the file")
	}
}
