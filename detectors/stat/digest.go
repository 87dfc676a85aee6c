package stat

import (
	"math"
	"slices"
	"sort"
)

// Digest is a summary of the values seen so far that answers how extreme a new one is: a conformal p-value
// (Vovk et al. 2005, chapter 2; Laxhammar & Falkman 2010) in constant memory.
//
// It assumes that values are exchangeable with the past; it fails, as every rank does, on a change of level, which it
// calls extreme until the old values have faded: counts are halved whenever their sum reaches [DigestMemory]. p-values
// are never below 1/(n+1), so no number of readings makes it more certain than it can be.
//
// Entries are sorted (mean, weight) pairs. Equal values join one entry, so that ties and constants are exact. A full digest is
// compressed in one pass: neighbours merge while their weight stays below a share of the mass of the nearer tail, as in the t-digest of
// Dunning (2021, section 2.2), so that ranks stay right to
// about a third of the mass of the nearer tail; the extremes never merge. About 60 ns to learn, 20 ns to ask, and 8 bytes an
// entry: single precision loses nothing that a rank needs.
//
// The zero value is an empty digest, ready to use.
type Digest struct {
	mean   []float32
	weight []float32
	n      float64
}

// Sizes of a [Digest].
const (
	DigestEntries = 48   // most entries: 384 bytes
	DigestKept    = 30   // entries after a compression, at most
	DigestMemory  = 8000 // readings after which older ones count half
)

// N returns the weight of the values held.
func (d *Digest) N() float64 { return d.n }

// Tail returns the p-values of v against the values held: upper is the fraction of values at least as large, with half of the
// ties, lower that of those at most as large; both count v itself (n+1) and lie in (0, 1].
func (d *Digest) Tail(v float64) (lower, upper float64) {
	x := float32(v)
	i := d.search(x)
	equal, above := 0.0, i
	if i < len(d.mean) && d.mean[i] == x {
		equal, above = float64(d.weight[i]), i+1
	}
	var below float64
	if i <= len(d.mean)/2 {
		below = sum(d.weight[:i])
	} else {
		below = d.n - equal - sum(d.weight[above:])
	}
	lower = (below + equal/2 + 1) / (d.n + 1)
	upper = (d.n - below - equal/2 + 1) / (d.n + 1)
	return min(1, lower), min(1, upper)
}

func sum(weights []float32) (s float64) {
	for _, w := range weights {
		s += float64(w)
	}
	return s
}

// Quantile returns a value with about the fraction q of the mass below it; NaN when empty.
func (d *Digest) Quantile(q float64) float64 {
	if len(d.mean) == 0 {
		return math.NaN()
	}
	// Half of an entry's weight lies to each side of its mean; between means the mass is spread evenly.
	target, below := q*d.n, 0.0
	for i, w := range d.weight {
		middle := below + float64(w)/2
		if middle >= target {
			if i == 0 {
				break
			}
			before := below - float64(d.weight[i-1])/2
			part := (target - before) / (middle - before)
			return float64(d.mean[i-1]) + part*float64(d.mean[i]-d.mean[i-1])
		}
		below += float64(w)
	}
	if target > d.n/2 {
		return float64(d.mean[len(d.mean)-1])
	}
	return float64(d.mean[0])
}

// Add learns v, which must be finite.
func (d *Digest) Add(v float64) {
	x := float32(v)
	if math.IsInf(float64(x), 0) || x != x {
		return
	}
	if d.mean == nil {
		d.mean = make([]float32, 0, DigestEntries)
		d.weight = make([]float32, 0, DigestEntries)
	}
	d.n++
	i := d.search(x)
	if len(d.mean) == DigestEntries && (i == len(d.mean) || d.mean[i] != x) {
		d.compress()
		i = d.search(x)
	}
	if i < len(d.mean) && d.mean[i] == x {
		d.weight[i]++
	} else {
		d.mean = slices.Insert(d.mean, i, x)
		d.weight = slices.Insert(d.weight, i, 1)
	}
	if d.n >= DigestMemory {
		d.fade()
	}
}

// search returns the index of the first entry of at least x.
func (d *Digest) search(x float32) int {
	return sort.Search(len(d.mean), func(i int) bool { return d.mean[i] >= x })
}

// compress merges neighbours until at most DigestKept entries are left.
func (d *Digest) compress() {
	for share := 0.5; len(d.mean) > DigestKept; share *= 1.15 {
		last := len(d.mean) - 1
		keep, below := 0, 0.0 // the entry that grows, and the weight before it
		for i := 1; i <= last; i++ {
			w, next := float64(d.weight[keep]), float64(d.weight[i])
			middle := below + (w+next)/2
			if keep > 0 && i < last && w+next <= share*min(middle, d.n-middle) {
				d.mean[keep] += (d.mean[i] - d.mean[keep]) * float32(next/(w+next))
				d.weight[keep] = float32(w + next)
				continue
			}
			below += w
			keep++
			d.mean[keep], d.weight[keep] = d.mean[i], d.weight[i]
		}
		d.mean, d.weight = d.mean[:keep+1], d.weight[:keep+1]
	}
}

// fade halves every weight and forgets entries that have become negligible.
func (d *Digest) fade() {
	keep := 0
	d.n = 0
	for i, w := range d.weight {
		if w /= 2; w >= 0.2 {
			d.mean[keep], d.weight[keep] = d.mean[i], w
			d.n += float64(w)
			keep++
		}
	}
	d.mean, d.weight = d.mean[:keep], d.weight[:keep]
}

// Append appends the digest in binary form.
func (d *Digest) Append(dst []byte) []byte {
	dst = AppendFloat(dst, d.n)
	dst = AppendUint(dst, uint64(len(d.mean)))
	for i := range d.mean {
		dst = AppendUint(dst, uint64(math.Float32bits(d.mean[i])))
		dst = AppendUint(dst, uint64(math.Float32bits(d.weight[i])))
	}
	return dst
}

// Read replaces the digest by one that Append wrote; on a damaged one it fails the reader.
func (d *Digest) Read(r *Reader) {
	*d = Digest{n: r.Finite()}
	k := r.Count(DigestEntries)
	if k > 0 {
		d.mean = make([]float32, 0, DigestEntries)
		d.weight = make([]float32, 0, DigestEntries)
	}
	for i := range k {
		m := math.Float32frombits(uint32(r.Count(math.MaxUint32)))
		w := math.Float32frombits(uint32(r.Count(math.MaxUint32)))
		if !(w > 0) || math.IsInf(float64(w), 0) || m != m || math.IsInf(float64(m), 0) || i > 0 && m <= d.mean[i-1] {
			r.Fail()
			return
		}
		d.mean, d.weight = append(d.mean, m), append(d.weight, w)
	}
	// Weights are rounded when entries merge, by far less than half a reading in all.
	if !(math.Abs(d.n-sum(d.weight)) <= 0.5) || d.n > 2*DigestMemory {
		r.Fail()
	}
}
