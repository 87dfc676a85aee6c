package powercut

import (
	"os/exec"
	"testing"

	"github.com/presage-pdm/presage/internal/realserver"
)

// traced are the calls that change files or send something.
const traced = "open,openat,creat,close,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,ftruncate,fallocate," +
	"rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat,lseek,copy_file_range,sendfile"

// Trace returns the command before the one whose calls are to be logged into a file. Everything the process writes goes to
// that file, eight times as long.
func Trace(t testing.TB, log string) []string {
	t.Helper()
	return strace(t, "-yy", "-xx", "-s", "67108864", "-o", log, "-e", "trace="+traced)
}

// Slow returns the command before the one whose syncs are to take longer by so many microseconds: a slow disk.
func Slow(t testing.TB, microseconds string) []string {
	t.Helper()
	return strace(t, "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter="+microseconds)
}

func strace(t testing.TB, options ...string) []string {
	t.Helper()
	program, err := exec.LookPath("strace")
	if err != nil {
		realserver.Missing(t, "strace", "apt-get install strace")
	}
	return append([]string{program, "-f", "--seccomp-bpf", "-qq", "-a", "0", "-e", "signal=none"}, options...)
}
