package payload

import (
	"errors"
	"fmt"
)

// Config maps foreign topics, and bounds what a message may cost. How much a
// message may hold is bounded by [ingest.Limits].
type Config struct {
	// MaxDepth bounds how deep JSON and CBOR may nest.
	MaxDepth int `koanf:"max_depth"`
	// MaxNames bounds the table of metric names that are kept to be shared by
	// all readings. Names beyond it still work, at the price of a copy each.
	MaxNames int `koanf:"max_names"`
	// MaxAliases bounds how many metrics of Sparkplug births are remembered, over all edge nodes.
	MaxAliases int `koanf:"max_aliases"`
	// Patterns maps foreign topics, the first that matches wins.
	Patterns []Pattern `koanf:"patterns"`
}

// DefaultConfig returns the limits that fit ordinary devices.
func DefaultConfig() Config {
	return Config{
		MaxDepth:   16,
		MaxNames:   65_536,
		MaxAliases: 1 << 20,
	}
}

// Validate reports every mistake, each with the key that holds it.
func (c Config) Validate() error {
	var errs []error
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"max_depth", c.MaxDepth},
		{"max_names", c.MaxNames}, {"max_aliases", c.MaxAliases},
	} {
		if limit.value <= 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it must be positive", limit.key, limit.value))
		}
	}
	for i, p := range c.Patterns {
		if _, err := compile(p); err != nil {
			errs = append(errs, fmt.Errorf("patterns[%d].%w", i, err))
		}
	}
	return errors.Join(errs...)
}
