package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestMain runs the test program as the writer that TestKilledWriter kills, when it is told so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PRESAGE_TEST_CRASH_DIR"); dir != "" {
		writeUntilKilled(dir, os.Getenv("PRESAGE_TEST_CRASH_ROUND"))
	}
	os.Exit(m.Run())
}

// writeUntilKilled appends entries from many goroutines and prints each one when
// it was acknowledged.
func writeUntilKilled(dir, round string) {
	cfg := testConfig(dir)
	cfg.SegmentBytes = 256 << 10
	l, err := Open(cfg)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	var out sync.Mutex
	filler := strings.Repeat("-", 300)
	for w := range 16 {
		go func() { // ends with the process
			for i := 0; ; i++ {
				entry := fmt.Sprintf("%s/%d/%d", round, w, i)
				done := make(chan struct{})
				err := l.Append(context.Background(), w%2, []byte(entry+filler[:i%len(filler)]), func(err error) {
					if err == nil {
						out.Lock()
						fmt.Println(entry)
						out.Unlock()
					}
					close(done)
				})
				if err != nil {
					return
				}
				if i%3 == 0 {
					<-done
				}
			}
		}()
	}
	select {}
}

// TestKilledWriter kills a process that appends, several times on one folder, and
// expects every entry that was acknowledged before to be read.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	acked := make(map[string]bool)
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PRESAGE_TEST_CRASH_DIR="+dir, fmt.Sprintf("PRESAGE_TEST_CRASH_ROUND=%d", round))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			line := lines.Text()
			if strings.HasPrefix(line, "error:") {
				t.Fatal(line)
			}
			acked[line] = true
			if n == 2000+round*777 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // "signal: killed"
	}
	if len(acked) < 8000 {
		t.Fatalf("only %d entries were acknowledged", len(acked))
	}

	cfg := testConfig(dir)
	cfg.Partitions = 0
	l := openLog(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	last := make(map[string]int)
	for partition := range l.Partitions() {
		c, err := l.Read(partition, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for at := l.End(partition); ; {
			blob, err := c.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for e := range blob.Entries {
				entry := strings.TrimRight(string(e), "-")
				delete(acked, entry)
				slash := strings.LastIndexByte(entry, '/')
				var i int
				if _, err := fmt.Sscan(entry[slash+1:], &i); err != nil {
					t.Fatalf("read %q: %v", e, err)
				}
				if writer := entry[:slash]; i != last[writer] {
					t.Fatalf("writer %s: read entry %d, want %d", writer, i, last[writer])
				} else {
					last[writer]++
				}
			}
			if blob.Next >= at {
				break
			}
		}
	}
	for entry := range acked {
		t.Errorf("acknowledged and lost: %s", entry)
	}
}
