package detectors

import "github.com/presage-pdm/presage/telemetry"

// Method makes detectors of one kind with one setting. Methods are immutable and shared between devices.
type Method interface {
	// Name of the method, such as "limit", and its version, which changes with its meaning or its state.
	Name() string
	Version() int
	// New returns a detector that has seen nothing. metric is empty for a detector of a whole device.
	New(metric string, plan MetricPlan) Detector
}

// Detector is the state of one rule for one device or one of its metrics. It sees its input in the order of
// the journal, samples of one metric in rising time without duplicates, and it is used by one goroutine.
type Detector interface {
	// Observe takes one input and tells whether the condition holds after it. It fails never: what it
	// cannot judge leaves the verdict as it was. in is only valid during the call.
	Observe(in *Input) Verdict
	// Explain describes the condition while it holds.
	Explain() Evidence
	// AppendState appends the state in binary form; RestoreState replaces it by one that AppendState of the same
	// method and version wrote, and fails on anything else without crashing.
	AppendState(dst []byte) []byte
	RestoreState(src []byte) error
}

// Late is implemented by detectors that can judge a reading by itself. Readings that are older than the newest one
// of their metric reach no other detector: state moves forward in event time only.
type Late interface {
	// JudgeLate judges a reading alone and leaves the state as it is. ok is false when it is healthy.
	JudgeLate(in *Input) (e Evidence, ok bool)
}

// Verdict is what a detector holds after an input.
type Verdict uint8

// The verdicts.
const (
	Healthy Verdict = iota
	Faulty
	// Worse is Faulty with something new worth recording.
	Worse
)

// InputKind tells which members of an [Input] are set.
type InputKind uint8

// The kinds of input.
const (
	SampleInput InputKind = iota
	EventInput
	StateInput
	// MomentInput tells that all readings of one event time in a batch were applied.
	MomentInput
	// ProgressInput comes when a batch, or what of it or of others was due, was judged; Time is the newest event time judged.
	ProgressInput
	// BatchInput comes once for every batch that arrives, before anything in it but its states. Like ticks it comes
	// in the order and time of arrival, also for readings that are held to be put in order; Time is Arrival. Only
	// methods that are [Ticking] get it; they get no ProgressInput.
	BatchInput
	// TickInput comes once a second of the journal's clock.
	TickInput
)

// Input is one thing that happened to a device.
type Input struct {
	Kind InputKind
	// Time is the event time; for ticks and batches it is Arrival, which is the journal's clock. Unix milliseconds.
	Time    int64
	Arrival int64
	// Tick counts the ticks of the lane. It stands still while Presage does, so what
	// is measured in ticks does not take an outage of ours for one of the device.
	Tick uint64
	// Live is false for a batch of readings that were already old when they arrived.
	Live bool

	Metric string
	Value  float64
	Event  *telemetry.Event
	Online bool
	// Spoke tells of a batch that it holds readings or events, and not a later word that the device is offline.
	Spoke bool
	// Latest returns the newest value of a metric of the device and its time.
	Latest func(metric string) (value float64, time int64, ok bool)
	// Sound tells that the device has no fault just now, so that others may learn from it; nil when nobody knows.
	Sound func() bool
}

// Evidence describes a condition that holds.
type Evidence struct {
	// Onset is when the condition began, in event time.
	Onset   int64
	Signals []Signal
	Events  []telemetry.Event
	Reason  Reason
}

// SeriesMethod makes the base tier of metrics.
type SeriesMethod interface {
	Name() string
	Version() int
	// New returns a series that has seen nothing.
	New() Series
}

// Series knows how one metric usually runs.
type Series interface {
	// Expect forecasts the reading at a time that is not before the last one.
	Expect(time int64) Expectation
	// PValue is the conformal probability of a reading at least as unlike its expectation, in (0, 1]; 1 during warm-up. It learns nothing.
	PValue(time int64, value float64) float64
	// Observe returns what was expected of the reading, then learns it if learn is true. Readings come in rising time.
	Observe(time int64, value float64, learn bool) Expectation
	// Band returns the range around an expectation that nearly all readings fall in.
	Band(e Expectation) (low, high float64)
	AppendState(dst []byte) []byte
	RestoreState(src []byte) error
}

// Expectation is a forecast of one reading.
type Expectation struct {
	// Value expected, of which Season is owed to the time of the day or week, 0 until that has proved itself.
	Value, Season float64
	// Profile names the cycle that Season comes from, 0 for none. When it changes, so does what is left of the readings without their season.
	Profile int
	// Warm is false until the series has seen enough to judge.
	Warm bool
	// Novelty is the smoothed surprise of the metric's course, 0 where novelty is not judged; a [Series] leaves it out.
	Novelty float64
}

// JointMethod makes judges of all metrics of a device together.
type JointMethod interface {
	Name() string
	Version() int
	New() Joint
}

// Joint decides, from all metrics of a device together, which components behave unlike themselves. It is what
// opens tickets for trouble that no rule describes.
type Joint interface {
	// Metric announces a metric and its component and returns its index, counted from 0. A metric keeps its index over AppendState and RestoreState.
	Metric(name, component string) (index int)
	// Observe takes one reading of a metric and what its series expected.
	Observe(index int, time int64, value float64, e Expectation)
	// Suspect tells that a metric looks unlike itself just now, decided or not, so that nobody should learn from it.
	Suspect(index int) bool
	// Decide is called when all readings of one time were taken. It returns the components whose verdict changed; the slice is valid until the next call.
	Decide(time int64) []Decision
	// Still describes a decision that holds. ok is false unless what was read from the time on speaks for it.
	Still(component string, since int64) (d Decision, ok bool)
	AppendState(dst []byte) []byte
	RestoreState(src []byte) error
}

// Decision is the verdict on one component of a device. The onset of a Worse one is that of what is new.
type Decision struct {
	Component string
	Verdict   Verdict
	Evidence
	// Score is in [0, 1], P is the p-value behind it.
	Score, P float64
	// Of a [Leveled] judge: the index of the component, the sum of surprises that decided, and how much of it is novelty.
	Part         int
	Sum, Novelty float64
}
