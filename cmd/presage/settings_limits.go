package main

import (
	"log/slog"
	"math"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/broker"
	"github.com/presage-pdm/presage/web"
)

// LimitSettings bounds what outsiders may take of the machine. Those of connections hold for the embedded broker.
type LimitSettings struct {
	Connections           int `koanf:"connections"`
	ConnectionsPerAddress int `koanf:"connections_per_address"`
	ConnectionsPerDevice  int `koanf:"connections_per_device"`
	ConnectionRate        int `koanf:"connection_rate"`
	Handshakes            int `koanf:"handshakes"`
	InFlight              int `koanf:"in_flight"`

	Devices        int `koanf:"devices"`
	DeviceMetrics  int `koanf:"device_metrics"`
	DeviceMessages int `koanf:"device_messages"`
	DeviceBurst    int `koanf:"device_burst"`

	Subscriptions          int   `koanf:"subscriptions"`
	SubscriptionsPerClient int   `koanf:"subscriptions_per_client"`
	Sessions               int   `koanf:"sessions"`
	QueuedBytes            int   `koanf:"queued_bytes"`
	Retained               int   `koanf:"retained"`
	RetainedBytes          int64 `koanf:"retained_bytes"`

	HTTPConnections int `koanf:"http_connections"`
	HeavyQueries    int `koanf:"heavy_queries"`
	Streams         int `koanf:"streams"`
	StreamsPerUser  int `koanf:"streams_per_user"`
}

func defaultLimits() LimitSettings {
	b, i, w := broker.DefaultConfig(), ingest.DefaultLimits(), web.DefaultConfig()
	return LimitSettings{
		Connections: b.Connections, ConnectionsPerAddress: b.ConnectionsPerAddress, ConnectionsPerDevice: b.ConnectionsPerDevice,
		ConnectionRate: b.ConnectionRate, Handshakes: b.Handshakes, InFlight: b.InFlight,
		Devices: i.TenantDevices, DeviceMetrics: i.DeviceMetrics, DeviceMessages: i.DeviceMessages, DeviceBurst: i.DeviceBurst,
		Subscriptions: b.Subscriptions, SubscriptionsPerClient: b.SubscriptionsPerClient, Sessions: b.Sessions,
		QueuedBytes: b.QueuedBytes, Retained: b.Retained, RetainedBytes: b.RetainedBytes,
		HTTPConnections: 10_000, HeavyQueries: w.HeavyQueries, Streams: w.Streams, StreamsPerUser: w.StreamsPerUser,
	}
}

// bounds are the least and the most that each limit may be set to.
func (l *LimitSettings) bounds() map[string][3]int64 {
	return map[string][3]int64{
		"connections":              {int64(l.Connections), 1, 10_000_000},
		"connections_per_address":  {int64(l.ConnectionsPerAddress), 0, 10_000_000},
		"connections_per_device":   {int64(l.ConnectionsPerDevice), 1, 10_000_000},
		"connection_rate":          {int64(l.ConnectionRate), 1, 1_000_000},
		"handshakes":               {int64(l.Handshakes), 1, 10_000_000},
		"in_flight":                {int64(l.InFlight), 1, math.MaxUint16}, // packet identifiers have 16 bits
		"devices":                  {int64(l.Devices), 0, 100_000_000},
		"device_metrics":           {int64(l.DeviceMetrics), 1, 1_000_000},
		"device_messages":          {int64(l.DeviceMessages), 0, 10_000_000},
		"device_burst":             {int64(l.DeviceBurst), 1, 100_000_000},
		"subscriptions":            {int64(l.Subscriptions), 0, 100_000_000},
		"subscriptions_per_client": {int64(l.SubscriptionsPerClient), 0, 1_000_000},
		"sessions":                 {int64(l.Sessions), 0, 10_000_000},
		"queued_bytes":             {int64(l.QueuedBytes), 1 << 10, 1 << 40},
		"retained":                 {int64(l.Retained), 0, 100_000_000},
		"retained_bytes":           {l.RetainedBytes, 0, 1 << 50},
		"http_connections":         {int64(l.HTTPConnections), 1, 10_000_000},
		"heavy_queries":            {int64(l.HeavyQueries), 1, 10_000},
		"streams":                  {int64(l.Streams), 1, 1_000_000},
		"streams_per_user":         {int64(l.StreamsPerUser), 1, 1_000_000},
	}
}

func (l *LimitSettings) validate(fail func(key, format string, args ...any)) {
	for key, b := range l.bounds() {
		if b[0] < b[1] || b[0] > b[2] {
			fail("limits."+key, "%d is not within %d and %d", b[0], b[1], b[2])
		}
	}
}

// intake sets the limits that hold for messages, whatever way they come.
func (l *LimitSettings) intake(c *ingest.Limits) {
	c.TenantDevices, c.DeviceMetrics, c.DeviceMessages, c.DeviceBurst = l.Devices, l.DeviceMetrics, l.DeviceMessages, l.DeviceBurst
}

// broker sets those of the embedded broker.
func (l *LimitSettings) broker(c *broker.Config) {
	c.Connections, c.ConnectionsPerAddress, c.ConnectionsPerDevice = l.Connections, l.ConnectionsPerAddress, l.ConnectionsPerDevice
	c.ConnectionRate, c.Handshakes, c.InFlight = l.ConnectionRate, l.Handshakes, l.InFlight
	c.Subscriptions, c.SubscriptionsPerClient, c.Sessions = l.Subscriptions, l.SubscriptionsPerClient, l.Sessions
	c.QueuedBytes, c.Retained, c.RetainedBytes = l.QueuedBytes, l.Retained, l.RetainedBytes
}

// web sets those of pages and API.
func (l *LimitSettings) web(c *web.Config) {
	c.HeavyQueries, c.Streams, c.StreamsPerUser = l.HeavyQueries, l.Streams, l.StreamsPerUser
}

// reservedFiles are the open files that stores, journal and log need beside connections.
const reservedFiles = 512

// fitFiles lowers the limits of connections to the files that this process may have open, so that connections
// never take those that the stores need. Go raises the limit of the process to what the system allows it when it starts.
func (l *LimitSettings) fitFiles(files int64, log *slog.Logger) error {
	free := files - reservedFiles
	if free < 64 {
		return errFewFiles(files)
	}
	l.HTTPConnections = int(min(int64(l.HTTPConnections), free/4))
	if devices := free - int64(l.HTTPConnections); int64(l.Connections) > devices {
		log.Info("fewer clients can connect than limits.connections says: allow more open files (LimitNOFILE in the unit, ulimit -Hn in a shell)",
			"connections", devices, "limit", l.Connections, "open_files", files)
		l.Connections = int(devices)
	}
	return nil
}
