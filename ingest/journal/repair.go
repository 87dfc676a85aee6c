package journal

import (
	"fmt"
	"io"
	"os"
)

// repair cuts off what a crash left unfinished at the end of a segment, and makes durable what is left: a killed
// process may have written it without waiting for the disk, and from now on it is read. It returns
// the size up to the end of the last record, without padding, and what was cut. Whole records are never cut: where
// there is one behind damage, no crash has left that, and all of it stays for readers to report.
func repair(path string) (size, cut int64, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	if size, cut, err = repairFile(f); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return 0, 0, fmt.Errorf("repair %s: %w", path, err)
	}
	return size, cut, nil
}

func repairFile(f *os.File) (size, cut int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	end, torn, err := wholeRecords(f, info.Size())
	if err != nil || !torn {
		return end, 0, err
	}
	return end, info.Size() - end, f.Truncate(end)
}

// wholeRecords returns where the last whole record of a segment ends, and whether a torn tail is behind it. Damage with a whole
// record behind it is no torn tail: then all of the segment counts. An empty record is none: the first byte of a
// record and zeros behind it, as a power cut may leave them, look like one and have its checksum.
func wholeRecords(file io.ReaderAt, size int64) (end int64, torn bool, err error) {
	r := newSegmentReader(file, 0)
	var lost int64 // before the last whole record
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
	if r.lost == lost && r.end == end {
		return end, false, nil
	}
	whole, err := r.wholeBehind(end, size)
	if err != nil {
		return 0, false, err
	}
	if whole {
		return size, false, nil
	}
	return end, true, nil
}

// wholeBehind reports whether a whole record begins anywhere behind off, at a place that damage keeps next from finding.
func (r *segmentReader) wholeBehind(off, limit int64) (bool, error) {
	for off++; off < limit; off++ {
		first, err := r.peek(off, 1, limit)
		if err != nil {
			return false, err
		}
		if len(first) == 0 || first[0] != typeFull {
			continue
		}
		kind, body, err := r.fragment(off, limit)
		if err != nil {
			return false, err
		}
		if kind == typeFull && len(body) >= blobHeader {
			return true, nil
		}
	}
	return false, nil
}
