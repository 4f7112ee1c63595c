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
	toNotes    = "jobs.notes.new"
	toRobots   = "jobs.robots.new"
)

func request(id string) string {
	return fmt.Sprintf(`{"id": %q, "content": {"Vendor": "ACME", "Amount": 12.50, "Due": "2026-01-31T19:00:00+01:00"}}`, id)
}

// claim is a request whose reference is not its id.
func claim(id, reference string, amount int) string {
	return fmt.Sprintf(`{"id": %q, "reference": %q, "content": {"Vendor": "ACME", "Amount": %d}}`, id, reference, amount)
}

// job is a request to start a job.
func job(id string, amount int) string {
	return fmt.Sprintf(`{"id": %q, "arguments": {"in_Vendor": "ACME", "in_Amount": %d}}`, id, amount)
}

// good publishes n requests that must become one item or one job each: of four,
// two are items of the queue with unique references, one is an item of the other
// queue, and one a job.
func (p *play) good(n int) func(context.Context) error {
	return func(ctx context.Context) error {
		for range n {
			if err := p.next(ctx); err != nil {
				return err
			}
			p.screen.show(p.log.Finished(), p.published, p.log.IsShut())
		}
		return nil
	}
}

func (p *play) next(ctx context.Context) error {
	p.goods++
	switch p.goods % 4 {
	case 0:
		id := fmt.Sprintf("job-%06d", len(p.jobs))
		p.jobs = append(p.jobs, id)
		return p.publish(ctx, toRobots, job(id, 1250), withMsgID(id))
	case 2:
		id := fmt.Sprintf("note-%06d", len(p.items[notes]))
		p.items[notes] = append(p.items[notes], id)
		return p.publish(ctx, toNotes, request(id), withMsgID(id))
	default:
		id := fmt.Sprintf("inv-%06d", len(p.items[invoices]))
		p.items[invoices] = append(p.items[invoices], id)
		return p.publish(ctx, toInvoices, request(id), withMsgID(id))
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
// content that bear the same reference, or the same id.
func (p *play) publishRepeats(ctx context.Context) error {
	for i := range 10 {
		invoice, robot := p.items[invoices][i], p.jobs[i]
		for _, header := range []func(id string) nats.Header{withMsgID, withoutMsgID} {
			if err := p.publish(ctx, toInvoices, request(invoice), header(invoice)); err != nil {
				return err
			}
			if err := p.publish(ctx, toRobots, job(robot, 1250), header(robot)); err != nil {
				return err
			}
		}
	}
	return p.publishConflicts(ctx)
}

func withMsgID(id string) nats.Header { return nats.Header{"Nats-Msg-Id": {id}} }
func withoutMsgID(string) nats.Header { return nil }

func (p *play) publishConflicts(ctx context.Context) error {
	for i := range 5 {
		id := p.jobs[i]
		if err := p.publish(ctx, toRobots, job(id, 9999), nil); err != nil {
			return err
		}
		p.bad["id_conflict"] = append(p.bad["id_conflict"], id)
		reference := fmt.Sprintf("claim-%d", i)
		for amount := range 2 {
			if err := p.publish(ctx, toClaims, claim(fmt.Sprintf("claim-%d-%d", i, amount), reference, amount), nil); err != nil {
				return err
			}
		}
		p.items[claims] = append(p.items[claims], reference)
	}
	return nil
}
