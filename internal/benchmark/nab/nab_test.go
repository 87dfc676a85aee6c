package nab

import (
	"compress/gzip"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// The paper's worked example: a false alarm before the window, a hit at its beginning, and alerts that are 0.45 of a
// window and far behind it, come to 0.6909 with the standard weights.
func TestPublishedExample(t *testing.T) {
	var tally Tally
	tally.Add(Series{Rows: 2000, Windows: []Window{{First: 1000, Last: 1100}}, Alerts: []int{900, 1000, 1020, 1145, 1999}})
	p := Profiles()[0]
	got := p.Hit*tally.Gain - p.FalseAlarm*tally.Loss
	if math.Abs(got-0.6909) > 2e-4 {
		t.Errorf("the example comes to %.4f, published 0.6909", got)
	}
	if tally.Found != 1 || tally.Outside != 3 {
		t.Errorf("tally %+v", tally)
	}
	for _, c := range []struct{ y, want float64 }{{-1, 0.98661}, {0, 0}, {0.45, -0.8093}, {3.01, -1}} {
		if v := Sigmoid(c.y); math.Abs(v-c.want) > 1e-4 {
			t.Errorf("sigmoid of %v is %.5f, want %.5f", c.y, v, c.want)
		}
	}
}

func TestNullAndPerfect(t *testing.T) {
	windows := []Window{{First: 400, Last: 450}, {First: 700, Last: 790}}
	for _, p := range Profiles() {
		var null, perfect, late Tally
		null.Add(Series{Rows: 1000, Windows: windows})
		perfect.Add(Series{Rows: 1000, Windows: windows, Alerts: []int{10, 149, 400, 700}})
		late.Add(Series{Rows: 1000, Windows: windows, Alerts: []int{450, 790}})
		if a, b := null.Score(p), perfect.Score(p); math.Abs(a) > 1e-9 || math.Abs(b-100) > 1e-9 {
			t.Errorf("%s: null %v, perfect %v", p.Name, a, b)
		}
		if v := late.Score(p); v <= 0 || v >= 100 {
			t.Errorf("%s: late alerts score %v", p.Name, v)
		}
	}
	if Probation(1000) != 150 || Probation(22695) != 750 || Probation(9) != 1 {
		t.Error("probation is not 15 % of the rows, at most 750")
	}
}

// The published scores of ARTime at its published threshold, on the files at hand.
func TestReproducesPublishedScores(t *testing.T) {
	root := os.Getenv("PRESAGE_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	folder := filepath.Join(root, "nab")
	if _, err := os.Stat(filepath.Join(folder, "peer_scores")); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("test data is missing in CI: %v", err)
		}
		t.Skipf("test data is missing, set PRESAGE_TEST_DATA to its folder: %v", err)
	}
	files, err := Files(folder)
	if err != nil {
		t.Fatal(err)
	}
	var tally Tally
	for _, f := range files {
		s, err := f.Series(published(t, filepath.Join(folder, "peer_scores", "ARTime", filepath.FromSlash(f.Name)+".gz"), 0.317486))
		if err != nil {
			t.Fatal(err)
		}
		tally.Add(s)
	}
	if got := tally.Score(Profiles()[0]); math.Abs(got-75.01) > 0.006 {
		t.Errorf("ARTime scores %.3f on %d files, want 75.01", got, len(files))
	}
}

// published reads the time stamps of a file of scores, and the rows at or above a threshold.
func published(t *testing.T, path string, threshold float64) (stamps []string, alerts []int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows[1:] {
		score, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if stamps = append(stamps, row[0]); score >= threshold {
			alerts = append(alerts, i)
		}
	}
	return stamps, alerts
}
