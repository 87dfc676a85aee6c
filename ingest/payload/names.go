package payload

import (
	"strings"
	"sync"
	"sync/atomic"
)

// names shares one copy of every metric name, so that a reading costs no
// allocation for its name and a name is checked once. Lookups of known names
// take no lock: they read a map that is never written again. New names collect
// in a second map under a lock, which is merged and published when lookups have
// missed as often as copying costs. The zero value is not ready; see newNames.
type names struct {
	published atomic.Pointer[map[string]string]
	valid     func(string) error
	most      int

	mu     sync.Mutex
	all    map[string]string // everything published, and more
	misses int
}

func newNames(most int, valid func(string) error) *names {
	n := &names{valid: valid, most: most, all: map[string]string{}}
	n.published.Store(&map[string]string{})
	return n
}

// shared returns the lasting copy of name, which may be a view of a buffer that
// is about to be reused, or why name is not allowed.
func (n *names) shared(name string) (string, error) {
	if s, ok := (*n.published.Load())[name]; ok {
		return s, nil
	}
	return n.slow(name)
}

func (n *names) slow(name string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s, known := n.all[name]
	if !known {
		if err := n.valid(name); err != nil {
			return "", err
		}
		s = strings.Clone(name)
		if len(n.all) >= n.most {
			return s, nil
		}
		n.all[s] = s
	}
	if n.misses++; n.misses > len(*n.published.Load())/2 {
		next := make(map[string]string, len(n.all))
		for k, v := range n.all {
			next[k] = v
		}
		n.published.Store(&next)
		n.misses = 0
	}
	return s, nil
}
