package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/deadletter"
)

// balance is what came of the play, from the orchestrators' own records and the
// dead-letter stream, held against what was published.
type balance struct {
	wrong []string
}

// check notes what is not as it must be.
func (b *balance) check(holds bool, format string, args ...any) {
	if !holds {
		b.wrong = append(b.wrong, fmt.Sprintf(format, args...))
	}
}

// balance compares the books.
func (p *play) balance() *balance {
	b := &balance{}
	letters, err := p.deadLetters()
	b.check(err == nil, "the dead letters cannot be read: %v", err)
	for _, product := range p.products {
		for _, k := range product.kinds {
			b.checkMade(product, k)
		}
		b.checkDeadLetters(product, letters[product], p.dead[product])
		for _, violation := range product.violations() {
			b.check(false, "%s complains: %s", product.name, violation)
		}
		settled := p.log.Finished(product)
		b.check(settled == p.published[product], "the log says that %d messages to %s were settled, of %d", settled, product.name, p.published[product])
	}
	return b
}

// checkMade holds what there is of a kind against the good requests.
func (b *balance) checkMade(of *product, k *kind) {
	made := map[string]int{}
	for _, reference := range k.made() {
		made[reference]++
	}
	for _, reference := range k.want {
		b.check(made[reference] == 1, "%s has %d %s, and must have 1", reference, made[reference], k.things)
		delete(made, reference)
	}
	for reference, n := range made {
		b.check(false, "%s has %d %s of %q, and must have none", of.name, n, k.things, reference)
	}
}

// checkDeadLetters holds the dead letters of a product against the bad requests.
func (b *balance) checkDeadLetters(of *product, have, want map[string]int) {
	reasons := maps.Clone(want)
	maps.Copy(reasons, have)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		b.check(have[reason] == want[reason], "%d dead letters of %s are %s, and %d must be", have[reason], of.name, reason, want[reason])
	}
}

// deadLetters counts what is in the dead-letter stream, by product and reason.
func (p *play) deadLetters() (map[*product]map[string]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	stream, err := p.js.Stream(ctx, "JOBS_DEAD")
	if err != nil {
		return nil, err
	}
	count := map[*product]map[string]int{}
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		of := p.subjects["jobs."+m.Header.Get(deadletter.HeaderRoute)+".new"]
		if count[of] == nil {
			count[of] = map[string]int{}
		}
		count[of][m.Header.Get(deadletter.HeaderReason)]++
	}
	return count, nil
}

// most bounds the list of what is wrong.
const most = 20

func (b *balance) print(out io.Writer, took time.Duration) {
	if len(b.wrong) == 0 {
		fmt.Fprintf(out, "\nThe books balance: nothing lost, nothing twice. (%.1f s)\n", took.Seconds())
		return
	}
	fmt.Fprintf(out, "\nThe books do NOT balance (%.1f s):\n", took.Seconds())
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
