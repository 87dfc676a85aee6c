package password

import (
	"errors"
	"strings"
	"testing"
)

// cheap parameters keep the tests fast; the form is the same.
func cheap(t testing.TB) *Hasher {
	t.Helper()
	h, err := New(Params{Time: 1, Memory: 64, Threads: 1, Salt: 16, Key: 32})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashVerifies(t *testing.T) {
	h := cheap(t)
	for _, password := range []string{"correct horse battery staple", "密码密码密码密码密码", strings.Repeat("x", 1024), ""} {
		hash, err := h.Hash(password)
		if err != nil {
			t.Fatal(err)
		}
		if ok, stale, err := h.Verify(hash, password); !ok || stale || err != nil {
			t.Errorf("Verify(%q, right) = %v, stale %v, %v", hash, ok, stale, err)
		}
		if ok, _, err := h.Verify(hash, password+"x"); ok || err != nil {
			t.Errorf("Verify(%q, wrong) = %v, %v", hash, ok, err)
		}
	}
}

func TestSaltDiffers(t *testing.T) {
	h := cheap(t)
	a, _ := h.Hash("the same password")
	b, _ := h.Hash("the same password")
	if a == b {
		t.Fatalf("two hashes are equal: %s", a)
	}
}

func TestOtherParametersAreStale(t *testing.T) {
	old := cheap(t)
	hash, err := old.Hash("a password")
	if err != nil {
		t.Fatal(err)
	}
	now, err := New(Params{Time: 2, Memory: 64, Threads: 1, Salt: 16, Key: 32})
	if err != nil {
		t.Fatal(err)
	}
	if ok, stale, err := now.Verify(hash, "a password"); !ok || !stale || err != nil {
		t.Errorf("Verify = %v, stale %v, %v; want true, stale, nil", ok, stale, err)
	}
}

// TestKnownHash is the output of the reference command line of RFC 9106's authors for
//
//	echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
//
// as its README gives for the library, in encoded form.
func TestKnownHash(t *testing.T) {
	h := cheap(t)
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, _, err := h.Verify(hash, "password"); !ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
}

func TestDefaultParams(t *testing.T) {
	h, err := New(DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	hash, err := h.Hash("a password")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("hash %s does not carry the parameters of RFC 9106", hash)
	}
}

func TestBadHashes(t *testing.T) {
	h := cheap(t)
	good, err := h.Hash("a password")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "plain", "$2b$12$abcdefghijklmnopqrstuv",
		strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1),
		strings.Replace(good, "m=64", "m=1", 1),
		strings.Replace(good, "t=1", "t=0", 1),
		strings.Replace(good, "t=1", "t=999", 1),
		strings.Replace(good, "p=1", "p=256", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		good + "$", good[:len(good)-2], good + "====",
	} {
		if ok, _, err := h.Verify(bad, "a password"); ok || !errors.Is(err, ErrFormat) {
			t.Errorf("Verify(%q) = %v, %v; want ErrFormat", bad, ok, err)
		}
	}
}

func TestBadParams(t *testing.T) {
	for _, p := range []Params{
		{}, {Time: 1, Memory: 4, Threads: 1, Salt: 16, Key: 32}, {Time: 1, Memory: 64, Threads: 0, Salt: 16, Key: 32},
		{Time: 1, Memory: 64, Threads: 1, Salt: 4, Key: 32}, {Time: 1, Memory: 64, Threads: 1, Salt: 16, Key: 8},
		{Time: 1, Memory: 1 << 30, Threads: 1, Salt: 16, Key: 32},
	} {
		if _, err := New(p); err == nil {
			t.Errorf("New(%+v) succeeded", p)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=,t=,p=$$")
	f.Fuzz(func(t *testing.T, hash string) {
		p, salt, key, err := decode(hash)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("decode(%q): %v is not ErrFormat", hash, err)
			}
			return
		}
		if err := p.check(); err != nil {
			t.Fatalf("decode(%q) let through %+v: %v", hash, p, err)
		}
		q, salt2, key2, err := decode(encode(p, salt, key))
		if err != nil || q != p || string(salt2) != string(salt) || string(key2) != string(key) {
			t.Fatalf("decode(%q) does not survive encoding: %+v, %+v, %v", hash, p, q, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h, err := New(DefaultParams())
	if err != nil {
		b.Fatal(err)
	}
	hash, err := h.Hash("a password")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, _, err := h.Verify(hash, "a password"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
