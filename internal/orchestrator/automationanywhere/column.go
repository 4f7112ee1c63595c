package automationanywhere

import (
	"encoding/json"
	"strings"

	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// column is the display column in which references stand, and an item that shows
// it: a look-up that works finds that.
type column struct {
	name  string // col1, col2 …
	proof string // the item's reference
	id    string
}

// learn finds the display column that holds what items have under a name of the
// model. The number of a display column is nowhere told, so it is learnt from rows
// where one column alone has the value, and one name alone.
func learn(rows []itemRow, name string) (known column, ok bool) {
	for _, row := range rows {
		shown, found := row.showsIn(name)
		switch {
		case !found:
			continue
		case ok && shown.name != known.name:
			return column{}, false // the model was changed, or they are not what they seem
		case !ok || len(shown.proof) > len(known.proof):
			known, ok = shown, true // the longest is the part of the fewest others
		}
	}
	return known, ok
}

// showsIn finds it in one row.
func (r itemRow) showsIn(name string) (shown column, ok bool) {
	reference, there := text(r.content[name])
	if !there || longestPart(reference, wild) == "" || r.receipt().ID == "" || r.hasElsewhere(name) {
		return column{}, false
	}
	for column, value := range r.columns {
		if value != reference {
			continue
		}
		if ok {
			return shown, false
		}
		shown.name, ok = column, true
	}
	shown.proof, shown.id = reference, r.receipt().ID
	return shown, ok
}

// hasElsewhere reports whether another name has the same value, however it is
// written.
func (r itemRow) hasElsewhere(name string) bool {
	same := map[string]json.RawMessage{"": r.content[name]}
	for other, value := range r.content {
		if other != name && values.SameContent(loose(same), loose(map[string]json.RawMessage{"": value})) {
			return true
		}
	}
	return false
}

// Characters that a server may take for patterns, of which some match themselves.
const (
	wild   = `\[]`
	wilder = wild + `%_*?`
)

// longestPart is the longest part of a text without certain characters.
func longestPart(s, without string) (longest string) {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(without, r) }) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}
