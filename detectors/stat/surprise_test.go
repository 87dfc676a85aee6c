package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The digest agrees with exact ranks of the same values where the tail is thin.
func TestSurprisesAgreeWithRanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := NewSurprises(128, true)
	var all []float64
	for i := range 7000 {
		v := float64(float32(math.Round(100*rng.NormFloat64()) / 100)) // with ties
		if i >= 500 && i%50 == 0 {
			for _, q := range []float64{0.001, 0.01, 0.1, 0.9, 0.99, 0.999} {
				sorted := slices.Clone(all)
				slices.Sort(sorted)
				x := sorted[int(q*float64(len(sorted)))]
				lo, _ := slices.BinarySearch(sorted, x)
				hi, _ := slices.BinarySearch(sorted, math.Nextafter(x, math.Inf(1)))
				n := float64(len(sorted))
				above := n - float64(hi) + float64(hi-lo)/2
				exact := math.Log10((n + 1) / (min(above, n-above) + 1))
				got := s.surprise(float32(x)) / math.Pow(3.6/math.Log10(n+10), 0.7)
				if math.Abs(got-exact) > 0.1+0.05*exact {
					t.Fatalf("after %d values, at quantile %v: surprise %.3f, exact %.3f", i, q, got, exact)
				}
			}
		}
		all = append(all, v)
		s.Judge(v)
	}
	if q := s.Quantile(0.5); math.Abs(q) > 0.1 {
		t.Errorf("the median is %v", q)
	}
}

func TestSurprisesBeyondTheLargest(t *testing.T) {
	s := NewSurprises(32, false)
	for i := range 1000 {
		if u := s.Judge(float64(i % 10)); i < surpriseStart && u != 0 {
			t.Fatalf("value %d is surprising by %v before there is a past", i, u)
		}
	}
	once, twice := s.surprise(20), s.surprise(40)
	if d := twice - once; d < 0.9 || d > 1.4 {
		t.Errorf("twice as far is more surprising by %.2f, want about 1", d)
	}
	if u := s.surprise(-40); u > 0.1 {
		t.Errorf("a low value is surprising by %.2f where only high ones count", u)
	}
}

// What is old fades, and a digest in a smaller one keeps its extremes and its mass.
func TestSurprisesFadeAndResize(t *testing.T) {
	s := NewSurprises(64, true)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50_000 {
		s.Judge(rng.NormFloat64())
	}
	if s.N() >= surpriseN || s.N() < surpriseN/2-100 {
		t.Errorf("%v values are held", s.N())
	}
	r := s.Resize(32)
	if r.N() != s.N() || r.entries[0].mean != s.entries[0].mean || r.entries[len(r.entries)-1].mean != s.entries[len(s.entries)-1].mean {
		t.Errorf("%d entries of %v values, before %d of %v", len(r.entries), r.N(), len(s.entries), s.N())
	}
	if a, b := s.surprise(2.5), r.surprise(2.5); math.Abs(a-b) > 0.3 {
		t.Errorf("2.5 is surprising by %.2f, by %.2f in the smaller one", a, b)
	}
	back := NewSurprises(64, true)
	reader := NewReader(s.Append(nil))
	if back.Read(reader); reader.Done() != nil || !slices.Equal(back.entries, s.entries) || back.n != s.n {
		t.Error("a digest that was read differs")
	}
}
