package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/presage-pdm/presage/internal/realserver"
)

func deployFile(t *testing.T, elem ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "deploy"}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the containers set are settings, and they are valid together.
func TestContainerSettingsAreValid(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Environment map[string]string
			Grace       string `yaml:"stop_grace_period"`
		}
	}
	if err := yaml.Unmarshal([]byte(deployFile(t, "docker-compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	presage := compose.Services["presage"]
	variable := regexp.MustCompile(`\$\{\w+(?::-([^}]*)|:\?[^}]*)\}`)
	var environ []string
	for name, value := range presage.Environment {
		value = variable.ReplaceAllStringFunc(value, func(v string) string {
			if m := variable.FindStringSubmatch(v); m[1] != "" {
				return m[1]
			}
			return "given"
		})
		environ = append(environ, name+"="+value)
	}
	environ = append(environ, regexp.MustCompile(`PRESAGE_\w+=\S+`).FindAllString(deployFile(t, "Dockerfile"), -1)...)
	s, err := LoadSettings("", environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Data != "/data" || s.MQTT.Listen != "0.0.0.0:1883" || s.MQTT.Username != "device" {
		t.Errorf("the container runs with %+v", s)
	}
	if grace, err := time.ParseDuration(presage.Grace); err != nil || grace <= shutdownPatience {
		t.Errorf("stop_grace_period is %q, a shutdown takes up to %s", presage.Grace, shutdownPatience)
	}
}

// The unit starts presage with flags that it has, and waits longer than a shutdown takes.
func TestServiceUnit(t *testing.T) {
	settings := map[string]string{}
	for line := range strings.Lines(deployFile(t, "presage.service")) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			settings[key] = value
		}
	}
	args := strings.Fields(settings["ExecStart"])
	if len(args) < 2 || args[1] != "serve" {
		t.Fatalf("ExecStart is %q", settings["ExecStart"])
	}
	args[1] = "config" // has the same flags
	for i, a := range args {
		if a == "/etc/presage/presage.yaml" {
			args[i] = writeFile(t, "presage.yaml", "log: {level: warn}\n")
		}
	}
	var out bytes.Buffer
	if err := run(t.Context(), args[1:], streams{out: &out, err: &out}); err != nil || !strings.Contains(out.String(), "data: /var/lib/presage") {
		t.Errorf("%v: %s", err, out.String())
	}
	if seconds, err := strconv.Atoi(settings["TimeoutStopSec"]); err != nil || time.Duration(seconds)*time.Second <= shutdownPatience {
		t.Errorf("TimeoutStopSec is %q, a shutdown takes up to %s", settings["TimeoutStopSec"], shutdownPatience)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		return
	}
	said, err := exec.Command(analyze, "verify", filepath.Join("..", "..", "deploy", "presage.service")).CombinedOutput()
	for line := range strings.Lines(string(said)) {
		if strings.Contains(line, "presage.service") && !strings.Contains(line, "is not executable") { // it is not installed here
			t.Errorf("systemd-analyze verify: %s (%v)", strings.TrimSpace(line), err)
		}
	}
}

// Mosquitto takes its configuration, and has the options without which messages are lost.
func TestMosquittoConfiguration(t *testing.T) {
	conf := deployFile(t, "mosquitto.conf")
	for _, line := range []string{"persistence true", "max_queued_messages 0", "max_queued_bytes 0", "max_inflight_messages 0",
		fmt.Sprintf("max_packet_size %d", DefaultSettings().Ingest.MaxPayload+64<<10)} {
		if !strings.Contains("\n"+conf, "\n"+line+"\n") {
			t.Errorf("deploy/mosquitto.conf has no %q", line)
		}
	}
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/mosquitto"); err != nil {
			realserver.Missing(t, "mosquitto", "install the package mosquitto")
		}
	}
	folder := t.TempDir()
	passwords := writeFile(t, "passwd", "")
	conf = strings.NewReplacer(
		"listener 1883", fmt.Sprintf("listener %d 127.0.0.1", realserver.FreePort(t)),
		"/etc/mosquitto/passwd", passwords, "/var/lib/mosquitto/", folder+"/",
	).Replace(conf)
	if os.Geteuid() == 0 {
		conf += "\nuser root\n" // who may use the temporary folder
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-c", writeFile(t, "mosquitto.conf", conf))
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var all []string
	for lines := bufio.NewScanner(said); lines.Scan(); {
		all = append(all, lines.Text())
		if strings.HasSuffix(lines.Text(), " running") {
			return
		}
	}
	t.Errorf("mosquitto does not start with deploy/mosquitto.conf:\n%s", strings.Join(all, "\n"))
}
