package main

import "slices"

// product is one of the simulated orchestrators, as the play sees it.
type product struct {
	name        string
	connections []string          // of configs/sandbox.yaml that lead to it
	variables   map[string]string // of configs/sandbox.yaml
	urls        []string
	kinds       []*kind
	bad         []badRequest

	// The ways to trouble it, each until what it gives is removed.
	revoke  func()         // the tokens given so far
	lose    func() []fault // answers of calls that act, carried out or not
	trouble func() []fault // what only this product has
	away    func() []fault

	operations func() []operation
	logIns     func() int
	lookUps    func() int
	sockets    func() int // connections opened
	violations func() []string
	close      func()
}

// fault is one that can be ended.
type fault interface{ Remove() }

func mend(faults []fault) {
	for _, f := range faults {
		f.Remove()
	}
}

// operation is what came of the calls that act.
type operation struct {
	name   string
	calls  int
	made   int
	things string
}

// kind is the requests of one route that must become one thing each.
type kind struct {
	subject string
	id      string          // with a place for a number
	share   int             // of the good requests; 0: those that the play sends one by one
	prepare func(id string) // before the request is sent for the first time; nil: nothing
	body    func(id string) string
	try     string // a request to send by hand
	// other is a request of other content under the same id, where the worker
	// remembers requests; nil: it does not.
	other func(id string) string
	// repeats tells that a request may come again at any time, and must not count.
	repeats bool
	things  string
	made    func() []string // the references of what there is

	want []string // the references that must have been made once each
}

// badRequest can never work. ID in its body is replaced.
type badRequest struct{ subject, reason, body string }

// taking gives a field of the things that fit.
func taking[T any](things []T, fits func(T) bool, field func(T) string) []string {
	var all []string
	for _, thing := range things {
		if fits(thing) {
			all = append(all, field(thing))
		}
	}
	return all
}

// cycleOf is the good requests in the order in which they are sent, over and over.
func cycleOf(products []*product) (cycle []*kind) {
	for round := range 2 {
		for _, p := range products {
			cycle = append(cycle, slices.DeleteFunc(slices.Clone(p.kinds), func(k *kind) bool { return k.share <= round })...)
		}
	}
	return cycle
}
