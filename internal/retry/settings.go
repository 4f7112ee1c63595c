package retry

import "time"

// Settings are a route's retry settings.
type Settings struct {
	Attempts int           // tries that count, at least 1; default 8
	First    time.Duration // delay after the first; default 1 s
	Max      time.Duration // longest delay; default 5 m
	BusyFor  time.Duration // how long the product may say "not now"; default 24 h
}

// Breaker are a connection's circuit breaker settings.
type Breaker struct {
	Failures int           // consecutive failures that open it, at least 1; default 5
	Open     time.Duration // how long it stays open, give or take a fifth; default 30 s
}
