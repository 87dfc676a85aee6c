package ui

import (
	"io/fs"
	"testing"
)

func TestAssetsHaveAShell(t *testing.T) {
	assets, built, err := Assets()
	if err != nil {
		t.Fatal(err)
	}
	shell, err := fs.ReadFile(assets, "index.html")
	if err != nil {
		t.Fatalf("no shell (built %v): %v", built, err)
	}
	if len(shell) == 0 {
		t.Fatal("the shell is empty")
	}
}
