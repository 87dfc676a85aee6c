package detectors

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/presage-pdm/presage/detectors/stat"
)

// The checkpoint of an [Engine]: a magic word that ends with the version of the form, the ticks, then every device
// in the order of its first batch. State of detectors is opaque, with its length, and is kept only where the
// plan still has a rule of the same id, fingerprint and version. Version 4 knew nothing of cohorts, judged the novelty of every reading and had one level for all components, version 3 knew nothing of novelty and of the metrics that faults
// were found on, version 2 neither that nor the order of messages, version 1 neither that nor echoes nor what was told on backfilled
// readings only; all are still read.
const (
	checkpointMagic = "PRESAGE-DETECT-%d\n"
	checkpointForm  = 5
)

// Bounds of a checkpoint that is believed.
const (
	mostDevices = 1 << 24
	mostMetrics = 1 << 16
	mostRules   = 1 << 14
	mostFaults  = 1 << 16
	mostName    = 512
	mostState   = 1 << 26 // bytes of one detector
)

// AppendState appends the whole state in its versioned binary form. It costs about as many bytes as the engine holds.
func (e *Engine) AppendState(dst []byte) []byte {
	dst = fmt.Appendf(dst, checkpointMagic, checkpointForm)
	dst = stat.AppendUint(dst, e.ticks)
	dst = stat.AppendInt(stat.AppendInt(dst, e.arrival), e.running)
	dst = appendTail(dst, e.tail)
	dst = appendShifts(e.cohorts.append(dst), e.shifts)
	dst = stat.AppendUint(dst, uint64(len(e.devices)))
	begin := len(dst)
	for i, d := range e.devices {
		if i == sampled {
			// Devices resemble each other: room for all of them at once spares copying what is there again and again.
			each := (len(dst) - begin) / sampled
			dst = slices.Grow(dst, (len(e.devices)-sampled)*(each+each/16))
		}
		dst = d.append(dst)
	}
	return dst
}

// sampled is after how many devices the size of all of them is estimated.
const sampled = 256

// Restore replaces the state by one that AppendState wrote, under the plans the engine has now. It fails, and leaves the engine
// as it was, on anything else.
func (e *Engine) Restore(state []byte) error {
	form, body := checkpointVersion(state)
	if form == 0 {
		return fmt.Errorf("restore detectors: %w: it does not begin with %q; remove the checkpoint to start afresh from the journal", stat.ErrState, fmt.Sprintf(checkpointMagic, checkpointForm))
	}
	r := stat.NewReader(body)
	fresh := Engine{ticks: r.Uint(), index: map[deviceKey]*device{}}
	if form >= 3 {
		fresh.arrival, fresh.running = r.Int(), r.Int()
	}
	if form >= 5 {
		fresh.tail = readTail(r)
		fresh.cohorts.read(r)
		fresh.shifts = readShifts(r)
	}
	for range r.Count(mostDevices) {
		d := readDevice(r, e.plans, form)
		if r.Err() != nil {
			break
		}
		if d.join(&fresh.cohorts) != nil {
			r.Fail()
			break
		}
		key := deviceKey{d.tenant, d.id}
		if _, twice := fresh.index[key]; twice {
			r.Fail()
			break
		}
		fresh.index[key] = d
		fresh.devices = append(fresh.devices, d)
		if d.room != nil {
			fresh.held += len(d.room.held)
		}
		for _, m := range d.metrics {
			fresh.budget.enter(m)
		}
	}
	if err := r.Done(); err != nil {
		return fmt.Errorf("restore detectors: after %d devices: %w; remove the checkpoint to start afresh from the journal", len(fresh.devices), err)
	}
	e.counts.Held.Add(int64(fresh.held - e.held))
	e.ticks, e.arrival, e.running, e.held, e.tail = fresh.ticks, fresh.arrival, fresh.running, fresh.held, fresh.tail
	e.devices, e.index, e.cohorts, e.shifts = fresh.devices, fresh.index, fresh.cohorts, fresh.shifts
	fresh.budget.limit = e.budget.limit
	e.budget = fresh.budget
	return nil
}

// checkpointVersion returns the form of a checkpoint, 0 when it is none that can be read, and what follows the magic word.
func checkpointVersion(state []byte) (form int, body []byte) {
	for form := checkpointForm; form > 0; form-- {
		if body, ok := bytes.CutPrefix(state, fmt.Appendf(nil, checkpointMagic, form)); ok {
			return form, body
		}
	}
	return 0, nil
}

func (d *device) append(dst []byte) []byte {
	dst = stat.AppendString(dst, d.tenant)
	dst = stat.AppendString(dst, d.id)
	dst = stat.AppendInt(dst, d.newest)
	dst = stat.AppendBool(dst, d.tooMany)
	dst = stat.AppendBool(dst, d.stale)
	dst = stat.AppendString(dst, d.clock.reason)
	for _, v := range []int64{d.clock.onset, d.clock.age, d.clock.since, d.clock.count} {
		dst = stat.AppendInt(dst, v)
	}
	dst = stat.AppendUint(dst, uint64(len(d.seen.keys)))
	for _, k := range d.seen.keys {
		dst = stat.AppendUint(dst, k)
	}
	dst = stat.AppendUint(dst, uint64(d.seen.next))
	dst = stat.AppendUint(dst, uint64(len(d.faults)))
	for _, f := range d.faults {
		dst = stat.AppendString(dst, f.code)
		dst = stat.AppendString(dst, f.component)
		dst = stat.AppendString(dst, f.withheld)
		dst = stat.AppendBool(dst, f.shadow)
		dst = stat.AppendBool(dst, f.quiet)
		dst = stat.AppendInt(dst, f.onset)
		dst = stat.AppendInt(dst, f.from)
		dst = stat.AppendUint(dst, uint64(len(f.metrics)))
		for _, m := range f.metrics {
			dst = stat.AppendString(dst, m)
		}
	}
	dst = stat.AppendUint(dst, uint64(len(d.echoes)))
	for _, o := range d.echoes {
		dst = stat.AppendString(stat.AppendString(dst, o.code), o.metric)
		dst = stat.AppendInt(dst, o.end)
		dst = stat.AppendInt(dst, o.until)
	}
	dst = d.appendOrder(dst)
	dst = stat.AppendUint(dst, uint64(d.moments))
	dst = appendRules(dst, d.rules)
	dst = stat.AppendUint(dst, uint64(len(d.metrics)))
	for _, m := range d.metrics {
		dst = d.appendMetric(dst, m)
	}
	dst = stat.AppendUint(dst, uint64(d.jointBad))
	dst = stat.AppendUint(dst, uint64(len(d.jointHeld)))
	for _, c := range d.jointHeld {
		dst = stat.AppendString(dst, c)
	}
	dst = appendMethod(dst, methodOf(d.plan), d.joint != nil)
	if d.joint != nil {
		dst = stat.AppendBlob(dst, d.joint.AppendState)
	}
	dst = stat.AppendUint(dst, uint64(len(d.jointWaits)))
	for _, c := range d.jointWaits {
		dst = stat.AppendString(dst, c)
	}
	return d.appendParts(dst)
}

func (d *device) appendMetric(dst []byte, m *metricState) []byte {
	dst = stat.AppendString(dst, m.name)
	dst = stat.AppendInt(dst, m.last)
	dst = stat.AppendFloat(dst, m.value)
	dst = stat.AppendBool(dst, m.seen())
	dst = stat.AppendUint(dst, uint64(m.bad))
	dst = appendRules(dst, m.rules)
	dst = appendMethod(dst, seriesOf(d.plan), m.base != nil)
	if m.base != nil {
		dst = stat.AppendBlob(dst, m.base.AppendState)
	}
	return m.regular.append(d.appendNovelty(dst, &m.novel))
}

func appendRules(dst []byte, rules []*instance) []byte {
	dst = stat.AppendUint(dst, uint64(len(rules)))
	for _, i := range rules {
		dst = stat.AppendString(dst, i.rule.ID)
		dst = stat.AppendUint(dst, i.rule.Fingerprint)
		dst = stat.AppendUint(dst, uint64(i.rule.Method.Version()))
		dst = stat.AppendBool(dst, i.active)
		dst = stat.AppendBool(dst, i.off)
		dst = stat.AppendUint(dst, uint64(i.bad))
		dst = stat.AppendBlob(dst, i.det.AppendState)
	}
	return dst
}

// appendMethod says which method wrote the state that follows; there is none unless present.
func appendMethod(dst []byte, key methodKey, present bool) []byte {
	dst = stat.AppendBool(dst, present)
	dst = stat.AppendString(dst, key.name)
	return stat.AppendUint(dst, uint64(key.version))
}

// readDevice reads a device in a form.
func readDevice(r *stat.Reader, plans Plans, form int) *device {
	d := &device{tenant: r.String(mostName), id: r.String(mostName), index: map[string]*metricState{}}
	d.newest, d.tooMany, d.stale = r.Int(), r.Bool(), r.Bool()
	d.clock = clock{reason: r.String(mostName), onset: r.Int(), age: r.Int(), since: r.Int(), count: r.Int()}
	for range r.Count(eventMemory) {
		d.seen.keys = append(d.seen.keys, r.Uint())
	}
	if d.seen.next = r.Count(eventMemory - 1); d.seen.next > 0 && d.seen.next >= len(d.seen.keys) {
		r.Fail()
	}
	for range r.Count(mostFaults) {
		d.faults = append(d.faults, readFault(r, form))
		if r.Err() != nil {
			return d
		}
	}
	if form >= 2 {
		for range r.Count(mostEchoes) {
			o := echo{code: r.String(mostName)}
			if form >= 4 {
				o.metric = r.String(mostName)
			}
			o.end, o.until = r.Int(), r.Int()
			d.echoes = append(d.echoes, o)
		}
	}
	if form >= 3 {
		d.readOrder(r)
	} else {
		d.order.last, d.order.event, d.sampled = d.newest, d.newest, d.newest
	}
	if form >= 5 {
		d.moments = readUint32(r)
	}
	if r.Err() != nil {
		return d
	}
	stale := d.stale // bind says what holds for a device that is new
	d.bind(plans.Plan(d.tenant, d.id))
	lost := readRules(r, d.rules) || stale
	for range r.Count(mostMetrics) {
		lost = d.readMetric(r, form) || lost
		if r.Err() != nil {
			return d
		}
	}
	lost = d.readJoint(r, form) || lost
	d.countHolders()
	d.stale = d.stale || lost || slices.ContainsFunc(d.faults, func(f fault) bool { return f.holders == 0 })
	return d
}

func readFault(r *stat.Reader, form int) fault {
	f := fault{code: r.String(mostName), component: r.String(mostName), withheld: r.String(mostName), shadow: r.Bool()}
	if form == 1 {
		if again := r.Bool(); again { // it was inhibited and is due
			f.withheld = WithheldInhibited
		}
		f.onset = r.Int()
		return f
	}
	f.quiet, f.onset, f.from = r.Bool(), r.Int(), r.Int()
	if form >= 4 {
		for range r.Count(mostMetrics) {
			f.metrics = append(f.metrics, r.String(mostName))
			if r.Err() != nil {
				return f
			}
		}
	}
	return f
}

func readNames(r *stat.Reader) (names []string) {
	for range r.Count(mostMetrics) {
		names = append(names, r.String(mostName))
		if r.Err() != nil {
			return nil
		}
	}
	return names
}

// readJoint reads the joint judge, or skips it when the plan has another one now, which starts afresh.
func (d *device) readJoint(r *stat.Reader, form int) (lost bool) {
	bad := r.Count(mostRules)
	held := readNames(r)
	key, state, present := readMethod(r)
	var waits []string
	var parts []part
	if form >= 5 {
		waits, parts = readNames(r), readParts(r)
	}
	if r.Err() != nil || key != methodOf(d.plan) {
		return true
	}
	d.jointBad, d.jointHeld = bad, held
	if !present {
		d.joint = nil
		return false
	}
	d.joint = d.plan.joint()
	if d.joint.RestoreState(state) != nil {
		r.Fail()
		return true
	}
	d.jointWaits, d.parts = waits, parts
	d.setLevels()
	for _, m := range d.metrics {
		if m.joint >= 0 {
			m.joint = int32(d.joint.Metric(m.name, m.part))
		}
	}
	return false
}

func (d *device) readMetric(r *stat.Reader, form int) (lost bool) {
	m := &metricState{name: r.String(mostName), last: r.Int(), value: r.Float()}
	seen := r.Bool()
	m.bad = int32(r.Count(mostRules))
	if r.Err() != nil || seen != m.seen() || d.find(m.name) != nil {
		r.Fail()
		return true
	}
	d.add(m)
	d.bindMetric(m, false)
	lost = readRules(r, m.rules)
	key, state, present := readMethod(r)
	if form >= 4 {
		d.readNovelty(r, &m.novel, form)
	}
	if form >= 5 {
		m.regular = readRegular(r)
	}
	if r.Err() != nil || key != seriesOf(d.plan) || m.joint < 0 && d.plan.describe(m.name).Unwatched {
		return lost
	}
	m.base = nil
	if present {
		m.base = d.plan.Series.New()
		if m.base.RestoreState(state) != nil {
			r.Fail()
		}
	}
	return lost
}

// readRules reads states into the instances they belong to; lost tells that one that was active has no place any more.
func readRules(r *stat.Reader, rules []*instance) (lost bool) {
	for range r.Count(mostRules) {
		id, fingerprint, version := r.String(mostName), r.Uint(), r.Uint()
		active, off, bad, state := r.Bool(), r.Bool(), r.Count(mostRules), r.Blob(mostState)
		if r.Err() != nil {
			return true
		}
		at := slices.IndexFunc(rules, func(i *instance) bool {
			return i.rule.ID == id && i.rule.Fingerprint == fingerprint && uint64(i.rule.Method.Version()) == version
		})
		if at < 0 {
			lost = lost || active
			continue
		}
		i := rules[at]
		if i.det.RestoreState(state) != nil {
			r.Fail()
			return true
		}
		i.active, i.off, i.bad = active, off, int32(bad)
	}
	return lost
}

func readMethod(r *stat.Reader) (key methodKey, state []byte, present bool) {
	present = r.Bool()
	key = methodKey{name: r.String(mostName), version: r.Count(1 << 20)}
	if present {
		state = r.Blob(mostState)
	}
	return key, state, present
}
