package config

import "strings"

// closest is the candidate that key was probably meant to be, or empty.
func closest(key string, candidates []string) string {
	key = bare(key)
	best, found := len(key)/3+1, ""
	for _, c := range candidates {
		if d := distance(key, bare(c)); d < best {
			best, found = d, c
		}
	}
	return found
}

// bare is key without what people write in different ways.
func bare(key string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(shorten(key)))
}

// distance is the number of letters to change, add or remove to get from a to b; two
// neighbours that are swapped count as one.
func distance(a, b string) int {
	if swapped(a, b) {
		return 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// swapped reports whether a is b with two neighbours exchanged.
func swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) - 1 {
		if a[i] != b[i] {
			return a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
		}
	}
	return false
}
