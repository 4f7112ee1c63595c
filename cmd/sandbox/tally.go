package main

import (
	"bytes"
	"encoding/json"
	"os"
	"sync"
	"time"
)

// tally reads the worker's log as an operator would, and keeps it in a file.
type tally struct {
	file *os.File

	mu   sync.Mutex
	rest []byte // of a line
	of   map[string]*sums
}

// sums are what the log says of one connection.
type sums struct {
	acked    map[string]int // by verdict
	reasons  map[string]int // of dead letters
	finished int            // acked or set aside
	busy     int            // put off, for the product said so
	shut     time.Time      // since when the gate is shut; zero: it is open
	held     time.Duration
	shuts    map[string]int // by reason
}

func newTally(path string) (*tally, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &tally{file: file, of: map[string]*sums{}}, nil
}

// Write takes a part of the log.
func (t *tally) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rest = append(t.rest, b...)
	for {
		line, rest, ok := bytes.Cut(t.rest, []byte("\n"))
		if !ok {
			break
		}
		t.read(line)
		t.rest = rest
	}
	return t.file.Write(b)
}

// line is what is used of a line of the log.
type line struct {
	TS                                time.Time
	Msg, Verdict, Disposition, Reason string
	State, Connection                 string
}

func (t *tally) read(text []byte) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return
	}
	switch l.Msg {
	case "delivery.settled":
		t.sums(l.Connection).delivery(l)
	case "gate.changed":
		t.sums(l.Connection).gate(l)
	}
}

// sums needs the lock.
func (t *tally) sums(connection string) *sums {
	s := t.of[connection]
	if s == nil {
		s = &sums{acked: map[string]int{}, reasons: map[string]int{}, shuts: map[string]int{}}
		t.of[connection] = s
	}
	return s
}

func (s *sums) delivery(l line) {
	if l.Verdict == "busy" {
		s.busy++
	}
	switch l.Disposition {
	case "dead_letter":
		s.reasons[l.Reason]++
		s.finished++
	case "ack":
		s.acked[l.Verdict]++
		s.finished++
	}
}

func (s *sums) gate(l line) {
	switch {
	case l.State == "shut" && s.shut.IsZero():
		s.shut = l.TS
		s.shuts[l.Reason]++
	case l.State == "open" && !s.shut.IsZero():
		s.held += l.TS.Sub(s.shut)
		s.shut = time.Time{}
	}
}

// Sum adds up what the log says of a product.
func (t *tally) Sum(p *product, of func(*sums) int) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, connection := range p.connections {
		n += of(t.sums(connection))
	}
	return n
}

// Held is how long the gate of a product was shut, the longest of its connections.
func (t *tally) Held(p *product) (longest time.Duration) {
	t.Sum(p, func(s *sums) int { longest = max(longest, s.held); return 0 })
	return longest
}

// Finished is how many messages to a product were acked or set aside.
func (t *tally) Finished(p *product) int {
	return t.Sum(p, func(s *sums) int { return s.finished })
}

// IsShut tells whether a gate to the product is shut now.
func (t *tally) IsShut(p *product) bool {
	return t.Sum(p, func(s *sums) int {
		if s.shut.IsZero() {
			return 0
		}
		return 1
	}) > 0
}
