package telemetry

// Metric describes a quantity that devices report.
type Metric struct {
	// Name as samples carry it.
	Name string `json:"name" yaml:"name"`
	// Unit is the symbol shown beside values: SI where there is one ("°C" is
	// allowed for temperature), empty for plain counts and ratios.
	Unit string `json:"unit,omitempty" yaml:"unit,omitempty"`
	// Component is the part of the device the metric speaks of, such as
	// "cooling"; empty when it speaks of the device as a whole.
	Component string `json:"component,omitempty" yaml:"component,omitempty"`
	// Min and Max bound what is physically plausible; nil where unknown.
	Min *float64 `json:"min,omitempty" yaml:"min,omitempty"`
	Max *float64 `json:"max,omitempty" yaml:"max,omitempty"`
}
