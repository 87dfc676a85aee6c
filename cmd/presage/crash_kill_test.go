package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// longCrashes reports whether the long forms are asked for, as make crash does.
func longCrashes() bool { return os.Getenv("PRESAGE_TEST_CRASH") == "long" }

// crashSeed is the seed of a run: that of PRESAGE_TEST_CRASH_SEED, which repeats one, else another every time.
func crashSeed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("PRESAGE_TEST_CRASH_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("PRESAGE_TEST_CRASH_SEED: %v", err)
		}
	}
	t.Logf("seed %d: PRESAGE_TEST_CRASH_SEED=%d repeats it", seed, seed)
	return seed
}

// mostMemory is what a process under the load of these tests may take.
const mostMemory = 1 << 30

// hook is a receiver of webhooks that can be waited for in the middle of a post.
type hook struct {
	*httptest.Server
	mu     sync.Mutex
	opened map[string]int // deliveries of ticket.opened, by number of the ticket
	posted chan struct{}  // one token: a post is being answered
}

func newHook(t *testing.T) *hook {
	h := &hook{opened: map[string]int{}, posted: make(chan struct{}, 1)}
	h.Server = httptest.NewServer(http.HandlerFunc(h.take))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) take(w http.ResponseWriter, r *http.Request) {
	var e struct {
		Type   string
		Ticket struct{ Number string }
	}
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case h.posted <- struct{}{}:
	default:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Type == "ticket.opened" {
		h.opened[e.Ticket.Number]++
	}
}

// missing returns the tickets that were never delivered.
func (h *hook) missing(numbers []string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(numbers, func(n string) bool { return h.opened[n] > 0 })
}

// crashFlags are the settings of the crash tests: much happens often.
func crashFlags(t *testing.T, hookURL string) []string {
	catalog := writeFile(t, "catalog.yaml", crashCatalog)
	config := fmt.Sprintf("catalog: [%q]\ningest: {checkpoint_every: 50ms, journal_bytes: 67108864, lanes: 2}\n", catalog)
	if hookURL != "" {
		config += fmt.Sprintf("webhooks: [{name: erp, url: %q, secret: a secret of some length}]\n", hookURL)
	}
	return []string{"--config", writeFile(t, "presage.yaml", config), "--unknown-devices", "register"}
}

// killer picks the moment of each kill.
type killer struct {
	p      *process
	random *rand.Rand
	acks   *atomic.Int64
	hook   *hook
}

// moments are what kills are aimed at, by name. Each waits for its moment, for some seconds at most.
var moments = map[string]func(*killer){
	"start":      func(k *killer) { k.pause(400 * time.Millisecond) },
	"any time":   func(k *killer) { k.ready(); k.pause(700 * time.Millisecond) },
	"ack":        func(k *killer) { k.ready(); k.acked(1 + k.random.Int64N(200)) },
	"commit":     func(k *killer) { k.ready(); k.change("journal/*/*"); k.pause(300 * time.Microsecond) },
	"trim":       func(k *killer) { k.ready(); k.comeOrGo("journal/*/*") },
	"checkpoint": func(k *killer) { k.ready(); k.comeOrGo("lanes/*.[0-9]*") },
	"new file":   func(k *killer) { k.ready(); k.comeOrGo("lanes/*.tmp") },
	"ticket":     func(k *killer) { k.ready(); k.change("presage.db-wal"); k.pause(3 * time.Millisecond) },
	"series":     func(k *killer) { k.ready(); k.change("series/wal/*"); k.pause(time.Millisecond) },
	"relay":      func(k *killer) { k.ready(); k.post() },
}

// ready waits until the process is, and some readings are acknowledged.
func (k *killer) ready() {
	k.p.ready()
	k.acked(20)
}

func (k *killer) pause(most time.Duration) { time.Sleep(time.Duration(k.random.Int64N(int64(most)))) }

func (k *killer) acked(more int64) {
	k.p.t.Helper()
	goal := k.acks.Load() + more
	for deadline := time.Now().Add(30 * time.Second); k.acks.Load() < goal; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			k.p.t.Fatalf("no PUBACK for 30 s; readyz: %v", fmt.Sprint(k.p.status()))
		}
	}
}

// change waits until files under the data folder come, go or grow, and comeOrGo until they come or go.
func (k *killer) change(pattern string)   { k.watch(pattern, true) }
func (k *killer) comeOrGo(pattern string) { k.watch(pattern, false) }

func (k *killer) watch(pattern string, sizes bool) {
	look := func() string {
		names, _ := filepath.Glob(filepath.Join(k.p.data, pattern)) // the patterns are well formed
		var b strings.Builder
		for _, name := range names {
			b.WriteString(name)
			if info, err := os.Stat(name); err == nil && sizes {
				fmt.Fprint(&b, info.Size(), info.ModTime().UnixNano())
			}
		}
		return b.String()
	}
	before := look()
	for deadline := time.Now().Add(2 * time.Second); look() == before && time.Now().Before(deadline); {
		time.Sleep(20 * time.Microsecond)
	}
}

// post waits until a webhook is being posted, which is not answered before the kill or a little later.
func (k *killer) post() {
	select {
	case <-k.hook.posted:
	default:
	}
	select {
	case <-k.hook.posted:
	case <-time.After(2 * time.Second):
	}
}

// TestKillsEverywhere kills a process under load with SIGKILL, on one data folder, at moments that are spread over
// start, journal, checkpoint, series store, ticket transaction and relay. What was
// acknowledged is there once; findings and tickets are those of a run without kills; every opened ticket is delivered.
func TestKillsEverywhere(t *testing.T) {
	kills, rest := 20, 10
	if longCrashes() {
		kills, rest = 220, 25
	}
	seed := crashSeed(t)
	random := rand.New(rand.NewPCG(seed, 1))
	hook := newHook(t)
	flags := crashFlags(t, hook.URL)
	p := start(t, "serve", allEmbedded(t), flags...)
	all, acks := newGateways(4, 16, 3*time.Millisecond)
	load := publishAll(p, all, false)
	k := &killer{p, random, acks, hook}
	names := slices.Sorted(maps.Keys(moments))
	aimed := map[string]int{}
	var peak int64
	for n := range kills {
		name := names[(n+int(seed%uint64(len(names))))%len(names)]
		moments[name](k)
		peak = max(peak, p.peakMemory())
		p.kill()
		aimed[name]++
		p.launch()
		if (n+1)%rest == 0 {
			p.ready()
			readings, faults := checkReadings(p, all), checkFaults(p, all)
			t.Logf("%d kills: %d acknowledged readings can be read back, %d faults have their ticket", n+1, readings, faults)
		}
	}
	p.ready()
	k.acked(100)
	load.end()
	finish(t, p, all)
	p.drained()
	readings, faults := checkReadings(p, all), checkFaults(p, all)
	findings := checkAgainstUndisturbed(t, p, all, crashFlags(t, "")...)
	checkDelivered(p, hook)
	if peak = max(peak, p.peakMemory()); peak > mostMemory {
		t.Errorf("a process took %d MiB", peak>>20)
	}
	p.stop()
	t.Logf("%d kills %v: %d readings acknowledged, each there once; %d faults, each with one ticket; %d findings as in the undisturbed run; %d MiB at most; seed %d",
		kills, aimed, readings, faults, findings, peak>>20, seed)
}

// checkDelivered expects the opening of every ticket at the receiver. What was in the hands of a killed
// process is delivered when its lease ends, half a minute later.
func checkDelivered(p *process, h *hook) {
	p.t.Helper()
	var numbers []string
	for _, t := range p.allTickets() {
		numbers = append(numbers, t.Number)
	}
	p.eventually(90*time.Second, "every opened ticket was delivered", func() (bool, string) {
		missing := h.missing(slices.Clone(numbers))
		return len(missing) == 0, fmt.Sprintf("%d of %d missing", len(missing), len(numbers))
	})
}
