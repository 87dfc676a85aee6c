package identity

import (
	"fmt"
	"io"
	"os"
	"time"
)

// maxFile bounds a file of keys or revocations, in bytes: a list of a million certificates.
const maxFile = 64 << 20

// watchedFile is a file that is read again when it has changed.
type watchedFile struct {
	path     string
	modified time.Time
	size     int64
	load     func(content []byte, now time.Time, withdraw Withdraw) error
}

// watch reads a file now, and again when it changes. Without a path there is nothing to read.
func (a *Authenticator) watch(path string, load func([]byte, time.Time, Withdraw) error) error {
	if path == "" {
		return load(nil, time.Now(), nil)
	}
	f := &watchedFile{path: path, load: load}
	if _, err := f.reload(time.Now(), nil); err != nil {
		return err
	}
	a.files = append(a.files, f)
	return nil
}

// look reads the files that have changed. A file that cannot be read, or is not valid, changes nothing.
func (a *Authenticator) look(now time.Time, withdraw Withdraw) {
	for _, f := range a.files {
		changed, err := f.reload(now, withdraw)
		switch {
		case err != nil && changed:
			a.log.Warn("a file was not taken over, what it held before stays in force", "err", err)
		case changed:
			a.log.Info("a file was read again", "file", f.path)
		}
	}
	a.warnOverdue(now)
}

// reload reads the file when it has changed. Of a mistake it tells once, as changed, until the file changes again.
func (f *watchedFile) reload(now time.Time, withdraw Withdraw) (changed bool, err error) {
	state, err := os.Stat(f.path)
	if err != nil {
		changed = !f.modified.IsZero()
		f.modified = time.Time{}
		return changed, err
	}
	if state.ModTime().Equal(f.modified) && state.Size() == f.size {
		return false, nil
	}
	f.modified, f.size = state.ModTime(), state.Size()
	file, err := os.Open(f.path)
	if err != nil {
		return true, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it has more than %d bytes", maxFile)
	}
	if err == nil {
		err = f.load(content, now, withdraw)
	}
	if err != nil {
		return true, fmt.Errorf("%s: %w", f.path, err)
	}
	return true, nil
}
