package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
)

// documented returns every key of the settings with its default, as docs/operation.md shows them.
func documented(t *testing.T) map[string]string {
	t.Helper()
	k := koanf.New(".")
	if err := k.Load(structs.Provider(DefaultSettings(), "koanf"), nil); err != nil {
		t.Fatal(err)
	}
	webhook := koanf.New(".")
	if err := webhook.Load(structs.Provider(WebhookSettings{}, "koanf"), nil); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, key := range webhook.Keys() {
		keys["webhooks."+key] = ""
	}
	for _, key := range k.Keys() {
		switch v := k.Get(key).(type) {
		case string:
			keys[key] = v
		case bool, int, int64, float64, time.Duration:
			keys[key] = fmt.Sprint(v)
		default:
			keys[key] = "" // a list
		}
	}
	return keys
}

// TestSettingsAreDocumented keeps the table of docs/operation.md equal to the settings, defaults included.
func TestSettingsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operation.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "| key | default | meaning |")
	if !ok {
		t.Fatal("docs/operation.md has no table of settings")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (?:`([^`]*)` )?\\| \\S").FindAllStringSubmatch(table, -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("docs/operation.md describes %s twice", m[1])
		}
		rows[m[1]] = m[2]
	}
	keys := documented(t)
	for key, otherwise := range keys {
		switch got, ok := rows[key]; {
		case !ok:
			t.Errorf("docs/operation.md does not describe the setting %s", key)
		case got != otherwise:
			t.Errorf("docs/operation.md says that the default of %s is %q, it is %q", key, got, otherwise)
		}
	}
	for key := range rows {
		if _, ok := keys[key]; !ok {
			t.Errorf("docs/operation.md describes %s, which is no setting", key)
		}
	}
	if lines := strings.Count(strings.TrimSpace(table), "\n"); lines != len(rows) {
		t.Errorf("the table has %d rows, %d could be read", lines, len(rows))
	}
}

// TestLinksInDocsExist finds links of the documentation to files that are not there.
func TestLinksInDocsExist(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documentation found: %v", err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	for _, file := range append(files, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
	}
}
