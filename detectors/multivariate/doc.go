// Package multivariate watches all metrics of a device together: it finds rows in which they stand to each other, or to
// their own level, as they did not while the device was healthy.
//
// # What it detects
//
// A lasting shift of one metric or of the relation between several, also one that is small in each of them: a valve that closes changes
// flow, pressure and current a little each. Every metric is smoothed by an exponentially weighted average z with weight
// 0.05; the statistic is T² = (z-m)'S⁻¹(z-m), the multivariate EWMA control chart of Lowry, Woodall, Champ & Rigdon (1992),
// "A Multivariate Exponentially Weighted Moving Average Control Chart", Technometrics 34, 46-53, equations 2.1 to 2.3.
//
// # How it is calibrated
//
// The first rows, 400 unless told otherwise, are taken as healthy. Of them at most 128 evenly spaced ones are kept until they end; m and S
// come from those, and so does the threshold: the largest T² among them times -log10 of the
// alerts wanted per row (the tail of T² is near to exponential, so each factor of ten costs the same again). S is the covariance of z itself and not that of the
// readings times w/(2-w): readings of machines are not independent, and z has wandered as it wanders. It is shrunk towards a diagonal
// as Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate Analysis 88, propose,
// by the closed form for normal data of Chen, Wiesel, Eldar & Hero (2010), "Shrinkage Algorithms for MMSE Covariance
// Estimation", IEEE Trans. Signal Processing 58, equation 17, where n rows count as n w/(2-w) independent ones: after 400 rows
// little more than the deviations is left of S unless correlations are strong. So
// collinear and duplicated metrics need no special care.
//
// A metric that wanders, such as a temperature, shows little of where it may go in a few minutes. Where z deviates more than readings scatter about it, its
// deviation in S is taken larger by that factor. And the warm-up is not the last word: m follows z by 1/1000 a row, and the deviation of each metric what z does, by
// as much, where a row counts as at most 4 deviations; it does not fall below that of the warm-up. Both follow a tenth of it while the device is off. Correlations and
// threshold stand still. A decision begins at the threshold and ends below 0.6 of it.
//
// # Operating regimes
//
// Some metrics tell what is asked of a machine and not how it fares: speed, load, throttle, setpoint. Their names say so ([DrivesByName]), or the operator does. When the
// statistic leaves the quiet range while one of them is more than 3 deviations from where it was, the row is of a regime that is not known: no alarm, but a warm-up.
// When that lasts for 40 rows, averages start over, and 40 rows later the regime is learned as the first was, from as many rows, with m, S and threshold of its own. At
// most 4 are known; the one not met for longest makes room. A row is judged by the regime it is least unlike, as Hwang & Han (1999),
// "Real-time monitoring for a process with multiple operating modes", Control Engineering Practice 7, 891-902, do with principal components. A device
// without such metrics has one regime, whatever happens to it. Nothing is learned while the device is off.
//
// # Whose fault it is
//
// T² is the sum over metrics of dᵢ(S⁻¹d)ᵢ, the partial decomposition contributions reviewed by Alcala & Qin (2009), "Reconstruction-based
// contribution for process monitoring", Automatica 45, 1593-1600. Negative ones count as none; shares are what remains. The largest names the component. Like
// all contributions they smear: what correlates strongly with the culprit takes part of the blame.
//
// # What it assumes and how it fails
//
//   - A metric that drives the machine is believed: when it fails itself, that is a regime. A fault that comes with a regime nobody has met is learned with it.
//   - A regime that is left within 80 rows is never learned, and its rows are not judged. A jump between known ones goes unjudged until averages have followed, up to 80 rows.
//   - A machine that is asked for something else and has no metric that tells so is reported as off, until the centre has followed.
//   - A metric that took another value fewer than 30 times in the warm-up is not watched: a step or two do not show how it moves. Nor is
//     one that appears later, nor the 65th.
//   - A fault in the first rows is learned as healthy. A drift slower than m and the deviation follow is not seen. On a machine that moves as much as a car does, only
//     gross faults are: [the page of detectors] has the figures. The built-in catalogue has no rule with it.
//   - A metric that was not read for ten of its usual intervals takes no part until it is read again; T² is then that of the others. Values held
//     between readings count as read, so metrics of different rates go together. NaN and infinities are ignored.
//   - Scales do not matter, from 1e-9 to 1e9 and beyond: everything is divided by its own deviation.
//
// # Cost
//
// For n metrics n² multiplications a row and known regime: 0.22 us for 8 metrics, 0.65 us with four regimes, 2.8 us for 26 with four, readings included. Memory is
// n (n+1)/2 numbers twice and 60 bytes a metric for every regime, and 80 bytes a metric: 2 KB for 8 and one regime, 5 KB for four; 8 KB more while one is learned. As
// a state 1.0 and 2.8 KB; 16 KB for 26 metrics with four regimes, and up to 32 KB while one is learned.
//
// [the page of detectors]: https://github.com/presage-pdm/presage/blob/main/docs/detectors.md
package multivariate
