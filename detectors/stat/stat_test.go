package stat

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// Reference values: two-sided tails of Student's t, from the closed forms for 1, 2 and 4 degrees of freedom, and the normal limit.
func TestStudentSurprise(t *testing.T) {
	one := func(t float64) float64 { return 1 - 2/math.Pi*math.Atan(t) }
	two := func(t float64) float64 { return 1 - t/math.Sqrt(2+t*t) }
	four := func(t float64) float64 {
		x := t / math.Sqrt(4+t*t)
		return 1 - 1.5*x + 0.5*x*x*x
	}
	for _, c := range []struct {
		name string
		nu   float64
		p    func(float64) float64
	}{{"1", 1, one}, {"2", 2, two}, {"4", 4, four}, {"many", 1e6, func(t float64) float64 { return math.Erfc(t / math.Sqrt2) }}} {
		for _, x := range []float64{1.75, 2, 3, 5} {
			want := -math.Log10(c.p(x))
			for _, signed := range []float64{x, -x} {
				if got := StudentSurprise(signed, c.nu); math.Abs(got-want) > 1e-4*want+1e-5 {
					t.Errorf("nu %s, t %v: %v, want %v", c.name, signed, got, want)
				}
			}
		}
	}
	// Far out, the tail of nu degrees of freedom falls by nu decades for a decade of t.
	if d := StudentSurprise(1e9, 15) - StudentSurprise(1e8, 15); math.Abs(d-15) > 1e-6 {
		t.Errorf("the far tail falls by %v decades, want 15", d)
	}
	for _, c := range [][2]float64{{math.NaN(), 5}, {3, 0}, {3, -1}, {3, math.NaN()}, {0, 5}} {
		if got := StudentSurprise(c[0], c[1]); got != 0 {
			t.Errorf("t %v, nu %v: %v, want 0", c[0], c[1], got)
		}
	}
	if got := StudentSurprise(math.Inf(1), 5); math.IsInf(got, 0) || math.IsNaN(got) || got < 100 {
		t.Errorf("infinite t: %v, want large and finite", got)
	}
}

// p-values of values drawn like those before them are uniform: at level a, about a of them are below a.
func TestDigestIsCalibrated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var d Digest
	levels := []float64{0.5, 0.1, 0.01, 0.002}
	below := make([]float64, len(levels))
	const n = 40000
	for i := range n {
		v := rng.NormFloat64()
		if i >= 1000 {
			_, upper := d.Tail(v)
			for k, a := range levels {
				if upper <= a {
					below[k]++
				}
			}
		}
		d.Add(v)
	}
	for k, a := range levels {
		share := below[k] / (n - 1000)
		if share < a/2 || share > a*1.7 {
			t.Errorf("level %v: %v of the p-values are below it", a, share)
		}
	}
	if d.N() >= DigestMemory || d.kept > DigestKept || d.news >= digestNews {
		t.Errorf("weight %v in %d entries and %d values", d.N(), d.kept, d.news)
	}
}

func TestDigestIsExactOnFewValues(t *testing.T) {
	var d Digest
	if lower, upper := d.Tail(3); lower != 1 || upper != 1 {
		t.Errorf("empty: %v, %v, want 1, 1", lower, upper)
	}
	if !math.IsNaN(d.Quantile(0.5)) {
		t.Error("an empty digest has a median")
	}
	for range 5 {
		d.Add(1)
		d.Add(2)
	}
	if lower, upper := d.Tail(2); lower != (5+2.5+1)/11 || upper != (2.5+1)/11 {
		t.Errorf("at 2: %v, %v", lower, upper)
	}
	if _, upper := d.Tail(3); upper != 1.0/11 {
		t.Errorf("above all: %v, want 1/11", upper)
	}
	if q := d.Quantile(0.1); q != 1 {
		t.Errorf("tenth: %v, want 1", q)
	}
	d.Add(math.Inf(1))
	d.Add(math.NaN())
	if d.N() != 10 {
		t.Errorf("weight %v after infinity and NaN, want 10", d.N())
	}
}

// The error of a quantile is relative to the mass of the nearer tail.
func TestDigestQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var d Digest
	for range 5000 {
		d.Add(rng.Float64())
	}
	for _, q := range []float64{0.005, 0.05, 0.2, 0.8, 0.95, 0.995} {
		if got := d.Quantile(q); math.Abs(got-q) > 0.002+0.35*min(q, 1-q) {
			t.Errorf("quantile %v: %v", q, got)
		}
	}
}

func FuzzDigestRead(f *testing.F) {
	var d Digest
	for i := range 200 {
		d.Add(float64(i * i % 37))
	}
	f.Add(d.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		var d Digest
		r := NewReader(data)
		d.Read(r)
		if r.Done() != nil {
			return
		}
		for i := range 100 {
			d.Add(float64(i))
			if lower, upper := d.Tail(float64(i)); !(lower > 0) || !(upper > 0) || lower > 1 || upper > 1 {
				t.Fatalf("tails %v, %v", lower, upper)
			}
		}
	})
}

func TestStateRoundTrip(t *testing.T) {
	var b []byte
	b = AppendFloats(b, 1.5, math.Inf(-1), math.NaN())
	b = AppendInt(b, -7)
	b = AppendUint(b, 300)
	b = AppendString(b, "temp")
	b = AppendBool(b, true)
	b = AppendBlob(b, func(dst []byte) []byte { return append(dst, "state"...) })
	r := NewReader(b)
	x, inf, nan := r.Float(), r.Float(), r.Float()
	if x != 1.5 || !math.IsInf(inf, -1) || !math.IsNaN(nan) || r.Int() != -7 || r.Uint() != 300 || r.String(10) != "temp" || !r.Bool() || !bytes.Equal(r.Blob(10), []byte("state")) {
		t.Fatal("what was read is not what was written")
	}
	if err := r.Done(); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		r := NewReader(b[:i])
		r.Floats(&x, &inf, &nan)
		r.Int()
		r.Uint()
		_ = r.String(10)
		r.Bool()
		r.Blob(10)
		if err := r.Done(); !errors.Is(err, ErrState) {
			t.Fatalf("cut at %d: error %v", i, err)
		}
	}
	if r := NewReader(AppendString(nil, "too long")); r.String(3) != "" || r.Err() == nil {
		t.Error("a string beyond its bound was read")
	}
}

func BenchmarkDigest(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 4096)
	for i := range values {
		values[i] = rng.NormFloat64()
	}
	var d Digest
	b.Run("add", func(b *testing.B) {
		for i := range b.N {
			d.Add(values[i%len(values)])
		}
	})
	b.Run("tail", func(b *testing.B) {
		for i := range b.N {
			d.Tail(values[i%len(values)])
		}
	})
}

func BenchmarkStudentSurprise(b *testing.B) {
	for i := range b.N {
		StudentSurprise(float64(i%10), 15)
	}
}

// The weight held stays near the sum of the weights, however long it goes on, so that a digest that was written can be read; what
// was read goes on like the one that was written, whatever either was asked.
func TestDigestReadsWhatItWrote(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var d, again Digest
	for i := range 200_000 {
		v := math.Exp(3 * rng.NormFloat64())
		if i%3 == 0 {
			v = math.Trunc(v) // ties
		}
		d.Add(v)
		again.Add(v)
		if i%997 != 0 {
			continue
		}
		d.Tail(v)
		d.Quantile(0.3)
		written := d.Append(nil)
		if !bytes.Equal(written, again.Append(nil)) {
			t.Fatalf("after %d values: what was read went another way", i)
		}
		r := NewReader(written)
		if again.Read(r); r.Done() != nil {
			t.Fatalf("after %d values: %v", i, r.Err())
		}
	}
}
