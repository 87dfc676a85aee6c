// Package spelling guesses which known name somebody meant by an unknown one.
package spelling

import "strings"

// Nearest returns the known name with the fewest single-byte insertions,
// deletions and substitutions from name (Levenshtein 1966), in whatever case.
// ok is false when none is near: the distance is then more than a third of the
// name's length, and more than two.
func Nearest(name string, known []string) (nearest string, ok bool) {
	limit := 1 + max(2, len(name)/3)
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k), limit); d < limit {
			nearest, limit, ok = k, d, true
		}
	}
	return nearest, ok
}

// distance is the Levenshtein distance of a and b, or at least limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
