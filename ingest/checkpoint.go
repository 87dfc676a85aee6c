package ingest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/presage-pdm/presage/detectors"
)

// checkpoint is where a cursor begins again after a restart, and with what in
// its memory.
type checkpoint struct {
	Position Position
	// Skip is how many entries of the blob at the position were dealt with as well: more than
	// none when the lane was stopped in the middle of it.
	Skip    uint64
	Arrival int64 // of the newest entry dealt with, Unix milliseconds
	Marks   marks
	// Pending are the findings that were made and not yet reported, each in the form of encodeFinding.
	Pending [][]byte
	// State is what the watcher wrote; empty for the storing cursor. Only parseCheckpoint sets it.
	State []byte
}

const (
	checkpointMagic   = "PRESAGE\x00"
	checkpointVersion = 1
)

var errBadCheckpoint = errors.New("bad checkpoint")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append writes the checkpoint behind dst: a magic, a version, the position, the skip, the
// arrival, the marks and the findings, with lengths as varints; then the state, which appendState
// writes in place because it may be large; and the CRC-32C of all of it.
func (c *checkpoint) append(dst []byte, appendState func([]byte) []byte) []byte {
	begin := len(dst)
	dst = append(dst, checkpointMagic...)
	dst = append(dst, checkpointVersion)
	dst = binary.AppendUvarint(dst, uint64(c.Position))
	dst = binary.AppendUvarint(dst, c.Skip)
	dst = binary.AppendVarint(dst, c.Arrival)
	dst = binary.AppendUvarint(dst, uint64(len(c.Marks)))
	for _, m := range c.Marks {
		dst = appendBytes(dst, []byte(m.producer))
		dst = binary.AppendUvarint(dst, m.sequence)
	}
	dst = binary.AppendUvarint(dst, uint64(len(c.Pending)))
	for _, f := range c.Pending {
		dst = appendBytes(dst, f)
	}
	dst = appendState(dst)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[begin:], castagnoli))
}

// parseCheckpoint reads a checkpoint. It keeps parts of data.
func parseCheckpoint(data []byte) (*checkpoint, error) {
	if len(data) < len(checkpointMagic)+1+4 || string(data[:len(checkpointMagic)]) != checkpointMagic {
		return nil, fmt.Errorf("%w: it does not begin like one", errBadCheckpoint)
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return nil, fmt.Errorf("%w: checksum is %08x, want %08x", errBadCheckpoint, got, sum)
	}
	body = body[len(checkpointMagic):]
	if body[0] != checkpointVersion {
		return nil, fmt.Errorf("%w: version %d is unknown, this release reads version %d", errBadCheckpoint, body[0], checkpointVersion)
	}
	r := checkpointReader{rest: body[1:]}
	c := &checkpoint{Position: Position(r.uvarint()), Skip: r.uvarint(), Arrival: r.varint()}
	for range r.count(maxMarks) {
		c.Marks = append(c.Marks, mark{string(r.bytes()), r.uvarint()})
	}
	for range r.count(math.MaxInt32) {
		c.Pending = append(c.Pending, r.bytes())
	}
	c.State = r.rest
	if r.bad {
		return nil, fmt.Errorf("%w: its parts do not fit its length", errBadCheckpoint)
	}
	return c, nil
}

// checkpointReader walks the bytes of a checkpoint; after a failure it yields zeros and bad is set.
type checkpointReader struct {
	rest []byte
	bad  bool
}

func (r *checkpointReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return v * r.take(n)
}

func (r *checkpointReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return v * int64(r.take(n))
}

// take moves over n bytes and returns 1, or 0 when there are none.
func (r *checkpointReader) take(n int) uint64 {
	if n <= 0 || r.bad {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return 1
}

func (r *checkpointReader) count(most int) int {
	n := r.uvarint()
	if n > uint64(most) || n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return 0
	}
	return int(n)
}

func (r *checkpointReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

// finding is a finding as checkpoints hold it: with its tenant, which the JSON
// form for people leaves out.
type finding struct {
	Tenant  string             `json:"tenant"`
	Finding *detectors.Finding `json:"finding"`
}

// encodeFinding returns the form of a finding in a checkpoint. It fails for one that holds numbers that JSON has not,
// which no store could keep either.
func encodeFinding(f *detectors.Finding) ([]byte, error) {
	data, err := json.Marshal(finding{f.Tenant, f})
	if err != nil {
		return nil, fmt.Errorf("encode finding %s: %w", f.ID, err)
	}
	return data, nil
}

func decodeFinding(data []byte) (detectors.Finding, error) {
	var f finding
	if err := json.Unmarshal(data, &f); err != nil {
		return detectors.Finding{}, fmt.Errorf("decode finding: %w", err)
	}
	if f.Finding == nil {
		return detectors.Finding{}, errors.New("decode finding: there is none")
	}
	f.Finding.Tenant = f.Tenant
	return *f.Finding, nil
}
