package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/presage-pdm/presage/internal/disk"
)

// Folder is the data folder.
type Folder struct {
	Path string
	// Reserve is how many bytes must be left on a disk of a size for Presage to be ready.
	Reserve func(disk int64) int64
	// Journal is how many bytes the journal may come to hold.
	Journal int64
}

// Check looks at existence, owner, permissions, file system and room.
func (f Folder) Check() Check { return Check{Name: "data folder", Look: f.look} }

func (f Folder) look(context.Context) []Result {
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.missing()
	case err != nil:
		return one(Bad(fmt.Sprintf("%s cannot be looked at: %v.", f.Path, err), "Run the doctor as the user of the service, such as sudo -u presage presage doctor."))
	case !info.IsDir():
		return one(Bad(f.Path+" is no folder.", "Name a folder with --data or the setting data."))
	}
	var results []Result
	if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Geteuid() {
		results = append(results, Weak(fmt.Sprintf("%s belongs to user %d, and the doctor runs as user %d.", f.Path, owner, os.Geteuid()),
			"Run Presage and its commands as one user, such as sudo -u presage presage doctor: files of another one cannot be written by the service."))
	}
	if err := writable(f.Path); err != nil {
		return append(results, Bad(fmt.Sprintf("%s cannot be written: %v.", f.Path, err),
			"Nothing can be acknowledged. Give the folder to the user of the service (chown -R presage) with mode 0700, and mount its disk for writing."))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		results = append(results, Weak(fmt.Sprintf("%s can be read by other users (mode %04o).", f.Path, mode),
			"It holds accounts, tickets and readings: chmod 0700 "+f.Path+"."))
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(f.Path, &st); err != nil {
		return append(results, Weak(fmt.Sprintf("the disk of %s does not tell its size: %v.", f.Path, err), "Make sure by other means that it has room."))
	}
	return append(results, f.fileSystem(int64(st.Type)), f.room(int64(st.Bavail)*st.Bsize, int64(st.Blocks)*st.Bsize), inodes(&st))
}

// missing says whether the folder can be made.
func (f Folder) missing() []Result {
	parent := filepath.Dir(filepath.Clean(f.Path))
	if err := writable(parent); err != nil {
		return one(Bad(fmt.Sprintf("%s does not exist and cannot be made: %v.", f.Path, err),
			"Make it and give it to the user of the service: install -d -m 0700 -o presage "+f.Path+"."))
	}
	return one(Good("%s does not exist yet; Presage makes it at the first start.", f.Path))
}

// writable makes a file in a folder and removes it.
func writable(folder string) error {
	file, err := os.CreateTemp(folder, probePattern)
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// probePattern is what the doctor's own files are called while they exist.
const probePattern = ".presage-doctor-*"

// Kinds of file systems, from linux/magic.h.
var (
	networkFileSystems = map[int64]string{0x6969: "NFS", 0x517b: "SMB", 0xff534d42: "CIFS", 0xfe534d42: "SMB2", 0x01021997: "9p", 0x00c36400: "CephFS", 0x65735546: "FUSE", 0x47504653: "GPFS"}
	memoryFileSystems  = map[int64]string{0x01021994: "tmpfs", 0x858458f6: "ramfs"}
	localFileSystems   = map[int64]string{0xef53: "ext4", 0x58465342: "XFS", 0x9123683e: "Btrfs", 0x2fc12fc1: "ZFS", 0x794c7630: "overlay", 0xf2f52010: "F2FS"}
)

func (f Folder) fileSystem(kind int64) Result {
	kind &= 0xffffffff
	if name, ok := networkFileSystems[kind]; ok {
		return Bad(fmt.Sprintf("%s lies on a network file system (%s).", f.Path, name),
			"The journal and SQLite need locks and syncs that hold what they promise, which these do not always: use a local disk. Series and tickets may lie elsewhere: series.url, database.")
	}
	if name, ok := memoryFileSystems[kind]; ok {
		return Weak(fmt.Sprintf("%s lies in memory (%s).", f.Path, name), "Everything is gone after a restart of the machine: use a disk for anything but a try.")
	}
	if name, ok := localFileSystems[kind]; ok {
		if name == "overlay" {
			return Weak(f.Path+" lies on the overlay file system of a container.", "It goes with the container: mount a volume there.")
		}
		return Good("%s lies on a local file system (%s).", f.Path, name)
	}
	return Good("%s lies on a file system of kind %#x, which is not known as one of a network.", f.Path, kind)
}

func (f Folder) room(free, size int64) Result {
	found := fmt.Sprintf("The disk has %s of %s left.", disk.Bytes(free), disk.Bytes(size))
	const remedy = "Free some, give the data folder a larger disk, or keep readings for less long with series.retention."
	switch {
	case free < f.Reserve(size):
		return Bad(found, "Presage is not ready with so little, and nothing is acknowledged when it is gone. "+remedy)
	case free < f.Journal:
		return Weak(found, fmt.Sprintf("While a store is away, the journal may grow to %s (ingest.journal_bytes), which does not fit. %s", disk.Bytes(f.Journal), remedy))
	case free < size/10:
		return Weak(found, remedy)
	}
	return Good("%s", found)
}

func inodes(st *syscall.Statfs_t) Result {
	if st.Files > 0 && st.Ffree < st.Files/100 {
		return Bad(fmt.Sprintf("The disk has room for %d more files only.", st.Ffree), "Every journal segment and block of readings is a file: remove files, or make the file system anew with more inodes.")
	}
	return Good("There is room for more files.")
}
