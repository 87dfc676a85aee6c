// Package ui is the browser application as the build of it left it.
package ui

import (
	"embed"
	"fmt"
	"io/fs"
)

// The pattern matches dist, where the build puts the application and which is
// not committed, and dist-missing, the page that stands in for it.
//
//go:embed all:dist*
var files embed.FS

// Assets returns the files of the application with index.html at the root.
// built is false when the application was not built: the one page there is then tells how to build it.
func Assets() (assets fs.FS, built bool, err error) {
	folder := "dist"
	if _, err := fs.Stat(files, "dist/index.html"); err != nil {
		folder = "dist-missing"
	}
	assets, err = fs.Sub(files, folder)
	if err != nil {
		return nil, false, fmt.Errorf("read the browser application: %w", err)
	}
	return assets, folder == "dist", nil
}
