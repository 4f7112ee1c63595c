package server

import (
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/site"
)

// serve is the way of one call: read it, see which faults meet it, carry it out
// and answer, as far as the faults allow.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.begin() {
		panic(http.ErrAbortHandler)
	}
	defer s.under.Done()
	s.books.enter()
	status := 0
	c := newCall(r, s.settings.MaxBody)
	c.Operation = s.product.Operation(c)
	defer func() { s.books.leave(c, status) }()
	s.books.open(c)
	s.inspect(c)

	latencies, end := s.faults.meet(c)
	x := &exchange{s: s, w: w, r: r, c: c, status: &status}
	if end != nil {
		x.wait(latencies)
		x.fail(end)
		return
	}
	x.succeed(latencies)
}

// exchange is a call with the connection it came by.
type exchange struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	c      *Call
	status *int // for the books; 0 until an answer is given
}

// succeed carries the call out and answers truly, late where it has to be.
func (x *exchange) succeed(latencies []*ActiveFault) {
	var after []*ActiveFault
	for _, a := range latencies {
		if a.fault.Commit == CommitFirst {
			after = append(after, a)
			continue
		}
		x.s.wait(a.fault.Delay, a.removed)
	}
	if x.s.running.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	given := x.s.carryOut(x.c)
	x.wait(after)
	x.send(given)
}

func (s *Server) carryOut(c *Call) Answer {
	if c.TooLarge {
		return Page(http.StatusRequestEntityTooLarge)
	}
	return s.product.Serve(c)
}

func (x *exchange) wait(latencies []*ActiveFault) {
	for _, a := range latencies {
		x.s.wait(a.fault.Delay, a.removed)
	}
}

// fail ends the call as a fault wants it.
func (x *exchange) fail(a *ActiveFault) {
	var given *Answer
	switch a.fault.Commit {
	case CommitFirst:
		committed := x.s.carryOut(x.c)
		given = &committed
	case CommitLate:
		x.commitLater(a.fault.CommitDelay)
	}
	switch a.fault.Kind {
	case Reset:
		site.Reset(x.r)
	case Drop:
		panic(http.ErrAbortHandler)
	case BlackHole:
		x.silence(a)
	default:
		x.sendFaulty(a, given)
	}
}

// commitLater lets the effect of the call appear after a delay, unless the
// server closes before that.
func (x *exchange) commitLater(delay time.Duration) {
	s, c := x.s, x.c
	if !s.begin() {
		return
	}
	go func() {
		defer s.under.Done()
		s.wait(delay, nil)
		if s.running.Err() == nil {
			s.carryOut(c)
		}
	}()
}

// silence waits until the fault is removed, the caller is gone or the server
// closes, and then ends the connection.
func (x *exchange) silence(a *ActiveFault) {
	select {
	case <-a.removed:
	case <-x.r.Context().Done():
	case <-x.s.running.Done():
	}
	panic(http.ErrAbortHandler)
}

func (x *exchange) send(a Answer) {
	*x.status = a.Status
	x.head(a, len(a.Body))
	_, _ = x.w.Write(a.Body)
}

// head writes the status and the headers; a length of -1 is not told.
func (x *exchange) head(a Answer, length int) {
	h := x.w.Header()
	maps.Copy(h, a.Header)
	if a.ContentType != "" {
		h.Set("Content-Type", a.ContentType)
	}
	if length >= 0 && a.Status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(length))
	}
	h.Set("Date", x.s.Now().UTC().Format(http.TimeFormat))
	x.w.WriteHeader(a.Status)
}
