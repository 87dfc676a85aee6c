package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"github.com/presage-pdm/presage/ingest/broker/identity"
)

// openIdentity makes what tells the devices of the embedded broker apart. An external broker does that itself.
func (a *app) openIdentity(ctx context.Context) error {
	s := a.settings.MQTT
	if s.Broker != "" {
		return nil
	}
	cfg := identity.Config{Username: s.Username, Password: s.Password, JWT: s.JWT.config(), RevokedCertificates: s.ClientCRL}
	var err error
	if cfg.ClientCAs, err = s.authorities(); err != nil {
		return err
	}
	if a.devices, err = identity.New(ctx, cfg, identity.Parts{Store: a.sql, Logger: a.log, Registerer: a.metrics}); err != nil {
		return fmt.Errorf("open the way in for devices: %w", err)
	}
	return nil
}

// authorities are the issuers of device certificates; none when there is no mqtt.client_ca.
func (s *MQTTSettings) authorities() ([]*x509.Certificate, error) {
	if s.ClientCA == "" {
		return nil, nil
	}
	content, err := os.ReadFile(s.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("mqtt.client_ca: %w", err)
	}
	all, err := identity.ParseAuthorities(content)
	if err != nil {
		return nil, fmt.Errorf("mqtt.client_ca: %s: %w", s.ClientCA, err)
	}
	return all, nil
}

// tls is how the embedded broker speaks TLS; nil when it does not.
func (s *MQTTSettings) tls() (*tls.Config, error) {
	if s.TLSCertificate == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(s.TLSCertificate, s.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("mqtt.tls_certificate: %w", err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	authorities, err := s.authorities()
	if err != nil || len(authorities) == 0 {
		return cfg, err
	}
	cfg.ClientCAs, cfg.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if s.RequireCertificate {
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	for _, authority := range authorities {
		cfg.ClientCAs.AddCert(authority)
	}
	return cfg, nil
}
