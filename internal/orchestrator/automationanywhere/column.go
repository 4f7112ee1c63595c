package automationanywhere

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// column is the display column in which references stand, and an item that shows
// it: a look-up that works finds that.
type column struct {
	name  string // col1, col2 …; several with blanks between them: it is one of these
	proof string // the item's reference
	id    string
}

func (c column) names() []string { return strings.Fields(c.name) }

// learn finds the display column that holds what items have under a name of the
// model. The number of a display column is nowhere told, so it is learnt from rows:
// where as many columns as names have the value, each name has one of them.
func learn(rows []itemRow, name string) (known column, ok bool) {
	for _, row := range rows {
		shown, found := row.showsIn(name)
		switch {
		case !found:
			continue
		case !ok:
			known, ok = shown, true
			continue
		}
		common := slices.DeleteFunc(known.names(), func(c string) bool { return !slices.Contains(shown.names(), c) })
		if len(common) == 0 {
			return column{}, false // the model was changed, or they are not what they seem
		}
		if len(shown.proof) > len(known.proof) {
			known = shown // the longest is the part of the fewest others
		}
		known.name = strings.Join(common, " ")
	}
	return known, ok
}

// showsIn finds it in one row.
func (r itemRow) showsIn(name string) (shown column, ok bool) {
	reference, there := text(r.content[name])
	if !there || longestPart(reference, wild) == "" || r.receipt().ID == "" {
		return column{}, false
	}
	var columns []string
	for column, value := range r.columns {
		if value == reference {
			columns = append(columns, column)
		}
	}
	slices.Sort(columns)
	shown = column{name: strings.Join(columns, " "), proof: reference, id: r.receipt().ID}
	return shown, len(columns) == r.namesOf(r.content[name])
}

// namesOf counts the names that have a value, however it is written.
func (r itemRow) namesOf(value json.RawMessage) (n int) {
	same := loose(job.Fields{"": value})
	for _, other := range r.content {
		if values.SameContent(same, loose(job.Fields{"": other})) {
			n++
		}
	}
	return n
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
