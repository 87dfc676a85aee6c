package carobd

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestReadAndInject(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trip.csv")
	if err := os.WriteFile(path, []byte("time,a,b\n0,1,5\n0,3,5\n1,1,5\n1,3,5\n2,7,5\n2,8,5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	trip, err := Read(path)
	if err != nil || !slices.Equal(trip.Metrics, []string{"a", "b"}) || len(trip.Rows) != 6 {
		t.Fatalf("read %+v: %v", trip, err)
	}
	sd := math.Sqrt(4.0 / 3) // of 1, 3, 1, 3
	for fault, want := range map[Fault][2]float64{Stuck: {7, 7}, Bias: {7 + 3*sd, 8 + 3*sd}, Drift: {7, 8 + sd/120}} {
		faulty, ok := trip.Inject(0, fault, 4)
		if !ok || math.Abs(faulty.Rows[4][0]-want[0]) > 1e-12 || math.Abs(faulty.Rows[5][0]-want[1]) > 1e-12 || faulty.Rows[3][0] != 3 || faulty.Rows[5][1] != 5 {
			t.Errorf("%s: %v", fault, faulty)
		}
	}
	if trip.Rows[5][0] != 8 {
		t.Error("the trip itself was changed")
	}
	if _, ok := trip.Inject(1, Bias, 4); ok {
		t.Error("a fault of a sensor that does not move cannot be measured")
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.csv")); err == nil {
		t.Error("no file is no trip")
	}
}
