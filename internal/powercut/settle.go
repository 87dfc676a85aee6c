package powercut

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// unsure is a call that the process was killed in, and the file of its descriptor.
type unsure struct {
	call *call
	file *file
}

// Settle looks in the folder, as it is after the last process was killed, for what became of the calls it was killed
// in: the kernel may have carried them out although they never returned. Until then they count as not carried out.
func (d *Disk) Settle(folder string) error {
	for _, u := range d.unsure {
		if err := d.settle(u, folder); err != nil {
			return fmt.Errorf("what became of %s: %w", u.call.name, err)
		}
	}
	d.unsure = nil
	return nil
}

func (d *Disk) settle(u unsure, folder string) error {
	c, f := u.call, u.file
	switch c.name {
	case "open", "openat", "creat", "mkdir", "mkdirat":
		full, err := at(c, 0)
		if err != nil {
			return err
		}
		in, name := d.find(full)
		if in == nil || in.names[name] != nil || !d.exists(folder, full) {
			return nil
		}
		c.result = 0
		if strings.HasPrefix(c.name, "mkdir") {
			return d.mkdir(c)
		}
		return d.opened(c)
	case "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir":
		full, err := at(c, 0)
		if err != nil {
			return err
		}
		in, name := d.find(full)
		if in == nil || in.names[name] == nil || d.exists(folder, full) {
			return nil
		}
		if strings.HasPrefix(c.name, "rename") {
			return d.rename(c)
		}
		return d.remove(c)
	case "write", "writev", "pwrite64":
		if f == nil {
			return nil
		}
		offset := f.at
		switch {
		case c.name == "pwrite64":
			offset = number(c.args[3])
		case f.append:
			offset = f.node.size
		}
		return d.settleWrite(c, f.node, offset, folder)
	case "ftruncate", "copy_file_range", "fallocate":
		if f != nil {
			return fmt.Errorf("a kill in it is not in the model")
		}
	}
	return nil
}

// settleWrite takes as much of a write as the file has: a kill may end it after any page.
func (d *Disk) settleWrite(c *call, n *node, offset int64, folder string) error {
	data, err := bytesOf(c.args[1])
	if err != nil {
		return err
	}
	there, err := os.ReadFile(d.real(folder, described(c.args[0])))
	if err != nil {
		return err
	}
	there = there[min(offset, int64(len(there))):]
	same := 0
	for same < min(len(data), len(there)) && data[same] == there[same] {
		same++
	}
	if same > 0 {
		d.put(c, n, offset, data[:same])
	}
	return nil
}

func (d *Disk) exists(folder, full string) bool {
	_, err := os.Lstat(d.real(folder, full))
	return err == nil
}

// real is where a path of the log lies now.
func (d *Disk) real(folder, full string) string {
	return filepath.Join(folder, strings.TrimPrefix(full, d.root))
}
