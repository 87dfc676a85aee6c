package ui

import (
	"bytes"
	"io/fs"
	"testing"
)

func TestAssetsHaveAShell(t *testing.T) {
	shell, err := fs.ReadFile(Assets(), "index.html")
	if err != nil {
		t.Fatalf("no shell (built %v): %v", Built(), err)
	}
	if missing := bytes.Contains(shell, []byte("make build")); missing == Built() {
		t.Errorf("built is %v, and the page that says how to build is shown: %v", Built(), missing)
	}
}
