package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/presage-pdm/presage/internal/realserver"
	"github.com/presage-pdm/presage/tickets"
)

// beServer makes the test binary run the real command line instead of tests,
// so that end-to-end tests can kill a process of it.
const beServer = "TEST_BE_PRESAGE"

func TestMain(m *testing.M) {
	if os.Getenv(beServer) != "" {
		os.Unsetenv(beServer)
		main()
		return
	}
	os.Exit(m.Run())
}

// setUp is one way to run Presage: which stores and which broker.
type setUp struct {
	name string
	// flags for presage serve, given what the set-up started.
	flags []string
	// broker is where devices publish; empty means the embedded one.
	broker string

	mosquitto *realserver.MosquittoServer
	postgres  *realserver.PostgresServer
	influx    *realserver.InfluxServer
}

// allEmbedded runs everything in one process.
func allEmbedded(testing.TB) setUp { return setUp{name: "embedded"} }

// allExternal runs on Mosquitto, InfluxDB and PostgreSQL.
func allExternal(t testing.TB) setUp {
	t.Helper()
	s := setUp{name: "external", mosquitto: realserver.Mosquitto(t), postgres: realserver.Postgres(t), influx: realserver.Influx(t)}
	s.broker = s.mosquitto.URL
	s.flags = []string{"--broker", s.mosquitto.URL, "--database", s.postgres.URL, "--series", s.influx.URL}
	return s
}

// process is a running presage, with its own data folder.
type process struct {
	t     testing.TB
	data  string
	http  string
	mqtt  string
	args  []string
	env   []string
	token string

	wrap []string // a command that runs presage as its child, such as strace
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan struct{} // closed by the goroutine that waits for cmd
	err  error         // of cmd, once done is closed
}

// lockedBuffer collects the output of a process that is still running.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs presage with a command, "serve" or "demo", and waits until it is ready.
func start(t testing.TB, command string, s setUp, flags ...string) *process {
	t.Helper()
	p := prepare(t, command, s, flags...)
	p.run()
	p.makeToken()
	return p
}

// prepare is start without running it.
func prepare(t testing.TB, command string, s setUp, flags ...string) *process {
	t.Helper()
	p := &process{
		t: t, data: filepath.Join(t.TempDir(), "data"),
		http: fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t)),
		mqtt: fmt.Sprintf("127.0.0.1:%d", realserver.FreePort(t)),
		log:  &lockedBuffer{},
	}
	p.args = append([]string{command, "--data", p.data, "--http", p.http, "--mqtt", p.mqtt}, s.flags...)
	p.args = append(p.args, flags...)
	if s.influx != nil {
		p.env = append(p.env, "PRESAGE_SERIES_TOKEN="+s.influx.Token, "PRESAGE_SERIES_DATABASE="+s.influx.Database)
	}
	if s.broker != "" {
		p.mqtt = strings.TrimPrefix(strings.TrimPrefix(s.broker, "tcp://"), "mqtt://")
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of presage:\n%s", tail(p.log.String(), 8000))
		}
	})
	return p
}

// makeToken makes the token that [process.request] uses.
func (p *process) makeToken() {
	p.t.Helper()
	p.token = strings.TrimSpace(p.command("token", "create", "--role", "admin"))
	if p.token == "" {
		p.t.Fatal("presage token create printed no token")
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// run starts the process and waits for /readyz.
func (p *process) run() {
	p.t.Helper()
	p.launch()
	p.ready()
}

// launch starts the process.
func (p *process) launch() {
	p.t.Helper()
	argv := slices.Concat(p.wrap, []string{os.Args[0]}, p.args)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Env = append(append(os.Environ(), beServer+"=1"), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start presage: %v", err)
	}
	p.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { // owned by the process: ends with it
		p.err = cmd.Wait()
		close(done)
	}(p.cmd, p.done)
}

// ready waits for /readyz.
func (p *process) ready() {
	p.t.Helper()
	p.eventually(60*time.Second, "presage is ready", func() (bool, string) {
		select {
		case <-p.done:
			p.t.Fatalf("presage ended before it was ready: %v\n%s", p.err, p.log)
		default:
		}
		resp, err := http.Get("http://" + p.http + "/readyz")
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
		return resp.StatusCode == http.StatusOK, fmt.Sprintf("%s %s", resp.Status, body)
	})
}

// kill ends the process as a power cut would: without a chance to say goodbye.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = syscall.Kill(p.pid(), syscall.SIGKILL) // it may have ended by itself
	<-p.done
	p.cmd = nil
}

// pid is the process of presage itself: with a command around it, that command's child.
func (p *process) pid() int {
	pid := p.cmd.Process.Pid
	if len(p.wrap) == 0 {
		return pid
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if child, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
		return child
	}
	return pid
}

// stop ends the process with SIGTERM and expects it to drain and exit with 0.
func (p *process) stop() {
	p.t.Helper()
	_ = syscall.Kill(p.pid(), syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(60 * time.Second):
		p.t.Fatalf("presage did not stop within a minute of SIGTERM:\n%s", tail(p.log.String(), 4000))
	}
	if p.err != nil {
		p.t.Fatalf("presage did not exit with 0 after SIGTERM: %v\n%s", p.err, tail(p.log.String(), 4000))
	}
	p.cmd = nil
}

// command runs another presage command on the same data folder and returns what it printed.
func (p *process) command(args ...string) string {
	p.t.Helper()
	out, errOut, err := p.tryCommand(args...)
	if err != nil {
		p.t.Fatalf("presage %s: %v\n%s", strings.Join(args, " "), err, errOut)
	}
	return out
}

func (p *process) tryCommand(args ...string) (out, errOut string, err error) {
	args = append(args, "--data", p.data)
	for i, a := range p.args {
		if a == "--database" {
			args = append(args, a, p.args[i+1])
		}
	}
	return runCommand(p.env, args...)
}

// runCommand runs the real command line in a process of its own.
func runCommand(env []string, args ...string) (out, errOut string, err error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(append(os.Environ(), beServer+"=1"), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// eventually polls until ok, and fails the test with the last state otherwise.
func (p *process) eventually(patience time.Duration, what string, ok func() (bool, string)) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		good, state := ok()
		if good {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not within %s: %s; last: %s", patience, what, state)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// errStatus is the answer of a request that was refused.
type errStatus struct {
	code int
	body string
}

func (e errStatus) Error() string { return fmt.Sprintf("status %d: %s", e.code, e.body) }

// request calls the API with the admin token. into may be nil.
func (p *process) request(method, path string, body, into any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, "http://"+p.http+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return errStatus{resp.StatusCode, string(text)}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// get calls the API and fails the test when it is refused.
func (p *process) get(path string, into any) {
	p.t.Helper()
	if err := p.request(http.MethodGet, path, nil, into); err != nil {
		p.t.Fatalf("GET %s: %v", path, err)
	}
}

// tickets returns every ticket of a device, open and closed.
func (p *process) tickets(device string) []tickets.Ticket {
	p.t.Helper()
	var all []tickets.Ticket
	cursor := ""
	for {
		var page tickets.Page
		p.get("/api/v1/tickets?limit=200&device="+url.QueryEscape(device)+"&cursor="+url.QueryEscape(cursor), &page)
		all = append(all, page.Tickets...)
		if page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

// points returns the raw readings of a series between two Unix milliseconds;
// none of a device that is not known yet.
func (p *process) points(device, metric string, from, to int64) [][2]float64 {
	p.t.Helper()
	var answer struct {
		Points [][2]float64 `json:"points"`
	}
	path := fmt.Sprintf("/api/v1/devices/%s/series?metric=%s&from=%d&to=%d", url.PathEscape(device), url.QueryEscape(metric), from, to)
	err := p.request(http.MethodGet, path, nil, &answer)
	if status := (errStatus{}); errors.As(err, &status) && status.code == http.StatusNotFound {
		return nil
	}
	if err != nil {
		p.t.Fatalf("GET %s: %v", path, err)
	}
	return answer.Points
}

// device is an MQTT client that publishes as a device would.
type device struct {
	t      testing.TB
	client mqtt.Client
}

// connect connects a device client; options may change how.
func (p *process) connect(clientID string, options ...func(*mqtt.ClientOptions)) *device {
	p.t.Helper()
	d, err := p.tryConnect(clientID, options...)
	if err != nil {
		p.t.Fatalf("connect %s: %v", clientID, err)
	}
	return d
}

// tryConnect is connect for brokers that may be away.
func (p *process) tryConnect(clientID string, options ...func(*mqtt.ClientOptions)) (*device, error) {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + p.mqtt).SetClientID(clientID).
		SetCleanSession(true).SetConnectTimeout(10 * time.Second).SetAutoReconnect(false)
	for _, set := range options {
		set(o)
	}
	c := mqtt.NewClient(o)
	token := c.Connect()
	if !token.WaitTimeout(15 * time.Second) {
		return nil, errors.New("no CONNACK within 15 s")
	}
	if err := token.Error(); err != nil {
		return nil, err
	}
	p.t.Cleanup(func() { c.Disconnect(50) })
	return &device{p.t, c}, nil
}

// publish sends with QoS 1 and waits for the PUBACK.
func (d *device) publish(topic, payload string) {
	d.t.Helper()
	if err := d.tryPublish(topic, payload); err != nil {
		d.t.Fatalf("publish to %s: %v", topic, err)
	}
}

var errNoAck = errors.New("no PUBACK")

func (d *device) tryPublish(topic, payload string) error {
	token := d.client.Publish(topic, 1, false, payload)
	if !token.WaitTimeout(30 * time.Second) {
		return errNoAck
	}
	return token.Error()
}

// drained waits until everything that was journalled has been detected and stored.
func (p *process) drained() {
	p.t.Helper()
	// A reading of a marker device goes through every lane's cursors behind
	// what was published before it on the same lane only; the status speaks for all lanes.
	p.eventually(60*time.Second, "lanes have caught up", func() (bool, string) {
		var about struct {
			OldestUnprocessed float64 `json:"oldest_unprocessed_s"`
		}
		if err := p.request(http.MethodGet, "/api/v1/about", nil, &about); err != nil {
			return false, err.Error()
		}
		return about.OldestUnprocessed == 0, fmt.Sprintf("oldest unprocessed reading is %.1f s old", about.OldestUnprocessed)
	})
}

// testData returns the folder of public data sets, or skips the test where it is missing.
func testData(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("PRESAGE_TEST_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("test data is missing in CI: %v", err)
		}
		t.Skipf("test data is missing, set PRESAGE_TEST_DATA to its folder: %v", err)
	}
	return path
}

// quantile returns the q-quantile of durations by the nearest rank.
func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

// metric adds up the samples of a metric, of which there must be one at least.
func (p *process) metric(name string) (sum float64) {
	p.t.Helper()
	found := false
	for line := range strings.Lines(p.metrics()) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		fields := strings.Fields(line)
		v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
		if err != nil {
			p.t.Fatalf("metric %q: %v", line, err)
		}
		found = true
		sum += v
	}
	if !found {
		p.t.Fatalf("there is no metric %s", name)
	}
	return sum
}
