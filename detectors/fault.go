package detectors

import (
	"strings"

	"github.com/presage-pdm/presage/telemetry"
)

// FaultCode describes a fault that a device can have: what tickets about it say and need.
type FaultCode struct {
	Code string `json:"code"`
	// Component it belongs to; empty when the metric or the device tells.
	Component string             `json:"component,omitempty"`
	Severity  telemetry.Severity `json:"severity"`
	// Title is the fault in plain words by language; "en" is always there.
	Title map[string]string `json:"title"`
	// Parts are what a repair usually needs.
	Parts []string `json:"parts,omitempty"`
	// Inhibits are the fault codes that open no ticket on the same device while this one holds,
	// because this one explains them. "*" stands for every other code.
	// That of a sensor explains what was found on its own metrics alone.
	Inhibits []string `json:"inhibits,omitempty"`
}

// OfSensor tells that it is a fault of a sensor, which lies about the machine: its code begins with "sensor-". It explains only what was
// found on the metrics of that sensor.
func (f FaultCode) OfSensor() bool { return strings.HasPrefix(f.Code, "sensor-") }

// TitleIn returns the title in a language, else in English, else the code.
func (f FaultCode) TitleIn(language string) string {
	if s, ok := f.Title[language]; ok {
		return s
	}
	if s, ok := f.Title["en"]; ok {
		return s
	}
	return f.Code
}
