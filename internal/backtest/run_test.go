package backtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/presage-pdm/presage/detectors/catalog"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/telemetry/series"
	"github.com/presage-pdm/presage/tickets"
)

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// records are events and states in memory, answered as the database does.
type records map[string][]telemetry.Event

func (r records) Events(_ context.Context, _, device string, from, to time.Time, limit int) (out []telemetry.Event, _ error) {
	for _, e := range r[device] {
		if e.Time >= from.UnixMilli() && e.Time < to.UnixMilli() && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

func (r records) State(context.Context, string, string) (telemetry.State, error) {
	return telemetry.State{}, tickets.ErrNotFound
}

// readings are series in memory, answered as a series store does.
type readings map[series.Key][]series.Point

func (r readings) Last(_ context.Context, tenant, device string) (map[string]series.Point, error) {
	last := map[string]series.Point{}
	for k, points := range r {
		if k.Tenant == tenant && k.Device == device {
			last[k.Metric] = points[len(points)-1]
		}
	}
	return last, nil
}

func (r readings) Raw(_ context.Context, key series.Key, in series.Range, limit int) (out []series.Point, _ error) {
	for _, p := range r[key] {
		if p.Time >= in.From.UnixMilli() && p.Time < in.To.UnixMilli() && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, nil
}

// history is devices with metrics, one reading of each every step.
func history(devices, metrics, count int, step time.Duration) readings {
	r := readings{}
	random := rand.New(rand.NewPCG(3, 4))
	for d := range devices {
		for m := range metrics {
			key := series.Key{Tenant: telemetry.DefaultTenant, Device: fmt.Sprintf("bus-%d", d), Metric: fmt.Sprintf("m%d", m)}
			for i := range count {
				r[key] = append(r[key], series.Point{Time: start.Add(time.Duration(i) * step).UnixMilli(), Value: float64(10*m) + random.NormFloat64()})
			}
		}
	}
	return r
}

func builtIn(t testing.TB) *catalog.Plans {
	t.Helper()
	c, err := catalog.New()
	if err != nil {
		t.Fatal(err)
	}
	return catalog.NewPlans(c, func(_, _ string) (string, string) { return "", "" })
}

// Pages of readings and of events that end in the middle of a moment lose and repeat nothing.
func TestStreamIsWholeAndInOrder(t *testing.T) {
	const each, events = 2*page + 100, 2*eventPage + 7
	cfg := DefaultConfig()
	r := records{}
	for i := range events { // three of each moment
		r["bus-0"] = append(r["bus-0"], telemetry.Event{Time: start.Add(time.Duration(i/3) * 1500 * time.Millisecond).UnixMilli(), Code: "e", ID: fmt.Sprint(i)})
	}
	cfg.Readings, cfg.Records, cfg.From, cfg.To = history(1, 2, each, time.Second), r, start, start.Add(each*time.Second)
	s, err := openStream(t.Context(), &cfg, "bus-0")
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	last, seen := int64(0), 0
	for {
		b, err := s.next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			break
		}
		if b.Arrival <= last {
			t.Fatalf("a batch of %d after one of %d", b.Arrival, last)
		}
		last = b.Arrival
		for _, v := range b.Samples {
			count[v.Metric]++
		}
		for _, e := range b.Events {
			if e.ID != fmt.Sprint(seen) {
				t.Fatalf("event %s where %d belongs", e.ID, seen)
			}
			seen++
		}
	}
	if count["m0"] != each || count["m1"] != each || seen != events {
		t.Errorf("%v readings and %d events, want %d of each metric and %d", count, seen, each, events)
	}
}

// The result does not depend on how many devices are replayed at once; what opens in the warm-up does not count.
func TestRunIsTheSameForAnyWorkers(t *testing.T) {
	cfg := DefaultConfig()
	r := records{}
	devices := []string{"bus-0", "bus-1", "bus-2", "bus-3", "bus-none"}
	for i, d := range devices[:4] {
		for n := range 3 {
			r[d] = append(r[d], telemetry.Event{Time: start.Add(time.Duration(i)*time.Hour + time.Duration(n)*time.Second).UnixMilli(), Code: "crash", ID: fmt.Sprint(n)})
		}
	}
	cfg.Readings, cfg.Records = history(4, 2, 600, time.Minute), r
	cfg.From, cfg.To, cfg.WarmUp = start.Add(30*time.Minute), start.Add(10*time.Hour), time.Hour
	var first []Result
	for _, workers := range []int{1, 3} {
		cfg.Workers = workers
		got, h, err := Run(t.Context(), cfg, devices, builtIn(t), builtIn(t))
		if err != nil {
			t.Fatal(err)
		}
		if h.Devices != 5 || h.WithHistory != 4 || h.Readings != 4*2*600 || h.Events != 12 {
			t.Errorf("history %+v", h)
		}
		var told []string
		for _, ticket := range got[0].Tickets {
			told = append(told, ticket.Device+" "+ticket.FaultCode)
		}
		if want := []string{"bus-1 crash-loop", "bus-2 crash-loop", "bus-3 crash-loop"}; !slices.Equal(told, want) {
			t.Errorf("tickets %v, want %v", told, want)
		}
		if d := Compare(got[0], got[1], cfg.To); len(d.OnlyNew)+len(d.OnlyOld) > 0 || len(d.Both) != 3 || d.Both[0].Changed() {
			t.Errorf("a catalogue differs from itself: %+v", d)
		}
		if first == nil {
			first = got
		} else if !reflect.DeepEqual(first, got) {
			t.Errorf("with %d workers another result", workers)
		}
	}
}
