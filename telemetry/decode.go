package telemetry

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Decoder reads entries of the journal. It keeps the names that it has seen, so
// that a name met again costs no allocation, and it forgets them all when they
// become too many. The zero value is ready for use; it serves one goroutine at
// a time. What it returns stays valid when the entry's bytes are reused.
type Decoder struct {
	names   interner // metrics and tenants
	devices interner
	dict    [dictSize]string
}

// Bounds of what a decoder remembers: some 10 and 20 MB when full of the longest names.
const (
	maxNames   = 1 << 16
	maxDevices = 1 << 17
)

// Batch reads an entry of kind [EntryBatch] into b. The slices of b are reused;
// on an error b holds nothing of use. Values that are not finite are refused.
func (d *Decoder) Batch(entry []byte, b *Batch) error {
	r, err := reader(entry, EntryBatch)
	if err != nil {
		return err
	}
	b.Tenant = d.tenant(&r)
	b.Device = d.devices.intern(r.bytes(), maxDevices)
	b.Arrival = r.varint()
	b.Samples = d.samples(&r, b.Samples[:0], b.Arrival)
	b.Events = b.Events[:0]
	for range r.count(5) {
		b.Events = append(b.Events, Event{
			Time:       b.Arrival + r.varint(),
			ID:         string(r.bytes()),
			Code:       d.names.intern(r.bytes(), maxNames),
			Severity:   r.severity(),
			Attributes: r.attributes(),
		})
	}
	b.States = b.States[:0]
	for range r.count(3) {
		b.States = append(b.States, State{
			Time:       b.Arrival + r.varint(),
			Online:     r.bool(),
			Attributes: r.attributes(),
		})
	}
	return r.end()
}

// Rejected reads an entry of kind [EntryRejected].
func (d *Decoder) Rejected(entry []byte) (Rejected, error) {
	r, err := reader(entry, EntryRejected)
	if err != nil {
		return Rejected{}, err
	}
	v := Rejected{
		Tenant:    d.tenant(&r),
		Device:    string(r.bytes()),
		Topic:     string(r.bytes()),
		Arrival:   r.varint(),
		Reason:    d.names.intern(r.bytes(), maxNames),
		Detail:    string(r.bytes()),
		Truncated: r.bool(),
		Payload:   append([]byte(nil), r.bytes()...),
	}
	return v, r.end()
}

// DecodeTick reads an entry of kind [EntryTick] and returns its arrival time in Unix milliseconds.
func DecodeTick(entry []byte) (arrival int64, err error) {
	r, err := reader(entry, EntryTick)
	if err != nil {
		return 0, err
	}
	arrival = r.varint()
	return arrival, r.end()
}

func (d *Decoder) samples(r *entryReader, dst []Sample, last int64) []Sample {
	n := 0
	for range r.count(10) {
		if n < dictSize {
			// Nearly every sample of a message with one reading: in full, the name that the message before had at this place,
			// and a step in time of one byte.
			name := d.dict[n]
			if size := 1 + 1 + len(name) + 1 + 8; len(r.rest) >= size && r.rest[0] == 0 && int(r.rest[1]) == len(name) && len(name) < 0x80 &&
				r.rest[size-9] < 0x80 && string(r.rest[2:size-9]) == name {
				delta := int64(r.rest[size-9])
				last += delta>>1 ^ -(delta & 1)
				r.rest = r.rest[size-8:]
				n++
				dst = append(dst, Sample{Metric: name, Time: last, Value: r.float()})
				if r.err != nil {
					return dst
				}
				continue
			}
		}
		var metric string
		if ref := r.byte(); ref == 0 {
			metric = d.names.intern(r.bytes(), maxNames)
			if n < dictSize {
				d.dict[n] = metric
				n++
			}
		} else if int(ref) <= n {
			metric = d.dict[ref-1]
		} else {
			r.fail("metric %d is not among the %d before it", ref, n)
		}
		last += r.varint()
		value := r.float()
		if r.err != nil {
			return dst
		}
		dst = append(dst, Sample{Metric: metric, Time: last, Value: value})
	}
	return dst
}

func (d *Decoder) tenant(r *entryReader) string {
	if t := r.bytes(); len(t) > 0 {
		return d.names.intern(t, maxNames)
	}
	return DefaultTenant
}

// interner gives equal bytes the same string.
type interner map[string]string

func (in *interner) intern(b []byte, most int) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := (*in)[string(b)]; ok { // does not allocate
		return s
	}
	if *in == nil || len(*in) >= most {
		*in = make(interner)
	}
	s := string(b)
	(*in)[s] = s
	return s
}

// entryReader walks the bytes of an entry. After the first failure it yields
// zeros; err tells what it was.
type entryReader struct {
	rest []byte
	size int
	err  error
}

func reader(entry []byte, want EntryKind) (entryReader, error) {
	kind, err := KindOf(entry)
	if err != nil {
		return entryReader{}, err
	}
	if kind != want {
		return entryReader{}, fmt.Errorf("%w: kind is %d, want %d", ErrBadEntry, kind, want)
	}
	return entryReader{rest: entry[2:], size: len(entry)}, nil
}

func (r *entryReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: at byte %d of %d: %s", ErrBadEntry, r.size-len(r.rest), r.size, fmt.Sprintf(format, args...))
	}
	r.rest = nil
}

func (r *entryReader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.err
}

func (r *entryReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail("cut short")
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *entryReader) bool() bool {
	b := r.byte()
	if b > 1 {
		r.fail("%d is no boolean", b)
	}
	return b == 1
}

func (r *entryReader) severity() Severity {
	s := Severity(r.byte())
	if s > Critical {
		r.fail("%d is no severity", s)
	}
	return s
}

func (r *entryReader) uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 { // most are one byte
		v := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail("bad varint")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *entryReader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *entryReader) float() float64 {
	if len(r.rest) < 8 {
		r.fail("cut short")
		return 0
	}
	bits := binary.LittleEndian.Uint64(r.rest)
	if bits>>52&0x7ff == 0x7ff {
		r.fail("value is not finite")
		return 0
	}
	r.rest = r.rest[8:]
	return math.Float64frombits(bits)
}

// bytes returns the next string, valid as long as the entry.
func (r *entryReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail("a string of %d bytes with %d left", n, len(r.rest))
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// count reads the number of items that follow, each at least size bytes, so that
// a damaged count cannot ask for more memory than the entry has bytes.
func (r *entryReader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)/size) {
		r.fail("%d items with %d bytes left", n, len(r.rest))
		return 0
	}
	return int(n)
}

func (r *entryReader) attributes() map[string]string {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		k := string(r.bytes())
		m[k] = string(r.bytes())
	}
	return m
}
