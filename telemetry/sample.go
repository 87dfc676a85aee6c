package telemetry

// Sample is one reading of one metric of a device.
type Sample struct {
	// Metric is the name the device gave it, such as "coolant_temp". It is
	// never empty and satisfies [ValidMetricName].
	Metric string `json:"metric"`
	// Time is when the device took the reading, in Unix milliseconds.
	Time int64 `json:"time"`
	// Value is finite: decoders refuse NaN and infinities.
	Value float64 `json:"value"`
}
