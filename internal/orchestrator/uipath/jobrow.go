package uipath

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/orchestrator/values"
)

// jobRow is what is used of JobDto.
type jobRow struct {
	ID             code `json:"Id"`
	Key            string
	Reference      string
	ReleaseName    string
	CreationTime   string
	InputArguments string
}

// receipt is empty if the row names no job: whatever is neither an id nor a key
// is not kept.
func (j jobRow) receipt() (r job.Receipt) {
	if id, err := strconv.ParseInt(string(j.ID), 10, 64); err == nil && id > 0 {
		r.ID = strconv.FormatInt(id, 10)
	}
	if values.IsGUID(j.Key) {
		r.Key = j.Key
	}
	return r
}

func (j jobRow) Names() []string { return lookup.NamesOf(j.receipt()) }

// is reports whether the row is the job of the receipt.
func (j jobRow) is(r job.Receipt) bool {
	mine := j.receipt()
	return r.ID != "" && r.ID == mine.ID || r.Key != "" && strings.EqualFold(r.Key, mine.Key)
}

// receipts reports whether every row names a job, and there is one.
func receipts(rows []jobRow) bool {
	for _, row := range rows {
		if (row.receipt() == job.Receipt{}) {
			return false
		}
	}
	return len(rows) > 0
}

// fit says how a job of the same reference, but for case, stands to what is looked
// for.
type fit int

const (
	another fit = iota // it can be told from what is looked for
	doubtful
	candidate
)

// jobSought is what a look-up looks for.
type jobSought struct {
	*job.Request
	// notBefore is when a job of ours was created at the earliest, on the
	// server's clock; skew is by how much that may be off.
	notBefore time.Time
	skew      time.Duration
	anyTime   bool // it does not matter when
}

func (s jobSighting) sought(t orchestrator.Try) jobSought {
	return jobSought{
		Request: t.Request, anyTime: t.FirstTry.IsZero(),
		notBefore: t.FirstTry.Add(s.ahead - lookup.Slack), skew: t.Skew,
	}
}

func (s jobSought) fits(row jobRow) fit {
	created, known := values.Instant(row.CreationTime)
	same := s.ofProcess(row) && s.hasInput(row)
	exact := row.Reference == s.Reference
	switch {
	case !same && !exact:
		return another
	case s.anyTime:
	case !known:
		return doubtful
	case created.Before(s.notBefore.Add(-s.skew)):
		return another
	case created.Before(s.notBefore) && same:
		return doubtful
	case created.Before(s.notBefore):
		return another
	}
	if !same || !exact { // the server may have changed the reference's case
		return doubtful
	}
	return candidate
}

// ofProcess believes a row that does not tell, and a request that names the
// process by its key.
func (s jobSought) ofProcess(row jobRow) bool {
	name := strings.TrimSpace(s.Process)
	return row.ReleaseName == "" || values.IsGUID(name) || strings.EqualFold(strings.TrimSpace(row.ReleaseName), name)
}

// hasInput reports whether a row has every argument of the request. It may have
// more, for a process has values of its own; and it may not tell.
func (s jobSought) hasInput(row jobRow) bool {
	var theirs map[string]any
	if row.InputArguments == "" || json.Unmarshal([]byte(row.InputArguments), &theirs) != nil {
		return true
	}
	var ours map[string]any
	_ = json.Unmarshal([]byte(inputOf(s.Arguments)), &ours) // none where there is no input
	for name, value := range ours {
		if !reflect.DeepEqual(theirs[name], value) {
			return false
		}
	}
	return true
}
