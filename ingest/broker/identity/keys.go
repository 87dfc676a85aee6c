package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxKeys is how many keys a file may hold: a token that names none is tried with each.
	maxKeys = 32
	// minRSA is how many bits an RSA key needs (RFC 7518 section 3.3).
	minRSA = 2048
)

// keySet is what signatures are verified with.
type keySet struct{ keys []verifier }

// verifier is a key and the one algorithm that it verifies.
type verifier struct {
	id        string // "kid" of a JSON Web Key; empty for a key that has none
	algorithm jose.SignatureAlgorithm
	key       any
}

func (k *keySet) algorithms() []jose.SignatureAlgorithm {
	var all []jose.SignatureAlgorithm
	for _, key := range k.keys {
		if !slices.Contains(all, key.algorithm) {
			all = append(all, key.algorithm)
		}
	}
	return all
}

// parseKeys reads a JSON Web Key Set or PEM blocks, and adds a secret. Without content the secret is all.
func parseKeys(content []byte, secret string) (*keySet, error) {
	set := &keySet{}
	if secret != "" {
		set.keys = append(set.keys, verifier{algorithm: jose.HS256, key: []byte(secret)})
	}
	content = bytes.TrimSpace(content)
	var err error
	switch {
	case len(content) == 0 && secret != "":
	case bytes.HasPrefix(content, []byte("{")):
		err = set.addJWKS(content)
	default:
		err = set.addPEM(content)
	}
	if err != nil {
		return nil, err
	}
	if len(set.keys) == 0 {
		return nil, errors.New("it holds no key that verifies signatures")
	}
	if len(set.keys) > maxKeys {
		return nil, fmt.Errorf("it holds %d keys, at most %d are taken", len(set.keys), maxKeys)
	}
	return set, nil
}

func (k *keySet) addJWKS(content []byte) error {
	var jwks jose.JSONWebKeySet
	if err := json.Unmarshal(content, &jwks); err != nil {
		return fmt.Errorf("it is no JSON Web Key Set: %w", err)
	}
	if len(jwks.Keys) == 0 {
		return errors.New("the JSON Web Key Set holds no key")
	}
	for _, key := range jwks.Keys {
		if key.Use == "enc" {
			continue
		}
		v, err := verifierOf(key.Key)
		if err != nil {
			return fmt.Errorf("key %q: %w", key.KeyID, err)
		}
		if key.Algorithm != "" && key.Algorithm != string(v.algorithm) {
			return fmt.Errorf("key %q is for %s: RS256, ES256 and EdDSA are taken", key.KeyID, key.Algorithm)
		}
		v.id = key.KeyID
		k.keys = append(k.keys, v)
	}
	return nil
}

func (k *keySet) addPEM(content []byte) error {
	found := 0
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PUBLIC KEY":
			key, err = x509.ParsePKIXPublicKey(block.Bytes)
		case "RSA PUBLIC KEY":
			key, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case "CERTIFICATE":
			var certificate *x509.Certificate
			if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
				key = certificate.PublicKey
			}
		default:
			err = fmt.Errorf("%q is no public key: make one with openssl pkey -pubout", block.Type)
		}
		if err != nil {
			return fmt.Errorf("PEM block %d: %w", found+1, err)
		}
		v, err := verifierOf(key)
		if err != nil {
			return fmt.Errorf("PEM block %d: %w", found+1, err)
		}
		k.keys = append(k.keys, v)
		found++
	}
	if found == 0 {
		return errors.New("it holds no public key in PEM and is no JSON Web Key Set")
	}
	return nil
}

// verifierOf returns the one algorithm that a public key verifies.
func verifierOf(key any) (verifier, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return verifier{}, fmt.Errorf("an RSA key of %d bits is too weak: %d at least are taken", k.N.BitLen(), minRSA)
		}
		return verifier{algorithm: jose.RS256, key: k}, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return verifier{}, fmt.Errorf("the curve %s is not taken: ES256 uses P-256", k.Curve.Params().Name)
		}
		return verifier{algorithm: jose.ES256, key: k}, nil
	case ed25519.PublicKey:
		return verifier{algorithm: jose.EdDSA, key: k}, nil
	}
	return verifier{}, fmt.Errorf("a %T is not taken: give public keys of RSA, P-256 or Ed25519", key)
}
