package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/telemetry"
)

// byCertificate takes the common name of a client certificate, which the TLS handshake has verified, for the
// device. The common name, and not a subject alternative name, because that is what Mosquitto (use_identity_as_username) and
// EMQX (peer_cert_as_username) read: the same certificates serve at all three. It has 64 characters at most.
// The connection ends when the certificate expires.
func (a *Authenticator) byCertificate(c broker.Credentials, now time.Time) (broker.Identity, error) {
	leaf := c.TLS.PeerCertificates[0]
	refuse := func(reason, format string, args ...any) (broker.Identity, error) {
		return broker.Identity{}, &broker.RefusedError{Reason: reason, Device: leaf.Subject.CommonName, Detail: "the client certificate is refused: " + fmt.Sprintf(format, args...)}
	}
	if len(c.TLS.VerifiedChains) == 0 {
		return refuse("bad-certificate", "nobody has verified it: set mqtt.client_ca")
	}
	device, err := commonName(leaf.Subject)
	if err != nil {
		return refuse("bad-certificate", "%v", err)
	}
	expires := leaf.NotAfter
	if revoked := a.revoked.Load(); revoked != nil && revoked.all(c.TLS.VerifiedChains) {
		return refuse("revoked", "the revocation list of its issuer names it, or an authority above it")
	}
	if !now.Before(expires) {
		return refuse("expired", "it expired at %s", stamp(expires))
	}
	return broker.Identity{
		Tenant: telemetry.DefaultTenant, Device: device, Expires: expires,
		Credential: certificateCredential + issued(leaf.RawIssuer, leaf.SerialNumber),
	}, nil
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// commonName returns the one common name of a subject, which must be a device id.
func commonName(subject pkix.Name) (string, error) {
	n := 0
	for _, name := range subject.Names {
		if name.Type.Equal(oidCommonName) {
			n++
		}
	}
	if n != 1 {
		return "", fmt.Errorf("its subject has %d common names, and the one is to be the device", n)
	}
	if err := telemetry.ValidDeviceID(subject.CommonName); err != nil {
		return "", fmt.Errorf("its common name is to be the device: %w", err)
	}
	return subject.CommonName, nil
}

// issued names a certificate by who issued it and its serial number (RFC 5280 section 4.1.2.2).
func issued(issuer []byte, serial *big.Int) string {
	sum := sha256.Sum256(issuer)
	return hex.EncodeToString(sum[:8]) + ":" + serial.Text(16)
}

// revocations are the certificates that their issuers have taken back.
type revocations struct {
	certificates map[string]struct{} // by issued
	nextUpdate   time.Time           // of the list that is due first
	overdue      bool                // the log was told so
}

// all tells whether every chain holds a revoked certificate.
func (r *revocations) all(chains [][]*x509.Certificate) bool {
	for _, chain := range chains {
		good := true
		for _, certificate := range chain {
			if _, ok := r.certificates[issued(certificate.RawIssuer, certificate.SerialNumber)]; ok {
				good = false
			}
		}
		if good {
			return false
		}
	}
	return true
}

// parseRevocations reads lists in PEM, or one in DER (RFC 5280 section 5), each signed by one of the authorities.
func parseRevocations(content []byte, authorities []*x509.Certificate) (*revocations, error) {
	var lists [][]byte
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			lists = append(lists, block.Bytes)
		}
	}
	if lists == nil {
		lists = [][]byte{content}
	}
	r := &revocations{certificates: map[string]struct{}{}}
	for i, der := range lists {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("revocation list %d cannot be read: %w", i+1, err)
		}
		if !signedByOne(list, authorities) {
			return nil, fmt.Errorf("revocation list %d, of %s, is signed by none of the authorities of mqtt.client_ca", i+1, list.Issuer)
		}
		for _, entry := range list.RevokedCertificateEntries {
			r.certificates[issued(list.RawIssuer, entry.SerialNumber)] = struct{}{}
		}
		if r.nextUpdate.IsZero() || !list.NextUpdate.IsZero() && list.NextUpdate.Before(r.nextUpdate) {
			r.nextUpdate = list.NextUpdate
		}
	}
	return r, nil
}

func signedByOne(list *x509.RevocationList, authorities []*x509.Certificate) bool {
	for _, authority := range authorities {
		if list.CheckSignatureFrom(authority) == nil {
			return true
		}
	}
	return false
}

// loadRevocations takes a list over, and ends the connections of certificates that are new on it.
func (a *Authenticator) loadRevocations(content []byte, now time.Time, withdraw Withdraw) error {
	next, err := parseRevocations(content, a.config.ClientCAs)
	if err != nil {
		return err
	}
	before := a.revoked.Swap(next)
	if before == nil || withdraw == nil {
		return nil
	}
	for certificate := range next.certificates {
		if _, known := before.certificates[certificate]; !known {
			withdraw(certificateCredential+certificate, now)
		}
	}
	return nil
}

// warnOverdue tells once that a list should have been replaced by a newer one. It stays in force: a fleet that is
// locked out because a file was not renewed is worse than a revocation that comes late.
func (a *Authenticator) warnOverdue(now time.Time) {
	if r := a.revoked.Load(); r != nil && !r.overdue && !r.nextUpdate.IsZero() && r.nextUpdate.Before(now) {
		r.overdue = true
		a.log.Warn("a certificate revocation list is overdue, it stays in force: have the authority write a new one", "due", stamp(r.nextUpdate))
	}
}

// ParseAuthorities reads the certificates of a PEM file of certificate authorities.
func ParseAuthorities(content []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(all)+1, err)
		}
		if !certificate.IsCA {
			return nil, fmt.Errorf("certificate %d, of %s, is not that of an authority", len(all)+1, certificate.Subject)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return all, nil
}
