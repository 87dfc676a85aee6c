package promseries

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"
)

// copyAttempts is how often a copy is begun anew because the store under it was compacted meanwhile, which it is every few hours.
const copyAttempts = 5

// OpenSnapshot opens what the store in cfg.Dir holds now, also while another process has it open, and never writes into it. The
// read-only mode of the engine would not do: it leaves out late readings that were not compacted yet, and after an import of
// history those are all.
//
// Blocks, which never change, are linked into a folder beside cfg.Dir; the write-ahead logs, less than three hours of readings or
// what was imported of late, are copied. Close removes the folder. A process that is killed leaves it behind, and the next one that opens
// the store or a snapshot of it removes it.
func OpenSnapshot(cfg Config) (*Store, error) {
	if _, err := os.Stat(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open a snapshot of the series store: there is none: %w", err)
	}
	sweep(filepath.Dir(cfg.Dir))
	dir, held, err := makeSnapshotFolder(filepath.Dir(cfg.Dir))
	if err != nil {
		return nil, fmt.Errorf("open a snapshot of the series store: %w: run as the user whom the data folder belongs to", err)
	}
	from := cfg.Dir
	cfg.Dir, cfg.Retention, cfg.MaxBytes = filepath.Join(dir, "series"), 0, 0 // nothing is removed for its age
	for attempt := 1; ; attempt++ {
		if err = copyStore(from, cfg.Dir); err == nil || !errors.Is(err, fs.ErrNotExist) || attempt == copyAttempts {
			break
		}
		if err = os.RemoveAll(cfg.Dir); err != nil {
			break
		}
	}
	var s *Store
	if err == nil {
		s, err = Open(cfg)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("snapshot of the series store %s: %w", from, err), os.RemoveAll(dir), held.Close())
	}
	s.copied, s.held = dir, held
	return s, nil
}

// copyStore copies in the order in which data moves, from the logs to the blocks: what moves meanwhile is there twice, which
// the engine sorts out, and never missing.
func copyStore(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"wal", "wbl", "chunks_head"} {
		if err := copyTree(filepath.Join(from, name), filepath.Join(to, name), copyFile); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := ulid.ParseStrict(e.Name()); err != nil || !e.IsDir() {
			continue
		}
		if err := copyTree(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), os.Link); err != nil {
			return err
		}
	}
	return nil
}

// copyTree takes every file of a folder over; a folder that is not there is empty.
func copyTree(from, to string, take func(from, to string) error) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if path == from && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return take(path, filepath.Join(to, rel))
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
