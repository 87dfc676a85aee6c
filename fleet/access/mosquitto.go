package access

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
)

// mosquittoIterations is what mosquitto_passwd of Mosquitto 2.0 uses. For what people choose it would be far too few;
// against 256 random bits one would do, and Mosquitto pays them with every connection.
const mosquittoIterations = 101

// MosquittoHash returns a secret as a password file of Mosquitto 2.0 holds it behind the user name:
// "$7$", the iterations, and salt and PBKDF2-HMAC-SHA512 of 64 bytes in base64, with "$" between them.
func MosquittoHash(secret string) (string, error) {
	salt := make([]byte, 12) // as mosquitto_passwd makes them
	rand.Read(salt)          // never fails: crypto/rand ends the process instead
	key, err := pbkdf2.Key(sha512.New, secret, salt, mosquittoIterations, sha512.Size)
	if err != nil {
		return "", fmt.Errorf("hash a token for Mosquitto: %w", err)
	}
	return fmt.Sprintf("$7$%d$%s$%s", mosquittoIterations, base64.StdEncoding.EncodeToString(salt), base64.StdEncoding.EncodeToString(key)), nil
}
