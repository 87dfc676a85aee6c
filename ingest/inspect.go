package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
)

// SavedCursor is where the newest checkpoint of a cursor stands.
type SavedCursor struct {
	Partition int
	Role      string // "store" or "detect"
	Position  Position
}

// SavedCursors reads the newest checkpoint of every cursor in a folder of [Lanes], and changes nothing there. It fails on one
// that is damaged; the lanes would then fall back to the one before. Lanes must not run on the folder.
func SavedCursors(dir string, partitions int) ([]SavedCursor, error) {
	var all []SavedCursor
	for partition := range partitions {
		for _, role := range []string{roleStore, roleDetect} {
			files := newCheckpoints(dir, partition, role, slog.New(slog.DiscardHandler))
			numbers, err := files.numbers()
			if errors.Is(err, fs.ErrNotExist) || err == nil && len(numbers) == 0 {
				continue
			}
			if err != nil {
				return nil, err
			}
			data, err := os.ReadFile(files.path(numbers[0]))
			if err != nil {
				return nil, fmt.Errorf("read checkpoint: %w", err)
			}
			c, err := parseCheckpoint(data)
			if err != nil {
				return nil, fmt.Errorf("checkpoint %s: %w", files.path(numbers[0]), err)
			}
			all = append(all, SavedCursor{partition, role, c.Position})
		}
	}
	return all, nil
}
