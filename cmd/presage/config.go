package main

import (
	"fmt"
	"slices"
	"time"

	kyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
)

type configCommand struct{ serveFlags }

// Run prints the settings in effect as YAML, with secrets hidden.
func (c configCommand) Run(std streams) error {
	s, err := c.load(std)
	if err != nil {
		return err
	}
	text, err := s.yaml()
	if err != nil {
		return err
	}
	_, err = std.out.Write(text)
	return err
}

const hidden = "(hidden)"

// yaml writes the settings as a configuration file, with secrets hidden.
func (s Settings) yaml() ([]byte, error) {
	for _, secret := range []*string{&s.MQTT.Password, &s.MQTT.JWT.Secret, &s.Series.Token} {
		if *secret != "" {
			*secret = hidden
		}
	}
	s.MQTT.Broker = redactURL(s.MQTT.Broker)
	s.Database = redactURL(s.Database)
	s.Webhooks = slices.Clone(s.Webhooks)
	for i := range s.Webhooks {
		s.Webhooks[i].hide()
	}
	k := koanf.New(".")
	if err := k.Load(structs.Provider(s, "koanf"), nil); err != nil {
		return nil, fmt.Errorf("print settings: %w", err)
	}
	for key, keep := range map[string]time.Duration{
		"series.retention": s.Series.Retention, "retention.findings": s.Retention.Findings, "retention.events": s.Retention.Events,
		"ingest.checkpoint_every": s.Ingest.CheckpointEvery, "ingest.reorder_window": s.Ingest.ReorderWindow,
		"quality.review_every": s.Quality.ReviewEvery,
	} {
		if err := k.Set(key, keep.String()); err != nil {
			return nil, fmt.Errorf("print settings: %w", err)
		}
	}
	text, err := k.Marshal(kyaml.Parser())
	if err != nil {
		return nil, fmt.Errorf("print settings: %w", err)
	}
	return text, nil
}
