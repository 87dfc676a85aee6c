package payload

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Rebirth asks an edge node to publish its births again.
type Rebirth struct {
	Tenant  string
	Topic   string // NCMD of the edge node
	Payload []byte
}

// rebirthEvery is the shortest time between two requests to one edge node, in
// milliseconds: a node needs a moment to answer, and sends data meanwhile.
const rebirthEvery = 30_000

// OnUnknownAlias sets what is called when an edge node uses aliases that no birth
// declared here, which is so for every node after a restart. The function publishes the request to the
// broker, without waiting; it is called at most once in 30 s for a node. Until the node has
// answered, its data lies in the quarantine.
func (d *Decoder) OnUnknownAlias(ask func(Rebirth)) { d.sparkplug.ask.Store(&ask) }

// unknownAlias asks for a rebirth, unless that was done a moment ago.
func (s *sparkplug) unknownAlias(key nodeKey, arrival int64) {
	ask := s.ask.Load()
	if ask == nil || !s.due(key, arrival) {
		return
	}
	(*ask)(Rebirth{
		Tenant:  key.tenant,
		Topic:   sparkplugRoot + key.group + "/NCMD/" + key.node,
		Payload: rebirthPayload(arrival),
	})
}

// maxAsked bounds the nodes of which it is remembered when they were asked.
const maxAsked = 10_000

func (s *sparkplug) due(key nodeKey, now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, asked := s.asked[key]; asked && now-last < rebirthEvery {
		return false
	}
	if len(s.asked) >= maxAsked {
		clear(s.asked)
	}
	s.asked[key.clone()] = now
	return true
}

// rebirthPayload is the command of section 6.4.21: the metric "Node Control/Rebirth" with the value true.
func rebirthPayload(now int64) []byte {
	const typeBoolean = 11
	var m []byte
	m = protowire.AppendTag(m, fieldName, protowire.BytesType)
	m = protowire.AppendString(m, "Node Control/Rebirth")
	m = protowire.AppendTag(m, fieldTimestamp, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(now))
	m = protowire.AppendTag(m, fieldDatatype, protowire.VarintType)
	m = protowire.AppendVarint(m, typeBoolean)
	m = protowire.AppendTag(m, fieldBoolean, protowire.VarintType)
	m = protowire.AppendVarint(m, 1)
	var b []byte
	b = protowire.AppendTag(b, fieldPayloadTimestamp, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(now))
	b = protowire.AppendTag(b, fieldPayloadMetrics, protowire.BytesType)
	return protowire.AppendBytes(b, m)
}
