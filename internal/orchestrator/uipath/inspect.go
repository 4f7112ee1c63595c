package uipath

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/queueferry/queueferry/internal/finding"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/orchestrator/lookup"
	"github.com/queueferry/queueferry/internal/remedy"
)

var _ orchestrator.Inspector = (*Connector)(nil)

// The bounds of an inspection. The lists of items and jobs are limited to 100 a
// minute for the whole tenant, workers included (UiPath Orchestrator API guide,
// Rate limits).
const (
	maxInspected = 200 // folders, queues and processes asked for
	maxListed    = 20  // lists of items and jobs
)

// Inspect looks at what the routes name, with GETs alone: that the product
// answers, its clock, the folders, queues and processes, and whether items and
// jobs can be looked up. An answer that tells of more than the thing asked for, as
// a refused token does, ends it.
func (c *Connector) Inspect(ctx context.Context, wanted []orchestrator.Wanted) []finding.Finding {
	shared, well := c.inspectServer(ctx, wanted)
	if !well {
		if len(wanted) > 0 {
			shared = append(shared, finding.Bad(finding.Unknown, "", "routes",
				"the folders, queues and processes of the routes were not looked at", "Cure what is above, and check again."))
		}
		return shared
	}
	i := inspection{c: c, seen: map[thing]sight{}}
	found := i.routes(ctx, wanted)
	if len(wanted) > 0 {
		shared = append(shared, unproven(wanted))
	}
	if i.leftOut > 0 {
		shared = append(shared, i.rest())
	}
	return append(shared, found...)
}

// inspectServer reports whether the product answers.
func (c *Connector) inspectServer(ctx context.Context, wanted []orchestrator.Wanted) ([]finding.Finding, bool) {
	action := job.AddQueueItem
	if len(wanted) > 0 && wanted[0].Action != "" {
		action = wanted[0].Action
	}
	began := time.Now()
	r, a := c.probe(ctx, action)
	took := time.Since(began)
	if r.Health != orchestrator.Well {
		return []finding.Finding{finding.Bad(finding.Error, "", "orchestrator", detailOf(ctx, r), remedy.OfHold(r.Reason))}, false
	}
	answers := finding.Good("", "orchestrator", fmt.Sprintf("UiPath Orchestrator answers, after %d ms", took.Milliseconds()))
	return []finding.Finding{answers, lookup.InspectClock(a, began, began.Add(took))}, true
}

// unproven says what no read shows. The product's API definition has no read that
// tells what an account may create.
func unproven(wanted []orchestrator.Wanted) finding.Finding {
	var rights []string
	for _, right := range []struct {
		action job.Action
		name   string
	}{{job.AddQueueItem, "items (Transactions: Create)"}, {job.StartJob, "jobs (Jobs: Create)"}} {
		if wants(wanted, right.action) {
			rights = append(rights, right.name)
		}
	}
	return finding.Bad(finding.Unknown, "", "permissions",
		"whether the account may create "+strings.Join(rights, " and ")+" shows only when it does",
		"See in Orchestrator that its role in the folder has the permission; a first request of your own proves it. Without it a route holds, and loses nothing.")
}

func wants(wanted []orchestrator.Wanted, action job.Action) bool {
	for _, w := range wanted {
		if w.Action == action || w.Action == "" {
			return true
		}
	}
	return false
}

// detailOf says why there is no answer to judge.
func detailOf(ctx context.Context, r orchestrator.Result) string {
	if ctx.Err() != nil {
		return "no answer in the time that a check has"
	}
	return r.Detail
}
