// Package multivariate watches all metrics of a device together: it finds rows in which they stand to each other, or to
// their own level, as they did not while the device was healthy.
//
// # What it detects
//
// A lasting shift of one metric or of the relation between several, also one that is small in each of them: a valve that closes changes
// flow, pressure and current a little each. Every metric is smoothed by an exponentially weighted average z with weight
// 0.1; the statistic is T² = (z-m)'S⁻¹(z-m), the multivariate EWMA control chart of Lowry, Woodall, Champ & Rigdon (1992),
// "A Multivariate Exponentially Weighted Moving Average Control Chart", Technometrics 34, 46-53, equations 2.1 to 2.3.
//
// # How it is calibrated
//
// The first rows, 400 unless told otherwise, are taken as healthy. Of them at most 128 evenly spaced ones are kept until they end; m and S
// come from those, and so does the threshold: the largest T² among them, or what three of four single readings exceed if that is more, times -log10 of the
// alerts wanted per row (the tail of T² is near to exponential, so each factor of ten costs the same again). The single readings are there because a level
// that lies where most readings lie anyway is of no use to a technician, however certain it is. S is the covariance of z itself and not that of the
// readings times w/(2-w): readings of machines are not independent, and z has wandered as it wanders. It is shrunk towards a diagonal
// as Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional covariance matrices", J. Multivariate Analysis 88, propose,
// by the closed form for normal data of Chen, Wiesel, Eldar & Hero (2010), "Shrinkage Algorithms for MMSE Covariance
// Estimation", IEEE Trans. Signal Processing 58, equation 17, where n rows count as n w/(2-w) independent ones: after 400 rows
// little more than the deviations is left of S unless correlations are strong. So
// collinear and duplicated metrics need no special care. After that S and the threshold stand still; m follows z by 1/1000 a row, a tenth of it while the
// device is off. A decision begins at the threshold and ends below 0.6 of it.
//
// # Whose fault it is
//
// T² is the sum over metrics of dᵢ(S⁻¹d)ᵢ, the partial decomposition contributions reviewed by Alcala & Qin (2009), "Reconstruction-based
// contribution for process monitoring", Automatica 45, 1593-1600. Negative ones count as none; shares are what remains. The largest names the component. Like
// all contributions they smear: what correlates strongly with the culprit takes part of the blame.
//
// # What it assumes and how it fails
//
//   - There is one operating regime and the first rows show it. A machine that changes load in a way those rows did not hold is reported as off,
//     until m has followed. Vehicles are such machines: [the page of detectors] has the figures. Nothing opens tickets by it.
//   - A metric that does not move or is read fewer than 30 times in the first rows is not watched; nor is one that appears later, nor the 65th.
//   - A fault in the first rows is learned as healthy. A drift slower than m follows is not seen.
//   - A metric that was not read for ten of its usual intervals takes no part until it is read again; T² is then that of the others. Values held
//     between readings count as read, so metrics of different rates go together. NaN and infinities are ignored.
//   - Scales do not matter, from 1e-9 to 1e9 and beyond: everything is divided by its own deviation.
//
// # Cost
//
// For n metrics n² multiplications a row: 0.9 us for 8, readings included. Memory is n (n+1)/2 numbers twice and about 130 bytes a metric: 1.8 KB for 8, and 16 KB
// more during the first rows.
//
// [the page of detectors]: https://github.com/presage-pdm/presage/blob/main/docs/detectors.md
package multivariate
