package deadletter

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// finishLimit is how long a replay that was told to stop may take to finish
// what it has begun.
const finishLimit = 10 * time.Second

// run is one Run under way. It belongs to one goroutine.
type run struct {
	*Replay
	ctx      context.Context // ends when no batch shall be begun any more
	books    context.Context // of what is published and noted; outlasts ctx
	requests jetstream.Stream
	source   source // as it was when the run began
	journal  *journal
	doubts   []ledger.ReplayBatch // what may have been published, but for the batch under way
	result   Result
	next     time.Time // when the rate allows the next batch
}

// start takes the lock. end frees what the run holds in this process.
func (r *Replay) start(ctx context.Context) (u *run, end func(), err error) {
	books, end := outlast(ctx, finishLimit)
	u = &run{Replay: r, ctx: ctx, books: books}
	if u.requests, err = stream(ctx, r.JetStream, r.Stream); err == nil {
		u.source = sourceOf(u.requests.CachedInfo())
		u.journal, err = acquire(ctx, r.Ledger, r.Owner)
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	u.doubts = slices.Clone(u.journal.now.Batches)
	return u, end, nil
}

// outlast is a context that ends some time after another one.
func outlast(ctx context.Context, by time.Duration) (longer context.Context, end func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}

// replay goes through the letters, batch by batch.
func (u *run) replay(f Filter) error {
	known := map[string]bool{}
	for _, b := range u.doubts {
		for _, hash := range b.Hashes {
			known[hash] = true
		}
	}
	var batch []*pick
	var size int
	var fault error
	err := u.Store.list(u.ctx, f, true, func(s Stored, err error) bool {
		if fault = u.journal.keep(u.books); fault != nil {
			return false
		}
		if known[s.Hash] || !f.Match(s) {
			return true
		}
		p := &pick{Stored: s, left: err}
		u.address(p)
		batch, size = append(batch, p), size+len(p.Data)
		if len(batch) >= u.most() || size >= mostBytes {
			fault = u.replayBatch(batch)
			batch, size = nil, 0
		}
		return fault == nil
	})
	if fault == nil {
		fault = err
	}
	if fault == nil {
		fault = u.replayBatch(batch)
	}
	if fault == nil {
		fault = u.ctx.Err()
	}
	return fault
}

// address says where a letter goes, or why it stays.
func (u *run) address(p *pick) {
	if p.left == nil {
		p.to, p.left = u.destination(p.Stored)
	}
}

// replayBatch sends what can be sent of a batch. The server is asked of several
// letters at once, for it may be far away.
func (u *run) replayBatch(batch []*pick) error {
	var failed atomic.Bool // then the others would only wait for their turn to fail
	each(batch, func(p *pick) {
		if !failed.Load() {
			p.err = u.prepare(p, past{})
		}
		if p.err != nil {
			failed.Store(true)
		}
	})
	ready := batch[:0]
	for _, p := range batch {
		switch {
		case p.err != nil:
			return p.err
		case p.left != nil:
			u.tell(Replayed{Stored: p.Stored, Destination: p.to, Err: p.left})
		default:
			ready = append(ready, p)
		}
	}
	return u.paced(ready)
}

// prepare makes a letter ready to be published: the worker gets to know what it
// must, or forgets what it shall. Why it is not ready is in p.left; an error
// concerns all.
func (u *run) prepare(p *pick, extra past) error {
	if p.left != nil {
		return nil
	}
	err := u.setAside(u.books, p.Stored, u.source)
	switch {
	case err != nil:
	case u.Resend && extra == (past{}):
		err = u.clear(u.books, p.Stored, p.to, false)
	default:
		err = u.note(u.books, p.Hash, p.past().with(extra), false)
	}
	p.left, err = parted(err)
	return err
}

// most is how many letters go into a batch: with a rate no more than those of
// one second.
func (u *run) most() int {
	most := mostLetters
	if u.batch > 0 {
		most = u.batch
	}
	if u.Rate <= 0 {
		return most
	}
	return int(min(max(u.Rate, 1), float64(most)))
}

// paced sends a batch when the rate allows it.
func (u *run) paced(batch []*pick) error {
	if len(batch) == 0 {
		return nil
	}
	for wait := time.Until(u.next); wait > 0; wait = time.Until(u.next) {
		if !sleep(u.ctx, min(wait, lease/3)) {
			return nil
		}
		if err := u.journal.keep(u.books); err != nil {
			return err
		}
	}
	if u.Rate > 0 {
		u.next = time.Now().Add(time.Duration(float64(len(batch)) / u.Rate * float64(time.Second)))
	}
	if u.ctx.Err() != nil {
		return nil
	}
	return u.send(batch, nil)
}

// sleep reports false if ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (u *run) tell(what Replayed) {
	switch {
	case what.Unchosen:
		u.result.Unchosen++
	case what.Err == nil:
		u.result.Replayed++
	default:
		u.result.Left++
	}
	if u.Told != nil {
		u.Told(what)
	}
}
