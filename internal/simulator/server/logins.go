package server

import "sync"

// LogIns is the sum of what became of log-ins and of the tokens they gave. What a
// fault did to a log-in is in Counts.Calls.
type LogIns struct {
	// LogIns by credentials that were answered with a token; Refused were judged
	// and refused.
	LogIns, Refused int
	// Renewals of a token by the token itself, or by its refresh token.
	Renewals, RefusedRenewals int
	// LogOuts that ended a token.
	LogOuts int
	// Voided are the sessions that were ended by another log-in of the account.
	Voided int
	// Live are the tokens that work now, PeakLive the most at once.
	Live, PeakLive int
}

// Ledger keeps LogIns.
type Ledger struct {
	mu   sync.Mutex
	sums LogIns
}

// Note changes the sums.
func (l *Ledger) Note(change func(*LogIns)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.sums)
}

// Sums gives a copy, with the tokens that are live.
func (l *Ledger) Sums(live int) LogIns {
	l.mu.Lock()
	defer l.mu.Unlock()
	sums := l.sums
	sums.Live = live
	return sums
}
