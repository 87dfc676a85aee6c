package main

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presage-pdm/presage/internal/powercut"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

// recording is a run of the real program whose system calls were logged.
type recording struct {
	disk  *powercut.Disk
	flags []string
	all   []*gateway
	acks  []ackOnWire
	told  []toldTicket
	files int // that were compared with the model
}

// toldTicket is a ticket number that was sent to a webhook, and the point of the log.
type toldTicket struct {
	at     int
	number string
}

// record lets gateways publish to a traced process, which is killed and started again in between, so that the
// cuts that follow also meet what a kill has left unsynced.
func record(t *testing.T, lifetimes int, each time.Duration) *recording {
	t.Helper()
	hook := newHook(t)
	flags := crashFlags(t, hook.URL)
	p := prepare(t, "serve", allEmbedded(t), flags...)
	all, acks := newGateways(2, 16, 2*time.Millisecond)
	for _, g := range all {
		g.trail = newTrail()
	}
	r := &recording{disk: powercut.NewDisk(filepath.Dir(p.data)), flags: flags, all: all}
	load := publishAll(p, all, false)
	for life := range lifetimes {
		log := filepath.Join(t.TempDir(), "trace")
		p.wrap = powercut.Trace(t, log)
		p.run()
		k := &killer{p: p, acks: acks}
		k.acked(50)
		time.Sleep(each)
		if life == lifetimes-1 {
			load.end()
		} else {
			k.change("journal/*/*") // between a write and its sync, with some luck
		}
		p.kill()
		f, err := os.Open(log)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.disk.Read(f); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if err := os.Remove(log); err != nil {
			t.Fatal(err)
		}
		if err := r.disk.Settle(filepath.Dir(p.data)); err != nil {
			t.Fatal(err)
		}
		r.checkFolder(t, p.data)
	}
	r.acks = pubacks(r.disk.Sent(), p.mqtt)
	number := regexp.MustCompile(`"number":"(T-\d+)"`)
	for _, s := range r.disk.Sent() {
		if m := number.FindSubmatch(s.Data); m != nil && s.Remote == strings.TrimPrefix(hook.URL, "http://") {
			r.told = append(r.told, toldTicket{s.At, string(m[1])})
		}
	}
	r.checkSaid(t)
	return r
}

// checkFolder expects the model to hold exactly what the folder holds: nothing that was written escaped the log.
func (r *recording) checkFolder(t *testing.T, data string) {
	t.Helper()
	image := t.TempDir()
	if err := r.disk.Image(image, r.disk.End(), powercut.Nothing, nil); err != nil {
		t.Fatal(err)
	}
	err := fs.WalkDir(os.DirFS(data), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "-shm") {
			return err
		}
		r.files++
		want, err := os.ReadFile(filepath.Join(data, name))
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(image, "data", name))
		if err != nil {
			return err
		}
		if string(got) != string(want) {
			t.Errorf("%s has %d bytes, in the model %d, and they differ", name, len(want), len(got))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// checkSaid expects every PUBACK that a gateway has seen in the log, and that there were some, and tickets.
func (r *recording) checkSaid(t *testing.T) {
	t.Helper()
	acked := 0
	for _, g := range r.all {
		script, seen := g.snapshot()
		onWire := g.trail.ackedBy(r.disk.End(), r.acks, len(script))
		for n := range script {
			if seen[n] && !onWire[n] {
				t.Fatalf("%s: the PUBACK of message %d is not in the log", g.id, n)
			}
			if onWire[n] {
				acked++
			}
		}
	}
	if acked == 0 || len(r.told) == 0 {
		t.Fatalf("%d PUBACKs and %d tickets were told: the recording shows nothing", acked, len(r.told))
	}
	t.Logf("recorded %d calls, %d files, %d PUBACKs, %d tickets told", r.disk.End(), r.files, acked, len(r.told))
}

// cutsOf draws points to cut at: half of them where something becomes durable or is named, some just when
// a PUBACK has left, the rest anywhere.
func (r *recording) cutsOf(n int, random *rand.Rand) []int {
	points := r.disk.Points()
	cuts := make([]int, n)
	for i := range cuts {
		switch {
		case i%2 == 0:
			cuts[i] = points[random.IntN(len(points))] - random.IntN(2)
		case i%4 == 1:
			cuts[i] = r.acks[random.IntN(len(r.acks))].at
		default:
			cuts[i] = 1 + random.IntN(r.disk.End())
		}
	}
	return cuts
}

// opened is Presage in this process, on the image of a cut.
type opened struct {
	*app
	t testing.TB
}

// openImage starts all of Presage on an image, without the webhook.
func (r *recording) openImage(t testing.TB, data string) *opened {
	t.Helper()
	settings, err := LoadSettings(r.flags[1], nil, map[string]any{
		"data": data, "http.listen": "127.0.0.1:0", "mqtt.listen": "127.0.0.1:0", "unknown_devices": "register", "log.level": "error",
	})
	if err != nil {
		t.Fatal(err)
	}
	settings.Webhooks = nil
	log := &lockedBuffer{}
	a, err := startApp(t.Context(), settings, newLogger(settings.Log, log), appOptions{})
	if err != nil {
		t.Fatalf("Presage does not start: %v\n%s", err, log)
	}
	o := &opened{a, t}
	o.caughtUp()
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("errors were logged:\n%s", log)
	}
	return o
}

// caughtUp waits until the journal is applied to its end.
func (o *opened) caughtUp() {
	o.t.Helper()
	var state string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		done := o.lanes.Ready(o.t.Context()) == nil
		for _, s := range o.lanes.Status() {
			end := o.journal.End(s.Partition)
			// Ticks go on: a lane has caught up once it is past what was there.
			done = done && s.Store.Position >= end && s.Detect.Position >= end && s.Pending == 0
		}
		if done {
			return
		}
		state = fmt.Sprintf("%+v, ready: %v", o.lanes.Status(), o.lanes.Ready(o.t.Context()))
	}
	o.t.Fatalf("the lanes do not catch up: %s", state)
}

func (o *opened) close() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.t.Context()), 30*time.Second)
	defer cancel()
	if err := o.stop(ctx); err != nil {
		o.t.Errorf("stop: %v", err)
	}
}

// check expects everything that was acknowledged by a point, and every ticket that was told of.
func (r *recording) check(o *opened, point int) (readings, faults int) {
	o.t.Helper()
	var want []tvFault
	for _, g := range r.all {
		script, _ := g.snapshot()
		acked := g.trail.ackedBy(point, r.acks, len(script))
		wrong := wrongReadings(script, acked, func(from, to int64) (points [][2]float64) {
			key := series.Key{Tenant: telemetry.DefaultTenant, Device: g.id, Metric: "n"}
			got, err := o.series.Raw(o.t.Context(), key, series.Range{From: time.UnixMilli(from), To: time.UnixMilli(to)}, 1<<20)
			if err != nil {
				o.t.Fatal(err)
			}
			for _, p := range got {
				points = append(points, [2]float64{float64(p.Time), p.Value})
			}
			return points
		})
		if len(wrong) > 0 {
			o.t.Errorf("%s: %s", g.id, summary(wrong))
		}
		for n := range script {
			if acked[n] && script[n].tv == "" {
				readings++
			}
		}
		want = append(want, ackedFaults(script, acked)...)
	}
	all := o.allTickets()
	if wrong := wrongTickets(want, all); len(wrong) > 0 {
		o.t.Errorf("tickets: %s", summary(wrong))
	}
	for _, told := range r.told {
		if told.at <= point && !slices.ContainsFunc(all, func(t tickets.Ticket) bool { return t.Number == told.number }) {
			o.t.Errorf("ticket %s was sent to a webhook and is gone", told.number)
		}
	}
	return readings, len(want)
}

func (o *opened) allTickets() (all []tickets.Ticket) {
	o.t.Helper()
	for cursor := ""; ; {
		page, err := o.sql.List(o.t.Context(), telemetry.DefaultTenant, tickets.Filter{Limit: 200, Cursor: cursor})
		if err != nil {
			o.t.Fatal(err)
		}
		all = append(all, page.Tickets...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// TestPowerCutLosesNothingAcknowledged records a run of the real program under load, with kills in between, and cuts the
// power at many points of it: on every folder that may be left, all of Presage starts and holds
// what was acknowledged. On some of them the real program then goes on, and ends with the findings and tickets of a run without a cut.
func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	cuts, goOn, lives, each := 40, 1, 2, time.Second
	if longCrashes() {
		cuts, goOn, lives, each = 1000, 10, 6, 2*time.Second
	}
	seed := crashSeed(t)
	random := rand.New(rand.NewPCG(seed, 2))
	r := record(t, lives, each)
	points := r.cutsOf(cuts, random)
	var readings, faults int
	for i, point := range points {
		name := fmt.Sprintf("cut %d at %d", i, point)
		ok := t.Run(name, func(t *testing.T) {
			data := r.image(t, point, i, seed)
			o := r.openImage(t, data)
			defer o.close()
			n, f := r.check(o, point)
			readings, faults = readings+n, faults+f
		})
		if !ok {
			t.Fatalf("PRESAGE_TEST_CRASH_SEED=%d draws the same losses; the recorded run differs from time to time", seed)
		}
		if (i+1)%100 == 0 {
			t.Logf("%d of %d cuts", i+1, cuts)
		}
	}
	for i := range goOn {
		point := points[random.IntN(len(points))]
		t.Run(fmt.Sprintf("going on %d at %d", i, point), func(t *testing.T) { r.goOn(t, point, i, seed) })
	}
	t.Logf("%d cuts of the power: %d acknowledged readings and %d faults were there; %d went on; seed %d", cuts, readings, faults, goOn, seed)
}

// image makes the folder of a cut; every eighth loses all that was not synced, every eighth nothing.
func (r *recording) image(t *testing.T, point, i int, seed uint64) (data string) {
	t.Helper()
	loss := powercut.Anything
	switch i % 8 {
	case 0:
		loss = powercut.Everything
	case 1:
		loss = powercut.Nothing
	}
	dir := t.TempDir()
	if err := r.disk.Image(dir, point, loss, rand.New(rand.NewPCG(seed, uint64(1000+i)))); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "data")
}

// goOn starts the real program on an image, and lets the gateways send what was not acknowledged.
func (r *recording) goOn(t *testing.T, point, i int, seed uint64) {
	p := prepare(t, "serve", allEmbedded(t), crashFlags(t, "")...)
	p.data = r.image(t, point, i, seed)
	p.args[slices.Index(p.args, "--data")+1] = p.data
	p.run()
	p.makeToken()
	var rest []*gateway
	acks := new(atomic.Int64)
	for _, g := range r.all {
		script, _ := g.snapshot()
		acked := g.trail.ackedBy(point, r.acks, len(script))
		first := slices.Index(append(acked, false), false)
		rest = append(rest, &gateway{id: g.id, window: 50, script: script, acked: acked, first: first, acks: acks})
	}
	finish(t, p, rest)
	p.drained()
	checkReadings(p, rest)
	checkFaults(p, rest)
	checkAgainstUndisturbed(t, p, rest, crashFlags(t, "")...)
	p.stop()
}
