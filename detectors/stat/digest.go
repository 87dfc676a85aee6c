package stat

import (
	"math"
	"sort"
)

// Digest is a summary of the values seen so far that answers how extreme a new one is: a conformal p-value
// (Vovk et al. 2005, chapter 2; Laxhammar & Falkman 2010) in constant memory.
//
// It assumes that values are exchangeable with the past; it fails, as every rank does, on a change of level, which it
// calls extreme until the old values have faded: counts are halved whenever their sum reaches [DigestMemory]. p-values
// are never below 1/(n+1), so no number of readings makes it more certain than it can be.
//
// Entries are sorted (mean, weight) pairs; the newest values wait beside them, as they came, until there are enough to be
// worth a merge. Equal values join one entry, so that ties and constants are exact. When there are too many entries they are
// compressed: neighbours merge while their weight stays below a share of the mass of the nearer tail, as in the t-digest of
// Dunning (2021, section 2.2), so that ranks stay right to
// about a third of the mass of the nearer tail; the extremes never merge. About 40 ns to learn, 25 ns to ask, and 350 bytes.
// Asking changes nothing.
//
// The zero value is an empty digest, ready to use. It takes memory when it needs it: 100 bytes with the first value.
type Digest struct {
	n       float64              // weight of all values held
	kept    int32                // entries
	news    int32                // values that wait
	waiting *[digestNews]float32 // them, in the order of their arrival; nil before the first
	data    *digestData          // the entries; nil before there are any
}

// digestData are the entries of a [Digest].
type digestData struct {
	mean   [DigestKept]float32 // sorted, each one once
	weight [DigestKept]float32
}

// Sizes of a [Digest].
const (
	DigestKept   = 30   // most entries
	digestNews   = 18   // most values that wait
	DigestMemory = 8000 // readings after which older ones count half
)

// entries are sorted pairs with room for all that a digest can hold, on the stack.
type entries struct {
	mean   [DigestKept + digestNews]float32
	weight [DigestKept + digestNews]float32
	n      int
}

// N returns the weight of the values held.
func (d *Digest) N() float64 { return d.n }

// Tail returns the p-values of v against the values held: upper is the fraction of values at least as large, with half of the
// ties, lower that of those at most as large; both count v itself (n+1) and lie in (0, 1].
func (d *Digest) Tail(v float64) (lower, upper float64) {
	var below, equal float64
	x := float32(v)
	if d.data != nil {
		mean := d.data.mean[:d.kept]
		i := sort.Search(len(mean), func(i int) bool { return mean[i] >= x })
		for _, w := range d.data.weight[:i] {
			below += float64(w)
		}
		if i < len(mean) && mean[i] == x {
			equal = float64(d.data.weight[i])
		}
	}
	if d.waiting != nil {
		for _, recent := range d.waiting[:d.news] {
			if recent < x {
				below++
			} else if recent == x {
				equal++
			}
		}
	}
	lower = (below + equal/2 + 1) / (d.n + 1)
	upper = (d.n - below - equal/2 + 1) / (d.n + 1)
	return min(1, lower), min(1, upper)
}

// Quantile returns a value with about the fraction q of the mass below it; NaN when empty.
func (d *Digest) Quantile(q float64) float64 {
	if d.n == 0 {
		return math.NaN()
	}
	var all entries
	d.merge(&all)
	// Half of an entry's weight lies to each side of its mean; between means the mass is spread evenly.
	target, below := q*d.n, 0.0
	for i, w := range all.weight[:all.n] {
		middle := below + float64(w)/2
		if middle >= target {
			if i == 0 {
				break
			}
			before := below - float64(all.weight[i-1])/2
			part := (target - before) / (middle - before)
			return float64(all.mean[i-1]) + part*float64(all.mean[i]-all.mean[i-1])
		}
		below += float64(w)
	}
	if target > d.n/2 {
		return float64(all.mean[all.n-1])
	}
	return float64(all.mean[0])
}

// Add learns v, which must be finite; others are passed over.
func (d *Digest) Add(v float64) {
	x := float32(v)
	if x-x != 0 {
		return
	}
	if d.waiting == nil {
		d.waiting = new([digestNews]float32)
	}
	d.waiting[d.news] = x
	d.news++
	d.n++
	if d.news == digestNews || d.n >= DigestMemory {
		d.settle()
	}
}

// settle moves the values that wait into the entries.
func (d *Digest) settle() {
	var all entries
	d.merge(&all)
	all.compress(d.n)
	d.news = 0
	if d.n >= DigestMemory {
		d.n = all.fade()
	}
	if d.data == nil {
		d.data = new(digestData)
	}
	d.kept = int32(all.n)
	copy(d.data.mean[:], all.mean[:all.n])
	copy(d.data.weight[:], all.weight[:all.n])
}

// merge fills all with the entries and the values that wait, which it sorts.
func (d *Digest) merge(all *entries) {
	var news [digestNews]float32 // a copy: those of the digest keep the order of their arrival
	if d.waiting != nil {
		news = *d.waiting
	}
	waiting, kept := int(d.news), int(d.kept)
	for i := 1; i < waiting; i++ { // few, and often nearly in order
		x, at := news[i], i
		for ; at > 0 && news[at-1] > x; at-- {
			news[at] = news[at-1]
		}
		news[at] = x
	}
	data := d.data
	if data == nil {
		data = new(digestData) // on the stack, and without entries
	}
	n, i, j := 0, 0, 0
	for i < kept || j < waiting {
		x, w := float32(0), float32(1)
		if j == waiting || i < kept && data.mean[i] <= news[j] {
			x, w = data.mean[i], data.weight[i]
			i++
		} else {
			x = news[j]
			j++
		}
		if n > 0 && all.mean[n-1] == x {
			all.weight[n-1] += w
			continue
		}
		all.mean[n], all.weight[n] = x, w
		n++
	}
	all.n = n
}

// compress merges neighbours until at most [DigestKept] entries, of the weight n, are left.
func (e *entries) compress(n float64) {
	for share := 0.6; e.n > DigestKept; share *= 1.2 {
		last := e.n - 1
		keep, below := 0, 0.0 // the entry that grows, and the weight before it
		for i := 1; i <= last; i++ {
			w, next := float64(e.weight[keep]), float64(e.weight[i])
			middle := below + (w+next)/2
			if keep > 0 && i < last && w+next <= share*min(middle, n-middle) {
				e.mean[keep] += (e.mean[i] - e.mean[keep]) * float32(next/(w+next))
				e.weight[keep] = float32(w + next)
				continue
			}
			below += w
			keep++
			e.mean[keep], e.weight[keep] = e.mean[i], e.weight[i]
		}
		e.n = keep + 1
	}
}

// fade halves every weight, forgets entries that have become negligible, and returns the weight that is left.
func (e *entries) fade() (n float64) {
	keep := 0
	for i, w := range e.weight[:e.n] {
		if w /= 2; w >= 0.2 {
			e.mean[keep], e.weight[keep] = e.mean[i], w
			n += float64(w)
			keep++
		}
	}
	e.n = keep
	return n
}

// Append appends the digest in binary form.
func (d *Digest) Append(dst []byte) []byte {
	dst = AppendFloat(dst, d.n)
	dst = AppendUint(dst, uint64(d.kept))
	for i := range d.kept {
		dst = AppendUint(dst, uint64(math.Float32bits(d.data.mean[i])))
		dst = AppendUint(dst, uint64(math.Float32bits(d.data.weight[i])))
	}
	dst = AppendUint(dst, uint64(d.news))
	for i := range d.news {
		dst = AppendUint(dst, uint64(math.Float32bits(d.waiting[i])))
	}
	return dst
}

// Read replaces the digest by one that Append wrote; on a damaged one it fails the reader.
func (d *Digest) Read(r *Reader) {
	*d = Digest{n: r.Finite()}
	data, waiting := new(digestData), new([digestNews]float32)
	d.kept = int32(r.Count(DigestKept))
	total := 0.0
	for i := range d.kept {
		m, w := r.float32(), r.float32()
		if !(w > 0) || i > 0 && m <= data.mean[i-1] {
			r.Fail()
		}
		data.mean[i], data.weight[i] = m, w
		total += float64(w)
	}
	d.news = int32(r.Count(digestNews - 1))
	for i := range d.news {
		waiting[i] = r.float32()
	}
	// Weights are rounded when entries merge, by far less than half a reading in all.
	if total += float64(d.news); !(math.Abs(d.n-total) <= 0.5) || d.n >= DigestMemory {
		r.Fail()
	}
	if r.Err() != nil {
		*d = Digest{}
		return
	}
	if d.kept > 0 {
		d.data = data
	}
	if d.news > 0 {
		d.waiting = waiting
	}
}

// float32 reads a finite number of single precision.
func (r *Reader) float32() float32 {
	f := math.Float32frombits(uint32(r.Count(math.MaxUint32)))
	if f-f != 0 {
		r.Fail()
	}
	return f
}
