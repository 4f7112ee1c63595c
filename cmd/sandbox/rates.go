package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// window is what was settled in a time of steady publishing.
type window struct {
	away    *product // nil: none
	settled map[*product]int
	took    time.Duration
}

// count publishes good requests in whole cycles, evenly over a window's length or
// as fast as the machine can, and counts what is settled meanwhile: so every window
// has the same load.
func (p *play) count(ctx context.Context, away *product, n int) error {
	n -= n % len(p.cycle)
	w := window{away: away, settled: map[*product]int{}}
	for _, product := range p.products {
		w.settled[product] = -p.log.Finished(product)
	}
	began := time.Now()
	for i := range n {
		time.Sleep(time.Until(began.Add(windowLength * time.Duration(i) / time.Duration(n))))
		if err := p.good(ctx, 1); err != nil {
			return err
		}
	}
	if err := p.await(ctx, func() bool { return time.Since(began) >= windowLength }); err != nil {
		return err
	}
	w.took = time.Since(began)
	for _, product := range p.products {
		w.settled[product] += p.log.Finished(product)
	}
	p.windows = append(p.windows, w)
	return nil
}

func (w window) rate(of *product) float64 { return float64(w.settled[of]) / w.took.Seconds() }

// rates compares the outages with the window in which all was well.
func (p *play) rates(t *table) {
	t.line("settled per second", func(*product) string { return "" })
	for _, w := range p.windows {
		t.line("  "+w.name(), func(of *product) string {
			rate, before := w.rate(of), p.windows[0].rate(of)
			if w.away == nil || w.away == of || before == 0 {
				return fmt.Sprintf("%.0f", rate)
			}
			return fmt.Sprintf("%.0f = %.0f %%", rate, 100*rate/before)
		})
	}
	if slices.ContainsFunc(p.windows, window.slow) {
		fmt.Fprintln(t.out, "  * this machine was too busy to publish at full speed")
	}
}

func (w window) name() string {
	name := "all is well"
	if w.away != nil {
		name = w.away.name + " away"
	}
	if w.slow() {
		name += " *"
	}
	return name
}

// slow tells that publishing itself took longer than it should: then a rate says
// more of the machine than of the worker.
func (w window) slow() bool { return w.took > windowLength*11/10 }
