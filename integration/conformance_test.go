package integration

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

// deed is one row of the tables: what happens to a request, and what must become
// of it with each of the products.
type deed struct {
	changes
	// cold: the worker has delivered nothing before.
	cold bool
	// does asks for something and has it fail.
	does func(s *scene)
	ending
	// but are the endings of products that differ, by their names or the beginnings
	// of them; the longest counts.
	but map[string]ending
}

// ending is what becomes of every request that a deed asks for.
type ending struct {
	// cannot says why the product cannot have the case; nothing else counts then.
	cannot string
	// verdict of the last delivery; empty: any. Before it there was one of the
	// verdict passes.
	verdict, passes string
	// made is how often it was carried out.
	made int
	// dead is the reason of its dead letter, and detail a part of that; empty: acked.
	dead   job.Reason
	detail func(*house) string
	// held: the message waits, and there is nothing else to see.
	held bool
	// doubtful: a request may as well be set aside as one of which nobody can tell.
	doubtful bool
}

var (
	delivered = ending{verdict: "delivered", made: 1}
	duplicate = ending{verdict: "duplicate", made: 1}
)

func cannot(why string) ending { return ending{cannot: why} }

func rejected(reason job.Reason, detail func(*house) string) ending {
	return ending{verdict: "rejected", dead: reason, detail: detail}
}

// parked is the end of what nobody can tell, made as often as that.
func parked(made int) ending {
	return ending{verdict: "unknown", dead: job.UnknownOutcome, made: made}
}

// Every product comes to the right end in every case, or has a reason why it
// cannot be in it. Nothing is lost, and nothing is made twice.
func TestConformance(t *testing.T) {
	t.Parallel()
	for group, deeds := range map[string]map[string]deed{
		"verdict": verdicts, "answer": answers, "look-up": lookUps, "outage": outages, "many": many,
	} {
		for name, d := range deeds {
			t.Run(group+"/"+name, func(t *testing.T) {
				t.Parallel()
				d.named(t)
				withEach(t, houses, d, func(t *testing.T, h variant, want ending) { d.play(t, h.open, want) })
			})
		}
	}
}

// inPairs is how many products are tried at once in the one place that their test
// has among the parallel ones: they wait far more than they work.
const inPairs = 2

// withEach tries products, each in a test of its own.
func withEach(t *testing.T, products []variant, d deed, try func(*testing.T, variant, ending)) {
	t.Helper()
	next := make(chan variant)
	var tries sync.WaitGroup
	for range inPairs {
		tries.Go(func() {
			for h := range next {
				t.Run(h.name, func(t *testing.T) {
					want := d.of(h.name)
					if want.cannot != "" {
						t.Log(h.name + ": " + want.cannot)
						return
					}
					try(t, h, want)
				})
			}
		})
	}
	for _, h := range products {
		next <- h
	}
	close(next)
	tries.Wait()
}

// of is the ending with a product.
func (d deed) of(product string) ending {
	want, longest := d.ending, -1
	for name, e := range d.but {
		if strings.HasPrefix(product, name) && len(name) > longest {
			want, longest = e, len(name)
		}
	}
	return want
}

// named checks that the exceptions name products.
func (d deed) named(t *testing.T) {
	t.Helper()
	for name := range d.but {
		if !slices.ContainsFunc(houses, func(h variant) bool { return strings.HasPrefix(h.name, name) }) {
			t.Fatalf("there is no product %q", name)
		}
	}
}

func (d deed) play(t *testing.T, start func(*testing.T) *house, want ending) {
	t.Helper()
	s := open(t, start, d.changes)
	if !d.cold {
		s.deliver("before-0", "before-1")
	}
	before := s.house.made()
	d.does(s)
	if want.held {
		s.waits(len(before))
		return
	}
	s.settles()
	if !want.doubtful {
		s.madeAtLeast(len(before) + want.made*len(s.asked))
	}
	s.end()
	for _, id := range s.asked {
		s.came(id, want)
	}
	s.nothingElse(before)
	if t.Failed() {
		t.Log(s.log)
	}
}

// waits checks that the message is where it was, and that nothing came of it.
func (s *scene) waits(made int) {
	s.t.Helper()
	if left := s.left(); left != len(s.asked) || len(s.house.made()) != made {
		s.t.Errorf("%d messages are left, %d things made\n%s", left, len(s.house.made()), s.log)
	}
	s.withoutDead()
}

// came checks that a request came to its end.
func (s *scene) came(id string, want ending) {
	s.t.Helper()
	reasons, details := s.reasons()
	made, all := s.house.times(id), s.ends(id)
	if want.doubtful && reasons[id] != "" {
		want = parked(min(made, 1))
	}
	if made != want.made || reasons[id] != string(want.dead) || want.verdict != "" && lastOf(all) != want.verdict {
		s.t.Errorf("%s was made %d times, is set aside as %q (%s), and came to %v", id, made, reasons[id], details[id], all)
	}
	if want.detail != nil && !strings.Contains(details[id], want.detail(s.house)) {
		s.t.Errorf("%s is set aside, for %s; want %s", id, details[id], want.detail(s.house))
	}
	if want.passes != "" && !slices.ContainsFunc(all, func(e string) bool { return strings.HasPrefix(e, want.passes) }) {
		s.t.Errorf("%s came to %v, and not to %s before", id, all, want.passes)
	}
}

// nothingElse checks that nothing was made that was not asked for, and that the
// simulator has nothing to complain about.
func (s *scene) nothingElse(before []string) {
	s.t.Helper()
	for _, id := range s.house.made() {
		if !slices.Contains(s.asked, id) && !slices.Contains(before, id) {
			s.t.Errorf("%q was made, and not asked for", id)
		}
	}
	for _, id := range before {
		if s.house.times(id) != 1 {
			s.t.Errorf("%s was made again", id)
		}
	}
	for _, complaint := range s.house.complaints() {
		s.t.Error(complaint)
	}
}
