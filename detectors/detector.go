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

// Wide is a method whose device-wide detectors want every sample of the device, not only events and ticks.
type Wide interface{ Wide() }

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
	// BatchInput comes once at the end of every batch, with its arrival.
	BatchInput
	// TickInput comes once a second of the journal's clock.
	TickInput
)

// Input is one thing that happened to a device.
type Input struct {
	Kind InputKind
	// Time is the event time, or the arrival time for ticks and batches. Arrival is the journal's. Unix milliseconds.
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
	// Latest returns the newest value of a metric of the device and its time.
	Latest func(metric string) (value float64, time int64, ok bool)
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
	// New returns the judge of a metric that has seen nothing.
	New(plan MetricPlan) Series
}

// Series judges one metric by its own past.
type Series interface {
	// Observe scores a reading against what came before it, then learns it. Readings come in rising time.
	Observe(time int64, value float64) Surprise
	AppendState(dst []byte) []byte
	// RestoreState reads what AppendState wrote from the front of src and returns the rest.
	RestoreState(src []byte) (rest []byte, err error)
}

// Surprise is what a series thought of a reading.
type Surprise struct {
	// P is the probability of a reading at least as extreme, in (0, 1]; 1 during warm-up.
	P float64
	// Expected is the forecast made before the reading, and Low and High the band around it.
	Expected, Low, High float64
	// Warm is false until the series has seen enough to judge.
	Warm bool
}

// JointMethod makes judges of the metrics of one component together.
type JointMethod interface {
	Name() string
	Version() int
	New() Joint
}

// Joint judges the metrics of one component of a device together. It is what opens tickets for behaviour
// that no rule describes.
type Joint interface {
	// Metric announces a metric and returns its index, from 0 upwards; ok is false when there are too many.
	Metric(name string) (index int, ok bool)
	// Observe takes one reading of a metric.
	Observe(index int, time int64, value float64) Verdict
	// Explain describes the decision while it is Faulty, with a score in [0, 1] and a p-value.
	Explain() (e Evidence, score, p float64)
	AppendState(dst []byte) []byte
	RestoreState(src []byte) (rest []byte, err error)
}
