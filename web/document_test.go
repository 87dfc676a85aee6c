package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files anew")

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v; write it with go test ./web -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not up to date: look at what changed, then write it with go test ./web -update\ngot:\n%s", name, clip(got))
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 4000)] }

// TestDocumentUpToDate keeps openapi.json, from which clients are written, equal to the code.
func TestDocumentUpToDate(t *testing.T) {
	s, _ := newServer(t, nil)
	doc, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "openapi.json", doc)
}

// TestEveryParameterIsRead finds parameters that a path names and its handler ignores: the framework skips some types without a word.
func TestEveryParameterIsRead(t *testing.T) {
	s, _ := newServer(t, nil)
	doc, err := s.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(doc, &parsed); err != nil {
		t.Fatal(err)
	}
	if len(parsed.Paths) < 30 {
		t.Fatalf("the document has only %d paths", len(parsed.Paths))
	}
	named := regexp.MustCompile(`\{(\w+)\}`)
	for path, methods := range parsed.Paths {
		for method, op := range methods {
			var read []string
			for _, p := range op.Parameters {
				read = append(read, p.In+" "+p.Name)
			}
			for _, m := range named.FindAllStringSubmatch(path, -1) {
				if !slices.Contains(read, "path "+m[1]) {
					t.Errorf("%s %s does not read %s", strings.ToUpper(method), path, m[1])
				}
			}
		}
	}
	for _, path := range []string{"/api/v1/devices", "/api/v1/tickets", "/api/v1/findings", "/api/v1/quarantine", "/api/v1/webhooks/deliveries"} {
		for _, want := range []string{"cursor", "limit"} {
			if !slices.ContainsFunc(parsed.Paths[path]["get"].Parameters, func(p struct{ Name, In string }) bool { return p.Name == want }) {
				t.Errorf("GET %s has no %s", path, want)
			}
		}
	}
}
