package diagnosis

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// The bounds of a cohort.
const (
	leastPeers = 5   // fewer tell nothing
	mostPeers  = 100 // more tell no more
	// freshPeer is how far a peer's newest reading may be from the finding's: a
	// comparison of winter with summer would mislead.
	freshPeer = 24 * time.Hour
	// cohortTime bounds the search, which asks the store once for every peer.
	cohortTime = 2 * time.Second
)

// cohort places the culprit's actual value among the newest values of the
// other devices of its model. There is none for a fault of long ago, because only newest values are compared.
func (p *picture) cohort(ctx context.Context) error {
	if len(p.out.Signals) == 0 || p.out.Signals[0].Share == 0 || p.ticket.Facts.Model == "" {
		return nil
	}
	culprit := &p.out.Signals[0]
	ctx, cancel := context.WithTimeout(ctx, cohortTime)
	defer cancel()
	at := p.ticket.LastSeenAt
	below, above := 0, 0
	var values []float64
	for _, peer := range p.peers() {
		last, err := p.d.cfg.Readings.Last(ctx, p.tenant, peer)
		if ctx.Err() != nil {
			return nil // a slow store costs the cohort, not the rest of the picture
		}
		if err != nil {
			return err
		}
		point, ok := last[culprit.Metric]
		if math.IsNaN(point.Value) || math.IsInf(point.Value, 0) {
			continue
		}
		if age := fromMillis(point.Time).Sub(at); !ok || age.Abs() > freshPeer {
			continue
		}
		values = append(values, point.Value)
		switch cmp.Compare(point.Value, culprit.Actual) {
		case -1:
			below++
		case 1:
			above++
		}
	}
	size := len(values)
	if size < leastPeers {
		return nil
	}
	slices.Sort(values)
	low, high := quantile(values, .1), quantile(values, .9)
	p.out.Cohort = &Cohort{
		Name: cmp.Or(p.ticket.Facts.ModelName, p.ticket.Facts.Model), Size: size, Metric: culprit.Metric,
		Percentile: 100 * (float64(below) + float64(size-below-above)/2) / float64(size), Below: below, Above: above,
		Low: &low, High: &high,
	}
	return nil
}

// quantile interpolates between sorted values (Hyndman & Fan 1996, definition 7).
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := min(int(at), len(sorted)-2)
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// peers returns at most [mostPeers] other devices of the model, spread evenly over their identifiers.
func (p *picture) peers() []string {
	var all []string
	for device := range p.d.cfg.Fleet.Devices(p.tenant) {
		if device.Model == p.ticket.Facts.Model && device.ID != p.ticket.Device && !device.Retired {
			all = append(all, device.ID)
		}
	}
	slices.Sort(all)
	if len(all) <= mostPeers {
		return all
	}
	some := make([]string, mostPeers)
	for i := range some {
		some[i] = all[i*len(all)/mostPeers]
	}
	return some
}
