package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line of JSON, in bytes.
const maxLine = 4 << 20

// lines reads a file of JSON payloads, one in a line.
func (p *player) lines(name string, r *bufio.Reader) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		scanner := bufio.NewScanner(r)
		scanner.Buffer(nil, maxLine)
		n := 0
		for scanner.Scan() {
			n++
			line := bytes.TrimSpace(scanner.Bytes())
			if len(line) == 0 {
				continue
			}
			p.result.Rows++
			rec, err := p.line(line)
			if err != nil {
				yield(record{}, fmt.Errorf("%s:%d: %w", name, n, err))
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("the line is longer than %d bytes", maxLine)
			}
			yield(record{}, fmt.Errorf("%s:%d: %w", name, n+1, err))
		}
	}
}

// line checks a payload and takes its time out, which is set again when it is sent.
func (p *player) line(line []byte) (record, error) {
	var members map[string]json.RawMessage
	decoder := json.NewDecoder(bytes.NewReader(line))
	if err := decoder.Decode(&members); err != nil {
		return record{}, fmt.Errorf("no JSON object: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return record{}, errors.New("something follows the JSON object")
	}
	ts, ok := members["ts"]
	if !ok {
		return record{}, errors.New(`"ts" is missing: a recording needs times, in Unix milliseconds`)
	}
	var at float64
	if err := json.Unmarshal(ts, &at); err != nil || at < 0 || at > latest {
		return record{}, fmt.Errorf(`"ts" is %.40s: Unix milliseconds are wanted`, ts)
	}
	_, values := members["values"]
	_, event := members["code"]
	if values == event {
		return record{}, errors.New(`give either "values" or "code"`)
	}
	delete(members, "ts")
	body, err := json.Marshal(members)
	if err != nil {
		return record{}, err
	}
	return record{at: at, event: event, body: body[1:]}, nil
}
