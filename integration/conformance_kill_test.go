package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/queueferry/queueferry/internal/job"
)

// death is a step of a request's life at which the worker is killed, and what the
// next one makes of the request.
type death struct {
	at          moment
	after, late bool
	deed        // of which only the endings count
}

var (
	carriedOut = ending{made: 1}
	nobodyCan  = ending{dead: job.UnknownOutcome}
	thoughMade = ending{dead: job.UnknownOutcome, made: 1}
)

// deaths are the steps between the claim and the ack. What Enterprise 11 has or has
// not started is told by nothing, and a plan at rest never proves that nothing was
// done to it: those are set aside, and nothing else.
var deaths = map[string]death{
	"claimed, nothing sent": {
		at: claimed, after: true, deed: endsAs(carriedOut, map[string]ending{"e11 bots": nobodyCan, "veeam restore": nobodyCan}),
	},
	"about to look, nothing sent": {
		at: looked, after: true,
		deed: endsAs(cannot("only before an action that moves something it is noted that nothing was done yet"), map[string]ending{"veeam restore": carriedOut}),
	},
	"state noted, nothing sent": {
		at: noted, after: true,
		deed: endsAs(cannot("nothing is noted before the call"), map[string]ending{"veeam check": carriedOut, "veeam restore": nobodyCan}),
	},
	"sent, not carried out": {
		at: sending, deed: endsAs(carriedOut, map[string]ending{"e11 bots": nobodyCan, "veeam restore": nobodyCan}),
	},
	"sent, carried out later":        {at: sending, late: true, deed: endsAs(carriedOut, map[string]ending{"e11 bots": thoughMade})},
	"carried out, not answered":      {at: answering, deed: endsAs(carriedOut, map[string]ending{"e11 bots": thoughMade})},
	"carried out, about to be noted": {at: finishing, deed: endsAs(carriedOut, map[string]ending{"e11 bots": thoughMade})},
	"carried out, and noted":         {at: finished, after: true, deed: endsAs(carriedOut, nil)},
	"about to ack":                   {at: acking, deed: endsAs(carriedOut, nil)},
}

func endsAs(e ending, but map[string]ending) deed { return deed{ending: e, but: but} }

// A worker that is killed at any step loses nothing and repeats nothing, with
// whatever product.
func TestConformanceOfKilledWorkers(t *testing.T) {
	t.Parallel()
	others := slices.DeleteFunc(slices.Clone(houses), func(h variant) bool {
		return strings.HasPrefix(h.name, "uipath") // TestAKilledWorkerLosesAndRepeatsNothing has them all
	})
	for where, d := range deaths {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			d.named(t)
			withEach(t, others, d.deed, func(t *testing.T, h variant, want ending) { d.play(t, h.open, want) })
		})
	}
}

// mortal is a worker that soon takes a request over.
var mortal = changes{connection: yaml{"timeout": "1s"}, route: yaml{"ack_wait": "1s"}}

func (d death) play(t *testing.T, start func(*testing.T) *house, want ending) {
	h, r := start(t), newBareRig(t)
	first := d.upTo(&scene{house: h, running: &running{rig: r}})
	if first.wait() != -1 {
		t.Fatalf("the worker was not killed:\n%s", first.log)
	}
	s := &scene{house: h, running: r.startWith(r.parse(h.file(r.nats.URL(), mortal)))}
	s.ask("inv-0")
	s.settles()
	s.end()
	reasons, details := s.reasons()
	if made := h.times(victim); made != want.made || reasons[victim] != string(want.dead) {
		t.Errorf("the victim was made %d times, and is set aside as %q (%s)", made, reasons[victim], details[victim])
	}
	s.asked = append(s.asked, victim)
	s.nothingElse([]string{"before-0", "inv-0"})
	if t.Failed() {
		t.Logf("the first worker:\n%s\nthe second:\n%s", first.log, s.log)
	}
}

// upTo runs a worker until it is killed at the given step. Before the victim it
// has an ordinary message.
func (d death) upTo(s *scene) *pod {
	s.t.Helper()
	var p *pod
	a := &ambush{at: d.at, after: d.after, late: d.late, api: s.house.connection["url"].(string), mine: s.house.mine}
	a.lie(s.rig, func() { _ = p.cmd.Process.Kill() })
	c := mortal
	c.connection = yaml{"timeout": "1s", "url": a.booth.url()}
	file := filepath.Join(s.t.TempDir(), "queueferry.yaml")
	if err := os.WriteFile(file, []byte(s.house.file(a.trap.url(), c)), 0o600); err != nil {
		s.t.Fatal(err)
	}
	p = s.spawn(file)
	s.streamIsThere(p)
	s.ask("before-0")
	s.settledBy(p)
	s.ask(victim)
	p.await("the worker comes to where it is "+string(d.at), a.struck)
	return p
}
