package simulation

import _ "embed"

//go:embed catalog.yaml
var catalogYAML []byte

// Catalog returns the layer of the detector catalogue for the simulated
// models: units and plausible bounds of their metrics, and a readable rule for each kind of fault.
func Catalog() []byte { return catalogYAML }
