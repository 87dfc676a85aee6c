// Package floors keeps the architecture: a package imports only packages of
// lower floors, or its own parent. See docs/architecture.md.
package floors

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/presage-pdm/presage"

// floors gives the floor of every package, by the longest matching path.
var floors = map[string]int{
	"cmd/presage": 5,

	"ingest": 4, "internal/promseries": 4, "internal/influx": 4,
	"internal/sqlstore": 4, "internal/bus": 4, "web": 4,
	"internal/simulation": 4, "internal/replay": 4, "internal/bench": 4,
	"internal/doctor": 4, "internal/backtest": 4,

	"tickets": 3, "detectors/catalog": 3,

	"detectors": 2,

	"fleet": 1, "detectors/decision": 1, "detectors/novelty/nearest": 1, "detectors/novelty/art": 1,
	"detectors/novelty/prototype": 1, "detectors/novelty/season": 1,

	"telemetry": 0, "detectors/stat": 0, "internal/disk": 0, "internal/spelling": 0,

	// Support of tests, importable from every floor.
	"internal/realserver": -1, "internal/powercut": 0, "internal/floors": 0, "internal/benchmark": 0,
}

// floorOf returns the floor of a package given by its path inside the module.
func floorOf(pkg string) (floor int, known bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if f, ok := floors[p]; ok {
			return f, true
		}
	}
	return 0, false
}

// climbs reports whether pkg must not import imp. Tests may use the packages
// below their own folder, such as a conformance suite.
func climbs(pkg, imp string, test bool) bool {
	if pkg == imp || strings.HasPrefix(pkg, imp+"/") {
		return false
	}
	if test && (strings.HasPrefix(imp, pkg+"/") || imp == "internal/realserver" || imp == "internal/powercut") {
		return false
	}
	from, _ := floorOf(pkg)
	to, _ := floorOf(imp)
	if from == 5 && to == 5 {
		return false // the attic wires its own rooms
	}
	return to >= from
}

func TestNoImportClimbs(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "node_modules" || base == "testdata" || (strings.HasPrefix(base, ".") && name != root) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		if _, known := floorOf(pkg); !known {
			t.Errorf("%s: package %s has no floor: give it one in internal/floors", rel, pkg)
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		seen++
		for _, spec := range file.Imports {
			full, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imp, ours := strings.CutPrefix(full, module+"/")
			floor, _ := floorOf(pkg)
			test := strings.HasSuffix(name, "_test.go")
			switch {
			case ours && climbs(pkg, imp, test):
				t.Errorf("%s imports %s, which is not below it", rel, imp)
			case !ours && floor == 0 && !test && !strings.HasPrefix(pkg, "internal/") && strings.Contains(strings.SplitN(full, "/", 2)[0], "."):
				t.Errorf("%s imports %s, but the ground floor is standard library only", rel, full)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Fatalf("only %d files were read: is the test in the right folder?", seen)
	}
}

func TestClimbs(t *testing.T) {
	for _, c := range []struct {
		pkg, imp string
		test     bool
		want     bool
	}{
		{"ingest", "telemetry", false, false},
		{"ingest/broker", "ingest", false, false},
		{"ingest", "ingest/broker", false, true},
		{"ingest/broker", "ingest/journal", false, true},
		{"telemetry", "fleet", false, true},
		{"detectors", "tickets", false, true},
		{"web", "internal/sqlstore", false, true},
		{"telemetry/series", "telemetry", false, false},
		{"internal/sqlstore", "internal/sqlstore/storetest", true, false},
		{"internal/sqlstore", "internal/sqlstore/storetest", false, true},
		{"cmd/presage", "internal/sqlstore", false, false},
	} {
		if got := climbs(c.pkg, c.imp, c.test); got != c.want {
			t.Errorf("climbs(%q, %q, test %v) = %v, want %v", c.pkg, c.imp, c.test, got, c.want)
		}
	}
}
