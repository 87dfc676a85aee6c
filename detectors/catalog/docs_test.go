package catalog

import (
	"os"
	"strings"
	"testing"
)

// The example of the documentation is a catalogue that works, and names every method that it explains in its table.
func TestDocumentedExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/detectors.md")
	if err != nil {
		t.Fatal(err)
	}
	var example string
	for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
		if block, _, _ = strings.Cut(block, "```"); strings.HasPrefix(block, "version:") {
			example = block
		}
	}
	l, err := Parse("docs/detectors.md", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(l)
	if err != nil {
		t.Fatal(err)
	}
	if got := ruleIDs(c.Plan("ev-1", "vehicle")); got != "crash-loop sensor-stuck sensor-implausible coolant-hot drain runs-on drops no-flow coolant-for-load trial" {
		t.Errorf("the documented model has the rules %q", got)
	}
	all := Rule{Limit: &Limit{}, Rate: &Rate{}, Duration: &Lasting{}, Sequence: &Sequence{}, Within: &Within{}, Expression: &Expression{}, Stuck: &Stuck{}, Implausible: &Implausible{}, Silence: &Silence{}, Changepoint: &Changepoint{}, Residual: &Residual{}, Multivariate: &Multivariate{}}
	for _, method := range all.methods() {
		if !strings.Contains(string(text), "\n| `"+method+"` |") {
			t.Errorf("method %s is not documented", method)
		}
	}
}
