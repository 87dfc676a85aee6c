package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/presage-pdm/presage/internal/simulation"
)

// letter is one message of a device: what it says, and when the device sends it.
type letter struct {
	device  string
	topic   string
	payload []byte
	event   bool
	at      int64 // Unix milliseconds
}

// delivery is a letter that arrives.
type delivery struct {
	*letter
	arrival int64
}

// inOrder delivers every letter at once.
func inOrder(letters []letter) []delivery {
	out := make([]delivery, len(letters))
	for i := range letters {
		out[i] = delivery{&letters[i], letters[i].at + 40}
	}
	return out
}

// trouble is what the road does to one device for a while.
type trouble struct {
	device   string // empty for all devices
	kind     troubleKind
	from, to int64 // Unix milliseconds of sending
}

type troubleKind string

const (
	// shuffled: every tenth message is up to 100 s late, and overtaken. The first is a reading, and surely overtaken.
	shuffled troubleKind = "messages are shuffled"
	// lost: every tenth message is lost, and sent again after 20 s, at times twice.
	lost troubleKind = "messages are lost and sent again"
	// away: the device is out of reach, keeps what it has, and sends it in one burst afterwards.
	away troubleKind = "out of reach"
	// stopped: Presage is killed, and everything waits for it.
	stopped troubleKind = "Presage is killed and started again"
	// straggling: one message in thirty comes five minutes to an hour late, and one in a hundred, which nobody acknowledged, never.
	straggling troubleKind = "messages straggle"
	// reconnect: every connection is lost for less than anybody would call silence.
	reconnect troubleKind = "everybody reconnects"
)

func (t trouble) String() string {
	who := t.device
	if who == "" {
		who = "all devices"
	}
	return fmt.Sprintf("%s: %s from %s for %v", who, t.kind, time.UnixMilli(t.from).UTC().Format("02 15:04:05"), time.Duration(t.to-t.from)*time.Millisecond)
}

// holdsUp tells that a trouble holds up a device's messages and keeps their order.
func (t trouble) holdsUp(device string) bool {
	return (t.device == "" || t.device == device) && (t.kind == away || t.kind == stopped || t.kind == reconnect)
}

func (t trouble) meets(l *letter) bool {
	return (t.device == "" || t.device == l.device) && t.from <= l.at && l.at < t.to
}

// road is a seeded way between devices and the intake that delivers every letter at least once.
type road struct {
	rng      *rand.Rand
	troubles []trouble
}

const (
	minute = 60_000 // ms
	hour   = 60 * minute
)

// newRoad plans what goes wrong between begin and end: one device is away for a day, one for two hours, one for a quarter of an hour, the others
// are shuffled or lose messages in spells of less than an hour, with rest between; everybody reconnects twice, and Presage is killed once.
func newRoad(rng *rand.Rand, devices []string, absent string, begin, end int64) *road {
	r := &road{rng: rng}
	stop := begin + rng.Int64N(end-begin-2*hour)
	r.troubles = append(r.troubles, trouble{"", stopped, stop, stop + 40*minute}, trouble{absent, away, end - 25*hour, end - hour})
	lengths := []int64{2 * hour, 15 * minute}
	for _, d := range devices {
		if d == absent {
			continue
		}
		if len(lengths) > 0 {
			from := stop // whoever is out of reach only while Presage is, is not missed
			for from > stop-lengths[0]-hour && from < stop+hour {
				from = begin + rng.Int64N(end-begin-lengths[0]-hour)
			}
			r.troubles = append(r.troubles, trouble{d, away, from, from + lengths[0]})
			lengths = lengths[1:]
			continue
		}
		for from := begin + rng.Int64N(3*hour); from < end-hour; from += 4*hour + rng.Int64N(2*hour) {
			kind := shuffled
			if rng.IntN(3) == 0 {
				kind = lost
			}
			r.troubles = append(r.troubles, trouble{d, kind, from, from + 20*minute + rng.Int64N(30*minute)})
		}
	}
	for range 2 {
		from := begin + rng.Int64N(end-begin-hour)
		r.troubles = append(r.troubles, trouble{"", reconnect, from, from + minute + rng.Int64N(2*minute)})
	}
	return r
}

// outage returns when Presage does not run.
func (r *road) outage() (from, to int64) {
	for _, t := range r.troubles {
		if t.kind == stopped {
			return t.from, t.to
		}
	}
	return 0, 0
}

// upset tells that something befalls all devices at once between two times.
func (r *road) upset(from, to int64) bool {
	return slices.ContainsFunc(r.troubles, func(t trouble) bool { return t.device == "" && t.from < to && from < t.to })
}

// deliver carries letters, which are in the order of sending.
func (r *road) deliver(letters []letter) []delivery {
	var out []delivery
	proved := map[trouble]bool{} // spells whose first message was made late
	busy := map[string]int64{}   // until when a connection sends what it kept, in order
	for i := range letters {
		l := &letters[i]
		arrival := l.at + 20 + r.rng.Int64N(40)
		again, never := r.rng.IntN(40) == 0, false
		for _, t := range r.troubles {
			if !t.meets(l) {
				continue
			}
			switch t.kind {
			case straggling:
				if never = r.rng.IntN(100) == 0; !never && r.rng.IntN(30) == 0 {
					arrival += 5*minute + r.rng.Int64N(55*minute)
				}
			case shuffled, lost:
				switch {
				case !proved[t] && !l.event:
					proved[t] = true
					arrival += 45_000 + r.rng.Int64N(50_000)
				case !proved[t]:
				case r.rng.IntN(10) == 0 && t.kind == shuffled:
					arrival += r.rng.Int64N(100_000)
				case r.rng.IntN(10) == 0:
					arrival += 20_000
					again = r.rng.IntN(2) == 0
				}
			}
		}
		if never {
			continue
		}
		// A connection that is lost holds everything up, in order.
		for moved := true; moved; {
			moved = false
			for _, t := range r.troubles {
				if t.holdsUp(l.device) && t.from <= arrival && arrival < t.to {
					arrival = t.to + (arrival-t.from)/1000 // a day in a minute and a half
					moved, busy[l.device] = true, max(busy[l.device], arrival)
				}
			}
		}
		arrival = max(arrival, busy[l.device])
		out = append(out, delivery{l, arrival})
		if again {
			out = append(out, delivery{l, arrival + r.rng.Int64N(60_000)})
		}
	}
	slices.SortStableFunc(out, func(a, b delivery) int { return cmp.Compare(a.arrival, b.arrival) })
	// Nothing arrives while Presage does not run, redeliveries included.
	from, to := r.outage()
	for i := range out {
		if from <= out[i].arrival && out[i].arrival < to {
			out[i].arrival = to
		}
	}
	return out
}

// lettersOf lets a fleet live from begin to end and returns what its devices send, in the order of sending. From dies to
// revives the device dead says nothing: it is off. skew is what the clocks of devices are off by, in ms.
func lettersOf(f *simulation.Fleet, begin, end int64, every time.Duration, silent trouble, skew map[string]int64) (letters []letter) {
	n := f.Devices()
	f.StartLive(time.UnixMilli(begin).UTC())
	for k := int64(0); ; k++ {
		at := begin + k*every.Milliseconds()/int64(n)
		if at >= end {
			return letters
		}
		now := time.UnixMilli(at).UTC()
		f.Advance(now)
		i := int(k) % n
		b := f.Read(i, now)
		for j := range b.Samples {
			b.Samples[j].Time += skew[b.Device]
		}
		for j := range b.Events {
			b.Events[j].Time += skew[b.Device]
		}
		l := letter{device: b.Device, at: at}
		if silent.meets(&l) {
			continue
		}
		if len(b.Events) > 0 {
			payload, err := simulation.EncodeEvents(b.Events)
			if err != nil {
				panic(err) // events of the simulation have a JSON form
			}
			letters = append(letters, letter{b.Device, simulation.Topic(b.Device, "event"), payload, true, at})
		}
		letters = append(letters, letter{b.Device, simulation.Topic(b.Device, "telemetry"), simulation.AppendTelemetry(nil, &b), false, at})
	}
}
