// Package disktest gives tests a disk that can be filled.
package disktest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Small is a file system of its own that can be filled.
type Small struct {
	t       testing.TB
	path    string
	ballast string
}

// MountSmall mounts a file system of so many bytes on a folder, and skips the test where that is not allowed.
func MountSmall(t testing.TB, path string, size int) *Small {
	t.Helper()
	Mount(t, "tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%d", size))
	return &Small{t, path, filepath.Join(path, "ballast")}
}

// Mount mounts a file system on a folder until the end of the test, and skips the test where that is not allowed.
func Mount(t testing.TB, source, target, kind string, flags uintptr, data string) {
	t.Helper()
	if err := os.MkdirAll(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Skipf("a disk that can be filled needs root: mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil { // the process that uses it may still run
			t.Errorf("unmount %s: %v", target, err)
		}
	})
}

// Fill leaves not a byte.
func (d *Small) Fill() {
	d.t.Helper()
	f, err := os.OpenFile(d.ballast, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// Free gives the room back.
func (d *Small) Free() {
	d.t.Helper()
	if err := os.Remove(d.ballast); err != nil {
		d.t.Fatal(err)
	}
}
