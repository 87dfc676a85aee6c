// Package disk tells how much room the disk of a folder has.
package disk

import (
	"fmt"
	"syscall"
)

// Space returns what the disk of a folder has left for this user, and its size, in
// bytes. Both are 0 when the system does not tell.
func Space(path string) (free, size int64) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(path, &st); err != nil {
		return 0, 0
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize)
}

// Bytes writes a size for people.
func Bytes(n int64) string {
	const step = 1024
	v, units := float64(n), "KMGTPE"
	if v < step {
		return fmt.Sprintf("%d B", n)
	}
	i := -1
	for v >= step {
		v, i = v/step, i+1
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}
