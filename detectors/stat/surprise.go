package stat

import "math"

// Surprises turns values of one stream into surprises: how far out in the tail of the values before it a value lies, in the unit of
// -log10 of the tail's probability.
//
// It is a digest of at most a fixed number of entries, finest at the ends: neighbours are merged while they hold at most an eighth of the mass of the
// tail beyond them, extremes never, and equal values share an atom, whose ties count half. Beyond the largest value the surprise goes on to grow by
// one for each doubling of the distance from the median. Once it holds 8000 values all counts are halved, so that what is old fades.
//
// It assumes exchangeable values within its memory. It fails, by being surprised less, after a long episode that it has learned.
// A value takes about 150 ns; entries take 8 bytes each. Values keep the 24 bits of a float32. NaN must not be given.
//
// The p-value is the conformal one of Laxhammar & Falkman, "Online learning and sequential anomaly detection in trajectories" (2014),
// with the merging rule of a biased quantile summary, Cormode et al., "Effective computation of biased quantiles over data streams" (2005).
type Surprises struct {
	entries []surprising
	n       float64 // the sum of the counts
	two     bool
}

// surprising is the mean of values and how many, negative when they were not all equal.
type surprising struct{ mean, count float32 }

// How the digest forgets and judges.
const (
	surpriseStart = 10    // values before the first surprise
	surpriseN     = 8000  // values at which all counts are halved
	surpriseLeast = 0.2   // count below which an entry is dropped then
	surpriseTail  = 8.0   // part of the tail that one entry may hold, inverted
	surpriseRoom  = 0.875 // part of the entries that may be left after merging
	surpriseEase  = 0.7   // of surpriseTail, until there is room
	surpriseFull  = 3.6   // log10 of the usual number of values held, to which young digests are compared
	surpriseYoung = 0.7   // exponent of that
)

// NewSurprises returns a digest of so many entries. A two-sided one is surprised by low values as well as by high ones.
func NewSurprises(entries int, twoSided bool) Surprises {
	return Surprises{entries: make([]surprising, 0, entries), two: twoSided}
}

// N is how many values are held.
func (s *Surprises) N() float64 { return s.n }

// Size is the memory of the entries in bytes.
func (s *Surprises) Size() int { return 8 * cap(s.entries) }

// Judge returns the surprise of v, 0 or more, and learns it; 0 for the first ten values.
func (s *Surprises) Judge(v float64) float64 {
	x := narrow(v)
	u := 0.0
	if s.n >= surpriseStart {
		u = s.surprise(x)
	}
	s.add(x)
	return u
}

// narrow fits a value into a float32, of which no difference overflows.
func narrow(v float64) float32 { return float32(max(-1e38, min(v, 1e38))) }

// surprise judges a value by all that is held.
func (s *Surprises) surprise(x float32) float64 {
	above := s.above(x)
	last := len(s.entries) - 1
	u := s.tail(above, x, s.entries[last].mean, 1)
	if s.two {
		u = max(u, s.tail(s.n-above, x, s.entries[0].mean, -1))
	}
	return u * math.Pow(surpriseFull/math.Log10(s.n+10), surpriseYoung)
}

// tail returns the surprise by the mass beyond x in one direction, of which end is the farthest value.
func (s *Surprises) tail(mass float64, x, end float32, sign float64) float64 {
	beyond := sign * (float64(x) - float64(end))
	if beyond <= 0 {
		return math.Log10((s.n + 1) / (max(mass, 0) + 1))
	}
	q50 := s.Quantile(0.5)
	reach := sign*(float64(end)-q50) + 0.05*(s.Quantile(0.9)-s.Quantile(0.1))
	u := math.Log10(s.n + 1)
	if reach > 0 {
		u += math.Log2(max(1, sign*(float64(x)-q50)/reach))
	}
	return u
}

// above returns the mass above x and half of its ties. Between entries it is interpolated only where they were merged.
func (s *Surprises) above(x float32) float64 {
	right := s.n // just right of the entry before
	var before float32
	above := s.n
	for i, e := range s.entries {
		c := float64(abs32(e.count))
		above -= c
		left, at, past := above+c, above+c/2, above
		if e.count < 0 {
			left, past = at, at
		}
		switch {
		case x < e.mean && i == 0:
			return s.n
		case x < e.mean:
			w := (float64(x) - float64(before)) / (float64(e.mean) - float64(before))
			return right + w*(left-right)
		case x == e.mean:
			return at
		}
		right, before = past, e.mean
	}
	return 0
}

// Quantile returns the value below which the part q of the mass lies, 0 when nothing is held.
func (s *Surprises) Quantile(q float64) float64 {
	want, sum := q*s.n, 0.0
	before, middle := 0.0, 0.0
	for i, e := range s.entries {
		c := float64(abs32(e.count))
		m := sum + c/2
		if m >= want {
			if i == 0 {
				return float64(e.mean)
			}
			return before + (float64(e.mean)-before)*(want-middle)/(m-middle)
		}
		sum, before, middle = sum+c, float64(e.mean), m
	}
	return before
}

func (s *Surprises) add(x float32) {
	lo, hi := 0, len(s.entries)
	for lo < hi {
		if mid := (lo + hi) / 2; s.entries[mid].mean < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	s.n++
	if lo < len(s.entries) && s.entries[lo].mean == x {
		if s.entries[lo].count < 0 {
			s.entries[lo].count--
		} else {
			s.entries[lo].count++
		}
	} else {
		if len(s.entries) == cap(s.entries) {
			s.merge(cap(s.entries))
			for lo = 0; lo < len(s.entries) && s.entries[lo].mean < x; lo++ {
			}
		}
		s.entries = append(s.entries, surprising{})
		copy(s.entries[lo+1:], s.entries[lo:])
		s.entries[lo] = surprising{mean: x, count: 1}
	}
	if s.n >= surpriseN {
		s.fade()
	}
}

// merge makes room in a digest of size entries.
func (s *Surprises) merge(size int) {
	room := int(surpriseRoom * float64(size))
	for part := surpriseTail; len(s.entries) > room; part *= surpriseEase {
		out := s.entries[:1]
		below := float64(abs32(out[0].count)) // the mass below the end of out
		for i := 1; i < len(s.entries); i++ {
			e, o := s.entries[i], &out[len(out)-1]
			a, b := float64(abs32(o.count)), float64(abs32(e.count))
			tail := s.n - below + a/2 - b/2 // beyond the middle of the two
			if s.two {
				tail = min(tail, s.n-tail)
			}
			below += b
			if len(out) > 1 && i < len(s.entries)-1 && a+b <= tail/part {
				o.mean = float32((a*float64(o.mean) + b*float64(e.mean)) / (a + b))
				o.count = -float32(a + b)
			} else {
				out = append(out, e)
			}
		}
		s.entries = out
		if len(out) <= 3 {
			return
		}
	}
}

// fade halves all counts.
func (s *Surprises) fade() {
	out := s.entries[:0]
	s.n = 0
	for _, e := range s.entries {
		if e.count /= 2; abs32(e.count) >= surpriseLeast {
			out = append(out, e)
			s.n += float64(abs32(e.count))
		}
	}
	s.entries = out
}

// Resize returns a digest of so many entries that holds the same, merged where there are fewer.
func (s *Surprises) Resize(entries int) Surprises {
	r := NewSurprises(max(entries, len(s.entries)), s.two)
	r.entries, r.n = append(r.entries, s.entries...), s.n
	if len(r.entries) > entries {
		r.merge(entries)
	}
	fit := NewSurprises(entries, s.two)
	fit.entries, fit.n = append(fit.entries, r.entries...), s.n
	return fit
}

// Append appends the state.
func (s *Surprises) Append(dst []byte) []byte {
	dst = AppendFloat(AppendUint(dst, uint64(len(s.entries))), s.n)
	for _, e := range s.entries {
		dst = AppendFloat32(AppendFloat32(dst, e.mean), e.count)
	}
	return dst
}

// Read replaces the state by one that Append wrote from a digest of the same size; anything else marks r as damaged.
func (s *Surprises) Read(r *Reader) {
	n := r.Count(cap(s.entries))
	s.n = r.Finite()
	s.entries = s.entries[:0]
	sum := 0.0
	for i := range n {
		e := surprising{mean: r.Finite32(), count: r.Finite32()}
		if c := abs32(e.count); c < surpriseLeast || c > surpriseN || i > 0 && e.mean <= s.entries[i-1].mean {
			r.Fail()
		}
		if r.bad {
			s.entries, s.n = s.entries[:0], 0
			return
		}
		s.entries = append(s.entries, e)
		sum += float64(abs32(e.count))
	}
	if math.Abs(sum-s.n) > 1e-3*(1+sum) {
		r.Fail()
	}
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }
