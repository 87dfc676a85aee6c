package journal

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"

	"github.com/presage-pdm/presage/ingest"
)

// A blob is: version (1 byte), producer (8), sequence (8), arrival (8), all little
// endian; then entries, each a varint of its length and its bytes.
const blobHeader = 1 + 8 + 8 + 8

type producer [8]byte

func appendBlobHeader(dst []byte) []byte { return append(dst, make([]byte, blobHeader)...) }

func fillBlobHeader(blob []byte, p producer, sequence uint64, arrival int64) {
	blob[0] = format
	copy(blob[1:], p[:])
	binary.LittleEndian.PutUint64(blob[9:], sequence)
	binary.LittleEndian.PutUint64(blob[17:], uint64(arrival))
}

func appendEntry(dst, entry []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(entry)))
	return append(dst, entry...)
}

// blobReader reads the headers of blobs; it keeps the text of the producer that it saw last.
type blobReader struct {
	last producer
	text string
}

func (r *blobReader) read(blob []byte) (ingest.Blob, error) {
	if len(blob) < blobHeader {
		return ingest.Blob{}, fmt.Errorf("a blob of %d bytes has no header", len(blob))
	}
	if blob[0] != format {
		return ingest.Blob{}, fmt.Errorf("blob has format %d, this release reads format %d: start the release that wrote it", blob[0], format)
	}
	if p := producer(blob[1:9]); r.text == "" || p != r.last {
		r.last, r.text = p, hex.EncodeToString(p[:])
	}
	return ingest.Blob{
		Producer: r.text,
		Sequence: binary.LittleEndian.Uint64(blob[9:]),
		Arrival:  int64(binary.LittleEndian.Uint64(blob[17:])),
		Entries:  entries(blob[blobHeader:]),
	}, nil
}

// entries yields the entries of a blob. A length that goes beyond the blob ends
// it; the checksums of the log make that impossible for what was written here.
func entries(rest []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := rest; len(rest) > 0; {
			n, w := binary.Uvarint(rest)
			if w <= 0 || n > uint64(len(rest)-w) {
				return
			}
			if !yield(rest[w : w+int(n) : w+int(n)]) {
				return
			}
			rest = rest[w+int(n):]
		}
	}
}
