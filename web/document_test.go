package web

import (
	"bytes"
	"flag"
	"os"
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
