package orchestrator

// pace is how many calls are made at once: from one after an opening, doubled
// with each round of good answers up to the ceiling, and from there by one a
// round. A 429 halves the ceiling. Its owner's lock guards it.
type pace struct {
	most    int // by configuration
	limit   int // now
	ceiling int // up to which every good answer adds one
	credit  int // good answers beyond the ceiling
	// throttles counts the answers, one after the other, that asked for fewer
	// calls and named no time.
	throttles int
}

func newPace(most int) pace {
	most = max(most, 1)
	return pace{most: most, limit: most, ceiling: most}
}

func (p *pace) restart() { p.limit, p.credit = 1, 0 }

// halve lowers the ceiling to half of the calls that were under way.
func (p *pace) halve(underWay int) {
	p.ceiling = max(1, min(p.ceiling, underWay)/2)
	p.limit = min(p.limit, p.ceiling)
}

func (p *pace) grow() {
	switch {
	case p.limit >= p.most:
	case p.limit < p.ceiling:
		p.limit++
	default:
		if p.credit++; p.credit >= p.limit {
			p.limit, p.credit = p.limit+1, 0
			p.ceiling = p.limit
		}
	}
}
