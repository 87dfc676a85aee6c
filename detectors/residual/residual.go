// Package residual judges a metric by others of the same device: by what it should read at the load, speed or temperature of the
// moment. What it should read is taught by all devices of a cohort together, so a device that is new is judged at once.
//
// # What it detects
//
// A bias, a drift or a change of one metric that the course of the metric alone hides, because the operation of the device moves it more. Readings
// are taken in blocks of 20. The mean of a block is forecast by a ridge regression (Hoerl and Kennard 1970) on up to six other metrics: each of them,
// its square, and the slow means of both, since what heats and cools follows late. What is left over, smoothed over six blocks, is compared with nothing
// (is the device unlike its cohort?) and with the usual residual of the device itself (is it unlike itself?). That one is blended: with n blocks of its own it
// counts n/(n+k), where k is the variance of a block, raised by (1+r)/(1-r) for its autocorrelation r, over the variance between devices (Efron and Morris 1975).
//
// Without other metrics the level of the cohort is what is expected: a device that is new borrows the centre and the spread of the others until it has a past.
//
// # How it is calibrated
//
// By healthy devices of the cohort, not by an assumed law. The deviation of either view is that of all smoothed residuals so far, for the second by age of the device,
// and is widened where the features are far from those that taught. A decision needs three blocks in a row over the level that the peak of one chapter of 30 blocks exceeds
// once in 1000 if peaks follow Gumbel's law with the mean and deviation that they had, at least four deviations; it ends below 0.6 of it. While there are
// few devices the level is higher, by 1 + 4/d for d of them, about as Student's t is.
//
// # Who teaches
//
// A device teaches a chapter of 30 blocks at its end, and only if it had no fault at the end of any of them, also none by this. The more it has
// taught the less its next chapter counts, half after eight. Nothing is judged until the residuals of eight devices are known.
//
// # What it assumes and how it fails
//
//   - Devices of a cohort are alike in how the metric follows the others. Where they are not, the deviation is large and little is found.
//   - An operation that no device has shown is taken for a fault, unless it is far from all others in the metrics given: a first cold start in a fleet that
//     was only seen warm.
//   - A fault that all have is normal, and so is one that a device has from the beginning and that is within what devices differ by.
//   - A metric that is given and lies makes the judged one look wrong: the finding names the metric that is judged.
//   - Nothing is judged while a given metric is missing or older than allowed. After a gap of 20 usual intervals the slow means begin
//     afresh and six blocks pass without a verdict. NaN, infinities and what is beyond 1e60 count as not read.
//   - While a decision holds one block in ten counts for what is usual for the device: what stays and is within the cohort becomes normal.
//
// # Cost
//
// 0.1 us a moment with two given metrics, 0.2 us with six, blocks included. A device takes 1.2 KB with two, 2.3 KB with four and 3.9 KB with six, a
// cohort 1.3, 3.2 and 6.2 KB.
package residual

import (
	"time"

	"github.com/presage-pdm/presage/detectors"
)

// Version of the method and its state.
const Version = 1

// MostGiven bounds the metrics that one metric is judged by.
const MostGiven = 6

// Config says what is judged by what.
type Config struct {
	// On is the metric that is judged, Given are those that say what it should read, at most MostGiven of them. With none of them the
	// level of the cohort is what is expected.
	On    string
	Given []string
	// Lag is the time constant of the slow means of Given that take part: how long the metric takes to follow.
	Lag time.Duration
	// MaxAge is how much older than a reading of On the values of Given may be.
	MaxAge time.Duration
}

// DefaultLag and DefaultMaxAge are what is used where nothing is set.
const (
	DefaultLag    = 5 * time.Minute
	DefaultMaxAge = time.Minute
)

// Method makes detectors that judge a metric by others. It implements [detectors.Sharing].
type Method struct{ cfg Config }

// New returns the method with a setting.
func New(cfg Config) *Method { return &Method{cfg} }

// Name implements [detectors.Method].
func (*Method) Name() string { return "residual" }

// Symptomatic implements [detectors.Symptomatic].
func (*Method) Symptomatic() {}

// Version implements [detectors.Method].
func (*Method) Version() int { return Version }

// NewShared implements [detectors.Sharing].
func (m *Method) NewShared() detectors.Shared { return newShared(len(m.cfg.Given)) }

// New implements [detectors.Method].
func (m *Method) New(string, detectors.MetricPlan) detectors.Detector {
	return &detector{method: m}
}

// features is how many numbers say what the target should be: each metric, its square and the slow means of both.
func features(given int) int { return 4 * given }

var noPlan detectors.MetricPlan
