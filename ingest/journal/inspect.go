package journal

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/presage-pdm/presage/ingest"
)

// Extent is what a partition of a journal that is closed holds.
type Extent struct {
	segments []segment
}

// Holds reports whether reading can begin at a position.
func (e Extent) Holds(p ingest.Position) bool {
	index, off := split(p)
	for _, s := range e.segments {
		if s.index == index {
			return off <= s.size
		}
	}
	return p == 0
}

// Inspect looks at the journal of a folder and changes nothing there. No process may use the folder.
func Inspect(dir string) ([]Extent, error) {
	data, err := os.ReadFile(filepath.Join(dir, headerName))
	if err != nil {
		return nil, fmt.Errorf("inspect journal: %w", err)
	}
	var h header
	if err := json.Unmarshal(data, &h); err != nil || h.Partitions < 1 || h.Partitions > maxPartitions {
		return nil, fmt.Errorf("inspect journal: %s names %d partitions (%v): restore the file", filepath.Join(dir, headerName), h.Partitions, err)
	}
	extents := make([]Extent, h.Partitions)
	for i := range extents {
		segments, err := listSegments(partitionDir(dir, i))
		if err != nil {
			return nil, fmt.Errorf("inspect journal: %w", err)
		}
		extents[i] = Extent{segments}
	}
	return extents, nil
}

// partitionDir is the folder of a partition.
func partitionDir(dir string, partition int) string {
	return filepath.Join(dir, fmt.Sprintf("%04d", partition))
}
