package spelling

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"http.listen", "mqtt.listen", "data", "unknown_devices"}
	for name, want := range map[string]string{
		"htpp.listen": "http.listen", "mqtt.listn": "mqtt.listen", "DATA": "data", "date": "data",
		"unknown_device": "unknown_devices", "retention": "", "": "",
	} {
		got, ok := Nearest(name, known)
		if got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	if d := distance("kitten", "sitting", 10); d != 3 {
		t.Errorf("kitten and sitting are %d apart, want 3", d)
	}
}
