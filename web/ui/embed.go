// Package ui is the browser application as the build of it left it.
package ui

import (
	"embed"
	"io/fs"
)

// The pattern matches dist, where the build puts the application and which is
// not committed, and dist-missing, the page that stands in for it.
//
//go:embed all:dist*
var files embed.FS

// Assets returns the files of the application, with index.html at the root.
// When the application was not built, that is the one page there is, and it tells how to build it.
func Assets() fs.FS {
	folder := "dist-missing"
	if Built() {
		folder = "dist"
	}
	assets, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // both names are valid, and fs.Sub fails for others only
	}
	return assets
}

// Built reports whether this binary holds the application.
func Built() bool {
	_, err := fs.Stat(files, "dist/index.html")
	return err == nil
}
