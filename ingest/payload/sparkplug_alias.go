package payload

import (
	"strings"
	"sync"
	"sync/atomic"
)

// sparkplug remembers what births declared: names and types behind the
// aliases of each edge node, and the devices behind it. It is memory only: after a
// restart, messages with aliases are quarantined with [ReasonUnknownAlias] until
// the edge node has published its birth again, for which [Decoder.OnUnknownAlias] asks.
type sparkplug struct {
	most int // metrics and devices over all edge nodes

	ask atomic.Pointer[func(Rebirth)] // nil when nobody can

	mu    sync.Mutex
	count int
	nodes map[nodeKey]*edgeNode
	asked map[nodeKey]int64 // arrival of the message for which a rebirth was asked
}

type nodeKey struct{ tenant, group, node string }

// clone is a key that does not hold on to the topic that it came from.
func (k nodeKey) clone() nodeKey {
	return nodeKey{strings.Clone(k.tenant), strings.Clone(k.group), strings.Clone(k.node)}
}

type edgeNode struct {
	metrics map[string]map[uint64]declared // by device, "" for the node itself
	types   map[string]map[string]uint32   // data types by device and metric name
}

// declared is what a birth said of an alias.
type declared struct {
	name     string
	datatype uint32
}

func newSparkplug(most int) *sparkplug {
	return &sparkplug{most: most, nodes: map[nodeKey]*edgeNode{}, asked: map[nodeKey]int64{}}
}

// born replaces what was known of a device; the birth of a node forgets its
// devices, which publish births of their own after it (section 6.4.19).
func (s *sparkplug) born(key nodeKey, device string, metrics []birthMetric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[key]
	if n == nil || device == "" {
		s.forget(n)
		delete(s.nodes, key)
		if s.count >= s.most {
			return
		}
		n = &edgeNode{metrics: map[string]map[uint64]declared{}, types: map[string]map[string]uint32{}}
		s.nodes[key.clone()] = n
	}
	if old, known := n.types[device]; known {
		s.count -= cost(old)
		delete(n.types, device)
		delete(n.metrics, device)
	}
	aliases, types := map[uint64]declared{}, map[string]uint32{}
	for _, m := range metrics {
		if s.count+cost(types) >= s.most {
			break
		}
		types[m.name] = m.datatype
		if m.hasAlias {
			aliases[m.alias] = m.declared
		}
	}
	if s.count+cost(types) > s.most {
		return
	}
	s.count += cost(types)
	device = strings.Clone(device)
	n.metrics[device], n.types[device] = aliases, types
}

// cost is what a device counts against the limit: its metrics, and itself.
func cost(types map[string]uint32) int { return len(types) + 1 }

// birthMetric is one metric that a birth declared.
type birthMetric struct {
	declared
	alias    uint64
	hasAlias bool
}

func (s *sparkplug) forget(n *edgeNode) {
	if n == nil {
		return
	}
	for _, types := range n.types {
		s.count -= cost(types)
	}
}

// byAlias finds what an alias of a device stands for.
func (s *sparkplug) byAlias(key nodeKey, device string, alias uint64) (declared, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[key]
	if n == nil {
		return declared{}, false
	}
	d, ok := n.metrics[device][alias]
	return d, ok
}

// typeOf is the data type that the birth declared for a name, 0 when unknown.
func (s *sparkplug) typeOf(key nodeKey, device string, name []byte) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[key]
	if n == nil {
		return 0
	}
	return n.types[device][string(name)]
}

// devices lists the devices that were born behind an edge node.
func (s *sparkplug) devices(key nodeKey) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[key]
	if n == nil {
		return nil
	}
	var devices []string
	for device := range n.types {
		if device != "" {
			devices = append(devices, device)
		}
	}
	return devices
}
