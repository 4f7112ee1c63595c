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

	mu       sync.Mutex
	rest     []byte // of a line
	settled  map[string]int
	reasons  map[string]int // of dead letters
	finished int            // acked or set aside
	logIns   int
	shut     time.Time // since when the gate is shut; zero: it is open
	held     time.Duration
	shuts    map[string]int // by reason
}

func newTally(path string) (*tally, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &tally{file: file, settled: map[string]int{}, reasons: map[string]int{}, shuts: map[string]int{}}, nil
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
	State, Route                      string
}

func (t *tally) read(text []byte) {
	var l line
	if json.Unmarshal(text, &l) != nil {
		return
	}
	switch l.Msg {
	case "delivery.settled":
		t.delivery(l)
	case "token.renewed":
		t.logIns++
	case "gate.changed":
		t.gate(l)
	}
}

func (t *tally) delivery(l line) {
	t.settled[l.Disposition+" "+l.Verdict]++
	switch l.Disposition {
	case "dead_letter":
		t.reasons[l.Reason]++
		t.finished++
	case "ack":
		t.finished++
	}
}

func (t *tally) gate(l line) {
	switch {
	case l.State == "shut" && t.shut.IsZero():
		t.shut = l.TS
		t.shuts[l.Reason]++
	case l.State == "open" && !t.shut.IsZero():
		t.held += l.TS.Sub(t.shut)
		t.shut = time.Time{}
	}
}

// Finished is how many messages were acked or set aside.
func (t *tally) Finished() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.finished
}

// Acked is how many messages were acked with a verdict.
func (t *tally) Acked(verdict string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settled["ack "+verdict]
}

// IsShut tells whether the gate is shut now.
func (t *tally) IsShut() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.shut.IsZero()
}
