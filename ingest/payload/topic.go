package payload

import "strings"

const (
	nativeRoot    = "presage/"
	nativePrefix  = "presage/v1/"
	sparkplugRoot = "spBv1.0/"
)

// kind is what a topic of the native namespace carries.
type kind int

const (
	kindNone kind = iota
	kindTelemetry
	kindEvent
	kindState
	kindSenML
)

// nativeTopic splits presage/v1/{device}/{kind}; kindNone when the topic has
// another form.
func nativeTopic(topic string) (device string, k kind) {
	rest, ok := strings.CutPrefix(topic, nativePrefix)
	if !ok {
		return "", kindNone
	}
	device, what, ok := strings.Cut(rest, "/")
	if !ok {
		return "", kindNone
	}
	switch what {
	case "telemetry":
		return device, kindTelemetry
	case "event":
		return device, kindEvent
	case "state":
		return device, kindState
	case "senml":
		return device, kindSenML
	}
	return device, kindNone
}

// Takes tells whether a message is for the intake: everything below
// "presage/", so that a mistyped topic is seen in the quarantine instead of
// vanishing, Sparkplug births, data and deaths, and the configured patterns.
// Sparkplug commands and host states are plain MQTT traffic, and so is an empty payload on
// a state topic, which is how MQTT deletes a retained message.
func (d *Decoder) Takes(topic string, payload []byte) bool {
	switch {
	case strings.HasPrefix(topic, nativeRoot):
		if len(payload) > 0 {
			return true
		}
		_, k := nativeTopic(topic)
		return k != kindState
	case strings.HasPrefix(topic, sparkplugRoot):
		t, ok := sparkplugTopic(topic)
		return !ok || t.kind != sparkplugOther
	}
	for _, p := range d.patterns {
		if _, _, ok := p.topic.match(topic); ok {
			return true
		}
	}
	return false
}

// DeviceOf returns the device that a topic names. It is empty when the topic
// belongs to none of the formats, or when only the payload tells the device.
func (d *Decoder) DeviceOf(topic string) string {
	if strings.HasPrefix(topic, nativeRoot) {
		device, _ := nativeTopic(topic)
		return device
	}
	if strings.HasPrefix(topic, sparkplugRoot) {
		if t, ok := sparkplugTopic(topic); ok {
			return SparkplugDevice(t.group, t.node, t.device)
		}
		return ""
	}
	for _, p := range d.patterns {
		if device, _, ok := p.topic.match(topic); ok {
			return device
		}
	}
	return ""
}

// PayloadNamesDevice tells whether only the payload of a topic tells the device.
func (d *Decoder) PayloadNamesDevice(topic string) bool {
	if strings.HasPrefix(topic, nativeRoot) || strings.HasPrefix(topic, sparkplugRoot) {
		return false
	}
	for _, p := range d.patterns {
		if _, _, ok := p.topic.match(topic); ok {
			return p.topic.device < 0
		}
	}
	return false
}

// Filters lists the MQTT topic filters that together cover every topic the
// decoder reads, for a subscription on an external broker.
func (d *Decoder) Filters() []string {
	filters := []string{
		// All of it, so that a mistyped topic is seen in the quarantine here, too.
		"presage/#",
		sparkplugRoot + "#",
	}
	for _, p := range d.patterns {
		filters = append(filters, p.topic.filter())
	}
	return filters
}

// SparkplugFilters are the topic filters of a Sparkplug edge node, "group:node", with the devices behind it, or
// of one of those, "group:node:device"; none for a device id of another form.
func SparkplugFilters(device string) []string {
	parts := strings.Split(device, ":")
	for i, part := range parts {
		parts[i] = strings.NewReplacer("%3A", ":", "%25", "%").Replace(part)
		if part == "" {
			return nil
		}
	}
	switch len(parts) {
	case 2:
		own := sparkplugRoot + parts[0] + "/+/" + parts[1]
		return []string{own, own + "/#"}
	case 3:
		return []string{sparkplugRoot + parts[0] + "/+/" + parts[1] + "/" + parts[2]}
	}
	return nil
}

// SparkplugCommands is the filter of the commands to edge nodes, such as the request for a birth.
const SparkplugCommands = sparkplugRoot + "+/NCMD/+"
