package finding

import (
	"fmt"
	"strings"
)

// most is how many subjects of one cause are named.
const most = 5

// Merged tells each cause once: what is said of several subjects in the same
// words, and is not as it should be, is told of the first, with the others' names.
func Merged(all []Finding) []Finding {
	var kept []Finding
	also := map[Finding][]string{} // by a finding without its subject
	for _, f := range all {
		cause := f
		cause.Subject = ""
		others, told := also[cause]
		if told && f.Status != OK {
			also[cause] = append(others, f.Subject)
			continue
		}
		also[cause] = others
		kept = append(kept, f)
	}
	for n, f := range kept {
		f.Subject = ""
		others := also[f]
		if len(others) > most {
			others = append(others[:most-1:most-1], fmt.Sprintf("and %d more", len(others)-most+1))
		}
		if len(others) > 0 && f.Status != OK {
			kept[n].Detail += " (also " + strings.Join(others, ", ") + ")"
		}
	}
	return kept
}
