package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/presage-pdm/presage/internal/bench"
)

type benchCommand struct {
	Ingest benchIngestCommand `cmd:"" help:"Publish as fast as the server acknowledges, then read everything back."`
}

type benchIngestCommand struct {
	Duration    time.Duration `help:"How long to publish." default:"10s"`
	Connections int           `help:"Connections, each a device of its own." default:"50"`
	Inflight    int           `help:"Messages without PUBACK at once, a connection." default:"100"`
	Values      int           `help:"Metrics in a message." default:"10"`
	Broker      string        `help:"Broker of a running server; without it one is started for the run." placeholder:"URL"`
	HTTP        string        `name:"http" help:"API of the running server." default:"http://127.0.0.1:8080" placeholder:"URL"`
	Token       string        `help:"API token of the running server; see presage token create." env:"PRESAGE_TOKEN" placeholder:"TOKEN"`
	JSON        bool          `name:"json" help:"Print the report as JSON."`
}

// Run loads the server and prints the report. It fails when anything
// acknowledged was lost or came twice.
func (c benchIngestCommand) Run(ctx context.Context, std streams) error {
	cfg := bench.DefaultConfig()
	cfg.Duration, cfg.Connections, cfg.Inflight, cfg.Values = c.Duration, c.Connections, c.Inflight, c.Values
	// Time stamps run ahead of the clock, a millisecond a message: begin early enough to stay in the past.
	cfg.Start = time.Now().Add(-30 * time.Minute).Truncate(time.Millisecond)
	cfg.Prefix = fmt.Sprintf("bench-%d", os.Getpid())
	api := &bench.API{URL: c.HTTP, Token: c.Token, HTTP: &http.Client{Timeout: time.Minute}}
	cfg.Broker = c.Broker
	if c.Broker == "" {
		server, err := startForBench(ctx, std)
		if err != nil {
			return err
		}
		defer server.stop()
		cfg.Broker, api.URL, api.Token = server.broker, server.url, server.token
	} else if c.Token == "" {
		return errors.New("give --token, or PRESAGE_TOKEN, to read back from the running server")
	}
	report, err := c.measure(ctx, cfg, api, std.err)
	if err != nil {
		return err
	}
	if c.JSON {
		err = report.JSON(std.out)
	} else {
		err = report.Text(std.out)
	}
	if err == nil && (report.Lost > 0 || report.Duplicated > 0) {
		err = fmt.Errorf("%d acknowledged messages were lost and %d came twice", report.Lost, report.Duplicated)
	}
	return err
}

func (c benchIngestCommand) measure(ctx context.Context, cfg bench.Config, api *bench.API, progress io.Writer) (bench.Report, error) {
	before, err := api.CPU(ctx)
	if err != nil {
		return bench.Report{}, err
	}
	fmt.Fprintf(progress, "publishing for %s ...\n", cfg.Duration)
	load, err := bench.Generate(ctx, cfg)
	if err != nil {
		return bench.Report{}, err
	}
	acked := time.Now()
	if err := api.Drain(ctx); err != nil {
		return bench.Report{}, err
	}
	behind := time.Since(acked)
	after, err := api.CPU(ctx)
	if err != nil {
		return bench.Report{}, err
	}
	bar := progressbar.NewOptions64(load.Sent, progressbar.OptionSetWriter(progress), progressbar.OptionSetDescription("reading back"),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond))
	back, err := api.Check(ctx, cfg, load, func(n int64) { _ = bar.Add64(n) })
	_ = bar.Finish()
	if err != nil {
		return bench.Report{}, err
	}
	return bench.NewReport(cfg, load, after-before, behind, back), nil
}

// benchServer is a server that lives for one run, in a process of its own so
// that its processor time is its own.
type benchServer struct {
	dir, broker, url, token string
	cmd                     *exec.Cmd
}

func startForBench(ctx context.Context, std streams) (*benchServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find my own program: %w", err)
	}
	dir, err := os.MkdirTemp("", "presage-bench-")
	if err != nil {
		return nil, err
	}
	s := &benchServer{dir: dir}
	ports, err := freePorts(2)
	if err != nil {
		s.stop()
		return nil, err
	}
	mqttAddress, httpAddress := ports[0], ports[1]
	s.broker, s.url = "mqtt://"+mqttAddress, "http://"+httpAddress
	data := filepath.Join(dir, "data")
	var log bytes.Buffer
	s.cmd = exec.CommandContext(ctx, self, "serve", "--data", data, "--mqtt", mqttAddress, "--http", httpAddress,
		"--unknown-devices", "register", "--log-level", "warn")
	s.cmd.Stderr, s.cmd.Env = &log, std.environ
	if err := s.cmd.Start(); err != nil {
		s.stop()
		return nil, fmt.Errorf("start the server: %w", err)
	}
	if err := awaitReady(ctx, s.url, 30*time.Second); err != nil {
		s.stop()
		return nil, fmt.Errorf("start the server: %w\n%s", err, log.String())
	}
	out, err := exec.CommandContext(ctx, self, "token", "create", "--role", "admin", "--data", data).Output()
	if err != nil {
		s.stop()
		return nil, fmt.Errorf("make a token for the server: %w", err)
	}
	s.token = strings.TrimSpace(string(out))
	return s, nil
}

// stop ends the server and removes its data.
func (s *benchServer) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
	os.RemoveAll(s.dir)
}

// freePorts returns loopback addresses that were free a moment ago.
func freePorts(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}

// awaitReady polls /readyz.
func awaitReady(ctx context.Context, url string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := errors.New("no answer yet")
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			last = fmt.Errorf("%s answered %s", req.URL, resp.Status)
		} else if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", patience, last)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
