package telemetry

// DeviceEvent is an event and the device it happened on.
type DeviceEvent struct {
	Device string `json:"device"`
	Event
}

// DeviceState is a state and the device that said it.
type DeviceState struct {
	Device string `json:"device"`
	State
}
