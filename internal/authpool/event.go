package authpool

import (
	"time"

	"github.com/queueferry/queueferry/internal/job"
)

// The names of the events that are worth a line in the log.
const (
	Renewed = "token.renewed" // a log-in worked, or the API takes tokens again
	Refused = "token.refused" // there will be no new token for now: once per change, not per try
)

// Result is how a log-in ended: the label of token_logins_total. A renewal is one
// too; with the log-in that follows a refused one it counts once.
type Result string

// The results of a log-in. The zero value means that none was made.
const (
	LoggedIn         Result = "ok"
	LoginRefused     Result = "refused"
	LoginUnavailable Result = "unavailable"
)

// Results lists every result, for metrics.
var Results = []Result{LoggedIn, LoginRefused, LoginUnavailable}

// Event tells of a log-in that ended or of a change of state. It never holds a
// token or a secret.
type Event struct {
	Connection, Credential string
	// Name is Renewed or Refused; empty: nothing to log, only to count.
	Name string
	// Result is set if a log-in ended: count it. A secret that is missing is no
	// log-in, because nobody was asked.
	Result Result
	// Generation and Expiry are those of the new token. Zero if there is none.
	Generation uint64
	Expiry     time.Time
	// Reason, Status, Code, Detail and RetryAt are those of [Error]. Empty if
	// there is a new token.
	Reason  job.Reason
	Status  int
	Code    string
	Detail  string
	RetryAt time.Time
}
