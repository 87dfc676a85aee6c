// Package password keeps passwords as argon2id hashes (RFC 9106) in the PHC
// string format, so that the parameters travel with each hash.
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Params is what a hash costs.
type Params struct {
	Time    uint32 // passes over the memory
	Memory  uint32 // KiB
	Threads uint8
	Salt    uint32 // bytes
	Key     uint32 // bytes
}

// DefaultParams are those of the second recommended option of RFC 9106
// section 4: 3 passes over 64 MiB with 4 threads, a salt of 128 and a key of 256 bits.
// A hash takes 0.1 to 0.2 s on two processors.
func DefaultParams() Params {
	return Params{Time: 3, Memory: 64 << 10, Threads: 4, Salt: 16, Key: 32}
}

// The most that a stored hash may ask for, so that a forged one cannot exhaust the machine.
const (
	maxTime   = 16
	maxMemory = 256 << 10 // KiB
	maxLength = 64        // bytes of salt and of key
)

// ErrFormat is wrapped by errors about hashes that cannot be read.
var ErrFormat = errors.New("not an argon2id hash")

// Hasher makes hashes with fixed parameters and checks those made with any.
// It is safe for concurrent use; every call holds Params.Memory while it runs, so callers bound how many run at once.
type Hasher struct{ params Params }

// New returns a hasher. It fails for parameters that RFC 9106 section 3.1 does not allow or that exceed what is checked later.
func New(p Params) (*Hasher, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	return &Hasher{p}, nil
}

func (p Params) check() error {
	switch {
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("argon2id passes must be 1 to %d, not %d", maxTime, p.Time)
	case p.Threads < 1:
		return errors.New("argon2id needs a thread at least")
	case p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory:
		return fmt.Errorf("argon2id memory must be %d to %d KiB with %d threads, not %d", 8*uint32(p.Threads), maxMemory, p.Threads, p.Memory)
	case p.Salt < 8 || p.Salt > maxLength:
		return fmt.Errorf("argon2id salt must be 8 to %d bytes, not %d", maxLength, p.Salt)
	case p.Key < 16 || p.Key > maxLength:
		return fmt.Errorf("argon2id key must be 16 to %d bytes, not %d", maxLength, p.Key)
	}
	return nil
}

// Hash returns the hash of a password under a new random salt.
func (h *Hasher) Hash(password string) (string, error) {
	salt := make([]byte, h.params.Salt)
	rand.Read(salt) // never fails: crypto/rand ends the process instead
	return encode(h.params, salt, h.params.key(password, salt)), nil
}

func (p Params) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, p.Key)
}

// Verify reports whether a hash is that of a password. stale tells that it was made with other parameters
// than new hashes are. It fails with [ErrFormat] for a hash that cannot be read.
func (h *Hasher) Verify(hash, password string) (ok, stale bool, err error) {
	p, salt, key, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	return subtle.ConstantTimeCompare(key, p.key(password, salt)) == 1, p != h.params, nil
}

func encode(p Params, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Time, p.Threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// decode reads "$argon2id$v=19$m=65536,t=3,p=4$SALT$KEY".
func decode(hash string) (p Params, salt, key []byte, err error) {
	fail := func(what string) (Params, []byte, []byte, error) {
		return Params{}, nil, nil, fmt.Errorf("%w: %s", ErrFormat, what)
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return fail("it has another form")
	}
	if parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return fail("its version is not 19")
	}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return fail("it does not have three parameters")
	}
	var values [3]uint64
	for i, name := range [...]string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(numbers[i], name)
		if values[i], err = strconv.ParseUint(digits, 10, 32); !ok || err != nil {
			return fail("parameter " + name + " is not a number")
		}
	}
	if values[2] > 255 {
		return fail("it asks for too many threads")
	}
	b64 := base64.RawStdEncoding.Strict()
	if salt, err = b64.DecodeString(parts[4]); err != nil {
		return fail("its salt is not base64")
	}
	if key, err = b64.DecodeString(parts[5]); err != nil {
		return fail("its key is not base64")
	}
	p = Params{Memory: uint32(values[0]), Time: uint32(values[1]), Threads: uint8(values[2]), Salt: uint32(len(salt)), Key: uint32(len(key))}
	if err := p.check(); err != nil {
		return fail(err.Error())
	}
	return p, salt, key, nil
}
