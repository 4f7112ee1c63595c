package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table has a column for each product, and fits into 80 characters.
type table struct {
	out      io.Writer
	products []*product
}

func (t *table) line(name string, cell func(*product) string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-29s", name)
	for _, product := range t.products {
		fmt.Fprintf(&b, "%*s", max(len(product.name), 12)+2, cell(product))
	}
	fmt.Fprintln(t.out, strings.TrimRight(b.String(), " "))
}

// numbers leaves a cell empty where there is nothing.
func (t *table) numbers(name string, of func(*product) int) {
	t.line(name, func(p *product) string {
		if n := of(p); n > 0 {
			return strconv.Itoa(n)
		}
		return "-"
	})
}

// report prints what happened.
func (p *play) report(out io.Writer) {
	t := &table{out, p.products}
	fmt.Fprintln(out)
	t.line("", func(p *product) string { return p.name })
	p.rates(t)
	fmt.Fprintln(out)
	p.messages(t)
	fmt.Fprintln(out)
	p.gates(t)
	fmt.Fprintln(out)
	p.calls(out)
}

func (p *play) messages(t *table) {
	acked := func(verdict string) func(*product) int {
		return func(of *product) int { return p.log.Sum(of, func(s *sums) int { return s.acked[verdict] }) }
	}
	t.numbers("published", func(of *product) int { return p.published[of] })
	t.numbers("  repeats that NATS dropped", func(of *product) int { return p.swallowed[of] })
	t.numbers("delivered", acked("delivered"))
	t.numbers("duplicate", acked("duplicate"))
	dead := func(reason string) func(*product) int {
		return func(of *product) int { return p.log.Sum(of, func(s *sums) int { return s.reasons[reason] }) }
	}
	reasons := p.names(func(s *sums) map[string]int { return s.reasons })
	t.numbers("dead-lettered", func(of *product) (n int) {
		for _, reason := range reasons {
			n += dead(reason)(of)
		}
		return n
	})
	for _, reason := range reasons {
		t.numbers("  "+reason, dead(reason))
	}
}

func (p *play) gates(t *table) {
	t.numbers("log-ins", func(of *product) int { return of.logIns() })
	for _, reason := range p.names(func(s *sums) map[string]int { return s.shuts }) {
		t.numbers("gate shut: "+reason, func(of *product) int { return p.log.Sum(of, func(s *sums) int { return s.shuts[reason] }) })
	}
	t.line("  time held", func(of *product) string { return p.log.Held(of).Round(10 * time.Millisecond).String() })
	t.numbers("told to come later (busy)", func(of *product) int { return p.log.Sum(of, func(s *sums) int { return s.busy }) })
	t.numbers("look-ups, states of plans", func(of *product) int { return of.lookUps() })
	t.numbers("connections opened", func(of *product) int { return of.sockets() })
}

// names are those that any connection has counted something under.
func (p *play) names(of func(*sums) map[string]int) []string {
	all := map[string]bool{}
	for _, product := range p.products {
		p.log.Sum(product, func(s *sums) int {
			for name := range of(s) {
				all[name] = true
			}
			return 0
		})
	}
	return slices.Sorted(maps.Keys(all))
}

// calls tells what came of the calls that act: there are more of them than things.
func (p *play) calls(out io.Writer) {
	for _, product := range p.products {
		for i, o := range product.operations() {
			name := product.name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(out, "%-21s%-19s%6d calls, %6d %s\n", name, o.name, o.calls, o.made, o.things)
		}
	}
}
