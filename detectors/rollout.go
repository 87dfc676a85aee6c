package detectors

// Stage is how far a rule has got on its way to opening tickets.
type Stage string

// The stages of a rule. The zero value means [StageLive].
const (
	StageShadow Stage = "shadow" // judged and recorded, opens no ticket
	StageCanary Stage = "canary" // live on a stated share of the devices, in shadow on the others
	StageLive   Stage = "live"
)

// Rollout says on which devices what a rule finds opens tickets. The zero value is live everywhere.
type Rollout struct {
	Stage Stage
	// Canary is the share of the devices, above 0 and below 1, on which a rule in [StageCanary] is live.
	Canary float64
}

// OnTrial tells whether what a rule finds on a device is recorded only. It depends on nothing but its arguments, so a device
// stays on its side over restarts and machines; a share that grows keeps the devices that it had. Each rule has a choice of its
// own, lest the same devices try everything.
func (o Rollout) OnTrial(tenant, device, rule string) bool {
	switch o.Stage {
	case StageShadow:
		return true
	case StageCanary:
		return place(tenant, device, rule) >= o.Canary
	}
	return false
}

// place puts a device somewhere in [0, 1), evenly: FNV-1a over the three names with a zero byte after each, then the finalizer of
// SplitMix64 (Steele, Lea and Flood 2014, figure 16), because the upper bits of FNV-1a hardly differ between names that end alike.
// It never changes: devices would change sides. Golden vectors keep it.
func place(names ...string) float64 {
	h := uint64(0xcbf29ce484222325)
	for _, name := range names {
		for i := 0; i <= len(name); i++ {
			var b byte
			if i < len(name) {
				b = name[i]
			}
			h = (h ^ uint64(b)) * 0x100000001b3
		}
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11) / (1 << 53)
}
