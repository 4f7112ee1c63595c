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
	requests int                 // good ones, in all
	fault    *uipath.ActiveFault // of the present scene

	published int                 // messages that the stream took
	swallowed int                 // repeats that the stream's window swallowed
	wanted    []string            // references that must have exactly one item
	claims    []string            // the same, in the other queue; each was asked for twice, for different requests
	bad       map[string][]string // references that must have no item of their own, by dead-letter reason
}

func newPlay(s *stage, screen *screen, requests int) *play {
	return &play{stage: s, screen: screen, requests: requests, bad: map[string][]string{}}
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
		{what: "answers get lost: items are added, and the connection is cut", begin: p.cut, end: p.mend},
		{what: "the orchestrator goes away for six seconds", begin: p.goAway, turn: p.wait(3 * time.Second), end: p.comeBack},
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

func (p *play) cut(context.Context) error {
	fault := uipath.CommitThenDrop(uipath.AddQueueItem)
	fault.Probability = 0.05
	p.fault = p.uipath.AddFault(fault)
	return nil
}

func (p *play) mend(context.Context) error {
	p.fault.Remove()
	return nil
}

func (p *play) goAway(context.Context) error {
	p.fault = p.uipath.AddFault(uipath.Fault{Kind: uipath.RefuseConnections})
	return nil
}

func (p *play) comeBack(ctx context.Context) error {
	if err := p.wait(3 * time.Second)(ctx); err != nil {
		return err
	}
	p.fault.Remove()
	p.screen.say("  the orchestrator is back")
	return p.await(ctx, func() bool { return !p.log.IsShut() })
}

func (p *play) throttle(context.Context) error {
	fault := uipath.Throttled(uipath.RetryAfterSeconds(time.Second), uipath.AddQueueItem)
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
