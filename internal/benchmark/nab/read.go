package nab

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const layout = "2006-01-02 15:04:05"

// File is one series of the benchmark, by its name below the folder "data".
type File struct {
	Name    string
	Windows [][2]time.Time
}

// Files returns the series that are in the folder of the benchmark, in order of their names.
func Files(folder string) ([]File, error) {
	text, err := os.ReadFile(filepath.Join(folder, "combined_windows.json"))
	if err != nil {
		return nil, fmt.Errorf("nab: labels: %w", err)
	}
	var labels map[string][][2]string
	if err := json.Unmarshal(text, &labels); err != nil {
		return nil, fmt.Errorf("nab: combined_windows.json: %w", err)
	}
	paths, err := filepath.Glob(filepath.Join(folder, "data", "*", "*.csv"))
	if err != nil {
		return nil, fmt.Errorf("nab: %w", err)
	}
	slices.Sort(paths)
	var files []File
	for _, p := range paths {
		f := File{Name: filepath.Base(filepath.Dir(p)) + "/" + filepath.Base(p)}
		windows, known := labels[f.Name]
		if !known {
			return nil, fmt.Errorf("nab: %s has no labels in combined_windows.json", f.Name)
		}
		for _, w := range windows {
			var pair [2]time.Time
			for i, s := range w {
				s, _, _ = strings.Cut(s, ".")
				if pair[i], err = time.Parse(layout, s); err != nil {
					return nil, fmt.Errorf("nab: %s: window: %w", f.Name, err)
				}
			}
			f.Windows = append(f.Windows, pair)
		}
		files = append(files, f)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("nab: no series below %s", filepath.Join(folder, "data"))
	}
	return files, nil
}

// Series places the windows and the alerts of a file on its rows. The rows have the benchmark's time stamps.
func (f File) Series(stamps []string, alerts []int) (Series, error) {
	s := Series{Rows: len(stamps), Alerts: alerts}
	row := make(map[string]int, len(stamps))
	for i, at := range stamps {
		if _, seen := row[at]; !seen {
			row[at] = i
		}
	}
	for _, w := range f.Windows {
		first, a := row[w[0].Format(layout)]
		last, b := row[w[1].Format(layout)]
		if !a || !b {
			return Series{}, fmt.Errorf("nab: %s: no row at an end of the window %v", f.Name, w)
		}
		s.Windows = append(s.Windows, Window{First: first, Last: last})
	}
	return s, nil
}
