# Presage: `make` lists the targets. Everything that is fetched or built for
# tools lands in .tools, everything that is built for use in bin.

SHELL      := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO         ?= go
NPM        ?= npm
TOOLS      := $(CURDIR)/.tools
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
UI_SOURCES := $(shell find web/ui -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
FUZZTIME   ?= 300x
BENCHTIME  ?= 1s

# The race detector multiplies time and memory: these measure one or the other.
UNRACED    := github.com/presage-pdm/presage/cmd/presage github.com/presage-pdm/presage/detectors/catalog

# What make crash runs in the long form.
CRASHES    := TestKillsEverywhere|TestPowerCutLosesNothingAcknowledged|TestFullDisk|TestSlowDisk|TestOutagesLoseNothing

# No C anywhere: the binary is static. Only the race detector needs it.
export CGO_ENABLED := 0

INFLUXD_VERSION     := v1.8.10
STATICCHECK_VERSION := v0.8.2

.DEFAULT_GOAL := help
.PHONY: help demo build ui test check format vet lint test-go test-e2e test-ui fuzz crash simulate bench bench-detection bench-go setup setup-servers clean

help: ## List the targets.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## Build everything and run Presage with a simulated fleet; open the printed address.
	./bin/presage demo

build: ui ## Build the browser application and the binary into bin/presage.
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/presage ./cmd/presage

ui: web/ui/dist/index.html ## Build the browser application.

web/ui/node_modules/.package-lock.json: web/ui/package-lock.json
	cd web/ui && $(NPM) ci --no-audit --no-fund
	@touch $@

web/ui/dist/index.html: web/ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd web/ui && $(NPM) run --silent build
	@touch $@

test: setup check ## Set up everything the tests need and run them all, against real servers.

check: format vet lint test-ui test-go test-e2e fuzz ## What CI runs, once the set-up is there.

format: ## Fail when a Go file is not formatted.
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not formatted, run gofmt -w:"; echo "$$out"; exit 1; fi

vet: ui ## Run go vet.
	$(GO) vet ./...

lint: $(TOOLS)/staticcheck ## Run staticcheck.
	$(TOOLS)/staticcheck ./...

test-go: ## Run the Go tests of every package but the end-to-end ones, with the race detector.
	CGO_ENABLED=1 $(GO) test -race -timeout 30m $(filter-out $(UNRACED),$(shell $(GO) list ./...))

test-e2e: build ## Run the tests that measure, and those that drive the whole program, as users run it.
	$(GO) test -p 1 -timeout 30m $(UNRACED)

test-ui: web/ui/node_modules/.package-lock.json ## Type-check and test the browser application.
	cd web/ui && $(NPM) run --silent check && $(NPM) test --silent

fuzz: ## Fuzz every decoder and restorer, shortly; FUZZTIME=1m make fuzz does it for long.
	@for pkg in $$($(GO) list ./...); do \
	  dir=$${pkg#github.com/presage-pdm/presage/}; \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$dir/*_test.go 2>/dev/null | sed 's/^func //' || true); do \
	    echo "fuzz $$dir $$f"; $(GO) test ./$$dir -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x >/tmp/presage-fuzz.$$$$ 2>&1 || { cat /tmp/presage-fuzz.$$$$; exit 1; }; rm -f /tmp/presage-fuzz.$$$$; \
	  done; done

crash: build ## Kill, cut the power, fill and slow the disk, take servers away: the long form; PRESAGE_TEST_CRASH_SEED=N repeats a run.
	PRESAGE_TEST_CRASH=long $(GO) test ./internal/promseries -run "TestKilledStore|TestPowerCutUnderCompaction" -count 1 -v -timeout 30m
	PRESAGE_TEST_CRASH=long $(GO) test ./cmd/presage -run '^($(CRASHES))$$' -count 1 -v -timeout 60m

simulate: ui ## Hold tickets of a disturbed fleet to those of an undisturbed one, for long; PRESAGE_TEST_SIMULATION_SEEDS=1000 is longer.
	PRESAGE_TEST_SIMULATION_SEEDS=$${PRESAGE_TEST_SIMULATION_SEEDS:-200} $(GO) test -timeout 2h ./cmd/presage -run '^(TestDisorderOnTheWay|TestStragglers)$$'

bench: build ## Measure everything and print one table: about ten minutes, on a machine that does nothing else.
	@deploy/tools/postgres.sh ./bin/presage bench all

bench-detection: ## Measure the quality of detection on public data, and print the table of docs/detection.md.
	$(GO) test ./cmd/presage -run '^TestDetectionQuality$$' -count 1 -v -timeout 30m

bench-go: ui ## Run the Go benchmarks; BENCHTIME=1x runs each once.
	$(GO) test -p 1 -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) ./...

setup: setup-servers $(TOOLS)/influxd $(TOOLS)/staticcheck ## Install what the tests need.

setup-servers: ## Install Mosquitto, PostgreSQL, strace and Chromium with apt where they are missing.
	@deploy/tools/servers.sh

$(TOOLS)/influxd:
	GOBIN=$(TOOLS) $(GO) install -ldflags '-s -w -X main.version=$(INFLUXD_VERSION:v%=%)' github.com/influxdata/influxdb/cmd/influxd@$(INFLUXD_VERSION)

$(TOOLS)/staticcheck:
	GOBIN=$(TOOLS) $(GO) install honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION)

clean: ## Remove what was built.
	rm -rf bin web/ui/dist web/ui/node_modules .tools
