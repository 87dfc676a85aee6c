package detectors

import "github.com/presage-pdm/presage/telemetry"

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
	Inhibits []string `json:"inhibits,omitempty"`
}

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
