// Package finding is what an inspection found: one thing that was looked at, how
// it is, and what to do about it.
package finding

// Status is how a thing is. The zero value says that nobody could tell.
type Status int

// The statuses, each worse than the one before, but for Unknown.
const (
	// Unknown: it was looked for and could not be told, be it for want of a
	// permission or because something else failed before it.
	Unknown Status = iota
	// OK: it is as it should be.
	OK
	// Warning: it works, but something is lost, or will be, that need not be.
	Warning
	// Error: with it like this, requests are not delivered, or are lost.
	Error
)

var statusNames = [...]string{"unknown", "ok", "warning", "error"}

// String is the name used in a report.
func (s Status) String() string {
	if s < 0 || int(s) >= len(statusNames) {
		return "invalid"
	}
	return statusNames[s]
}

// MarshalText is the name used in a report.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that was looked at. It holds no secret.
type Finding struct {
	// Subject is what it is about, as in "stream JOBS", "connection acme" or
	// "route invoices".
	Subject string `json:"subject"`
	// Check is one or two words for what was looked at, such as "retention",
	// "token" or "queue". Several findings may share it and Subject, as those of
	// several queues do.
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found: a sentence for a person, without a full stop.
	Detail string `json:"detail"`
	// Remedy is what to do. Empty for OK, and never otherwise.
	Remedy string `json:"remedy,omitempty"`
}

// Good is a thing that is as it should be.
func Good(subject, check, detail string) Finding {
	return Finding{Subject: subject, Check: check, Status: OK, Detail: detail}
}

// Bad is a thing that is not as it should be, or that nobody could tell.
func Bad(status Status, subject, check, detail, remedy string) Finding {
	return Finding{Subject: subject, Check: check, Status: status, Detail: detail, Remedy: remedy}
}
