package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/presage-pdm/presage/fleet/access"
)

// NoncePlaceholder stands in index.html where the nonce of the content
// security policy belongs; every answer gets a new one.
const NoncePlaceholder = "__CSP_NONCE__"

// app serves the browser application from memory.
type app struct {
	shell []byte
	files map[string]file // by path below the root
}

type file struct {
	data []byte
	kind string
	etag string
}

// newApp reads the built application. Its shell is index.html.
func newApp(assets fs.FS) (*app, error) {
	a := &app{files: make(map[string]file)}
	err := fs.WalkDir(assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			a.shell = data
			return nil
		}
		sum := sha256.Sum256(data)
		a.files["/"+name] = file{data: data, kind: contentType(name, data), etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the browser application: %w", err)
	}
	if a.shell == nil {
		return nil, errors.New("the browser application has no index.html: build it with “make ui”")
	}
	return a, nil
}

// contentType does not ask the system's tables, so that it is the same everywhere.
func contentType(name string, data []byte) string {
	switch ext := path.Ext(name); ext {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".map":
		return "application/json"
	case ".webmanifest":
		return "application/manifest+json"
	case ".woff2":
		return "font/woff2"
	case ".ico":
		return "image/x-icon"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return http.DetectContentType(data)
	}
}

// immutable reports whether a file never changes under its name: the bundler puts a hash into the names of assets.
func immutable(name string) bool { return strings.HasPrefix(name, "/assets/") }

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, problem(http.StatusMethodNotAllowed, "This path answers to GET and HEAD only."))
		return
	}
	if f, ok := a.files[r.URL.Path]; ok {
		f.serve(w, r)
		return
	}
	// Every other page is a place in the application. Programs that ask for something else find nothing.
	page := r.URL.Path == "/" || strings.Contains(r.Header.Get("Accept"), "text/html")
	if immutable(r.URL.Path) || !page {
		writeProblem(w, problem(http.StatusNotFound, "There is no such page or file."))
		return
	}
	a.serveShell(w, r)
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	if immutable(r.URL.Path) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.data))
}

// serveShell answers with index.html and a policy that lets run only what is ours.
func (a *app) serveShell(w http.ResponseWriter, r *http.Request) {
	nonce := access.NewSecret()[:22] // 132 bits; CSP Level 3 section 7.1 asks for 128
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'nonce-" + nonce + "'",
		"style-src 'self' 'nonce-" + nonce + "'",
		// Attributes such as style="width: 3px" come from the components; they cannot run anything.
		"style-src-attr 'unsafe-inline'",
		"img-src 'self' data: blob:",
		"font-src 'self' data:",
		"connect-src 'self'",
		"worker-src 'self'",
		"manifest-src 'self'",
		"form-action 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
	}, "; "))
	shell := bytes.ReplaceAll(a.shell, []byte(NoncePlaceholder), []byte(nonce))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(shell))
}
