package identity

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// An address may try the shared password guessBurst times, and then once every guessEvery.
	guessBurst = 20
	guessEvery = 3 * time.Second
	// A client that was let in from an address has attempts of its own there, so that those of its neighbours behind the same
	// router do not hold it up.
	ownBurst = 5
	ownEvery = 10 * time.Second
	// maxGuessers bounds the addresses and clients that are told apart: about 10 MB.
	maxGuessers = 50_000

	// slowFor is how long a refusal is held back from an address that has used up its attempts, and maxSlowed how many
	// are held back at once: what keeps failing in a loop costs less then.
	slowFor   = 2 * time.Second
	maxSlowed = 256
)

// guesses makes guessing of the shared password slow, for each address by itself. It is safe for concurrent use.
//
// Only failures count. A device that was let in from an address before has attempts of its own
// there. An attacker on the same address could use those up, too, when he knows the client identifier: that is the
// one case in which somebody is held up by somebody else, for seconds.
type guesses struct {
	mu sync.Mutex
	// full is when a guesser, an address or a client of it, has all attempts again.
	full map[guesser]time.Time
	// own are the clients that were let in.
	own    map[guesser]struct{}
	slowed atomic.Int32
}

// guesser is an address, or a client on it.
type guesser struct {
	network netip.Prefix
	client  string // empty for the address as a whole
	slow    bool   // counts failures of every kind, for slowDown
}

func newGuesses() *guesses {
	return &guesses{full: map[guesser]time.Time{}, own: map[guesser]struct{}{}}
}

// network is what one guesser can choose addresses from: an IPv4 address, or an IPv6 network of 64 bits.
func network(remote net.Addr) netip.Prefix {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap()
	bits := 64
	if address.Is4() {
		bits = 32
	}
	p, err := address.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// whose returns who pays for an attempt, and its rate.
func (g *guesses) whose(remote net.Addr, client string) (guesser, int, time.Duration) {
	who := guesser{network: network(remote), client: client[:min(len(client), 64)]}
	if _, ok := g.own[who]; ok && who.client != "" {
		return who, ownBurst, ownEvery
	}
	who.client = ""
	return who, guessBurst, guessEvery
}

// may tells whether there is an attempt left.
func (g *guesses) may(remote net.Addr, client string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, burst, every := g.whose(remote, client)
	return g.left(who, burst, every, now)
}

func (g *guesses) left(who guesser, burst int, every time.Duration, now time.Time) bool {
	return g.full[who].Sub(now) <= time.Duration(burst-1)*every
}

// count takes an attempt away.
func (g *guesses) count(who guesser, every time.Duration, now time.Time) {
	full, ok := g.full[who]
	if !ok && len(g.full) >= maxGuessers {
		for other := range g.full {
			delete(g.full, other) // any: who has that many addresses is not held up by a limit for each
			break
		}
	}
	if full.Before(now) {
		full = now
	}
	g.full[who] = full.Add(every)
}

// wrong counts a failure.
func (g *guesses) wrong(remote net.Addr, client string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, _, every := g.whose(remote, client)
	g.count(who, every, now)
}

// right remembers a client that was let in.
func (g *guesses) right(remote net.Addr, client string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := guesser{network: network(remote), client: client[:min(len(client), 64)]}
	if len(g.own) >= maxGuessers {
		for other := range g.own {
			delete(g.own, other) // any: its client shares the attempts of its address until it is let in again
			break
		}
	}
	g.own[who] = struct{}{}
	delete(g.full, who)
}

// slowDown counts a refusal of any kind, and holds it back when too many came from the address.
func (g *guesses) slowDown(ctx context.Context, remote net.Addr, now time.Time) {
	g.mu.Lock()
	who := guesser{network: network(remote), slow: true}
	spent := !g.left(who, guessBurst, guessEvery, now)
	if !spent {
		g.count(who, guessEvery, now)
	}
	g.mu.Unlock()
	if !spent {
		return
	}
	defer g.slowed.Add(-1)
	if g.slowed.Add(1) > maxSlowed {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(slowFor):
	}
}
