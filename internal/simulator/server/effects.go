package server

import (
	"slices"
	"time"
)

// Effect is one thing that a call has made and that outlives it, such as a work
// item or a run of a bot.
type Effect struct {
	Operation Operation
	Reference string    // by which the caller knows it; empty: it has none
	ID        string    // that the product has given it
	Time      time.Time // when it came to be, on our own clock
}

// Effect notes what a call has made. A product calls it once for each thing,
// while it carries the call out.
func (s *Server) Effect(c *Call, reference, id string) {
	b := s.books
	b.mu.Lock()
	defer b.mu.Unlock()
	b.effects = append(b.effects, Effect{Operation: c.Operation, Reference: reference, ID: id, Time: time.Now()})
	if b.counts.Effects == nil {
		b.counts.Effects = map[Operation]int{}
	}
	b.counts.Effects[c.Operation]++
	c.Effects++
}

// Effects are the things made by some operations, oldest first, late ones
// included. Without operations they are those of all.
func (s *Server) Effects(operations ...Operation) []Effect {
	s.books.mu.Lock()
	defer s.books.mu.Unlock()
	if len(operations) == 0 {
		return slices.Clone(s.books.effects)
	}
	var made []Effect
	for _, e := range s.books.effects {
		if slices.Contains(operations, e.Operation) {
			made = append(made, e)
		}
	}
	return made
}

// Reckoning is what was made, held against what should have been made once each.
// All of it empty: nothing was lost and nothing made twice.
type Reckoning struct {
	// Lost are the references of which nothing was made, in the order asked.
	Lost []string
	// Repeated are the references that were made more than once, and how often.
	Repeated map[string]int
	// Strange are the references that were made and not asked for, sorted.
	Strange []string
}

// Reckon compares the effects of some operations (none: of all) with what should
// have been made exactly once. References are compared letter by letter.
func (s *Server) Reckon(wanted []string, operations ...Operation) Reckoning {
	made := map[string]int{}
	for _, e := range s.Effects(operations...) {
		made[e.Reference]++
	}
	var r Reckoning
	for _, reference := range wanted {
		switch n := made[reference]; {
		case n == 0:
			r.Lost = append(r.Lost, reference)
		case n > 1:
			if r.Repeated == nil {
				r.Repeated = map[string]int{}
			}
			r.Repeated[reference] = n
		}
	}
	for _, reference := range wanted {
		delete(made, reference)
	}
	for reference := range made {
		r.Strange = append(r.Strange, reference)
	}
	slices.Sort(r.Strange)
	return r
}
