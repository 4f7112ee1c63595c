package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

const (
	toInvoices = "jobs.invoices.new"
	toClaims   = "jobs.claims.new"
)

func request(id, rest string) string {
	return fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": "12.50", "Due": "2026-01-31"}%s}`, id, rest)
}

// good publishes n requests that must become one item each.
func (p *play) good(n int) func(context.Context) error {
	return func(ctx context.Context) error {
		for range n {
			id := fmt.Sprintf("inv-%06d", len(p.wanted))
			if err := p.publish(ctx, toInvoices, request(id, ""), nats.Header{"Nats-Msg-Id": {id}}); err != nil {
				return err
			}
			p.wanted = append(p.wanted, id)
			p.screen.show(p.log.Finished(), p.published, p.log.IsShut())
		}
		return nil
	}
}

// faults are requests that can never work, each with the reason that its dead
// letter must bear.
var faults = []struct{ reason, body string }{
	{"undecodable", `not a request`},
	{"undecodable", `["an", "array"]`},
	{"invalid_request", `{"id": "ID", "qeue": "Invoices"}`},
	{"invalid_request", `{"id": "ID", "priority": "urgent"}`},
	{"invalid_request", `{"id": "ID", "content": {"Lines": [1, 2]}}`},
	{"invalid_request", `{"id": "ID", "due_by": "tomorrow"}`},
	{"not_allowed", `{"id": "ID", "queue": "Payroll"}`},
	{"not_allowed", `{"id": "ID", "folder": "Human Resources"}`},
	{"not_found", `{"id": "ID", "queue": "` + missing + `"}`},
	{"too_large", `{"id": "ID", "content": {"Scan": "` + strings.Repeat("x", 20_001) + `"}}`},
}

// publishBad sends requests that must become dead letters.
func (p *play) publishBad(ctx context.Context) error {
	for round := range 3 {
		for i, fault := range faults {
			id := fmt.Sprintf("bad-%d-%d", round, i)
			if err := p.publish(ctx, toInvoices, strings.ReplaceAll(fault.body, "ID", id), nil); err != nil {
				return err
			}
			p.bad[fault.reason] = append(p.bad[fault.reason], id)
		}
	}
	return nil
}

// publishRepeats sends requests anew that were sent before: within the stream's
// window under the same Nats-Msg-Id, which the stream swallows, and without
// one, as a publisher does that lost its memory. Then two requests of different
// content that bear the same reference.
func (p *play) publishRepeats(ctx context.Context) error {
	for _, id := range p.wanted[:20] {
		if err := p.publish(ctx, toInvoices, request(id, ""), nats.Header{"Nats-Msg-Id": {id}}); err != nil {
			return err
		}
		if err := p.publish(ctx, toInvoices, request(id, ""), nil); err != nil {
			return err
		}
	}
	for i := range 5 {
		reference := fmt.Sprintf(`, "reference": "claim-%d"`, i)
		for copy := range 2 {
			if err := p.publish(ctx, toClaims, request(fmt.Sprintf("claim-%d-%d", i, copy), reference), nil); err != nil {
				return err
			}
		}
		p.claims = append(p.claims, fmt.Sprintf("claim-%d", i))
	}
	return nil
}
