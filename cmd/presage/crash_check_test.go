package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors"
	"github.com/presage-pdm/presage/tickets"
	"github.com/presage-pdm/presage/web"
)

// tvFault is a declared fault of a script: the TV and when it crashed first.
type tvFault struct {
	tv    string
	onset int64
}

// ackedFaults returns the TVs all of whose crashes are acknowledged.
func ackedFaults(script []said, acked []bool) []tvFault {
	var all []tvFault
	for n := range script {
		if n%tvEvery != tvFrom || n+tvFor > len(script) {
			continue
		}
		if !slices.Contains(acked[n:n+tvFor], false) {
			all = append(all, tvFault{script[n].tv, script[n].at})
		}
	}
	return all
}

// checkReadings expects every acknowledged reading once, with its value, and none that was never sent. It returns
// how many were acknowledged.
func checkReadings(p *process, all []*gateway) int {
	p.t.Helper()
	total := 0
	for _, g := range all {
		script, acked := g.snapshot()
		p.eventually(90*time.Second, "every acknowledged reading can be read back", func() (bool, string) {
			wrong := wrongReadings(script, acked, func(from, to int64) [][2]float64 { return p.points(g.id, "n", from, to) })
			return len(wrong) == 0, g.id + ": " + summary(wrong)
		})
		for n := range script {
			if acked[n] && script[n].tv == "" {
				total++
			}
		}
	}
	return total
}

// wrongReadings compares the readings of a gateway with its script.
func wrongReadings(script []said, acked []bool, points func(from, to int64) [][2]float64) (wrong []string) {
	const page = 1000 // messages
	for from := 0; from < len(script); from += page {
		some := script[from:min(from+page, len(script))]
		times := map[int64]int{}
		values := map[int64]float64{}
		for _, point := range points(some[0].at, some[len(some)-1].at+1) {
			times[int64(point[0])]++
			values[int64(point[0])] = point[1]
		}
		for i, m := range some {
			got := times[m.at]
			delete(times, m.at)
			switch {
			case m.tv != "" && got > 0:
				wrong = append(wrong, fmt.Sprintf("message %d was no reading", m.n))
			case m.tv == "" && acked[from+i] && got == 0:
				wrong = append(wrong, fmt.Sprintf("reading %d is missing", m.n))
			case got > 1:
				wrong = append(wrong, fmt.Sprintf("reading %d is there %d times", m.n, got))
			case got == 1 && values[m.at] != float64(m.n):
				wrong = append(wrong, fmt.Sprintf("reading %d has the value %v", m.n, values[m.at]))
			}
		}
		for at := range times {
			wrong = append(wrong, fmt.Sprintf("a reading at %d was never sent", at))
		}
	}
	return wrong
}

func summary(wrong []string) string {
	return fmt.Sprintf("%d wrong: %s", len(wrong), strings.Join(wrong[:min(5, len(wrong))], "; "))
}

// checkFaults expects one open ticket of every acknowledged fault, with its onset, and never two open ones of one
// fault. It returns how many faults were acknowledged.
func checkFaults(p *process, all []*gateway) int {
	p.t.Helper()
	var want []tvFault
	for _, g := range all {
		want = append(want, ackedFaults(g.snapshot())...)
	}
	p.eventually(90*time.Second, "every acknowledged fault has one open ticket", func() (bool, string) {
		wrong := wrongTickets(want, p.allTickets())
		return len(wrong) == 0, summary(wrong)
	})
	return len(want)
}

func wrongTickets(want []tvFault, got []tickets.Ticket) (wrong []string) {
	open := map[tickets.Key]int{}
	byDevice := map[string][]tickets.Ticket{}
	for _, t := range got {
		byDevice[t.Device] = append(byDevice[t.Device], t)
		if t.Open() {
			if open[t.Key()]++; open[t.Key()] == 2 {
				wrong = append(wrong, fmt.Sprintf("%v has two open tickets", t.Key()))
			}
		}
	}
	for _, f := range want {
		switch mine := byDevice[f.tv]; {
		case len(mine) != 1:
			wrong = append(wrong, fmt.Sprintf("%s has %d tickets", f.tv, len(mine)))
		case !mine[0].Open() || mine[0].FaultCode != "crash-loop" || mine[0].Occurrences != 1 || mine[0].OnsetAt.UnixMilli() != f.onset:
			wrong = append(wrong, fmt.Sprintf("%s has the ticket %+v, onset is %d", f.tv, mine[0], f.onset))
		}
	}
	return wrong
}

// allTickets returns the tickets of all devices.
func (p *process) allTickets() []tickets.Ticket { return p.tickets("") }

// findings returns what all findings say, by identity.
func (p *process) findings() map[string]string {
	p.t.Helper()
	all := map[string]string{}
	cursor := ""
	for {
		var page web.FindingPage
		p.get("/api/v1/findings?limit=500&cursor="+url.QueryEscape(cursor), &page)
		for _, f := range page.Findings {
			if _, twice := all[f.ID]; twice {
				p.t.Errorf("finding %s is there twice", f.ID)
			}
			all[f.ID] = tellFinding(&f.Finding)
		}
		if page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

// tellFinding is everything of a finding but its arrival, which differs from run to run.
func tellFinding(f *detectors.Finding) string {
	return fmt.Sprintf("%s/%s/%s %s of %s/%s: onset %d, at %d, score %v, p %v, withheld %q, backfill %v, because %v, signals %+v",
		f.Device, f.Component, f.FaultCode, f.Phase, f.Detector, f.Rule, f.Onset, f.Time, f.Score, f.PValue, f.Withheld, f.Backfill, f.Reason, tellSignals(f.Signals))
}

func tellSignals(signals []detectors.Signal) (told []string) {
	for _, s := range signals {
		told = append(told, fmt.Sprintf("%s %v %v %v %v", s.Metric, s.Actual, s.Expected, s.Share, s.Rank))
	}
	return told
}

// tellTickets is everything of tickets but what depends on the clock of the machine.
func tellTickets(all []tickets.Ticket) map[string]string {
	told := map[string]string{}
	for _, t := range all {
		told[fmt.Sprintf("%s/%s/%s %s", t.Device, t.Component, t.FaultCode, t.OnsetAt)] = fmt.Sprintf(
			"%s, %s, %d times, last seen %s, cleared %s, reopened %d", t.Category, t.Severity, t.Occurrences, t.LastSeenAt, t.ClearedAt, t.Reopened)
	}
	return told
}

// checkAgainstUndisturbed publishes the same scripts to a process that nothing happens to, and expects the same findings,
// each once, and the same tickets.
func checkAgainstUndisturbed(t *testing.T, p *process, all []*gateway, flags ...string) (findings int) {
	t.Helper()
	calm := start(t, "serve", allEmbedded(t), flags...)
	finish(t, calm, afresh(all))
	calm.drained()
	want, wantTickets := calm.settledFindings(), tellTickets(calm.allTickets())
	got, gotTickets := p.settledFindings(), tellTickets(p.allTickets())
	compare(t, "finding", got, want)
	compare(t, "ticket", gotTickets, wantTickets)
	calm.stop()
	return len(want)
}

// settledFindings waits until no more findings come in.
func (p *process) settledFindings() map[string]string {
	p.t.Helper()
	var last map[string]string
	p.eventually(60*time.Second, "findings have all come in", func() (bool, string) {
		now := p.findings()
		same := len(now) == len(last)
		last = now
		return same && p.pendingFindings() == 0, fmt.Sprintf("%d findings", len(now))
	})
	return last
}

// pendingFindings is how many findings wait for the desk.
func (p *process) pendingFindings() float64 { return p.metric("presage_lane_pending_findings") }

func compare(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	shown := 0
	tell := func(format string, args ...any) {
		t.Helper()
		if shown++; shown <= 5 {
			t.Errorf(format, args...)
		} else {
			t.Fail()
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if g, ok := got[key]; !ok {
			tell("%s %s is missing: %s", what, key, want[key])
		} else if g != want[key] {
			tell("%s %s is\n%s, in the undisturbed run it is\n%s", what, key, g, want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			tell("%s %s is not in the undisturbed run: %s", what, key, got[key])
		}
	}
	t.Logf("%d of %s compared", len(want), what+"s")
}

// status asks /readyz.
func (p *process) status() (code int, body string) {
	resp, err := http.Get("http://" + p.http + "/readyz")
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text := make([]byte, 4000)
	n, _ := resp.Body.Read(text)
	return resp.StatusCode, string(text[:n])
}

// peakMemory is the most memory that the process has had, in bytes; 0 where the system does not tell (proc(5), VmHWM).
func (p *process) peakMemory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid()))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kb int64
	fmt.Sscan(rest, &kb)
	return kb << 10
}
