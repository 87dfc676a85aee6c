package journal_test

import (
	"testing"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/ingest/journal/journaltest"
)

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*journal.Config)
	}{
		{"default", func(*journal.Config) {}},
		{"small files", func(c *journal.Config) { c.SegmentBytes = 32 << 10 }},
		{"small groups", func(c *journal.Config) { c.GroupBytes = 1 << 10 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			journaltest.Run(t, func(t *testing.T) journaltest.Subject {
				cfg := journal.DefaultConfig()
				cfg.Dir = t.TempDir()
				cfg.Partitions = 2
				c.change(&cfg)
				return journaltest.Subject{Open: func(t *testing.T) (ingest.Journal, func() error) {
					l, err := journal.Open(cfg)
					if err != nil {
						t.Fatal(err)
					}
					return l, l.Close
				}}
			})
		})
	}
}
