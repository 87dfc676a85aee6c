package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presage-pdm/presage/telemetry"
)

// Policy says what happens to messages of devices that the registry does not know.
type Policy string

// The policies.
const (
	PolicyReject     Policy = "reject"     // counted and forgotten
	PolicyQuarantine Policy = "quarantine" // kept in the quarantine, to be tried again
	PolicyRegister   Policy = "register"   // the device becomes known
)

// ParsePolicy reads a policy by name.
func ParsePolicy(name string) (Policy, error) {
	p := Policy(name)
	if !slices.Contains([]Policy{PolicyReject, PolicyQuarantine, PolicyRegister}, p) {
		return "", fmt.Errorf("unknown policy %q for unknown devices: use reject, quarantine or register", name)
	}
	return p, nil
}

// IntakeConfig is what an [Intake] can be told.
type IntakeConfig struct {
	UnknownDevices Policy `koanf:"unknown_devices"`
	Limits         Limits `koanf:"limits"`
	// RegisterRate and RegisterBurst bound how many unknown devices a second are registered;
	// messages of those above go to the quarantine.
	RegisterRate  float64 `koanf:"register_rate"`
	RegisterBurst int     `koanf:"register_burst"`
	// QuarantineRate and QuarantineBurst bound how many messages a second go to the quarantine;
	// those above are counted as "dropped" and forgotten, so that a flood of rubbish
	// cannot fill the store.
	QuarantineRate  float64 `koanf:"quarantine_rate"`
	QuarantineBurst int     `koanf:"quarantine_burst"`
	// QuarantinePayload is how many bytes of a refused payload are kept.
	QuarantinePayload int `koanf:"quarantine_payload"`
	// TickEvery is how often each partition is told the arrival clock.
	TickEvery time.Duration `koanf:"-"`

	Logger     *slog.Logger          `koanf:"-"`
	Registerer prometheus.Registerer `koanf:"-"` // nil keeps the counters unregistered
}

// DefaultIntakeConfig quarantines unknown devices and ticks each second.
func DefaultIntakeConfig() IntakeConfig {
	return IntakeConfig{
		UnknownDevices:    PolicyQuarantine,
		RegisterRate:      200,
		RegisterBurst:     100_000,
		Limits:            DefaultLimits(),
		QuarantineRate:    500,
		QuarantineBurst:   20_000,
		QuarantinePayload: 64 << 10,
		TickEvery:         time.Second,
		Logger:            slog.New(slog.DiscardHandler),
	}
}

// Intake is the one way in for messages of devices, whatever broker they came
// over. It decodes a message, checks it against the registry and the limits,
// and journals it; a message that cannot be taken is journalled for the quarantine,
// with the reason. It is safe for concurrent use.
//
// [Intake.Run] must run beside it, and [Intake.Close] ends it.
type Intake struct {
	journal  Journal
	decoder  Decoder
	registry Registry
	cfg      IntakeConfig
	log      *slog.Logger
	metrics  *intakeMetrics

	scratch    sync.Pool // of *scratch
	messages   sync.Pool // of *accepted
	quarantine *bucket
	newcomers  *bucket
	complaints *bucket // log lines about single messages; the counters have them all
	registrar  *registrar
	vocabulary *vocabulary

	pauses atomic.Int32 // who asked for ticks to pause, see PauseTicks

	mu       sync.RWMutex // held for reading by who enters; Close takes it for writing
	closed   bool
	inflight sync.WaitGroup // messages whose done has not been called
}

// NewIntake returns an intake in front of a journal.
func NewIntake(journal Journal, decoder Decoder, registry Registry, cfg IntakeConfig) (*Intake, error) {
	if _, err := ParsePolicy(string(cfg.UnknownDevices)); err != nil {
		return nil, err
	}
	if cfg.TickEvery <= 0 {
		return nil, errors.New("ingest: TickEvery must be positive")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	in := &Intake{
		journal:  journal,
		decoder:  decoder,
		registry: registry,
		cfg:      cfg,
		log:      cfg.Logger,
	}
	in.metrics = newIntakeMetrics(cfg.Registerer, func() int { return in.registrar.waiting() })
	in.scratch.New = func() any { return &scratch{seen: make(map[string]struct{})} }
	in.messages.New = in.newAccepted
	in.quarantine = newBucket(cfg.QuarantineRate, cfg.QuarantineBurst)
	in.complaints = newBucket(1, 20)
	in.newcomers = newBucket(cfg.RegisterRate, cfg.RegisterBurst)
	in.vocabulary = newVocabulary(cfg.Limits.DeviceMetrics, newDeviceRate(cfg.Limits.DeviceMessages, cfg.Limits.DeviceBurst))
	in.registrar = newRegistrar(registry, in.log, in.metrics)
	return in, nil
}

// scratch is what one call of Accept works in.
type scratch struct {
	batches []telemetry.Batch
	entry   []byte
	seen    map[string]struct{}
}

// Accept takes one message and calls done exactly once, before it returns or later
// from another goroutine: with nil when the message is dealt with for good and must be
// acknowledged, because it is durable, or durable in the quarantine, or refused by policy;
// with an error when it must not be acknowledged, so that it comes again. done must not block.
//
// Accept blocks while the journal is full or behind: the caller stops reading from its
// socket, which is the back-pressure. When ctx ends first, done is called with its error.
// The payload is not used after Accept has returned.
func (in *Intake) Accept(ctx context.Context, m Message, done func(error)) {
	finish := in.begin(&m, done)
	if finish == nil {
		return
	}
	s := in.scratch.Get().(*scratch)
	defer in.scratch.Put(s)
	reject := in.prepare(ctx, s, m)
	if reject != nil {
		in.refuse(ctx, s, m, reject, finish)
		return
	}
	in.append(ctx, s, m, finish)
}

// Refuse puts a message into the quarantine that its broker could not even take,
// such as one that was too large to be read. It calls done like [Intake.Accept].
func (in *Intake) Refuse(ctx context.Context, m Message, why *RejectError, done func(error)) {
	finish := in.begin(&m, done)
	if finish == nil {
		return
	}
	s := in.scratch.Get().(*scratch)
	defer in.scratch.Put(s)
	in.refuse(ctx, s, m, why, finish)
}

// begin counts a message in and returns what ends it; or nil when the intake is
// closed, and done was told so.
func (in *Intake) begin(m *Message, done func(error)) (finish func(error)) {
	if !in.enter() {
		done(fmt.Errorf("intake: %w", ErrClosed))
		return nil
	}
	in.metrics.messages.Inc()
	in.metrics.bytes.Add(float64(len(m.Payload)))
	if m.Arrival == 0 {
		m.Arrival = time.Now().UnixMilli()
	}
	a := in.messages.Get().(*accepted)
	a.done = done
	return a.finish
}

// accepted is a message inside. It is used again, so that a message costs no allocation.
type accepted struct {
	done   func(error)
	finish func(error) // ends it; made once
}

func (in *Intake) newAccepted() any {
	a := new(accepted)
	a.finish = func(err error) {
		if err != nil {
			in.metrics.failed.Inc()
		}
		done := a.done
		a.done = nil
		in.messages.Put(a)
		done(err)
		in.inflight.Done()
	}
	return a
}

// Retry takes a message again that was quarantined, and returns when it is durable.
// It fails with a [*RejectError] when it would be refused again; it is then not quarantined a second time.
func (in *Intake) Retry(ctx context.Context, r telemetry.Rejected) error {
	if r.Reason == ReasonForeignDevice {
		// Nobody knows any more that the sender may speak for the device; that somebody retries says nothing about it.
		return &RejectError{Device: r.Device, Reason: r.Reason, Detail: r.Detail}
	}
	if r.Truncated {
		return &RejectError{Device: r.Device, Reason: ReasonTooLarge, Detail: fmt.Sprintf("only the first %d bytes of the payload were kept: send the message again from the device", len(r.Payload))}
	}
	if !in.enter() {
		return fmt.Errorf("intake: %w", ErrClosed)
	}
	s := in.scratch.Get().(*scratch)
	defer in.scratch.Put(s)
	// The arrival stays the first one: readings without a time stamp of their own keep their place,
	// and a retry that is repeated changes nothing.
	m := Message{Tenant: r.Tenant, Topic: r.Topic, Payload: r.Payload, Arrival: r.Arrival}
	if reject := in.prepare(ctx, s, m); reject != nil {
		in.inflight.Done()
		return reject
	}
	durable := make(chan error, 1)
	in.append(ctx, s, m, func(err error) {
		durable <- err
		in.inflight.Done()
	})
	return <-durable
}

// Close takes no more messages and waits until those inside are durable and
// their done was called, or until ctx ends.
func (in *Intake) Close(ctx context.Context) error {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	idle := make(chan struct{})
	go func() { // ends with the last message; the journal calls every done, at the latest when it closes
		in.inflight.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close intake with messages inside: %w", context.Cause(ctx))
	}
}

// enter counts a message in, unless the intake is closed.
func (in *Intake) enter() bool {
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.closed {
		return false
	}
	in.inflight.Add(1)
	return true
}

// prepare decodes and checks a message into s.batches, or says why it is refused.
func (in *Intake) prepare(ctx context.Context, s *scratch, m Message) *RejectError {
	if len(m.Payload) > in.cfg.Limits.PayloadBytes {
		return &RejectError{Reason: ReasonTooLarge, Detail: fmt.Sprintf("the payload has %d bytes, at most %d are taken: send several messages", len(m.Payload), in.cfg.Limits.PayloadBytes)}
	}
	if reject := in.decode(s, m); reject != nil {
		return reject
	}
	if len(s.batches) == 0 {
		return &RejectError{Reason: ReasonEmpty, Detail: "the message holds no reading, event or state"}
	}
	if len(s.batches) > in.cfg.Limits.Batches {
		return &RejectError{Reason: ReasonTooManyDevices, Detail: fmt.Sprintf("the message speaks of %d devices, at most %d are taken: send several messages", len(s.batches), in.cfg.Limits.Batches)}
	}
	for i := range s.batches {
		b := &s.batches[i]
		b.Tenant, b.Arrival = m.Tenant, m.Arrival
		if b.Tenant == "" {
			b.Tenant = telemetry.DefaultTenant
		}
		if m.SpeaksFor != nil && !m.SpeaksFor(m.Topic, b.Device) {
			return foreign(m, b.Device)
		}
		if len(s.seen) > 0 {
			clear(s.seen)
		}
		if reject := in.cfg.Limits.check(b, s.seen); reject != nil {
			return reject
		}
	}
	for i := range s.batches {
		b := &s.batches[i]
		if reject := in.admit(ctx, b); reject != nil {
			return reject
		}
		taken, wait := in.vocabulary.take(b)
		if wait > 0 {
			in.tooFast(m, b.Device, wait)
		}
		if !taken {
			return &RejectError{Device: b.Device, Reason: ReasonDeviceMetrics, Detail: fmt.Sprintf("device %q would have more than %d metrics: look for numbers or times in their names, or raise limits.device_metrics", b.Device, in.cfg.Limits.DeviceMetrics)}
		}
	}
	return nil
}

// foreign says that a connection does not speak for a device. The refused message is put down to the sender,
// so that nobody fills the quarantine of another device.
func foreign(m Message, device string) *RejectError {
	return &RejectError{Device: m.Sender, Reason: ReasonForeignDevice, Detail: fmt.Sprintf(
		"the message speaks of device %q, and the credential is that of %q: name the device of the credential, or issue one for a gateway, with its devices", device, m.Sender)}
}

// decode runs the decoder. A decoder that panics on a payload has refused it.
func (in *Intake) decode(s *scratch, m Message) (reject *RejectError) {
	defer func() {
		if p := recover(); p != nil {
			if in.complaints.take(m.Arrival) {
				in.log.Error("decoder panicked", "topic", m.Topic, "err", fmt.Sprint(p))
			}
			reject = &RejectError{Reason: ReasonUndecodable, Detail: fmt.Sprintf("the decoder panicked: %v: this is a defect of Presage, please report it with the payload", p)}
		}
	}()
	var err error
	s.batches, err = in.decoder.Decode(s.batches[:0], m)
	if err == nil {
		return nil
	}
	var why *RejectError // not reject, which would be allocated for every message
	if errors.As(err, &why) {
		return why
	}
	return &RejectError{Reason: ReasonUndecodable, Detail: err.Error()}
}

// admit asks the registry and applies the policy.
func (in *Intake) admit(ctx context.Context, b *telemetry.Batch) *RejectError {
	switch in.registry.Admit(b.Tenant, b.Device) {
	case Admitted:
		return nil
	case Refused:
		return &RejectError{Device: b.Device, Reason: ReasonRefusedDevice, Detail: fmt.Sprintf("device %q is retired or blocked: take it back into service, or stop it from publishing", b.Device)}
	}
	if in.cfg.UnknownDevices == PolicyRegister {
		if !in.registrar.asking(b.Tenant, b.Device) {
			if in.registry.Count(b.Tenant)+in.registrar.waiting() >= in.cfg.Limits.TenantDevices {
				return &RejectError{Device: b.Device, Reason: ReasonTenantDevices, Detail: fmt.Sprintf("device %q is unknown, and there are %d devices, as many as register by themselves: import it, remove others, or raise limits.devices", b.Device, in.cfg.Limits.TenantDevices)}
			}
			if !in.newcomers.take(b.Arrival) {
				return &RejectError{Device: b.Device, Reason: ReasonNewDevices, Detail: fmt.Sprintf("device %q is unknown, and more than %g new devices a second have come: try it again later", b.Device, in.cfg.RegisterRate)}
			}
			in.registrar.ask(ctx, b.Tenant, b.Device)
		}
		return nil
	}
	return &RejectError{Device: b.Device, Reason: ReasonUnknownDevice, Detail: fmt.Sprintf("device %q is not registered: import it, or set unknown_devices to %q", b.Device, PolicyRegister)}
}

// tooFast has a sender slowed down, where its broker can do so, for a device that sends more messages than it may. Nothing is refused:
// it was sent, and may have been acknowledged by an external broker, which nobody can ask to wait.
func (in *Intake) tooFast(m Message, device string, wait time.Duration) {
	in.metrics.tooFast.Inc()
	if m.Slow != nil {
		m.Slow(wait)
	}
	if in.complaints.take(m.Arrival) {
		in.log.Warn("device sends more messages than limits.device_messages", "device", device, "client", m.Client, "slowed", m.Slow != nil)
	}
}

// append journals the batches of s, which are those of m, as one message.
func (in *Intake) append(ctx context.Context, s *scratch, m Message, finish func(error)) {
	if len(s.batches) > 1 {
		finish = (&join{rest: len(s.batches), finish: finish}).done
	}
	samples := 0
	for i := range s.batches {
		b := &s.batches[i]
		samples += len(b.Samples)
		s.entry = telemetry.AppendBatch(s.entry[:0], b)
		partition := telemetry.Slot(b.Tenant, b.Device) % in.journal.Partitions()
		err := in.journal.Append(ctx, partition, s.entry, finish)
		if errors.Is(err, ErrTooLarge) {
			in.refuse(ctx, s, m, &RejectError{Device: b.Device, Reason: ReasonTooLarge, Detail: fmt.Sprintf("%v: send several messages", err)}, finish)
		} else if err != nil {
			finish(err)
		}
	}
	in.metrics.samples.Add(float64(samples))
}

// refuse puts a message into the quarantine, as far as policy and rate allow.
func (in *Intake) refuse(ctx context.Context, s *scratch, m Message, why *RejectError, finish func(error)) {
	in.metrics.rejected.WithLabelValues(why.Reason).Inc()
	if m.Refused != nil {
		m.Refused(why)
	}
	forget := why.Reason == ReasonRefusedDevice ||
		why.Reason == ReasonUnknownDevice && in.cfg.UnknownDevices == PolicyReject
	if forget {
		finish(nil)
		return
	}
	if !in.quarantine.take(m.Arrival) {
		in.metrics.dropped.Inc()
		finish(nil)
		return
	}
	r := telemetry.Rejected{
		Tenant: m.Tenant, Device: why.Device, Topic: m.Topic, Arrival: m.Arrival,
		Reason: why.Reason, Detail: why.Detail, Payload: m.Payload,
	}
	if r.Tenant == "" {
		r.Tenant = telemetry.DefaultTenant
	}
	if len(r.Payload) > in.cfg.QuarantinePayload {
		r.Payload, r.Truncated = r.Payload[:in.cfg.QuarantinePayload], true
	}
	s.entry = telemetry.AppendRejected(s.entry[:0], &r)
	partition := telemetry.Slot(r.Tenant, r.Device) % in.journal.Partitions()
	if err := in.journal.Append(ctx, partition, s.entry, finish); err != nil {
		finish(err)
	}
}

// join calls finish once, when all parts of a message are done, with the first error.
type join struct {
	mu     sync.Mutex
	rest   int
	err    error
	finish func(error)
}

func (j *join) done(err error) {
	j.mu.Lock()
	j.rest--
	if j.err == nil {
		j.err = err
	}
	last, first := j.rest == 0, j.err
	j.mu.Unlock()
	if last {
		j.finish(first)
	}
}
