package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/simulator/uipath"
)

// balance is what came of the play, from the orchestrator's own records and the
// dead-letter stream, held against what was published.
type balance struct {
	rows  [][2]string
	wrong []string
}

// check notes what is not as it must be.
func (b *balance) check(holds bool, format string, args ...any) {
	if !holds {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

func (b *balance) row(name string, value any) {
	b.rows = append(b.rows, [2]string{name, fmt.Sprint(value)})
}

// balance compares the books.
func (p *play) balance() *balance {
	b := &balance{}
	p.checkItems(b)
	p.checkJobs(b)
	p.checkDeadLetters(b)
	p.checkConduct(b)
	p.summarise(b)
	return b
}

// checkItems holds the orchestrator's items against the good requests.
func (p *play) checkItems(b *balance) {
	want := 0
	for queue, references := range p.items {
		want += len(references)
		for _, reference := range references {
			n := len(p.uipath.ItemsByReference(folder, queue, reference))
			b.check(n == 1, "%s has %d items in %s, and must have 1", reference, n, queue)
		}
	}
	items := len(p.uipath.Items())
	b.check(items == want, "the orchestrator has %d items, and must have %d", items, want)
}

// checkJobs holds the orchestrator's jobs against the good requests.
func (p *play) checkJobs(b *balance) {
	started := map[string]int{}
	jobs := p.uipath.Jobs()
	for _, job := range jobs {
		started[job.Reference]++
	}
	for _, reference := range p.jobs {
		b.check(started[reference] == 1, "%s has %d jobs, and must have 1", reference, started[reference])
	}
	b.check(len(jobs) == len(p.jobs), "the orchestrator has %d jobs, and must have %d", len(jobs), len(p.jobs))
}

// checkDeadLetters holds the dead letters against the bad requests.
func (p *play) checkDeadLetters(b *balance) {
	want := map[string]int{"reference_conflict": len(p.items[claims])}
	for reason, ids := range p.bad {
		want[reason] = len(ids)
	}
	have, err := p.deadLetters()
	b.check(err == nil, "the dead letters cannot be read: %v", err)
	for _, reason := range slices.Sorted(maps.Keys(want)) {
		b.check(have[reason] == want[reason], "%d dead letters are %s, and %d must be", have[reason], reason, want[reason])
		delete(have, reason)
	}
	for reason, n := range have {
		b.check(false, "%d dead letters are %s, and none must be", n, reason)
	}
}

// checkConduct looks at how the worker behaved towards the orchestrator.
func (p *play) checkConduct(b *balance) {
	for _, violation := range p.uipath.Violations() {
		b.check(false, "the orchestrator complains: %s", violation)
	}
	settled := p.log.Finished()
	b.check(settled == p.published, "the log says that %d messages were settled, of %d", settled, p.published)
}

func (p *play) summarise(b *balance) {
	counts := p.uipath.Counts()
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	b.row("published", p.published)
	b.row("  repeats that the stream swallowed", p.swallowed)
	b.row("delivered", p.log.settled["ack delivered"])
	b.row("duplicate", p.log.settled["ack duplicate"])
	dead := 0
	for _, n := range p.log.reasons {
		dead += n
	}
	b.row("dead-lettered", dead)
	for _, reason := range slices.Sorted(maps.Keys(p.log.reasons)) {
		b.row("  "+reason, p.log.reasons[reason])
	}
	b.row("log-ins", counts.LogIns)
	b.row("time held", p.log.held.Round(time.Millisecond))
	b.row("  gate shut by", shuts(p.log.shuts))
	b.row("calls of AddQueueItem", counts.Total(uipath.AddQueueItem))
	b.row("  items added by them", counts.Effects[uipath.AddQueueItem])
	b.row("calls of BulkAddQueueItems", counts.Total(uipath.BulkAddQueueItems))
	b.row("  items added by them", counts.Effects[uipath.BulkAddQueueItems])
	b.row("calls of StartJobs", counts.Total(uipath.StartJobs))
	b.row("  jobs started by them", counts.Effects[uipath.StartJobs])
	b.row("look-ups of items and jobs", counts.Total(uipath.ListQueueItems)+counts.Total(uipath.ListJobs))
	b.row("connections opened", counts.Connections)
}

func shuts(by map[string]int) string {
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		all = append(all, fmt.Sprintf("%s %d×", reason, by[reason]))
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, ", ")
}

// deadLetters counts what is in the dead-letter stream, by reason.
func (p *play) deadLetters() (map[string]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stream, err := p.js.Stream(ctx, "JOBS_DEAD")
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		count[m.Header.Get("Queueferry-Reason")]++
	}
	return count, nil
}

// most bounds the list of what is wrong.
const most = 20

func (b *balance) print(out io.Writer, took time.Duration) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range b.rows {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	_ = w.Flush()
	fmt.Fprintln(out)
	if len(b.wrong) == 0 {
		fmt.Fprintf(out, "The books balance: nothing lost, nothing twice. (%.1f s)\n", took.Seconds())
		return
	}
	fmt.Fprintf(out, "The books do NOT balance (%.1f s):\n", took.Seconds())
	for _, wrong := range b.wrong[:min(len(b.wrong), most)] {
		fmt.Fprintln(out, "  "+wrong)
	}
	if more := len(b.wrong) - most; more > 0 {
		fmt.Fprintf(out, "  and %d more\n", more)
	}
}

func (b *balance) verdict() error {
	if len(b.wrong) > 0 {
		return errors.New("the books do not balance")
	}
	return nil
}
