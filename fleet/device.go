package fleet

import "time"

// Device is one thing that publishes telemetry.
type Device struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Model string `json:"model,omitempty"` // Model.ID; empty for a device nobody described yet
	Site  string `json:"site,omitempty"`  // Site.ID
	// Region is the Region.ID the device is served in. Empty means that of its site.
	Region      string    `json:"region,omitempty"`
	Customer    string    `json:"customer,omitempty"` // Customer.ID
	Serial      string    `json:"serial,omitempty"`
	Batch       string    `json:"batch,omitempty"` // production batch
	Firmware    string    `json:"firmware,omitempty"`
	Criticality int       `json:"criticality,omitempty"` // 1 (ordinary) to 5 (stops the plant); 0 means 1
	Purchased   time.Time `json:"purchased,omitzero"`
	Warranty    time.Time `json:"warranty,omitzero"` // last day of the warranty
	// Attributes is what else is known; state messages of the device add to it.
	Attributes map[string]string `json:"attributes,omitempty"`
	// Registered is when the device was first known here.
	Registered time.Time `json:"registered,omitzero"`
	// Retired devices are refused at the intake.
	Retired bool `json:"retired,omitempty"`
}

// Model is a type of device. Its metrics tell units, plausible bounds and the component each speaks of.
type Model struct {
	ID         string      `json:"id"`
	Name       string      `json:"name,omitempty"`
	Kind       string      `json:"kind,omitempty"` // "vehicle", "tv", "machine": chooses wording and icons
	Maker      string      `json:"maker,omitempty"`
	Components []Component `json:"components,omitempty"`
}

// Component is a replaceable part of a model.
type Component struct {
	ID   string `json:"id"` // "cooling", "battery"
	Name string `json:"name,omitempty"`
	// Skill a technician needs to work on it; empty means the skill named like the component.
	Skill string `json:"skill,omitempty"`
	// Parts that a repair usually needs.
	Parts []string `json:"parts,omitempty"`
}

// Customer owns devices.
type Customer struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Tier     string `json:"tier,omitempty"`     // "standard", "gold", "vip"
	Language string `json:"language,omitempty"` // BCP 47, such as "de"
	Contact  string `json:"contact,omitempty"`
}
