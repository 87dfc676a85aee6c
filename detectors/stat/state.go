// Package stat holds the numerics under the detectors: tails, digests, running
// moments, and the binary form of their state. Everything is deterministic and
// allocates only where it says so.
package stat

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrState is the error of every state that cannot be read.
var ErrState = errors.New("detector state is damaged or of another version")

// AppendFloat appends v as 8 bytes, little endian, bit by bit, so that NaN survives.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
}

// AppendFloats appends each of vs.
func AppendFloats(dst []byte, vs ...float64) []byte {
	for _, v := range vs {
		dst = AppendFloat(dst, v)
	}
	return dst
}

// AppendFloat32 appends v as 4 bytes, little endian.
func AppendFloat32(dst []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
}

// AppendInt appends v as a zig-zag varint.
func AppendInt(dst []byte, v int64) []byte { return binary.AppendVarint(dst, v) }

// AppendUint appends v as a varint.
func AppendUint(dst []byte, v uint64) []byte { return binary.AppendUvarint(dst, v) }

// AppendString appends the length of s and s.
func AppendString(dst []byte, s string) []byte {
	return append(AppendUint(dst, uint64(len(s))), s...)
}

// AppendBool appends one byte.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendBlob appends the length of what write appends, in 4 bytes, and that.
func AppendBlob(dst []byte, write func([]byte) []byte) []byte {
	at := len(dst)
	dst = write(append(dst, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// Reader reads what the Append functions wrote. After the first thing that is not there it
// returns zero values and Err tells; it never panics and never allocates more than the input holds.
type Reader struct {
	buf []byte
	bad bool
}

// NewReader returns a reader of buf, which it does not change.
func NewReader(buf []byte) *Reader { return &Reader{buf: buf} }

// Err returns [ErrState] when anything was missing or out of range.
func (r *Reader) Err() error {
	if r.bad {
		return ErrState
	}
	return nil
}

// Done returns Err, or [ErrState] when bytes are left over.
func (r *Reader) Done() error {
	if len(r.buf) > 0 {
		r.bad = true
	}
	return r.Err()
}

// Rest returns the bytes that were not read.
func (r *Reader) Rest() []byte { return r.buf }

// Fail marks the state as damaged, for values that are there and make no sense.
func (r *Reader) Fail() { r.bad, r.buf = true, nil }

// Float reads what [AppendFloat] wrote.
func (r *Reader) Float() float64 {
	if r.bad || len(r.buf) < 8 {
		r.Fail()
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(r.buf))
	r.buf = r.buf[8:]
	return v
}

// Floats reads into each of ps.
func (r *Reader) Floats(ps ...*float64) {
	for _, p := range ps {
		*p = r.Float()
	}
}

// Finite reads a float that must not be NaN or infinite.
func (r *Reader) Finite() float64 {
	v := r.Float()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail()
		return 0
	}
	return v
}

// Float32 reads what [AppendFloat32] wrote.
func (r *Reader) Float32() float32 {
	if r.bad || len(r.buf) < 4 {
		r.Fail()
		return 0
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(r.buf))
	r.buf = r.buf[4:]
	return v
}

// Finite32 reads what [AppendFloat32] wrote, which must not be NaN or infinite.
func (r *Reader) Finite32() float32 {
	v := r.Float32()
	if v-v != 0 {
		r.Fail()
		return 0
	}
	return v
}

// Int reads what [AppendInt] wrote.
func (r *Reader) Int() int64 {
	v, n := binary.Varint(r.buf)
	if r.bad || n <= 0 {
		r.Fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// Uint reads what [AppendUint] wrote.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.buf)
	if r.bad || n <= 0 {
		r.Fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// Count reads a length of at most most.
func (r *Reader) Count(most int) int {
	v := r.Uint()
	if v > uint64(most) {
		r.Fail()
		return 0
	}
	return int(v)
}

// Bool reads what [AppendBool] wrote.
func (r *Reader) Bool() bool {
	if r.bad || len(r.buf) < 1 || r.buf[0] > 1 {
		r.Fail()
		return false
	}
	b := r.buf[0] == 1
	r.buf = r.buf[1:]
	return b
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.bad || len(r.buf) < 1 {
		r.Fail()
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

// Bytes reads a length of at most most and that many bytes, which alias the input.
func (r *Reader) Bytes(most int) []byte {
	n := r.Count(most)
	if r.bad || n > len(r.buf) {
		r.Fail()
		return nil
	}
	b := r.buf[:n]
	r.buf = r.buf[n:]
	return b
}

// String reads what [AppendString] wrote, of at most most bytes.
func (r *Reader) String(most int) string { return string(r.Bytes(most)) }

// Blob reads what [AppendBlob] wrote, of at most most bytes, which alias the input.
func (r *Reader) Blob(most int) []byte {
	if r.bad || len(r.buf) < 4 {
		r.Fail()
		return nil
	}
	n := binary.LittleEndian.Uint32(r.buf)
	if uint64(n) > uint64(most) || uint64(n) > uint64(len(r.buf)-4) {
		r.Fail()
		return nil
	}
	b := r.buf[4 : 4+n]
	r.buf = r.buf[4+n:]
	return b
}
