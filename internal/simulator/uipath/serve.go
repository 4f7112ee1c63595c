package uipath

import (
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/queueferry/queueferry/internal/simulator/site"
)

func (o *Orchestrator) serveAPI(w http.ResponseWriter, r *http.Request) {
	op, key := o.find(r.URL.Path)
	o.serve(w, r, op, key)
}

func (o *Orchestrator) serveIdentity(w http.ResponseWriter, r *http.Request) {
	o.serve(w, r, o.findIdentity(r.URL.Path), 0)
}

// serve is the way of one call: read it, see which faults meet it, carry it out
// and answer, as far as the faults allow.
func (o *Orchestrator) serve(w http.ResponseWriter, r *http.Request, op Operation, key int64) {
	if !o.begin() {
		panic(http.ErrAbortHandler)
	}
	defer o.under.Done()
	c := newCall(r, op, key)
	status := 0
	o.books.enter(c)
	defer func() { o.books.leave(c, status) }()

	c.receive(r, o.settings.MaxBody)
	o.inspect(c)
	c.record = o.books.open(c)
	latencies, end := o.meet(c)
	x := &exchange{o: o, w: w, r: r, c: c, status: &status}
	if end != nil {
		x.wait(latencies)
		x.fail(end)
		return
	}
	x.succeed(latencies)
}

// exchange is a call with the connection it came by.
type exchange struct {
	o      *Orchestrator
	w      http.ResponseWriter
	r      *http.Request
	c      *call
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
		x.o.wait(a.fault.Delay, a.removed)
	}
	if x.o.running.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	given := x.commit()
	x.wait(after)
	x.send(given)
}

func (x *exchange) wait(latencies []*ActiveFault) {
	for _, a := range latencies {
		x.o.wait(a.fault.Delay, a.removed)
	}
}

func (x *exchange) commit() answer {
	given := x.o.carryOut(x.c)
	x.o.books.effect(x.c)
	return given
}

// fail ends the call as a fault wants it.
func (x *exchange) fail(a *ActiveFault) {
	var given *answer
	switch a.fault.Commit {
	case CommitFirst:
		committed := x.commit()
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
	o, c := x.o, x.c
	if !o.begin() {
		return
	}
	go func() {
		defer o.under.Done()
		o.wait(delay, nil)
		if o.running.Err() != nil {
			return
		}
		o.carryOut(c)
		o.books.effect(c)
	}()
}

// silence waits until the fault is removed, the caller is gone or the server
// closes, and then ends the connection.
func (x *exchange) silence(a *ActiveFault) {
	select {
	case <-a.removed:
	case <-x.r.Context().Done():
	case <-x.o.running.Done():
	}
	panic(http.ErrAbortHandler)
}

func (x *exchange) send(a answer) {
	*x.status = a.status
	x.head(a, len(a.body))
	_, _ = x.w.Write(a.body)
}

// head writes the status and the headers; a length of -1 is not told.
func (x *exchange) head(a answer, length int) {
	h := x.w.Header()
	maps.Copy(h, a.header)
	if a.contentType != "" {
		h["Content-Type"] = []string{a.contentType}
	}
	if length >= 0 {
		h["Content-Length"] = []string{strconv.Itoa(length)}
	}
	if x.o.settings.ClockSkew != 0 {
		h["Date"] = []string{x.o.now().UTC().Format(http.TimeFormat)}
	}
	x.w.WriteHeader(a.status)
}
