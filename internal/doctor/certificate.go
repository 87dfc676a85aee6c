package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"
)

// Certificate is that of one listener.
type Certificate struct {
	Setting     string // "mqtt" or "http"
	Certificate string // PEM file with the chain
	Key         string // PEM file
	// Host is how clients reach the listener; empty when that is not known.
	Host string
	Now  time.Time
}

// soon is when a certificate that ends is worth a warning: time to renew one by hand.
const soon = 21 * 24 * time.Hour

// Check looks at files, key, term and name.
func (c Certificate) Check() Check { return Check{Name: c.Setting + " certificate", Look: c.look} }

func (c Certificate) look(context.Context) []Result {
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return one(Bad(fmt.Sprintf("%s and %s cannot be used: %v.", c.Certificate, c.Key, err),
			fmt.Sprintf("Presage will not start. Both are PEM files, readable by its user, and the key belongs to the first certificate: set %[1]s.tls_certificate and %[1]s.tls_key.", c.Setting)))
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return one(Bad(fmt.Sprintf("%s holds no certificate: %v.", c.Certificate, err), "Put the certificate of the server first, then those that signed it."))
	}
	results := one(c.term(leaf))
	if c.Host != "" && leaf.VerifyHostname(c.Host) != nil {
		results = append(results, Weak(fmt.Sprintf("The certificate is for %v, and clients come to %s.", names(leaf), c.Host),
			"They will refuse to connect: get one with that name, or correct http.public_url."))
	}
	if info, err := os.Stat(c.Key); err == nil && info.Mode().Perm()&0o004 != 0 {
		results = append(results, Weak(c.Key+" can be read by everybody.", "Whoever has the key can stand in for the server: chmod 0600 "+c.Key+"."))
	}
	return results
}

func (c Certificate) term(leaf *x509.Certificate) Result {
	ends := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch left := leaf.NotAfter.Sub(c.Now); {
	case c.Now.Before(leaf.NotBefore):
		return Bad(fmt.Sprintf("The certificate begins on %s.", leaf.NotBefore.UTC().Format(time.DateOnly)), "Clients refuse it until then: check the clock, or use the former one.")
	case left < 0:
		return Bad(fmt.Sprintf("The certificate has expired, on %s.", ends), "Clients refuse to connect: renew it and restart Presage, which reads it at the start.")
	case left < soon:
		return Weak(fmt.Sprintf("The certificate ends on %s, in %d days.", ends, int(left.Hours()/24)), "Renew it and restart Presage, which reads it at the start.")
	}
	return Good("The certificate is valid until %s.", ends)
}

func names(leaf *x509.Certificate) []string {
	all := leaf.DNSNames
	for _, ip := range leaf.IPAddresses {
		all = append(all, ip.String())
	}
	return all
}
