package bench

import (
	"fmt"
	"time"
)

// Config says how hard to load which broker. Start from [DefaultConfig].
type Config struct {
	Broker      string        // URL, mqtt://user:password@host:1883
	Duration    time.Duration // of the load; 0 ends with the warm-up, one reading of each device
	Connections int
	Devices     int // spread over the connections; 0 means ten a connection
	Inflight    int // messages without PUBACK at once, a connection
	Values      int // metrics in a message
	Form        Form
	// Rate offers so many messages a second, all connections together, whether the server keeps up or not:
	// an open loop. Times then count from the moment at which a message was
	// due, so that a server that stalls cannot hide it by slowing the generator down (coordinated omission, as Gil
	// Tene calls it). 0 publishes as fast as acknowledgements come: a closed loop.
	Rate int
	// Faults is how many devices a second break beside the load; each is one ticket to be opened.
	Faults int
	// Prefix of the device ids.
	Prefix string
}

// DefaultConfig is the load that performance figures are quoted for.
func DefaultConfig() Config {
	return Config{Duration: 10 * time.Second, Connections: 50, Inflight: 100, Values: 10, Form: JSON, Faults: 5, Prefix: "bench"}
}

func (c *Config) validate() error {
	if c.Devices == 0 {
		c.Devices = 10 * c.Connections
	}
	if c.Form == "" {
		c.Form = JSON
	}
	for _, bound := range []struct {
		name         string
		value, least int
		most         int
	}{
		{"connections", c.Connections, 1, 20_000},
		{"devices", c.Devices, c.Connections, 1_000_000},
		{"inflight", c.Inflight, 1, 60_000},
		{"values", c.Values, 1, 1000},
		{"rate", c.Rate, 0, 10_000_000},
		{"faults", c.Faults, 0, 1000},
	} {
		if bound.value < bound.least || bound.value > bound.most {
			return fmt.Errorf("%s: %d is not within %d and %d", bound.name, bound.value, bound.least, bound.most)
		}
	}
	if c.Duration < 0 || c.Duration > 24*time.Hour {
		return fmt.Errorf("duration: %s is not within 0s and 24h", c.Duration)
	}
	if c.Form != JSON && c.Form != SenML {
		return fmt.Errorf("form: %q is neither %s nor %s", c.Form, JSON, SenML)
	}
	return nil
}

// DeviceIDs names every device of the load, those that break included, so
// that they can be made known before it.
func (c Config) DeviceIDs() ([]string, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	ids := make([]string, 0, c.Devices+c.faults())
	for i := range c.Devices {
		ids = append(ids, c.deviceID(i))
	}
	for i := range c.faults() {
		ids = append(ids, c.faultID(i))
	}
	return ids, nil
}

// faults is how many devices break in the whole run.
func (c Config) faults() int { return int(float64(c.Faults) * c.Duration.Seconds()) }

func (c Config) deviceID(i int) string { return fmt.Sprintf("%s-%06d", c.Prefix, i) }
func (c Config) faultID(i int) string  { return fmt.Sprintf("%s-fault-%06d", c.Prefix, i) }
