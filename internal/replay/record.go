package replay

import (
	"iter"
	"math"
)

// record is one row of a recording, ready to be published.
type record struct {
	at    float64 // Unix milliseconds
	event bool    // an event, else readings
	// body is the JSON object without its first brace and its time: `"values":{...}}`.
	body []byte
}

// spreadOver is the longest time over which rows of one time stamp are spread, in milliseconds.
const spreadOver = 1000

// spread gives rows that follow each other with the same time their own, see the package's comment. Events keep their time.
func spread(rows iter.Seq2[record, error]) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		var run []record // of one time
		flush := func(next float64) bool {
			if len(run) == 0 {
				return true
			}
			step := math.Min(spreadOver, next-run[0].at) / float64(len(run))
			if next <= run[0].at { // out of order
				step = 0
			}
			for i := range run {
				if !run[i].event {
					run[i].at += math.Floor(step * float64(i))
				}
				if !yield(run[i], nil) {
					return false
				}
			}
			run = run[:0]
			return true
		}
		for r, err := range rows {
			if err != nil {
				if flush(math.Inf(1)) {
					yield(record{}, err)
				}
				return
			}
			if len(run) > 0 && (r.at != run[0].at || len(run) >= spreadOver) {
				if !flush(r.at) {
					return
				}
			}
			run = append(run, r)
		}
		flush(math.Inf(1))
	}
}
