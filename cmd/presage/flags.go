package main

import "errors"

// settingsFlags are the flags that several commands share. Empty flags leave
// the decision to the environment, the file and the default.
type settingsFlags struct {
	Config   string `help:"Configuration file (YAML)." type:"path" placeholder:"FILE" env:"PRESAGE_CONFIG"`
	Data     string `help:"Folder that holds everything of value (./data)." type:"path" placeholder:"DIR"`
	Database string `help:"postgres:// URL; SQLite in the data folder without it." placeholder:"URL"`
	LogLevel string `help:"debug, info, warn or error (info)." placeholder:"LEVEL"`
}

// load merges the flags over environment, file and defaults.
func (f settingsFlags) load(std streams, more map[string]any) (Settings, error) {
	flags := map[string]any{}
	for key, value := range map[string]any{"data": f.Data, "database": f.Database, "log.level": f.LogLevel} {
		if value != "" {
			flags[key] = value
		}
	}
	for key, value := range more {
		if value != "" {
			flags[key] = value
		}
	}
	return LoadSettings(f.Config, std.environ, flags)
}

// serveFlags are the flags of the commands that run a server.
type serveFlags struct {
	settingsFlags
	MQTT           string `name:"mqtt" help:"Address of the embedded broker (127.0.0.1:1883)." placeholder:"ADDR"`
	HTTP           string `name:"http" help:"Address of API and pages (127.0.0.1:8080)." placeholder:"ADDR"`
	Broker         string `help:"Take telemetry from this external broker instead, such as mqtt://host:1883." placeholder:"URL"`
	Series         string `help:"Keep readings in this InfluxDB instead, such as http://host:8086." placeholder:"URL"`
	UnknownDevices string `help:"What becomes of unknown devices' messages: reject, quarantine or register (quarantine)." placeholder:"POLICY"`
}

func (f serveFlags) load(std streams) (Settings, error) {
	return f.settingsFlags.load(std, map[string]any{
		"mqtt.listen": f.MQTT, "http.listen": f.HTTP, "mqtt.broker": f.Broker,
		"series.url": f.Series, "unknown_devices": f.UnknownDevices,
	})
}

// errInterrupted ends a command that was stopped before it was done.
var errInterrupted = errors.New("interrupted")
