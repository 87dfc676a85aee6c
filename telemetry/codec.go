package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// EntryKind tells what one entry of the journal holds.
type EntryKind byte

// The kinds of entries. Their numbers are part of the stored format.
const (
	EntryBatch    EntryKind = 1 // a [Batch]
	EntryRejected EntryKind = 2 // a [Rejected]
	EntryTick     EntryKind = 3 // the arrival clock, see [AppendTick]
)

// ErrBadEntry is wrapped by the errors of entries that cannot be decoded.
var ErrBadEntry = errors.New("bad journal entry")

// ErrNewerEntry is wrapped by errors of entries that a newer release wrote. They
// are no [ErrBadEntry]: nothing is wrong with them, and they must not be passed over.
var ErrNewerEntry = errors.New("journal entry of a newer release")

// entryVersion is the first byte of every entry. A reader refuses what it does
// not know; a new version is read for one release before it is written.
const entryVersion = 1

// dictSize is how many metric names of one batch are written once and then
// referred to by number. It is part of the stored format.
const dictSize = 64

// AppendBatch appends the binary form of b to dst and returns the longer slice.
// It allocates nothing when dst has room and no event or state has more than
// [MaxAttributes] attributes.
//
// The form is: version, kind, tenant (empty for [DefaultTenant]), device,
// arrival; the number of samples, and for each the metric, the time and the
// 8 bytes of the value; the number of events and states and their fields.
// Numbers are varints, signed ones zigzag; strings are a length and bytes. A
// time is the difference from the time before it, the first from the arrival.
// A metric is 0 and the name, or 1 plus the number of its name among the first 64
// that were written so.
func AppendBatch(dst []byte, b *Batch) []byte {
	dst = append(dst, entryVersion, byte(EntryBatch))
	dst = appendTenant(dst, b.Tenant)
	dst = appendString(dst, b.Device)
	dst = binary.AppendVarint(dst, b.Arrival)
	dst = appendSamples(dst, b.Samples, b.Arrival)
	dst = binary.AppendUvarint(dst, uint64(len(b.Events)))
	for i := range b.Events {
		e := &b.Events[i]
		dst = binary.AppendVarint(dst, e.Time-b.Arrival)
		dst = appendString(dst, e.ID)
		dst = appendString(dst, e.Code)
		dst = append(dst, byte(e.Severity))
		dst = appendAttributes(dst, e.Attributes)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.States)))
	for i := range b.States {
		s := &b.States[i]
		dst = binary.AppendVarint(dst, s.Time-b.Arrival)
		dst = appendBool(dst, s.Online)
		dst = appendAttributes(dst, s.Attributes)
	}
	return dst
}

// AppendRejected appends the binary form of r to dst and returns the longer slice.
func AppendRejected(dst []byte, r *Rejected) []byte {
	dst = append(dst, entryVersion, byte(EntryRejected))
	dst = appendTenant(dst, r.Tenant)
	dst = appendString(dst, r.Device)
	dst = appendString(dst, r.Topic)
	dst = binary.AppendVarint(dst, r.Arrival)
	dst = appendString(dst, r.Reason)
	dst = appendString(dst, r.Detail)
	dst = appendBool(dst, r.Truncated)
	dst = binary.AppendUvarint(dst, uint64(len(r.Payload)))
	return append(dst, r.Payload...)
}

// AppendTick appends a tick to dst: everything that had arrived by arrival, in
// Unix milliseconds, stands before it in the journal.
func AppendTick(dst []byte, arrival int64) []byte {
	dst = append(dst, entryVersion, byte(EntryTick))
	return binary.AppendVarint(dst, arrival)
}

// KindOf returns what an entry holds, so that the right method of a [Decoder] is called.
func KindOf(entry []byte) (EntryKind, error) {
	if len(entry) < 2 {
		return 0, fmt.Errorf("%w: %d bytes are too short", ErrBadEntry, len(entry))
	}
	if entry[0] != entryVersion {
		return 0, fmt.Errorf("%w: format version %d, this release reads version %d: start the newer one", ErrNewerEntry, entry[0], entryVersion)
	}
	switch k := EntryKind(entry[1]); k {
	case EntryBatch, EntryRejected, EntryTick:
		return k, nil
	default:
		return 0, fmt.Errorf("%w: kind %d is unknown here: start the newer one", ErrNewerEntry, k)
	}
}

func appendSamples(dst []byte, samples []Sample, last int64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(samples)))
	var (
		dict [dictSize]int32 // where each name stands first
		n    int             // names in dict
		next int             // the name expected: readings repeat their metrics in order
	)
	first := true // in the first reading, whose names are all new
	for i := range samples {
		s := &samples[i]
		ref := -1
		if first = first && s.Time == samples[0].Time; !first && n > 0 {
			if samples[dict[next]].Metric == s.Metric {
				ref = next
			} else {
				ref = slices.IndexFunc(dict[:n], func(at int32) bool { return samples[at].Metric == s.Metric })
			}
		}
		if ref >= 0 {
			dst = append(dst, byte(ref+1)) // at most dictSize, so one byte of a varint
			if next = ref + 1; next == n {
				next = 0
			}
		} else {
			dst = append(dst, 0)
			dst = appendString(dst, s.Metric)
			if n < dictSize {
				dict[n] = int32(i)
				n++
			}
			next = 0
		}
		dst = binary.AppendVarint(dst, s.Time-last)
		last = s.Time
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(s.Value))
	}
	return dst
}

// appendAttributes writes the pairs in the order of their keys, so that equal
// maps have equal bytes.
func appendAttributes(dst []byte, attributes map[string]string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(attributes)))
	if len(attributes) == 0 {
		return dst
	}
	var room [MaxAttributes]string
	keys := room[:0]
	for k := range attributes {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		dst = appendString(dst, k)
		dst = appendString(dst, attributes[k])
	}
	return dst
}

func appendTenant(dst []byte, tenant string) []byte {
	if tenant == DefaultTenant {
		return append(dst, 0)
	}
	return appendString(dst, tenant)
}

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}
