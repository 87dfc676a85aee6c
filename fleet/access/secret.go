package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// NewSecret returns 256 random bits for a link, a cookie or a token, safe in URLs.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// HashSecret returns what is stored in place of a secret of [NewSecret], or of a token that holds one: SHA-256 in hex.
// A slow hash is for what people choose. Nobody can guess 256 random bits, whatever an attempt costs, and a
// fast hash lets thousands of devices connect at once. That the store finds a secret by its hash also keeps
// the time of a comparison from telling anything about the secret.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
