package promseries

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// snapshotName is what [os.MkdirTemp] makes of "snapshot-".
var snapshotName = regexp.MustCompile(`^snapshot-[0-9]+$`)

// makeSnapshotFolder makes the folder of a snapshot and locks it. The lock ends with the file or the process, however that ends.
func makeSnapshotFolder(data string) (dir string, held *os.File, err error) {
	for range 3 { // a sweep may come between the folder and its lock
		if dir, err = os.MkdirTemp(data, "snapshot-"); err != nil {
			return "", nil, err
		}
		if held, err = lockFolder(dir); err == nil {
			if _, err = os.Stat(dir); err == nil {
				return dir, held, nil
			}
			err = errors.Join(err, held.Close())
		}
	}
	return "", nil, err
}

func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: dir, Err: err}, f.Close())
	}
	return f, nil
}

// sweep removes the snapshots in a data folder that nobody holds any more. What it cannot remove it leaves to the next one.
func sweep(data string) {
	entries, _ := os.ReadDir(data) // who opens the store next tells what is wrong with the folder
	for _, e := range entries {
		dir := filepath.Join(data, e.Name())
		if !e.IsDir() || !snapshotName.MatchString(e.Name()) || !onlySeries(dir) {
			continue
		}
		if held, err := lockFolder(dir); err == nil {
			_ = os.RemoveAll(dir)
			_ = held.Close() // only its lock
		}
	}
}

// onlySeries tells whether a folder has nothing in it but what a snapshot has.
func onlySeries(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && (len(entries) == 0 || len(entries) == 1 && entries[0].Name() == "series")
}
