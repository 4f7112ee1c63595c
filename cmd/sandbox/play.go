package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// playLimit bounds the whole play.
const playLimit = 55 * time.Second

// play is what happens, and what must come of it.
type play struct {
	*stage
	screen   *screen
	requests int                   // good ones, in all
	faults   []*uipath.ActiveFault // of the present scene

	published int                 // messages that the stream took
	swallowed int                 // repeats that the stream's window swallowed
	goods     int                 // good requests so far
	items     map[string][]string // references that must have exactly one item, by queue; each claim was asked for twice, by different requests
	jobs      []string            // references that must have exactly one job
	bad       map[string][]string // ids of requests that must come to nothing, by dead-letter reason
}

func newPlay(s *stage, screen *screen, requests int) *play {
	return &play{stage: s, screen: screen, requests: requests, items: map[string][]string{}, bad: map[string][]string{}}
}

// scene is a part of the play: what happens while its requests are published,
// in two halves.
type scene struct {
	what  string
	begin func(context.Context) error
	turn  func(context.Context) error // between the halves; nil: nothing
	end   func(context.Context) error // nil: nothing
}

func (p *play) scenes() []scene {
	return []scene{
		{what: "all is well"},
		{what: "the token is revoked, and once again", begin: p.revoke, turn: p.revoke},
		{what: "answers get lost: items are added, jobs are started, and the connection is cut", begin: p.cut, turn: p.cutBefore, end: p.mend},
		{what: "the orchestrator goes away for four seconds", begin: p.goAway, turn: p.wait(2 * time.Second), end: p.comeBack},
		{what: "the robots have pending jobs, lists lag, answers still get lost", begin: p.pend, turn: p.cut, end: p.mend},
		{what: "429, the orchestrator asks for a pause; broken, forbidden and repeated requests arrive", begin: p.throttle, turn: p.crowd},
	}
}

// perform plays every scene, and waits until nothing is left in the stream.
func (p *play) perform(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, playLimit, errors.New("the stream did not become empty in time"))
	defer cancel()
	defer p.screen.end()
	scenes := p.scenes()
	for i, s := range scenes {
		n := p.requests*(i+1)/len(scenes) - p.requests*i/len(scenes)
		p.screen.say("%s (%d requests)", s.what, n)
		for _, step := range []func(context.Context) error{s.begin, p.good(n / 2), s.turn, p.good(n - n/2), s.end} {
			if step == nil {
				continue
			}
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	p.screen.say("everything is published; the backlog drains")
	return p.await(ctx, func() bool { return p.log.Finished() >= p.published && p.left(ctx) == 0 })
}

// await shows the progress until a condition holds.
func (p *play) await(ctx context.Context, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		p.screen.show(p.log.Finished(), p.published, p.log.IsShut())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.worker.done:
			return fmt.Errorf("the worker ended: %w", p.worker.err)
		}
	}
	p.screen.show(p.log.Finished(), p.published, false)
	return nil
}

// wait lets time pass.
func (p *play) wait(d time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		end := time.Now().Add(d)
		return p.await(ctx, func() bool { return time.Now().After(end) })
	}
}

func (p *play) revoke(context.Context) error {
	p.uipath.RevokeTokens()
	return nil
}

// fail adds a fault to the present scene.
func (p *play) fail(f uipath.Fault) { p.faults = append(p.faults, p.uipath.AddFault(f)) }

// cut loses answers of calls that were carried out.
func (p *play) cut(context.Context) error {
	fault := uipath.CommitThenDrop(uipath.ActingOperations...)
	fault.Probability = 0.05
	p.fail(fault)
	return nil
}

// cutBefore loses answers of calls that were not: the caller cannot tell these
// from the others.
func (p *play) cutBefore(context.Context) error {
	p.fail(uipath.Fault{Kind: uipath.Drop, Probability: 0.05, Operations: uipath.ActingOperations})
	return nil
}

// mend ends the faults of the present scene.
func (p *play) mend(context.Context) error {
	for _, f := range p.faults {
		f.Remove()
	}
	p.faults = nil
	return nil
}

// pend has half of the starts refused, and what is new missing from lists for
// a time that is shorter than the connection's settle.
func (p *play) pend(context.Context) error {
	pending := uipath.PendingJobs()
	pending.Probability = 0.5
	p.fail(pending)
	p.fail(uipath.Fault{Kind: uipath.LagLookUps, Delay: 300 * time.Millisecond})
	return nil
}

func (p *play) goAway(context.Context) error {
	p.fail(uipath.Fault{Kind: uipath.RefuseConnections})
	return nil
}

func (p *play) comeBack(ctx context.Context) error {
	if err := errors.Join(p.wait(2*time.Second)(ctx), p.mend(ctx)); err != nil {
		return err
	}
	p.screen.say("  the orchestrator is back")
	return p.await(ctx, func() bool { return !p.log.IsShut() })
}

func (p *play) throttle(context.Context) error {
	fault := uipath.Throttled(uipath.RetryAfterSeconds(time.Second), uipath.AddQueueItem, uipath.BulkAddQueueItems)
	fault.Calls = 1
	p.uipath.AddFault(fault)
	return nil
}

func (p *play) crowd(ctx context.Context) error {
	return errors.Join(p.publishBad(ctx), p.publishRepeats(ctx))
}

// publish sends one message to the stream and waits for its PubAck.
func (p *play) publish(ctx context.Context, subject, body string, header nats.Header) error {
	ack, err := p.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: []byte(body), Header: header})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if ack.Duplicate {
		p.swallowed++
		return nil
	}
	p.published++
	return nil
}

// left is how many messages are still in the stream.
func (p *play) left(ctx context.Context) uint64 {
	stream, err := p.js.Stream(ctx, "JOBS")
	if err != nil {
		return 1 // not known: not yet
	}
	return stream.CachedInfo().State.Msgs
}
