package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/presage-pdm/presage/ingest"
	"github.com/presage-pdm/presage/ingest/journal"
	"github.com/presage-pdm/presage/telemetry"
	"github.com/presage-pdm/presage/tickets"
)

// decoderFunc is a decoder for the messages of a test.
type decoderFunc func(dst []telemetry.Batch, m ingest.Message) ([]telemetry.Batch, error)

func (f decoderFunc) Decode(dst []telemetry.Batch, m ingest.Message) ([]telemetry.Batch, error) {
	return f(dst, m)
}

// fixed decodes every message into the same batches.
func fixed(batches ...telemetry.Batch) decoderFunc {
	return func(dst []telemetry.Batch, _ ingest.Message) ([]telemetry.Batch, error) {
		return append(dst, batches...), nil
	}
}

// registry knows the devices whose id does not begin with "unknown" or "retired".
type registry struct {
	faults
	mu         sync.Mutex
	registered []string
}

func (r *registry) Admit(_, device string) ingest.Admission {
	switch {
	case strings.HasPrefix(device, "unknown"):
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, d := range r.registered {
			if d == device {
				return ingest.Admitted
			}
		}
		return ingest.Unknown
	case strings.HasPrefix(device, "retired"):
		return ingest.Refused
	}
	return ingest.Admitted
}

func (r *registry) Count(string) int { return len(r.known()) }

func (r *registry) Register(_ context.Context, _, device string) error {
	if err := r.get(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered = append(r.registered, device)
	return nil
}

func (r *registry) known() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.registered...)
}

// newIntake returns an intake on a new journal.
func newIntake(t testing.TB, d ingest.Decoder, r ingest.Registry, change func(*ingest.IntakeConfig)) (*ingest.Intake, *journal.Log, *prometheus.Registry) {
	t.Helper()
	jcfg := journal.DefaultConfig()
	jcfg.Dir = t.TempDir()
	jcfg.Partitions = 2
	log, err := journal.Open(jcfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cfg := ingest.DefaultIntakeConfig()
	counts := prometheus.NewRegistry()
	cfg.Registerer = counts
	change(&cfg)
	in, err := ingest.NewIntake(log, d, r, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return in, log, counts
}

func asIs(*ingest.IntakeConfig) {}

// accept hands a message over and waits for its done.
func accept(t testing.TB, in *ingest.Intake, m ingest.Message) error {
	t.Helper()
	var calls atomic.Int32
	done := make(chan error, 2)
	in.Accept(t.Context(), m, func(err error) {
		calls.Add(1)
		done <- err
	})
	select {
	case err := <-done:
		if n := calls.Load(); n != 1 {
			t.Errorf("done was called %d times", n)
		}
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("done was not called")
		return nil
	}
}

// journalled returns everything in a journal.
func journalled(t testing.TB, log ingest.Journal) (batches []telemetry.Batch, rejected []telemetry.Rejected, ticks []int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for partition := range log.Partitions() {
		end := log.End(partition)
		c, err := log.Read(partition, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for at := ingest.Position(0); at < end; {
			blob, err := c.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			at = blob.Next
			var d telemetry.Decoder
			for entry := range blob.Entries {
				kind, err := telemetry.KindOf(entry)
				if err != nil {
					t.Fatal(err)
				}
				switch kind {
				case telemetry.EntryBatch:
					var b telemetry.Batch
					if err := d.Batch(entry, &b); err != nil {
						t.Fatal(err)
					}
					if want := telemetry.Slot(b.Tenant, b.Device) % log.Partitions(); partition != want {
						t.Errorf("device %q is in partition %d, want %d", b.Device, partition, want)
					}
					batches = append(batches, b)
				case telemetry.EntryRejected:
					r, err := d.Rejected(entry)
					if err != nil {
						t.Fatal(err)
					}
					rejected = append(rejected, r)
				case telemetry.EntryTick:
					at, err := telemetry.DecodeTick(entry)
					if err != nil {
						t.Fatal(err)
					}
					ticks = append(ticks, at)
				}
			}
		}
	}
	return batches, rejected, ticks
}

func sample(device string, at int64) telemetry.Batch {
	return telemetry.Batch{Device: device, Samples: []telemetry.Sample{{Metric: "load", Time: at, Value: 1}}}
}

func TestAcceptIsDurable(t *testing.T) {
	in, log, counts := newIntake(t, fixed(sample("car-1", epoch)), &registry{}, asIs)
	m := ingest.Message{Tenant: "acme", Topic: "t", Payload: []byte("p"), Arrival: epoch + 5}
	if err := accept(t, in, m); err != nil {
		t.Fatal(err)
	}
	batches, rejected, _ := journalled(t, log)
	if len(batches) != 1 || len(rejected) != 0 {
		t.Fatalf("%d batches and %d rejected, want 1 and 0", len(batches), len(rejected))
	}
	if b := batches[0]; b.Tenant != "acme" || b.Arrival != epoch+5 || b.Device != "car-1" || len(b.Samples) != 1 {
		t.Errorf("journalled %+v", b)
	}
	if err := testutil.GatherAndCompare(counts, strings.NewReader(`
# HELP presage_intake_samples_total Samples given to the journal.
# TYPE presage_intake_samples_total counter
presage_intake_samples_total 1
`), "presage_intake_samples_total"); err != nil {
		t.Error(err)
	}
}

// TestOutcomes holds each kind of bad message to its outcome: acknowledged always, and in
// the quarantine with its reason, or forgotten by policy, never taken.
func TestOutcomes(t *testing.T) {
	with := func(change func(*telemetry.Batch)) decoderFunc {
		b := sample("car-1", epoch)
		change(&b)
		return fixed(b)
	}
	many := func(n int, name func(int) string) func(*telemetry.Batch) {
		return func(b *telemetry.Batch) {
			b.Samples = nil
			for i := range n {
				b.Samples = append(b.Samples, telemetry.Sample{Metric: name(i), Time: epoch, Value: 1})
			}
		}
	}
	small := func(c *ingest.IntakeConfig) {
		c.Limits.PayloadBytes, c.Limits.Samples, c.Limits.Metrics, c.Limits.Events, c.Limits.Batches = 100, 20, 5, 3, 2
		c.QuarantinePayload = 10
	}
	event := func(e telemetry.Event) decoderFunc {
		return with(func(b *telemetry.Batch) { b.Samples, b.Events = nil, []telemetry.Event{e} })
	}
	state := func(s telemetry.State) decoderFunc {
		return with(func(b *telemetry.Batch) { b.Samples, b.States = nil, []telemetry.State{s} })
	}
	year := func(y int) int64 { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() }

	for _, c := range []struct {
		name    string
		decoder decoderFunc
		payload string
		policy  ingest.Policy
		reason  string // "" is taken
		absent  bool   // from the quarantine
	}{
		{name: "good", decoder: with(func(*telemetry.Batch) {})},
		{name: "payload too large", decoder: with(func(*telemetry.Batch) {}), payload: strings.Repeat("x", 101), reason: "payload-too-large"},
		{name: "refused by the decoder", decoder: func([]telemetry.Batch, ingest.Message) ([]telemetry.Batch, error) {
			return nil, &ingest.RejectError{Device: "car-1", Reason: "malformed-json", Detail: "at byte 3"}
		}, reason: "malformed-json"},
		{name: "decoder fails otherwise", decoder: func([]telemetry.Batch, ingest.Message) ([]telemetry.Batch, error) {
			return nil, errors.New("broken")
		}, reason: "undecodable"},
		{name: "decoder panics", decoder: func([]telemetry.Batch, ingest.Message) ([]telemetry.Batch, error) {
			panic("broken")
		}, reason: "undecodable"},
		{name: "nothing in it", decoder: fixed(), reason: "empty-message"},
		{name: "batch with nothing in it", decoder: with(func(b *telemetry.Batch) { b.Samples = nil }), reason: "empty-message"},
		{name: "bad device", decoder: with(func(b *telemetry.Batch) { b.Device = "a/b" }), reason: "bad-name"},
		{name: "bad metric", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Metric = "a\x00" }), reason: "bad-name"},
		{name: "empty metric", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Metric = "" }), reason: "bad-name"},
		{name: "NaN", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Value = math.NaN() }), reason: "bad-value"},
		{name: "infinity", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Value = math.Inf(-1) }), reason: "bad-value"},
		{name: "year 1970", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = 5 }), reason: "timestamp-too-old"},
		{name: "year 1999", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = year(2000) - 1 }), reason: "timestamp-too-old"},
		{name: "year 2000", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = year(2000) })},
		{name: "year 2100", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = year(2100) }), reason: "timestamp-in-future"},
		{name: "a day ahead", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = epoch + 86_400_000 })},
		{name: "more than a day ahead", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = epoch + 86_400_001 }), reason: "timestamp-in-future"},
		{name: "the end of time", decoder: with(func(b *telemetry.Batch) { b.Samples[0].Time = math.MaxInt64 }), reason: "timestamp-in-future"},
		{name: "20 samples", decoder: with(many(20, func(i int) string { return fmt.Sprint("m", i%5) }))},
		{name: "21 samples", decoder: with(many(21, func(i int) string { return fmt.Sprint("m", i%5) })), reason: "too-many-samples"},
		{name: "6 metrics", decoder: with(many(20, func(i int) string { return fmt.Sprint("m", i%6) })), reason: "too-many-metrics"},
		{name: "6 metrics once", decoder: with(many(6, func(i int) string { return fmt.Sprint("m", i) })), reason: "too-many-metrics"},
		{name: "bad metric among many", decoder: with(many(20, func(i int) string { return strings.Repeat(" ", i/19) + "m" })), reason: "bad-name"},
		{name: "4 events", decoder: with(func(b *telemetry.Batch) {
			b.Events = make([]telemetry.Event, 4)
		}), reason: "too-many-events"},
		{name: "3 devices", decoder: fixed(sample("a", epoch), sample("b", epoch), sample("c", epoch)), reason: "too-many-devices"},
		{name: "2 devices", decoder: fixed(sample("a", epoch), sample("b", epoch))},
		{name: "one of 2 devices is bad", decoder: fixed(sample("a", epoch), sample("b", 7)), reason: "timestamp-too-old"},
		{name: "event", decoder: event(telemetry.Event{Time: epoch, Code: "P0217"})},
		{name: "event without a code", decoder: event(telemetry.Event{Time: epoch}), reason: "text-too-long"},
		{name: "event of 1970", decoder: event(telemetry.Event{Code: "x"}), reason: "timestamp-too-old"},
		{name: "event with a long code", decoder: event(telemetry.Event{Time: epoch, Code: strings.Repeat("x", 1025)}), reason: "text-too-long"},
		{name: "event with a long attribute", decoder: event(telemetry.Event{Time: epoch, Code: "x", Attributes: map[string]string{"k": strings.Repeat("x", 1025)}}), reason: "text-too-long"},
		{name: "event with a wrong severity", decoder: event(telemetry.Event{Time: epoch, Code: "x", Severity: 9}), reason: "bad-severity"},
		{name: "state", decoder: state(telemetry.State{Time: epoch})},
		{name: "state of 2100", decoder: state(telemetry.State{Time: year(2100)}), reason: "timestamp-in-future"},
		{name: "state with a long attribute", decoder: state(telemetry.State{Time: epoch, Attributes: map[string]string{strings.Repeat("x", 1025): ""}}), reason: "text-too-long"},
		{name: "retired device", decoder: with(func(b *telemetry.Batch) { b.Device = "retired-1" }), reason: "refused-device", absent: true},
		{name: "unknown device, rejected", decoder: with(func(b *telemetry.Batch) { b.Device = "unknown-1" }), policy: ingest.PolicyReject, reason: "unknown-device", absent: true},
		{name: "unknown device, quarantined", decoder: with(func(b *telemetry.Batch) { b.Device = "unknown-1" }), policy: ingest.PolicyQuarantine, reason: "unknown-device"},
		{name: "unknown device, registered", decoder: with(func(b *telemetry.Batch) { b.Device = "unknown-1" }), policy: ingest.PolicyRegister},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, log, counts := newIntake(t, c.decoder, &registry{}, func(cfg *ingest.IntakeConfig) {
				small(cfg)
				if c.policy != "" {
					cfg.UnknownDevices = c.policy
				}
			})
			m := ingest.Message{Topic: "some/topic", Payload: []byte("0123456789ab"), Arrival: epoch}
			if c.payload != "" {
				m.Payload = []byte(c.payload)
			}
			if err := accept(t, in, m); err != nil {
				t.Fatalf("not acknowledged: %v", err)
			}
			batches, rejected, _ := journalled(t, log)
			if c.reason == "" {
				if len(batches) == 0 || len(rejected) > 0 {
					t.Fatalf("%d batches taken, refused %+v", len(batches), rejected)
				}
				return
			}
			if len(batches) > 0 {
				t.Fatalf("taken: %+v", batches)
			}
			expect := fmt.Sprintf(`
# HELP presage_intake_rejected_total Messages that were refused, by reason.
# TYPE presage_intake_rejected_total counter
presage_intake_rejected_total{reason=%q} 1
`, c.reason)
			if err := testutil.GatherAndCompare(counts, strings.NewReader(expect), "presage_intake_rejected_total"); err != nil {
				t.Error(err)
			}
			if c.absent {
				if len(rejected) > 0 {
					t.Errorf("in the quarantine: %+v", rejected)
				}
				return
			}
			if len(rejected) != 1 {
				t.Fatalf("%d in the quarantine, want 1", len(rejected))
			}
			r := rejected[0]
			if r.Reason != c.reason || r.Detail == "" || r.Topic != "some/topic" || r.Arrival != epoch || r.Tenant != telemetry.DefaultTenant {
				t.Errorf("in the quarantine: %+v", r)
			}
			if len(r.Payload) != 10 || !r.Truncated {
				t.Errorf("payload of %d bytes, truncated %v, want 10 and true", len(r.Payload), r.Truncated)
			}
		})
	}
}

func TestQuarantineIsBounded(t *testing.T) {
	in, log, _ := newIntake(t, fixed(), &registry{}, func(c *ingest.IntakeConfig) { c.QuarantineRate, c.QuarantineBurst = 1, 5 })
	for i := range 100 {
		if err := accept(t, in, ingest.Message{Arrival: epoch + int64(i)*20}); err != nil { // 50 a second
			t.Fatal(err)
		}
	}
	if _, rejected, _ := journalled(t, log); len(rejected) != 6 { // the burst, and one after the first second
		t.Errorf("%d in the quarantine, want 6", len(rejected))
	}
}

func TestRegistration(t *testing.T) {
	r := &registry{}
	r.set(fmt.Errorf("away: %w", tickets.ErrUnavailable))
	in, log, _ := newIntake(t, fixed(sample("unknown-1", epoch), sample("unknown-2", epoch)), r, func(c *ingest.IntakeConfig) {
		c.UnknownDevices = ingest.PolicyRegister
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	for range 10 { // readings are taken although the registry's store is away
		if err := accept(t, in, ingest.Message{Arrival: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	if batches, _, _ := journalled(t, log); len(batches) != 20 {
		t.Errorf("%d batches, want 20", len(batches))
	}
	r.set(nil)
	eventually(t, "registration", func() bool { return len(r.known()) == 2 })
	if err := accept(t, in, ingest.Message{Arrival: epoch}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if known := r.known(); len(known) != 2 {
		t.Errorf("registered %q, want each device once", known)
	}
}

func TestRetry(t *testing.T) {
	known := &registry{}
	in, log, _ := newIntake(t, fixed(sample("unknown-1", epoch)), known, asIs)
	if err := accept(t, in, ingest.Message{Topic: "t", Payload: []byte("p"), Arrival: epoch}); err != nil {
		t.Fatal(err)
	}
	_, rejected, _ := journalled(t, log)
	if len(rejected) != 1 {
		t.Fatalf("%d in the quarantine, want 1", len(rejected))
	}
	var refused *ingest.RejectError
	if err := in.Retry(t.Context(), rejected[0]); !errors.As(err, &refused) || refused.Reason != "unknown-device" {
		t.Errorf("retry while the device is unknown: %v", err)
	}
	if err := known.Register(t.Context(), "", "unknown-1"); err != nil {
		t.Fatal(err)
	}
	if err := in.Retry(t.Context(), rejected[0]); err != nil {
		t.Errorf("retry: %v", err)
	}
	batches, rejected, _ := journalled(t, log)
	if len(batches) != 1 || len(rejected) != 1 {
		t.Errorf("%d batches and %d in the quarantine, want 1 and 1", len(batches), len(rejected))
	}
	if batches[0].Arrival != epoch {
		t.Errorf("the arrival has become %d", batches[0].Arrival)
	}
	rejected[0].Truncated = true
	if err := in.Retry(t.Context(), rejected[0]); !errors.As(err, &refused) {
		t.Errorf("retry of a payload that was cut: %v", err)
	}
}

// TestRefuse quarantines what a broker could not take itself.
func TestRefuse(t *testing.T) {
	in, log, _ := newIntake(t, fixed(sample("car-1", epoch)), &registry{}, asIs)
	done := make(chan error, 1)
	m := ingest.Message{Topic: "t", Payload: []byte("p")}
	in.Refuse(t.Context(), m, &ingest.RejectError{Device: "car-1", Reason: "too-much", Detail: "why"}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	batches, rejected, _ := journalled(t, log)
	if len(batches) != 0 || len(rejected) != 1 || rejected[0].Reason != "too-much" || rejected[0].Device != "car-1" || rejected[0].Arrival == 0 {
		t.Errorf("%d batches, in the quarantine: %+v", len(batches), rejected)
	}
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Refuse(t.Context(), m, &ingest.RejectError{}, func(err error) { done <- err })
	if err := <-done; !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("refuse after closing: %v", err)
	}
}

func TestClosedIntake(t *testing.T) {
	in, _, _ := newIntake(t, fixed(sample("car-1", epoch)), &registry{}, asIs)
	if err := in.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := accept(t, in, ingest.Message{Arrival: epoch}); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("accept: %v, want ErrClosed", err)
	}
	if err := in.Retry(t.Context(), telemetry.Rejected{}); !errors.Is(err, ingest.ErrClosed) {
		t.Errorf("retry: %v, want ErrClosed", err)
	}
}

// slowJournal takes entries and makes them durable when it is told to.
type slowJournal struct {
	mu   sync.Mutex
	wait []func(error)
	full chan struct{} // appending waits until it is closed; nil never waits
	held [][]byte
}

func (j *slowJournal) Partitions() int { return 2 }

func (j *slowJournal) Append(ctx context.Context, _ int, entry []byte, done func(error)) error {
	if j.full != nil {
		select {
		case <-j.full:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.held = append(j.held, append([]byte(nil), entry...))
	j.wait = append(j.wait, done)
	return nil
}

func (j *slowJournal) commit(err error) {
	j.mu.Lock()
	wait := j.wait
	j.wait = nil
	j.mu.Unlock()
	for _, done := range wait {
		done(err)
	}
}

func (j *slowJournal) Read(int, ingest.Position) (ingest.Cursor, error) {
	return nil, ingest.ErrPositionLost
}
func (j *slowJournal) End(int) ingest.Position           { return 0 }
func (j *slowJournal) Behind(int, ingest.Position) int64 { return 0 }
func (j *slowJournal) Trim(int, ingest.Position) error   { return nil }

func slowIntake(t *testing.T, j *slowJournal, batches ...telemetry.Batch) *ingest.Intake {
	t.Helper()
	in, err := ingest.NewIntake(j, fixed(batches...), &registry{}, ingest.DefaultIntakeConfig())
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestDoneFollowsDurability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &slowJournal{}
		in := slowIntake(t, j, sample("a", epoch), sample("b", epoch))
		var result error
		calls := 0
		call := func(err error) { calls++; result = err }
		in.Accept(t.Context(), ingest.Message{Arrival: epoch}, call)
		if calls != 0 {
			t.Fatal("done was called before the message was durable")
		}
		closed := make(chan error, 1)
		go func() { closed <- in.Close(t.Context()) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Fatal("closed with a message inside")
		default:
		}
		j.commit(errors.New("disk"))
		if calls != 1 || result == nil {
			t.Errorf("%d calls, %v, want one with the error: a message is taken whole or not at all", calls, result)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &slowJournal{}
		in := slowIntake(t, j, sample("a", epoch))
		in.Accept(t.Context(), ingest.Message{Arrival: epoch}, func(error) {})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := in.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		j.commit(nil) // so that the bubble ends
	})
}

func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &slowJournal{full: make(chan struct{})}
		in := slowIntake(t, j, sample("a", epoch))
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		returned := make(chan struct{}, 2)
		accept := func(ctx context.Context) {
			in.Accept(ctx, ingest.Message{Arrival: epoch}, func(err error) { results <- err })
			returned <- struct{}{}
		}
		go accept(ctx)
		go accept(t.Context())
		synctest.Wait()
		if len(returned) > 0 {
			t.Fatal("Accept did not wait for the journal")
		}
		cancel()
		synctest.Wait()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("done with %v when the wait was cancelled", err)
		}
		close(j.full)
		synctest.Wait()
		j.commit(nil)
		if err := <-results; err != nil {
			t.Errorf("done with %v when there was room again", err)
		}
	})
}

func TestTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &slowJournal{}
		in := slowIntake(t, j)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- in.Run(ctx) }()
		var held [][]byte // in the last seconds
		seconds := func(n int) int {
			time.Sleep(time.Duration(n)*time.Second + time.Millisecond)
			j.commit(nil)
			j.mu.Lock()
			defer j.mu.Unlock()
			held, j.held = j.held, nil
			return len(held)
		}
		if n := seconds(5); n != 10 {
			t.Errorf("%d ticks in 5 s of 2 partitions, want 10", n)
		}
		last, err := telemetry.DecodeTick(held[9])
		if err != nil || time.Since(time.UnixMilli(last)) > 10*time.Millisecond {
			t.Errorf("the last tick says %d (%v), it is %d", last, err, time.Now().UnixMilli())
		}
		first, second := in.PauseTicks(), in.PauseTicks()
		if n := seconds(5); n != 0 {
			t.Errorf("%d ticks while paused", n)
		}
		first()
		first()
		if n := seconds(5); n != 0 {
			t.Errorf("%d ticks while one of two still pauses", n)
		}
		second()
		if n := seconds(5); n != 10 {
			t.Errorf("%d ticks after the pause, want 10", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestPolicies(t *testing.T) {
	for _, name := range []string{"reject", "quarantine", "register"} {
		if p, err := ingest.ParsePolicy(name); err != nil || string(p) != name {
			t.Errorf("ParsePolicy(%q) = %q, %v", name, p, err)
		}
	}
	if _, err := ingest.ParsePolicy("ask"); err == nil || !strings.Contains(err.Error(), "quarantine") {
		t.Errorf("an unknown policy: %v, want the known ones named", err)
	}
}

func TestAcceptAllocates(t *testing.T) {
	b := sample("car-1", epoch)
	for i := range 9 {
		b.Samples = append(b.Samples, telemetry.Sample{Metric: fmt.Sprint("metric-", i), Time: epoch, Value: 1})
	}
	j := &slowJournal{}
	in := slowIntake(t, j, b)
	done := func(error) {}
	m := ingest.Message{Topic: "t", Arrival: epoch}
	n := testing.AllocsPerRun(200, func() {
		in.Accept(context.Background(), m, done)
		j.held = j.held[:0]
		j.commit(nil)
	})
	// Of these the double of the journal makes three. None may depend on the number of samples.
	if n > 6 {
		t.Errorf("%v allocations a message of ten samples", n)
	}
}

// TestDeviceMetrics lets a device make up new names until it has all that it may: names it has go on
// being taken, others are refused, and other devices are not concerned.
func TestDeviceMetrics(t *testing.T) {
	var next telemetry.Batch
	in, _, counts := newIntake(t, decoderFunc(func(dst []telemetry.Batch, _ ingest.Message) ([]telemetry.Batch, error) {
		return append(dst, next), nil
	}), &registry{}, func(c *ingest.IntakeConfig) { c.Limits.DeviceMetrics = 100 })
	refused := func() int {
		t.Helper()
		families, err := counts.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "presage_intake_rejected_total" {
				return int(f.GetMetric()[0].GetCounter().GetValue())
			}
		}
		return 0
	}
	send := func(device string, names ...int) {
		t.Helper()
		next = telemetry.Batch{Device: device}
		for _, n := range names {
			next.Samples = append(next.Samples, telemetry.Sample{Metric: fmt.Sprint("m", n), Time: epoch, Value: 1})
		}
		if err := accept(t, in, ingest.Message{Arrival: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 99 {
		send("a", n, n/2, n)
	}
	if n := refused(); n != 0 {
		t.Fatalf("%d messages refused below the limit", n)
	}
	send("a", 5, 98, 0, 99)
	send("a", 100)
	send("a", 99, 3)
	send("b", 100, 101)
	if n := refused(); n != 1 {
		t.Errorf("%d messages refused, want the one with metric 101 of the device", n)
	}
}

// TestNewDevices bounds how fast unknown devices are registered; those above go to the quarantine.
func TestNewDevices(t *testing.T) {
	n := 0
	r := &registry{}
	in, log, _ := newIntake(t, decoderFunc(func(dst []telemetry.Batch, _ ingest.Message) ([]telemetry.Batch, error) {
		n++
		return append(dst, sample(fmt.Sprint("unknown-", n), epoch)), nil
	}), r, func(c *ingest.IntakeConfig) {
		c.UnknownDevices, c.RegisterRate, c.RegisterBurst = ingest.PolicyRegister, 1, 5
	})
	for range 20 {
		if err := accept(t, in, ingest.Message{Arrival: epoch}); err != nil {
			t.Fatal(err)
		}
	}
	batches, rejected, _ := journalled(t, log)
	if len(batches) != 5 || len(rejected) != 15 || rejected[0].Reason != ingest.ReasonNewDevices {
		t.Errorf("%d batches and %d in the quarantine, want 5 and 15", len(batches), len(rejected))
	}
}
