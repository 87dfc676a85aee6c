// Package identity finds out which device is at the other end of a connection to the
// embedded broker.
//
//	certificate  the TLS handshake proved it; its common name is the device
//	token        issued by Presage, found by its SHA-256 in the store
//	JWT          signed by somebody the settings trust; a claim names the device
//	shared       one name and password for devices that have nothing better: any device
//
// A client certificate decides alone. Otherwise the password does: a token and a JWT are told by
// their form, and everything else is taken for the shared password.
//
// # What a change of credentials does
//
// Tokens that were looked up are remembered. Once a second the store is asked what has changed since, by a
// revision that every change moves on, so that a credential that any process revokes is forgotten here, and
// its connections end, a second later. The list of revoked certificates and the keys of JWTs are read again when their
// file changes, looked at every five seconds. While the store is away nobody can revoke, so what is remembered stays valid.
//
// # Guessing
//
// Tokens, signatures and certificates cannot be guessed, so nobody is ever locked out for the failures of
// others. The shared password can: see [guesses].
package identity
