package powercut

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMain runs the test program as the one that is traced, when it is told so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TEST_TRACED"); dir != "" {
		if err := traceable(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// traceable changes a folder in known steps, and tells a listener when it has done one.
func traceable(dir string) error {
	conn, err := net.Dial("tcp", os.Getenv("TEST_TRACED_TELLS"))
	if err != nil {
		return err
	}
	tell := func(what string) { fmt.Fprintln(conn, what) }
	path := func(name string) string { return filepath.Join(dir, name) }
	sync := func(name string) error {
		f, err := os.Open(path(name))
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	}
	page := strings.Repeat("x", 3*sector)
	for _, step := range []func() error{
		func() error { return os.Mkdir(path("sub"), 0o700) },
		func() error { return os.WriteFile(path("sub/new.tmp"), []byte(page), 0o600) },
		func() error { return sync("sub/new.tmp") },
		func() error { tell("content"); return os.Rename(path("sub/new.tmp"), path("sub/new")) },
		func() error { return sync("sub") },
		func() error { return sync(".") },
		func() error {
			tell("name")
			f, err := os.OpenFile(path("sub/new"), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := f.WriteString(page); err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("y"), 0)
			return err
		},
		func() error { tell("more"); return os.Remove(path("sub/new")) },
		func() error { return os.RemoveAll(path("sub")) },
		func() error { return os.WriteFile(path("last"), []byte("z"), 0o600) },
	} {
		// WriteAt is refused on a file that is opened for appending: the step writes with another descriptor.
		if err := step(); err != nil && !strings.Contains(err.Error(), "O_APPEND") {
			return err
		}
	}
	return nil
}

// trace runs traceable and returns the disk and where each told step stands in the log.
func trace(t *testing.T, dir string) (*Disk, map[string]int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	log := filepath.Join(t.TempDir(), "log")
	argv := append(Trace(t, log), os.Args[0])
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TEST_TRACED="+dir, "TEST_TRACED_TELLS="+listener.Addr().String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := NewDisk(dir)
	if err := d.Read(f); err != nil {
		t.Fatal(err)
	}
	told := map[string]int{"end": d.End()}
	for _, s := range d.Sent() {
		if s.Remote != listener.Addr().String() {
			t.Errorf("sent to %q", s.Remote)
		}
		told[strings.TrimSpace(string(s.Data))] = s.At
	}
	return d, told
}

// content returns the files below a folder as "name=content", folders as "name/".
func content(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if e.IsDir() {
			all = append(all, name+"/")
			return nil
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		all = append(all, name+"="+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	d, told := trace(t, dir)
	page := strings.Repeat("x", 3*sector)
	for _, c := range []struct {
		at   string
		loss Loss
		want []string
	}{
		{"content", Nothing, []string{"sub/", "sub/new.tmp=" + page}},
		{"content", Everything, nil}, // the file is synced, its name is not
		{"name", Everything, []string{"sub/", "sub/new=" + page}},
		{"more", Nothing, []string{"sub/", "sub/new=" + page + page}},
		{"more", Everything, []string{"sub/", "sub/new=" + page}},
		{"end", Nothing, []string{"last=z"}},
		{"end", Everything, []string{"sub/", "sub/new=" + page}}, // nothing was synced since
	} {
		image := t.TempDir()
		if err := d.Image(image, told[c.at], c.loss, nil); err != nil {
			t.Fatal(err)
		}
		if got := content(t, image); !slices.Equal(got, c.want) {
			t.Errorf("at %s, losing %d: got %.60q, want %.60q", c.at, c.loss, got, c.want)
		}
	}
	final := t.TempDir()
	if err := d.Image(final, d.End(), Nothing, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, final), content(t, dir); !slices.Equal(got, want) {
		t.Errorf("the image of everything is %q, the folder holds %q", got, want)
	}
}

// Anything gives every length between what is synced and what is written, zeros for lost sectors, and the same again for a seed.
func TestAnythingIsTornAndRepeatable(t *testing.T) {
	d, told := trace(t, t.TempDir())
	seen := map[string]bool{}
	for seed := range uint64(60) {
		var both [2][]string
		for i := range both {
			image := t.TempDir()
			if err := d.Image(image, told["more"], Anything, rand.New(rand.NewPCG(seed, 0))); err != nil {
				t.Fatal(err)
			}
			both[i] = content(t, image)
		}
		if !slices.Equal(both[0], both[1]) {
			t.Fatalf("seed %d gives two images", seed)
		}
		_, text, ok := strings.Cut(strings.Join(both[0], "\n"), "sub/new=")
		if !ok || !strings.HasPrefix(text, strings.Repeat("x", 3*sector)) {
			t.Fatalf("seed %d: what was synced is gone: %.80q", seed, both[0])
		}
		shape := ""
		for at := 3 * sector; at < len(text); at += sector {
			shape += text[at : at+1]
		}
		seen[shape] = true
	}
	for _, shape := range []string{"", "xxx", "x", "\x00\x00\x00", "\x00\x00x"} {
		if !seen[shape] {
			t.Errorf("no image has the sectors %q", shape)
		}
	}
}

func TestCallsThatWereInterruptedInTheLog(t *testing.T) {
	log := `10 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x61", O_RDWR|O_CREAT|O_CLOEXEC, 0600 <unfinished ...>
11 fsync(9<\x2f\x78>) = 0
10 <... openat resumed>) = 3<\x2f\x64\x2f\x61>
10 pwrite64(3<\x2f\x64\x2f\x61>, "\x61\x22\x2c", 3, 1 <unfinished ...>
11 write(8<TCP:[127.0.0.1:1883->127.0.0.1:5000]>, "\x40\x02\x00\x07", 4) = 4
10 <... pwrite64 resumed>) = 3
10 fsync(3<\x2f\x64\x2f\x61>) = 0
11 +++ killed by SIGKILL +++
10 pwrite64(3<\x2f\x64\x2f\x61>, "\x61`
	d := NewDisk("/d")
	if err := d.Read(strings.NewReader(log)); err != nil {
		t.Fatal(err)
	}
	if len(d.Sent()) != 1 || d.Sent()[0].Local != "127.0.0.1:1883" || d.Sent()[0].Remote != "127.0.0.1:5000" || d.Sent()[0].At != 5 {
		t.Errorf("sent %+v", d.Sent())
	}
	n := d.top.names["a"]
	if n == nil || n.size != 4 || len(n.changes) != 1 || n.changes[0].begin != 4 || n.changes[0].end != 6 || len(n.syncs) != 1 {
		t.Fatalf("the file is %+v", n)
	}
	if text := string(n.changes[0].data); text != `a",` {
		t.Errorf("written %q", text)
	}
}

// A call that the process was killed in counts if the folder shows its effect, as far as it does.
func TestCallsOfTheKill(t *testing.T) {
	d := NewDisk("/d")
	err := d.Read(strings.NewReader(`10 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x61", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3<\x2f\x64\x2f\x61>
11 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x62", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 4<\x2f\x64\x2f\x62>
10 pwrite64(3<\x2f\x64\x2f\x61>, "\x61\x62\x63", 3, 1 <unfinished ...>
11 pwrite64(4<\x2f\x64\x2f\x62>, "\x61\x62\x63", 3, 0) = ?
12 unlinkat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x63", 0 <Cannot restart pid 12 with ptrace(PTRACE_SYSCALL): No such process>
13 mkdirat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x64", 0700 <ptrace(SYSCALL):No such process>
14 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x65", O_RDWR|O_CREAT|O_CLOEXEC, 0600 <unfinished ...>
10 +++ killed by SIGKILL +++
`))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{"a": "\x00abc", "b": "ab", "e": ""} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Settle(folder); err != nil {
		t.Fatal(err)
	}
	image := t.TempDir()
	if err := d.Image(image, d.End(), Nothing, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, image), content(t, folder); !slices.Equal(got, want) {
		t.Errorf("the image is %q, the folder holds %q", got, want)
	}
}

func TestWhatTheModelDoesNotKnowIsAnError(t *testing.T) {
	for _, log := range []string{
		`1 linkat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x61", AT_FDCWD<\x2f>, "\x2f\x64\x2f\x62", 0) = 0`,
		`1 openat(AT_FDCWD<\x2f>, "\x2f\x64\x2f\x61", O_RDONLY) = 3</d/a>`,
		`1 <... write resumed>) = 3`,
	} {
		if err := NewDisk("/d").Read(strings.NewReader(log + "\n")); err == nil {
			t.Errorf("no error for %s", log)
		}
	}
}
