package bench

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	table := Table{Rows: []Row{
		{What: "ingest", Bar: at(100_000), Stretch: at(300_000), AtLeast: true, Value: 123_456.7, Unit: "messages/s", Command: "a"},
		{What: "memory", Bar: at(4096), Stretch: at(2048), Value: 2048, Unit: "MiB", Beside: "at the peak", Command: "b"},
		{What: "page", Bar: at(50), Stretch: at(10), Value: 50.1, Unit: "ms", Command: "c"},
		{What: "other", Value: 0.7851, Unit: "µs", Command: "d"},
	}}
	var out strings.Builder
	if err := table.Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| ingest | >= 100,000 messages/s | >= 300,000 messages/s | 123,457 messages/s | bar | `a` |\n",
		"| memory | <= 4,096 MiB | <= 2,048 MiB | 2,048 MiB; at the peak | stretch | `b` |\n",
		"| page | <= 50 ms | <= 10 ms | 50.1 ms | no | `c` |\n",
		"| other |  |  | 0.785 µs |  | `d` |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &out)
		}
	}
}

func TestDescribe(t *testing.T) {
	m, err := Describe(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if m.Cores < 1 || m.Go == "" || m.Kernel == "" || m.Sync.Count != 300 || m.Sync.P99Ms < m.Sync.P50Ms {
		t.Errorf("got %+v", m)
	}
}
