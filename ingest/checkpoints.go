package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// checkpoints is the folder part of one cursor: the two newest checkpoints, in files
// "0003.detect.17" of partition, role and a number that grows.
type checkpoints struct {
	dir    string
	prefix string // "0003.detect."
	log    *slog.Logger
	last   uint64 // newest number in use
}

func newCheckpoints(dir string, partition int, role string, log *slog.Logger) *checkpoints {
	return &checkpoints{dir: dir, prefix: fmt.Sprintf("%04d.%s.", partition, role), log: log}
}

// keep is how many checkpoints stay: the newest, and one to fall back to.
const keep = 2

// load returns the checkpoints that can be read, newest first. Damaged ones are
// reported and passed over.
func (c *checkpoints) load() ([]*checkpoint, error) {
	numbers, err := c.numbers()
	if err != nil {
		return nil, err
	}
	var found []*checkpoint
	for _, n := range numbers {
		c.last = max(c.last, n)
		path := c.path(n)
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read checkpoint: %w", err)
		}
		cp, err := parseCheckpoint(data)
		if err != nil {
			c.log.Error("checkpoint cannot be used, falling back to an older one", "file", path, "err", err)
			// Set aside, so that it does not count among the two that are kept.
			if err := os.Rename(path, filepath.Join(c.dir, c.prefix+"damaged")); err != nil {
				return nil, fmt.Errorf("set checkpoint aside: %w", err)
			}
			continue
		}
		found = append(found, cp)
	}
	return found, nil
}

// numbers returns the numbers of the files there are, newest first.
func (c *checkpoints) numbers() ([]uint64, error) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	var numbers []uint64
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), c.prefix); ok {
			if n, err := strconv.ParseUint(rest, 10, 64); err == nil {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	return numbers, nil
}

func (c *checkpoints) path(n uint64) string {
	return filepath.Join(c.dir, c.prefix+strconv.FormatUint(n, 10))
}

// save makes a checkpoint durable, and removes all but the newest two. It is there wholly or not at all.
func (c *checkpoints) save(data []byte) error {
	tmp := filepath.Join(c.dir, c.prefix+"tmp")
	if err := c.write(tmp, data); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	c.last++
	if err := os.Rename(tmp, c.path(c.last)); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	dir, err := os.Open(c.dir)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	numbers, err := c.numbers()
	if err != nil {
		return err
	}
	for _, n := range numbers[min(keep, len(numbers)):] {
		if err := os.Remove(c.path(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove old checkpoint: %w", err)
		}
	}
	return nil
}

func (c *checkpoints) write(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}
