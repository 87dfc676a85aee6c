package detectors

import "strconv"

// NoveltyMethod makes judges of how unlike its past the recent course of one metric is.
type NoveltyMethod interface {
	Name() string
	Version() int
	// New returns a judge that has seen nothing.
	New(tier Tier) Novelty
}

// Tier is how much memory the novelty of one metric is judged with: memory decides how well.
type Tier uint8

// The tiers, with about 4, 8 and 30 KB a metric.
const (
	BaseTier Tier = iota
	PromotedTier
	FullTier
)

// String names the tier as metrics and settings do.
func (t Tier) String() string {
	switch t {
	case BaseTier:
		return "base"
	case PromotedTier:
		return "promoted"
	case FullTier:
		return "full"
	}
	return "tier " + strconv.Itoa(int(t))
}

// Novelty judges one metric by itself. It is used by one goroutine.
type Novelty interface {
	// Observe judges a reading by those before it, then learns it. Readings come in rising time.
	Observe(time int64, value float64) Surprise
	// Tier returns the present tier; SetTier changes it and keeps what fits of what was learned.
	Tier() Tier
	SetTier(tier Tier)
	// Size is the memory that is taken, in bytes.
	Size() int
	// AppendState appends the state, tier included; RestoreState replaces it by one that AppendState of the same version wrote.
	AppendState(dst []byte) []byte
	RestoreState(src []byte) error
}

// Surprise is the verdict of a [Novelty] on one reading.
type Surprise struct {
	// Sum adds up the surprises of several views of the metric, each in the unit of -log10 of a tail probability. It means the
	// same for every metric and tier. 0 while not Warm.
	Sum  float64
	Warm bool
	// Strongest is what is most unusual about the course: one of the View constants, such as [ViewShape].
	Strongest string
}
