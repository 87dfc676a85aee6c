package replay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Run publishes files, one after the other, and returns when everything is acknowledged. When ctx
// ends, or at the first mistake in a file, it returns what was done until then, and the error, which names
// file and line.
func Run(ctx context.Context, config Config, files []string) (Result, error) {
	if err := config.check(); err != nil {
		return Result{}, err
	}
	if u, err := url.Parse(config.Broker); err != nil || u.Host == "" {
		return Result{}, errors.New("replay: the broker is no URL: give one such as mqtt://127.0.0.1:1883")
	}
	if len(files) == 0 {
		return Result{}, errors.New("replay: no file is given")
	}
	p := &player{config: &config, clock: newClock(&config), pace: pace{speed: config.Speed}}
	p.publisher = publisher{config: &config, result: &p.result, id: "presage-replay-" + strconv.FormatUint(rand.Uint64(), 36)}
	defer p.publisher.close()
	if err := p.measure(files); err != nil {
		return p.result, err
	}
	err := p.publisher.connect(ctx)
	for _, name := range files {
		if err != nil {
			break
		}
		if err = p.play(ctx, name); err == nil {
			err = p.flush(ctx)
		}
		p.clock.next()
	}
	if ctx.Err() == nil {
		// Also after a mistake in a file: what was sent is counted truly.
		err = errors.Join(err, p.publisher.drain(ctx))
	}
	if p.bar != nil {
		p.bar.Exit()
		fmt.Fprintln(config.Progress)
	}
	return p.result, err
}

// player is one replay.
type player struct {
	config    *Config
	clock     *clock
	pace      pace
	publisher publisher
	result    Result
	bar       *progressbar.ProgressBar // nil for none

	batch []byte // JSON of rows that wait to be sent together
	rows  int    // in batch
}

// measure finds every file, and how much there is to do.
func (p *player) measure(files []string) error {
	var total int64
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		if info.IsDir() {
			return fmt.Errorf("replay: %s is a folder: name its files", name)
		}
		total += info.Size()
	}
	if p.config.Progress != nil {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(p.config.Progress),
			progressbar.OptionSetDescription("replay"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetWidth(30))
	}
	return nil
}

// play publishes one file.
func (p *player) play(ctx context.Context, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	defer file.Close()
	var source io.Reader = file
	if p.bar != nil {
		source = io.TeeReader(file, p.bar)
	}
	rows, err := p.open(name, newReader(source))
	if err != nil {
		return err
	}
	for r, err := range rows {
		if err != nil {
			return err
		}
		if err := p.emit(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, 64<<10) }

// open returns the rows of a file in its format.
func (p *player) open(name string, r *bufio.Reader) (iter.Seq2[record, error], error) {
	if p.config.Format == FormatPresage {
		if first, _ := r.Peek(1); len(first) == 1 && first[0] == '{' {
			return p.lines(name, r), nil
		}
	}
	t, err := openTable(name, r)
	if err != nil {
		return nil, err
	}
	if p.config.Format == FormatPresage {
		return p.long(t), nil // its rows of one time are different metrics, or different values on purpose
	}
	return spread(p.wide(t)), nil
}

// batchBytes bounds a message of several rows.
const batchBytes = 256 << 10

// emit sends a row, or keeps it to be sent with others.
func (p *player) emit(ctx context.Context, r record) error {
	if err := p.pace.wait(ctx, r.at); err != nil {
		return err
	}
	if r.event {
		if err := p.flush(ctx); err != nil { // in order
			return err
		}
		return p.publisher.send(ctx, p.topic("event"), appendRecord(nil, r))
	}
	if p.rows > 0 {
		p.batch = append(p.batch, ',')
	}
	p.batch = appendRecord(p.batch, r)
	p.rows++
	if p.config.Speed > 0 || p.rows >= p.config.Batch || len(p.batch) >= batchBytes {
		return p.flush(ctx)
	}
	return nil
}

// flush sends the rows that were kept.
func (p *player) flush(ctx context.Context) error {
	if p.rows == 0 {
		return nil
	}
	payload := p.batch
	if p.rows > 1 {
		payload = append(append([]byte{'['}, payload...), ']')
	}
	p.batch, p.rows = nil, 0
	return p.publisher.send(ctx, p.topic("telemetry"), payload)
}

func (p *player) topic(kind string) string {
	return "presage/v1/" + p.config.Device + "/" + kind
}

// appendRecord appends the JSON of a row.
func appendRecord(dst []byte, r record) []byte {
	dst = append(dst, `{"ts":`...)
	dst = strconv.AppendInt(dst, int64(r.at), 10)
	dst = append(dst, ',')
	return append(dst, r.body...)
}
