package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// pki is a certificate authority with its files.
type pki struct {
	t       *testing.T
	folder  string
	ca      *x509.Certificate
	key     *ecdsa.PrivateKey
	pool    *x509.CertPool
	serials int64
}

func (k *pki) file(name string) string { return filepath.Join(k.folder, name) }

func (k *pki) write(name, kind string, der []byte) {
	k.t.Helper()
	if err := os.WriteFile(k.file(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// newPKI makes an authority, an empty revocation list, and a certificate of a server on the loopback interface.
func newPKI(t *testing.T) *pki {
	t.Helper()
	k := &pki{t: t, folder: t.TempDir(), pool: x509.NewCertPool()}
	ca := &x509.Certificate{
		Subject: pkix.Name{CommonName: "devices"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	k.ca, k.key = ca, nil
	k.ca, k.key = k.sign(ca)
	k.write("ca.pem", "CERTIFICATE", k.ca.Raw)
	k.pool.AddCert(k.ca)
	server, key := k.sign(&x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	k.write("server.pem", "CERTIFICATE", server.Raw)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k.write("server.key", "EC PRIVATE KEY", der)
	k.revoke()
	return k
}

// sign makes a key and its certificate, signed by the authority; by itself when there is none yet.
func (k *pki) sign(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	k.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		k.t.Fatal(err)
	}
	signer := k.key
	if signer == nil {
		signer = key
	}
	k.serials++
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(k.serials), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, k.ca, &key.PublicKey, signer)
	if err != nil {
		k.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		k.t.Fatal(err)
	}
	return certificate, key
}

// device makes the certificate of a device, with its serial number.
func (k *pki) device(id string) (tls.Certificate, *big.Int) {
	k.t.Helper()
	certificate, key := k.sign(&x509.Certificate{Subject: pkix.Name{CommonName: id}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}, certificate.SerialNumber
}

// revoke writes the revocation list anew.
func (k *pki) revoke(serials ...*big.Int) {
	k.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(time.Hour)}
	for _, serial := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, k.ca, k.key)
	if err != nil {
		k.t.Fatal(err)
	}
	k.write("crl.pem", "X509 CRL", der)
}
