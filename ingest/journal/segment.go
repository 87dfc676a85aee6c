package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
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
		left := pageSize - r.off%pageSize
		if left < fragmentHeader {
			r.off += left
			continue
		}
		head, err := r.peek(fragmentHeader, limit)
		if err != nil {
			return nil, err
		}
		if len(head) > 0 && head[0] == typePageEnd {
			r.off += left
			continue
		}
		if len(head) < fragmentHeader {
			r.skip(limit)
			break
		}
		kind, length := head[0], int64(binary.BigEndian.Uint16(head[1:]))
		sum := binary.BigEndian.Uint32(head[3:])
		if kind > typeLast || length > left-fragmentHeader {
			r.skip(min(limit, r.off+left))
			continue
		}
		body, err := r.peek(fragmentHeader+length, limit)
		if err != nil {
			return nil, err
		}
		if int64(len(body)) < fragmentHeader+length {
			r.skip(limit)
			break
		}
		body = body[fragmentHeader:]
		if crc32.Checksum(body, castagnoli) != sum {
			r.skip(min(limit, r.off+left))
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
func (r *segmentReader) peek(n, limit int64) ([]byte, error) {
	n = min(n, limit-r.off)
	at := r.off - r.start
	if at < 0 || at+n > int64(r.filled) {
		r.start = r.off
		want := r.window[:min(int64(len(r.window)), limit-r.off)]
		got, err := r.file.ReadAt(want, r.off)
		r.filled = got
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read at byte %d: %w", r.off, err)
		}
		at = 0
	}
	return r.window[at:min(at+n, int64(r.filled))], nil
}

// repair cuts off what a crash left unfinished at the end of a segment. It returns
// the size up to the end of the last record, without padding, and what was cut. Whole records are never cut.
func repair(path string) (size, cut int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	end, torn, err := wholeRecords(f, info.Size())
	if err != nil {
		return 0, 0, fmt.Errorf("repair %s: %w", path, err)
	}
	if !torn {
		return end, 0, nil
	}
	if err := f.Truncate(end); err != nil {
		return 0, 0, fmt.Errorf("repair %s: %w", path, err)
	}
	if err := f.Sync(); err != nil {
		return 0, 0, fmt.Errorf("repair %s: %w", path, err)
	}
	return end, info.Size() - end, nil
}

// wholeRecords returns where the last whole record of a segment ends, and whether something but padding is behind it. An empty
// record is none: the first byte of a record and zeros, as a power cut may leave them, look like one and have its checksum.
func wholeRecords(file io.ReaderAt, size int64) (end int64, torn bool, err error) {
	r := newSegmentReader(file, 0)
	var lost int64 // before the last whole record: damage, which stays for the reader to report
	for {
		record, err := r.next(size)
		if err != nil {
			return 0, false, err
		}
		if record == nil {
			break
		}
		if len(record) > 0 {
			end, lost = r.end, r.lost
		}
	}
	r.drop()
	return end, r.lost != lost || r.end != end, nil
}
