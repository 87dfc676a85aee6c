package broker

import "github.com/mochi-mqtt/server/v2/packets"

// framer follows the boundaries of MQTT packets in what a client sends (MQTT
// 5.0 section 2.1), to know more of a packet that is too large than the library tells: its topic.
type framer struct {
	most  int // bytes of a packet behind its first byte; connectBytes for the first packet
	first bool

	state  frameState
	header byte
	length int // what the length field says so far
	shift  int
	skip   int // bytes of the body that are still to come
}

type frameState uint8

const (
	atHeader frameState = iota
	inLength
	inBody
	broken
)

// oversize is a packet beyond the limit.
type oversize struct {
	kind   byte // packet type
	length int
	topic  string // empty when it is no PUBLISH, or when the topic was not in the same read
}

// scan follows b. It returns the packet that is too large, when its length was in b;
// what comes after it is not followed.
func (f *framer) scan(b []byte) *oversize {
	for len(b) > 0 {
		switch f.state {
		case atHeader:
			f.header, f.length, f.shift, f.state = b[0], 0, 0, inLength
			b = b[1:]
		case inLength:
			f.length |= int(b[0]&0x7f) << f.shift
			more := b[0]&0x80 != 0
			b = b[1:]
			f.shift += 7
			if more {
				if f.shift > 21 {
					f.state = broken // the library closes the connection
				}
				continue
			}
			most := f.most
			if f.first {
				most, f.first = min(most, connectBytes), false
			}
			if f.length+1 > most {
				f.state = broken
				return f.oversize(b)
			}
			f.skip, f.state = f.length, inBody
			if f.skip == 0 {
				f.state = atHeader
			}
		case inBody:
			n := min(f.skip, len(b))
			b, f.skip = b[n:], f.skip-n
			if f.skip == 0 {
				f.state = atHeader
			}
		case broken:
			return nil
		}
	}
	return nil
}

func (f *framer) oversize(body []byte) *oversize {
	o := &oversize{kind: f.header >> 4, length: f.length}
	if o.kind == packets.Publish && len(body) >= 2 {
		if n := int(body[0])<<8 | int(body[1]); len(body) >= 2+n {
			o.topic = string(body[2 : 2+n])
		}
	}
	return o
}
