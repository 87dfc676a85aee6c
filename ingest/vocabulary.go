package ingest

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/presage-pdm/presage/telemetry"
)

// vocabulary remembers which metrics each device has used, as hashes, so that a device that
// makes up ever new names cannot fill the series store and the memory of the detectors; and how many
// messages it may send right now. It forgets with the process. A device of ten metrics costs some 250 bytes.
type vocabulary struct {
	most   int
	rate   deviceRate
	seed   maphash.Seed // keeps outsiders from making names that collide
	shards [64]vocabularyShard
}

type vocabularyShard struct {
	mu      sync.Mutex
	devices map[device]*words
}

// words are the metrics of one device.
type words struct {
	full  int64          // when the device may send a whole burst again, in Unix nanoseconds; see deviceRate
	order []uint64       // hashes in the order in which they came
	at    map[uint64]int // where each stands; only made for more than fewWords
}

// fewWords is how many hashes are searched one by one.
const fewWords = 32

func newVocabulary(most int, rate deviceRate) *vocabulary {
	v := &vocabulary{most: most, rate: rate, seed: maphash.MakeSeed()}
	for i := range v.shards {
		v.shards[i].devices = make(map[device]*words)
	}
	return v
}

// take notes the metrics of a batch, until the device would have more than it may;
// then it reports false. It also counts the message, and returns for how long the device has to wait with the next one.
func (v *vocabulary) take(b *telemetry.Batch) (taken bool, wait time.Duration) {
	s := &v.shards[maphash.String(v.seed, b.Device)%uint64(len(v.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.devices[device{b.Tenant, b.Device}]
	if w == nil {
		w = new(words)
		s.devices[device{b.Tenant, b.Device}] = w
	}
	wait = v.rate.take(&w.full, b.Arrival)
	next := 0
	for i := range b.Samples {
		h := maphash.String(v.seed, b.Samples[i].Metric)
		if next >= len(w.order) || w.order[next] != h { // else the message repeats its metrics in order
			if next = w.find(h); next < 0 {
				if len(w.order) >= v.most {
					return false, wait
				}
				w.add(h)
				next = len(w.order) - 1
			}
		}
		next++
	}
	return true, wait
}

func (w *words) find(h uint64) int {
	if w.at == nil {
		return slices.Index(w.order, h)
	}
	if at, ok := w.at[h]; ok {
		return at
	}
	return -1
}

func (w *words) add(h uint64) {
	w.order = append(w.order, h)
	switch {
	case w.at != nil:
		w.at[h] = len(w.order) - 1
	case len(w.order) > fewWords:
		w.at = make(map[uint64]int, 2*fewWords)
		for i, h := range w.order {
			w.at[h] = i
		}
	}
}
