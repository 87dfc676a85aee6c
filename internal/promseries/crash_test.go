package promseries

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/powercut"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
)

// TestMain runs the test program as the writer that TestKilledStore kills, when it is told so.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PRESAGE_TEST_CRASH_DIR"); dir != "" {
		if err := appendUntilKilled(dir, os.Getenv("PRESAGE_TEST_CRASH_FROM")); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// numbered is a series of TestKilledStore: reading n is n steps after the first one and has the value n.
type numbered struct {
	device string
	first  int64 // Unix milliseconds
	step   int64
}

// crashSeries returns a timely series and two late ones, years apart. A block of two hours takes some hundred readings
// of the first, and twelve of the others.
func crashSeries(now int64) []numbered {
	return []numbered{{"timely", now, 10e3}, {"late", now - 700*86400e3, 600e3}, {"later", now - 2000*86400e3, 600e3}}
}

func crashConfig(dir string) Config {
	cfg := DefaultConfig(dir)
	cfg.MaxAhead = 10_000 * time.Hour // the timely series runs ahead
	return cfg
}

// appendUntilKilled appends numbered readings, syncs, and prints the number up to which they are durable, while
// blocks are made and merged, and the logs are cut, over and over.
func appendUntilKilled(dir, text string) error {
	var n, until int
	var now int64
	if _, err := fmt.Sscan(text, &n, &until, &now); err != nil {
		return err
	}
	s, err := Open(crashConfig(dir))
	if err != nil {
		return err
	}
	failed := make(chan error, 1) // the first failure counts
	go func() {                   // ends with the process
		for i := 0; ; i++ {
			compact := s.compactLate
			if i%2 == 1 {
				compact = s.compactAll
			}
			if err := compact(s.stopped); err != nil {
				failed <- err
				return
			}
			time.Sleep(20 * time.Millisecond) // so that readings come in between
		}
	}()
	for ; ; n += 5 {
		select {
		case err := <-failed:
			return err
		default:
		}
		var batches []telemetry.Batch
		for _, c := range crashSeries(now) {
			b := telemetry.Batch{Tenant: "default", Device: c.device}
			for i := n; i < n+5; i++ {
				b.Samples = append(b.Samples, telemetry.Sample{Metric: "m", Time: c.first + int64(i)*c.step, Value: float64(i)})
			}
			batches = append(batches, b)
		}
		if dropped, err := s.Append(s.stopped, batches); err != nil || dropped > 0 {
			return fmt.Errorf("%d dropped: %w", dropped, err)
		}
		if err := s.Sync(s.stopped); err != nil {
			return err
		}
		fmt.Println(n + 5)
		if n >= until && len(s.db.Blocks()) > 2 {
			os.Exit(0) // as sudden as a kill
		}
	}
}

// TestKilledStore kills a process that appends, makes blocks, merges them and cuts its logs, again and again on one
// folder, and expects every reading that was synced, once, and no other.
func TestKilledStore(t *testing.T) {
	kills := 10
	if os.Getenv("PRESAGE_TEST_CRASH") == "long" {
		kills = 150
	}
	dir, now := t.TempDir(), time.Now().UnixMilli()
	durable := 0
	blocks, opened := 0, time.Duration(0)
	for kill := range kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PRESAGE_TEST_CRASH_DIR="+dir, fmt.Sprintf("PRESAGE_TEST_CRASH_FROM=%d %d %d", durable, math.MaxInt32, now))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(100+rand.IntN(700))*time.Millisecond, func() { cmd.Process.Kill() })
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "error:") {
				t.Fatalf("kill %d: %s", kill, lines.Text())
			}
			if durable, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait() // "signal: killed"
		timer.Stop()

		begun := time.Now()
		s, err := Open(crashConfig(dir))
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		opened = max(opened, time.Since(begun))
		for _, c := range crashSeries(now) {
			if wrong := c.wrong(t, s, durable); wrong != "" {
				t.Fatalf("kill %d: %s", kill, wrong)
			}
		}
		blocks = max(blocks, len(s.db.Blocks()))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if durable == 0 || blocks == 0 {
		t.Fatalf("%d readings, %d blocks: nothing was shown", durable, blocks)
	}
	t.Logf("%d kills: %d readings of each series, each there once; up to %d blocks; opened within %v", kills, durable, blocks, opened)
}

// wrong says what is wrong with the first n readings, each of which must be there once with its value. Behind
// them there may be those of one call more.
func (c numbered) wrong(t *testing.T, s *Store, n int) string {
	t.Helper()
	got, err := s.Raw(t.Context(), series.Key{Tenant: "default", Device: c.device, Metric: "m"},
		series.Range{From: time.UnixMilli(c.first), To: time.UnixMilli(c.first + int64(n)*c.step - 1)}, 1e6)
	if err != nil {
		return err.Error()
	}
	for i, p := range got {
		if p.Time != c.first+int64(i)*c.step || p.Value != float64(i) {
			return fmt.Sprintf("%s has %d readings of %d, reading %d is %v", c.device, len(got), n, i, p)
		}
	}
	if len(got) != n {
		return fmt.Sprintf("%s has %d readings of %d", c.device, len(got), n)
	}
	return ""
}

// TestPowerCutUnderCompaction records the same process and cuts its power at many points: on every folder that may be left
// the store opens, and holds what was synced.
func TestPowerCutUnderCompaction(t *testing.T) {
	cuts, until := 40, 600
	if os.Getenv("PRESAGE_TEST_CRASH") == "long" {
		cuts, until = 300, 2000
	}
	seed := rand.Uint64()
	if text := os.Getenv("PRESAGE_TEST_CRASH_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d: PRESAGE_TEST_CRASH_SEED=%d draws the same losses", seed, seed)
	random := rand.New(rand.NewPCG(seed, 3))
	root, now := t.TempDir(), time.Now().UnixMilli()
	disk := recordStore(t, root, now, until)
	blocks := 0
	points := disk.Points()
	for i := range cuts {
		point := points[random.IntN(len(points))]
		durable := 0
		for _, s := range disk.Sent() {
			if s.At <= point && s.Local == "pipe" && s.Remote == "1" {
				fmt.Sscan(string(s.Data), &durable) // the newest number
			}
		}
		image := t.TempDir()
		loss := []powercut.Loss{powercut.Everything, powercut.Anything, powercut.Anything, powercut.Nothing}[i%4]
		if err := disk.Image(image, point, loss, random); err != nil {
			t.Fatal(err)
		}
		files := listing(image)
		cfg := crashConfig(image)
		var log bytes.Buffer
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		s, err := Open(cfg)
		if err != nil {
			t.Fatalf("cut %d at %d, losing %d: %v", i, point, loss, err)
		}
		for _, c := range crashSeries(now) {
			if wrong := c.wrong(t, s, durable); wrong != "" {
				t.Fatalf("cut %d at %d, losing %d: %s\n%s\n%s", i, point, loss, wrong, &log, files)
			}
		}
		blocks = max(blocks, len(s.db.Blocks()))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(image); err != nil {
			t.Fatal(err)
		}
	}
	if blocks == 0 {
		t.Fatal("no blocks were made: nothing was shown")
	}
	t.Logf("%d cuts at %d points, up to %d blocks", cuts, len(points), blocks)
}

// listing names the files of a folder with their sizes.
func listing(dir string) string {
	var b strings.Builder
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error { // what cannot be read is not told
		if err != nil {
			return nil
		}
		if info, err := e.Info(); err == nil {
			fmt.Fprintf(&b, "%s %d\n", name, info.Size())
		}
		return nil
	})
	return b.String()
}

// recordStore runs the writer under a trace until it has written so many readings of each series and made blocks.
func recordStore(t *testing.T, root string, now int64, until int) *powercut.Disk {
	t.Helper()
	log := filepath.Join(t.TempDir(), "trace")
	argv := append(powercut.Trace(t, log), os.Args[0])
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "PRESAGE_TEST_CRASH_DIR="+root,
		fmt.Sprintf("PRESAGE_TEST_CRASH_FROM=0 %d %d", until, now))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out[max(0, len(out)-500):])
	}
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	disk := powercut.NewDisk(root)
	if err := disk.Read(f); err != nil {
		t.Fatal(err)
	}
	return disk
}
