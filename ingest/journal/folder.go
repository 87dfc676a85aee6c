package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// format is the version of the folder and of the blobs in it.
const format = 1

// header is the file journal.json, which says how the folder is laid out.
type header struct {
	Format     int `json:"format"`
	Partitions int `json:"partitions"`
}

const headerName = "journal.json"

// openHeader reads the header of a folder, or writes one. Partitions of 0 means
// those of the folder, or fallback in a new one.
func openHeader(dir string, partitions, fallback int) (header, error) {
	path := filepath.Join(dir, headerName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		h := header{Format: format, Partitions: partitions}
		if partitions == 0 {
			h.Partitions = fallback
		}
		return h, writeHeader(dir, h)
	}
	if err != nil {
		return header{}, err
	}
	var h header
	if err := json.Unmarshal(data, &h); err != nil {
		return header{}, fmt.Errorf("read %s: %w: restore the file, it names the number of partitions", path, err)
	}
	if h.Format != format {
		return header{}, fmt.Errorf("%s has format %d, this release reads format %d: start the release that wrote it", path, h.Format, format)
	}
	if h.Partitions < 1 || h.Partitions > maxPartitions {
		return header{}, fmt.Errorf("%s names %d partitions, 1 to %d are possible", path, h.Partitions, maxPartitions)
	}
	if partitions != 0 && partitions != h.Partitions {
		return header{}, fmt.Errorf("%s has %d partitions and cannot change to %d: devices would change their lane and lose their history; leave the number unset", path, h.Partitions, partitions)
	}
	return h, nil
}

func writeHeader(dir string, h header) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, headerName+".tmp")
	f, err := os.Create(tmp)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", tmp, err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, headerName)); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
