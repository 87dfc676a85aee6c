package shift

// Side implements [detectors.Sided].
func (j *judge) Side(index int) int {
	m := j.metrics[index]
	switch {
	case !j.Suspect(index):
		return 0
	case m.past.side > 0:
		return 1
	}
	return -1
}
