package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The form of a segment, from Prometheus' tsdb/docs/format/wal.md: pages of 32 KiB;
// in them fragments of records, each with a header of type (1 byte), length (2, big endian)
// and CRC-32C (4, big endian); a zero byte in place of a type means that the rest of the page is empty.
const (
	pageSize       = 32 << 10
	fragmentHeader = 7

	typePageEnd = 0
	typeFull    = 1
	typeFirst   = 2
	typeMiddle  = 3
	typeLast    = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// advance returns where wlog stands in a segment after it logged a record of n
// bytes at off.
func advance(off int64, n int) int64 {
	for {
		left := pageSize - off%pageSize
		part := min(int64(n), left-fragmentHeader)
		off += fragmentHeader + part
		n -= int(part)
		if left = pageSize - off%pageSize; left < fragmentHeader {
			off += left // no header fits: wlog closes the page
		}
		if n == 0 {
			return off
		}
	}
}

// segmentReader reads the records of a segment, from any place where one begins.
// A damaged record is lost, and reading goes on with the next one.
type segmentReader struct {
	file   io.ReaderAt
	off    int64 // of the next fragment
	end    int64 // behind the last whole record that was returned
	lost   int64 // bytes that were passed over because they were damaged
	window []byte
	start  int64  // of the window in the file
	filled int    // bytes of the window that are read
	record []byte // fragments gathered
	within bool   // record holds a beginning
}

// restart turns the reader to another file.
func (r *segmentReader) restart(file io.ReaderAt, off int64) {
	*r = segmentReader{file: file, off: off, end: off, window: r.window, record: r.record[:0]}
}

// windowSize is how much is read at once.
const windowSize = 8 * pageSize

func newSegmentReader(file io.ReaderAt, off int64) *segmentReader {
	return &segmentReader{file: file, off: off, end: off, window: make([]byte, windowSize)}
}

// next returns the next record that lies wholly before limit, or nil when there is none.
// The record is valid until the next call.
func (r *segmentReader) next(limit int64) ([]byte, error) {
	if !r.within {
		r.record = r.record[:0]
	}
	for r.off < limit {
		kind, body, err := r.fragment(r.off, limit)
		if err != nil {
			return nil, err
		}
		length := int64(len(body))
		switch kind {
		case typePageEnd:
			r.off += pageSize - r.off%pageSize
			continue
		case damaged:
			if err := r.passOver(limit); err != nil {
				return nil, err
			}
			continue
		}
		r.off += fragmentHeader + length
		switch kind {
		case typeFull:
			r.drop()
			r.end = r.off
			return body, nil
		case typeFirst:
			r.drop()
			r.record = append(r.record, body...)
			r.within = true
		default:
			if !r.within {
				r.lost += fragmentHeader + length
				continue
			}
			r.record = append(r.record, body...)
			if kind == typeLast {
				r.within = false
				r.end = r.off
				return r.record, nil
			}
		}
	}
	return nil, nil
}

// damaged is the kind of what is no fragment.
const damaged = typeLast + 1

// fragment returns what stands at off, before limit. The body is valid until the next call.
func (r *segmentReader) fragment(off, limit int64) (kind byte, body []byte, err error) {
	left := pageSize - off%pageSize
	if left < fragmentHeader {
		return typePageEnd, nil, nil
	}
	head, err := r.peek(off, fragmentHeader, limit)
	if err != nil {
		return damaged, nil, err
	}
	if len(head) > 0 && head[0] == typePageEnd {
		// Zeros to the end of the page; what is not may have been a fragment whose type was lost.
		if head, err = r.peek(off, left, limit); err != nil || len(bytes.TrimLeft(head, "\x00")) > 0 {
			return damaged, nil, err
		}
		return typePageEnd, nil, nil
	}
	if len(head) < fragmentHeader {
		return damaged, nil, nil
	}
	kind = head[0]
	length, sum := int64(binary.BigEndian.Uint16(head[1:])), binary.BigEndian.Uint32(head[3:])
	if kind > typeLast || length > left-fragmentHeader {
		return damaged, nil, nil
	}
	body, err = r.peek(off, fragmentHeader+length, limit)
	if err != nil || int64(len(body)) < fragmentHeader+length {
		return damaged, nil, err
	}
	body = body[fragmentHeader:]
	if crc32.Checksum(body, castagnoli) != sum {
		return damaged, nil, nil
	}
	return kind, body, nil
}

// passOver moves behind a damaged fragment: to where it says that it ends, if another one begins there,
// else to the next page.
func (r *segmentReader) passOver(limit int64) error {
	page := min(limit, r.off+pageSize-r.off%pageSize)
	head, err := r.peek(r.off, fragmentHeader, limit)
	if err != nil {
		return err
	}
	if len(head) == fragmentHeader {
		if next := r.off + fragmentHeader + int64(binary.BigEndian.Uint16(head[1:])); next < page {
			kind, _, err := r.fragment(next, limit)
			if err != nil {
				return err
			}
			if kind != damaged {
				page = next
			}
		}
	}
	r.skip(page)
	return nil
}

// skip passes over damaged bytes, and over the beginning that they belonged to.
func (r *segmentReader) skip(to int64) {
	r.drop()
	r.lost += to - r.off
	r.off = to
}

// drop gives up a record whose end is missing.
func (r *segmentReader) drop() {
	if r.within {
		r.lost += int64(len(r.record))
		r.within = false
	}
	r.record = r.record[:0]
}

// peek returns n bytes at off, or fewer before limit.
func (r *segmentReader) peek(off, n, limit int64) ([]byte, error) {
	n = min(n, limit-off)
	at := off - r.start
	if at < 0 || at+n > int64(r.filled) {
		r.start = off
		want := r.window[:min(int64(len(r.window)), limit-off)]
		got, err := r.file.ReadAt(want, off)
		r.filled = got
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read at byte %d: %w", off, err)
		}
		at = 0
	}
	return r.window[at:min(at+n, int64(r.filled))], nil
}
