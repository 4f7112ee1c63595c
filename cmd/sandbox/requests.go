package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// good publishes n requests that must become one thing each, of all kinds in turn.
func (p *play) good(ctx context.Context, n int) error {
	for range n {
		k := p.cycle[p.sent%len(p.cycle)]
		p.sent++
		if err := p.first(ctx, k, fmt.Sprintf(k.id, len(k.want))); err != nil {
			return err
		}
		p.screen.show(p.finished(), p.all())
	}
	return nil
}

// goods is good as a step.
func (p *play) goods(n int) func(context.Context) error {
	return func(ctx context.Context) error { return p.good(ctx, n) }
}

// first publishes a request that must become one thing.
func (p *play) first(ctx context.Context, k *kind, id string) error {
	if k.prepare != nil {
		k.prepare(id)
	}
	k.want = append(k.want, id)
	return p.publish(ctx, k.subject, k.body(id), withMsgID(id))
}

func withMsgID(id string) nats.Header { return nats.Header{"Nats-Msg-Id": {id}} }

// restores asks for the plans that move production. Of the one that got lost
// before it was carried out nobody can tell: a person shall look at it.
func (p *play) restores(ctx context.Context) error {
	k := p.kind("jobs.restores.new")
	for _, name := range []string{planERP, planShop} {
		if err := p.first(ctx, k, fmt.Sprintf(k.id, name)); err != nil {
			return err
		}
	}
	id := fmt.Sprintf(k.id, planCRM)
	return p.doomed(ctx, k.subject, "unknown_outcome", k.body(id))
}

// doomed publishes a request that must become a dead letter.
func (p *play) doomed(ctx context.Context, subject, reason, body string) error {
	p.dead[p.subjects[subject]][reason]++
	return p.publish(ctx, subject, body, nil)
}

// broken sends the requests that can never work, three times each.
func (p *play) broken(ctx context.Context) error {
	for _, product := range p.products {
		for i, bad := range append(append(product.bad, product.bad...), product.bad...) {
			id := fmt.Sprintf("bad-%s-%d", product.connections[0], i)
			if err := p.doomed(ctx, bad.subject, bad.reason, strings.ReplaceAll(bad.body, "ID", id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeats sends requests anew that were sent before: within the stream's window
// under the same Nats-Msg-Id, which the stream swallows, and without one, as a
// publisher does that lost its memory.
func (p *play) repeats(ctx context.Context) error {
	for _, k := range p.cycle {
		if !k.repeats {
			continue
		}
		for _, id := range k.want[:min(len(k.want), 10)] {
			for _, header := range []nats.Header{withMsgID(id), nil} {
				if err := p.publish(ctx, k.subject, k.body(id), header); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// conflicts sends other requests under ids that were used.
func (p *play) conflicts(ctx context.Context) error {
	for _, k := range p.cycle {
		if k.other == nil {
			continue
		}
		for _, id := range k.want[:min(len(k.want), 5)] {
			if err := p.doomed(ctx, k.subject, "id_conflict", k.other(id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// claims sends pairs of requests that bear the same reference, of which one can
// have it.
func (p *play) claims(ctx context.Context) error {
	k := p.kind("jobs.claims.new")
	for i := range 5 {
		reference := fmt.Sprintf(k.id, i)
		k.want = append(k.want, reference)
		p.dead[p.subjects[k.subject]]["reference_conflict"]++
		for amount := range 2 {
			if err := p.publish(ctx, k.subject, claim(fmt.Sprintf("%s-%d", reference, amount), reference, amount), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind gives the one of a subject.
func (p *play) kind(subject string) *kind {
	for _, k := range p.subjects[subject].kinds {
		if k.subject == subject {
			return k
		}
	}
	return nil
}

// publish sends one message to the stream and waits for its PubAck.
func (p *play) publish(ctx context.Context, subject, body string, header nats.Header) error {
	ack, err := p.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: []byte(body), Header: header})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if ack.Duplicate {
		p.swallowed[p.subjects[subject]]++
		return nil
	}
	p.published[p.subjects[subject]]++
	return nil
}
