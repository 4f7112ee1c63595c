package lookup

import (
	"fmt"
	"net/http"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/orchestrator"
)

// Slack is how much earlier than our first try what is ours may seem to have been
// made: clocks are compared by a header that counts in seconds.
const Slack = 2 * time.Second

// Ahead is by how much the server's clock is surely ahead of ours, as its
// answer to a call tells; negative: behind.
func Ahead(a orchestrator.Answer, began, ended time.Time) time.Duration {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return 0
	}
	if early := date.Sub(ended); early > 0 {
		return early
	}
	if late := began.Sub(date.Add(time.Second)); late > 0 {
		return -late
	}
	return 0
}

// The differences of clocks that matter: proofs of what was sent allow for a
// minute.
const (
	clockSlack = 10 * time.Second
	clockLimit = time.Minute
)

// InspectClock says whether the server's clock, as its answer tells it, is near
// enough to ours.
func InspectClock(a orchestrator.Answer, began, ended time.Time) finding.Finding {
	const check = "clock"
	if a.Header.Get("Date") == "" {
		return finding.Bad(finding.Unknown, "", check, "the server does not tell its time",
			"See that the clock of this machine is set by NTP.")
	}
	ahead := Ahead(a, began, ended)
	off := ahead.Abs().Round(time.Second)
	where := "behind"
	if ahead > 0 {
		where = "ahead of"
	}
	text := fmt.Sprintf("the server's clock is %v %s this machine's", off, where)
	switch {
	case off > clockLimit:
		return finding.Bad(finding.Warning, "", check, text+": what is in doubt after a lost answer may be judged wrongly",
			"Set the clock of this machine by NTP, now; if it is right, tell whoever runs the orchestrator.")
	case off > clockSlack:
		return finding.Bad(finding.Warning, "", check, text, "Set the clock of this machine by NTP; if it is right, see to the server's.")
	}
	return finding.Good("", check, "as this machine's")
}
