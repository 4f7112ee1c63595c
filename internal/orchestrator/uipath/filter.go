package uipath

import (
	"bytes"
	"strings"

	"github.com/queueferry/queueferry/internal/orchestrator"
)

// The limits of what is looked up with one request.
const (
	// mostRows is how many rows a request asks for: the largest $top of a list of
	// queue items (UiPath Orchestrator API guide, Queue items requests).
	mostRows = 100
	// mostReferences is what a $filter of 100 nodes has room for: the API counts
	// four for a comparison and one for each and, or.
	mostReferences = 19
	// longestFilter is in bytes, escaped: with the rest of it the URL stays well
	// under 2,000. The longest reference alone fits.
	longestFilter = 1400
)

// group is what look-ups must have in common to be made together: items are of
// one queue, jobs of none.
type group struct {
	folder string
	queue  code
}

// filterLength is what a reference adds to the escaped filter.
func filterLength(reference string) int {
	return len("%20or%20Reference%20eq%20") + len(escape(quote(reference)))
}

// anyReference selects rows by their references.
func anyReference(references []string) string {
	wanted := make([]string, len(references))
	for i, reference := range references {
		wanted[i] = "Reference eq " + quote(reference)
	}
	return strings.Join(wanted, " or ")
}

// whole reports whether a list of so many rows has all that there are. A server
// may end its pages where it likes: then it links to the next.
func whole(a orchestrator.Answer, rows int) bool {
	return rows < mostRows && !bytes.Contains(a.Body, []byte("@odata.nextLink"))
}

func (c *Connector) tell(what orchestrator.LookUp) {
	if c.LookedUp != nil {
		c.LookedUp(what)
	}
}
