package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// playLimit bounds the whole play.
	playLimit = 55 * time.Second
	// windowLength is how long the rates are counted for, if the machine keeps up.
	windowLength = 1200 * time.Millisecond
)

// play is what happens, and what must come of it.
type play struct {
	*stage
	screen   *screen
	requests int // good ones, more or less
	cycle    []*kind
	sent     int // of the cycle, over and over

	subjects  map[string]*product
	published map[*product]int            // messages that the stream took
	swallowed map[*product]int            // repeats that the stream's window swallowed
	dead      map[*product]map[string]int // dead letters that there must be, by reason
	windows   []window
}

func newPlay(s *stage, screen *screen, requests int) *play {
	p := &play{
		stage: s, screen: screen, requests: requests, cycle: cycleOf(s.products),
		subjects: map[string]*product{}, published: map[*product]int{}, swallowed: map[*product]int{}, dead: map[*product]map[string]int{},
	}
	for _, product := range s.products {
		p.dead[product] = map[string]int{}
		for _, kind := range product.kinds {
			p.subjects[kind.subject] = product
		}
	}
	return p
}

// perform plays every scene, and waits until nothing is left in the stream.
func (p *play) perform(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, playLimit, errors.New("the stream did not become empty in time"))
	defer cancel()
	defer p.screen.end()
	// Half of the requests go evenly into the four windows, half into the two crowds.
	calm, crowd := p.requests/8, p.requests/4
	scenes := []func(context.Context) error{
		p.start,
		func(ctx context.Context) error { return p.losses(ctx, crowd) },
		func(ctx context.Context) error { return p.well(ctx, calm) },
	}
	for _, product := range p.products {
		scenes = append(scenes, func(ctx context.Context) error { return p.outage(ctx, product, calm) })
	}
	scenes = append(scenes, func(ctx context.Context) error { return p.troubles(ctx, crowd) })
	if err := inTurn(ctx, scenes...); err != nil {
		return err
	}
	return p.await(ctx, func() bool { return p.left(ctx) == 0 })
}

// start has the worker log in, and find the ids of queues and bots.
func (p *play) start(ctx context.Context) error {
	p.screen.say("All is well.")
	return inTurn(ctx, p.goods(5*len(p.cycle)), p.idle)
}

// well is what the outages are compared with.
func (p *play) well(ctx context.Context, n int) error {
	p.screen.say("All is well again. From here on the rates are counted.")
	return inTurn(ctx, func(ctx context.Context) error { return p.count(ctx, nil, n) }, p.idle)
}

func (p *play) losses(ctx context.Context, n int) error {
	p.screen.say("All tokens are revoked. Then one answer in ten gets lost: of calls that\nwere carried out, and of calls that were not.")
	for _, product := range p.products {
		product.revoke()
	}
	if err := p.good(ctx, n/4); err != nil {
		return err
	}
	var faults []fault
	for _, product := range p.products {
		faults = append(faults, product.lose()...)
	}
	err := p.good(ctx, n-n/4)
	mend(faults)
	return errors.Join(err, p.idle(ctx))
}

func (p *play) outage(ctx context.Context, away *product, n int) error {
	p.screen.say("%s goes away.", away.name)
	faults := away.away()
	if err := p.count(ctx, away, n); err != nil {
		return err
	}
	waiting := p.published[away] - p.log.Finished(away)
	mend(faults)
	p.screen.say("%s is back: %d requests have waited.", away.name, waiting)
	return p.idle(ctx)
}

func (p *play) troubles(ctx context.Context, n int) error {
	p.screen.say("Each has its own troubles: jobs that are pending, a 429, lists that lag,\nplans at work, answers that get lost. Bad and repeated requests arrive.")
	var faults []fault
	for _, product := range p.products {
		faults = append(faults, product.trouble()...)
	}
	defer func() { mend(faults) }()
	err := inTurn(ctx, p.restores, p.goods(n/2), p.broken, p.repeats, p.conflicts, p.claims, p.goods(n-n/2))
	if err != nil {
		return err
	}
	p.screen.say("Everything is published; the rest is worked off.")
	return p.idle(ctx)
}

// inTurn takes steps until one fails.
func inTurn(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// idle waits until everything is settled.
func (p *play) idle(ctx context.Context) error {
	return p.await(ctx, func() bool { return p.finished() >= p.all() })
}

// finished is how many messages were settled, and all how many were published.
func (p *play) finished() (n int) {
	for _, product := range p.products {
		n += p.log.Finished(product)
	}
	return n
}

func (p *play) all() (n int) {
	for _, of := range p.published {
		n += of
	}
	return n
}

// await shows the progress until a condition holds.
func (p *play) await(ctx context.Context, holds func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		p.screen.show(p.finished(), p.all())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.worker.done:
			return fmt.Errorf("the worker ended: %w", p.worker.err)
		}
	}
	p.screen.show(p.finished(), p.all())
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
