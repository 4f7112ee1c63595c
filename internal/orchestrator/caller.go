package orchestrator

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// caller asks for one turn of the gate, and makes one call for those who wait
// when it comes.
type caller struct {
	former *former
	crowd  *crowd
	ctx    context.Context
	cancel context.CancelFunc
	since  time.Time     // when the first of those who wait came
	full   chan struct{} // closed when there is nothing to linger for
	done   chan struct{} // closed when it is at its end

	hurried bool // full is closed; the former's lock guards it
}

// hurry needs the former's lock.
func (a *caller) hurry() {
	if !a.hurried {
		a.hurried = true
		close(a.full)
	}
}

// run ends soon after the call, or when the caller is called off. Whoever waits
// for the call, or has called it off, waits for that.
func (a *caller) run() {
	defer close(a.done)
	defer a.cancel()
	a.linger()
	p, err := a.former.connection.gate.queue(a.ctx, &waiter{shut: func() { a.former.excuseAll(a.crowd) }})
	if err != nil {
		return
	}
	k, idle := a.former.take(a)
	if k == nil {
		p.cancel()
		return
	}
	k.make(a.former.connection, p)
	a.former.returned(a.crowd)
	waitFor(idle)
	close(k.done)
	k.tell()
}

// linger waits for others as long as the route wants it, or else while they are
// about to come, a moment at the longest.
func (a *caller) linger() {
	b := &a.crowd.batch
	here := a.pause(b.Linger - time.Since(a.since))
	for here && b.More != nil && time.Since(a.since) < moment && b.More() {
		here = a.pause(min(glance, moment-time.Since(a.since)))
	}
}

// pause reports false if there is nothing to linger for any more.
func (a *caller) pause(wait time.Duration) bool {
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-a.full:
	case <-a.ctx.Done():
	}
	return false
}

// waitFor waits for the end of callers that were called off.
func waitFor(idle []*caller) {
	for _, a := range idle {
		<-a.done
	}
}

// call is one call for the tries that were taken into it.
type call struct {
	batch   Batch
	members []*member
	answers sync.WaitGroup // until each member has begun, or left
	left    atomic.Int64   // members that did not begin
	done    chan struct{}  // closed when the members' results are final
}

// take needs the former's lock.
func (k *call) take() {
	k.answers.Add(len(k.members))
	for _, m := range k.members {
		m.call = k
		if m.done == nil {
			close(m.taken)
		}
	}
}

// leave leaves the call to the others. The last of all that leave waits for its end.
func (k *call) leave() {
	last := int(k.left.Add(1)) == len(k.members)
	k.answers.Done()
	if last {
		<-k.done
	}
}

// make makes the call, if anybody is left for it, and gives the pass back.
func (k *call) make(c *Connection, p *pass) {
	for _, m := range k.members {
		if m.done != nil {
			m.begin()
		}
	}
	k.answers.Wait()
	together := k.begun()
	if len(together) == 0 {
		p.cancel()
		return
	}
	began := time.Now()
	var results []Result
	defer func() {
		panicked := caught(recover()) // of the connector: nobody knows whose fault it is
		took, closed := time.Since(began), p.giveBack(worst(results))
		for i, m := range together {
			if i < len(results) {
				m.result = &results[i]
				ofFolder(m.result, m.try)
			} else {
				m.result = new(Result)
			}
			m.result.Began, m.result.Took, m.result.BreakerClosed = began, took, closed
			if len(together) > 1 {
				m.result.Batch = len(together)
			}
			if m.panicked == nil {
				m.panicked = panicked
			}
		}
	}()
	results = k.submit(c, together)
}

// begun are the members to make the call for. A Begin may have found out that an
// earlier try was made; then it goes alone, be it now or later.
func (k *call) begun() (together []*member) {
	var again []*member
	for _, m := range k.members {
		switch {
		case !m.begun:
		case m.try.Again:
			again = append(again, m)
		default:
			together = append(together, m)
		}
	}
	if len(together) == 0 && len(again) > 0 {
		together, again = again[:1], again[1:]
	}
	for _, m := range again {
		apart := Apart(Untold)
		m.result = &apart
	}
	return together
}

func (k *call) submit(c *Connection, together []*member) []Result {
	tries := make([]*Try, len(together))
	for i, m := range together {
		tries[i] = m.try
		if still := m.try.Still; still != nil {
			m.try.Still = func() bool { return m.still(still) }
		}
	}
	if k.batch.Sent != nil {
		k.batch.Sent(len(tries))
	}
	if len(tries) == 1 {
		return []Result{c.Connector.Submit(together[0].ctx, *tries[0])}
	}
	return c.Connector.(Batcher).SubmitBatch(together[0].ctx, tries)
}

// still keeps a panic of the try's Still from the others.
func (m *member) still(ask func() bool) (yes bool) {
	defer func() {
		if p := caught(recover()); p != nil {
			m.panicked, yes = p, false
		}
	}()
	return ask()
}
