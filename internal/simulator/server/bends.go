package server

import (
	"bytes"
	"strconv"
	"time"
)

// bends are what faults do to a call that is answered truly all the same. They
// lie apart from the call: the books show copies of it at any time.
type bends struct {
	lag          time.Duration
	filterUnread bool
}

// bend adds a fault to what bends the call.
func (c *Call) bend(f *Fault) {
	switch f.Kind {
	case LagLookUps:
		c.bends.lag = max(c.bends.lag, f.Delay)
	case IgnoreFilter:
		c.bends.filterUnread = true
	}
}

// Sees reports whether a list shows what has been there since appeared: not if a
// LagLookUps makes it blind to that.
func (c *Call) Sees(appeared time.Time) bool {
	return c.bends.lag <= 0 || time.Since(appeared) >= c.bends.lag
}

// FilterIgnored reports whether a list has to ignore its filter.
func (c *Call) FilterIgnored() bool { return c.bends.filterUnread }

// Lagging makes lists blind to what is younger than d.
func Lagging(d time.Duration, operations ...Operation) Fault {
	return Fault{Kind: LagLookUps, Delay: d, Operations: operations}
}

// Unfiltered makes lists ignore their filter.
func Unfiltered(operations ...Operation) Fault {
	return Fault{Kind: IgnoreFilter, Operations: operations}
}

// CommitThenStatus carries a call out and answers with a gateway's page.
func CommitThenStatus(status int, operations ...Operation) Fault {
	return Fault{Status: status, Body: BodyHTML, Commit: CommitFirst, Operations: operations}
}

// CommitLater resets the connection at once; the effect appears after the delay.
func CommitLater(delay time.Duration, operations ...Operation) Fault {
	return Fault{Kind: Reset, Commit: CommitLate, CommitDelay: delay, Operations: operations}
}

// Bearing is a Fault.Match: it says yes to calls with a text among the values of
// their JSON body, as it stands in quotes.
func Bearing(text string) func(*Call) bool {
	quoted := []byte(strconv.Quote(text))
	return func(c *Call) bool { return bytes.Contains(c.Body, quoted) }
}
