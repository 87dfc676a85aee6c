package broker

import "github.com/mochi-mqtt/server/v2/packets"

// readBuffer is how much is read from a connection at once, in bytes: dozens of
// messages of ordinary size, and little enough for many connections that say nothing.
const readBuffer = 8 << 10

// buffer is what a connection reads into. Connections borrow one while there is something to read: one
// that says nothing has none.
type buffer [readBuffer]byte

// stream finds the boundaries of MQTT packets (MQTT 5.0 section 2.1) in what a client sends.
type stream struct {
	buf  *buffer // nil when nothing is buffered and nothing is read
	r, w int     // what is between was received and not handed over
}

// frame is the fixed header of a packet.
type frame struct {
	header byte
	start  int // length of the fixed header
	length int // of what is behind the fixed header
}

func (f frame) kind() byte { return f.header >> 4 }
func (f frame) size() int  { return f.start + f.length }

type frameState int

const (
	complete frameState = iota // the fixed header is there; the rest may not be
	partial
	malformed
)

// oversize is a packet beyond the limit.
type oversize struct {
	kind   byte // packet type
	length int
	topic  string // empty when it is no PUBLISH, or when the topic was not received
}

func (s *stream) buffered() int { return s.w - s.r }

// full tells whether nothing more can be received before something is handed over.
func (s *stream) full() bool { return s.buffered() == readBuffer }

// front reads the fixed header of the next packet.
func (s *stream) front() (frame, frameState) {
	if s.buffered() < 2 {
		return frame{}, partial
	}
	b := s.buf[s.r:s.w]
	f := frame{header: b[0]}
	for i := 1; i <= 4; i++ {
		if i == len(b) {
			return f, partial
		}
		f.length |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 == 0 {
			f.start = i + 1
			return f, complete
		}
	}
	return f, malformed
}

// packet is what is behind the fixed header of a packet that is buffered as a whole.
func (s *stream) packet(f frame) []byte { return s.buf[s.r+f.start : s.r+f.size()] }

// topic is that of the PUBLISH at the front; empty when it has not been received.
func (s *stream) topic(f frame) string {
	body := s.buf[s.r+f.start : s.w]
	if f.kind() != packets.Publish || len(body) < 2 {
		return ""
	}
	n := int(body[0])<<8 | int(body[1])
	if len(body) < 2+n {
		return ""
	}
	return string(body[2 : 2+n])
}

// read hands bytes over.
func (s *stream) read(p []byte) int {
	n := copy(p, s.buf[s.r:s.w])
	s.r += n
	return n
}

func (s *stream) skip(n int) { s.r += n }

// room is where more can be received, given a buffer to borrow when there is none. It is never empty when full is false.
func (s *stream) room(spare func() *buffer) []byte {
	if s.buf == nil {
		s.buf = spare()
	}
	if s.r > 0 {
		s.w = copy(s.buf[:], s.buf[s.r:s.w])
		s.r = 0
	}
	return s.buf[s.w:]
}

// received says that n bytes came into the room.
func (s *stream) received(n int) { s.w += n }

// release gives back the buffer of a stream of which everything was handed over; nil when there is none.
func (s *stream) release() *buffer {
	if s.buffered() > 0 {
		return nil
	}
	b := s.buf
	s.buf, s.r, s.w = nil, 0, 0
	return b
}
