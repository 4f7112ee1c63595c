package worker

import (
	"cmp"
	"slices"
	"time"

	"github.com/queueferry/queueferry/internal/admin"
	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/consumer"
	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/orchestrator"
	"github.com/queueferry/queueferry/internal/remedy"
)

// fault is a problem as /readyz shows it, how bad it is, and how a sentence
// about it begins.
type fault struct {
	admin.Problem
	weight weight
	says   string // "route invoices is held"
}

// weight is how much stands still because of a fault. The lowest is the worst.
type weight int

const (
	wholeWorker weight = iota
	jetStream
	oneConsumer
	oneGate
	oneRoute
	oneCredential
)

// faults are all that someone should know, the worst first, each cause once.
func (w *worker) faults() (all []fault) {
	if w.isStopping() {
		all = append(all, newFault(wholeWorker, "worker", "the worker stops", job.Stopping))
	}
	all = append(all, w.natsFaults()...)
	all = append(all, w.troubles.faults()...)
	for _, c := range w.connections {
		all = append(all, gateFaults(w.glance(c))...)
	}
	for _, r := range w.running() {
		all = append(all, holdFaults(r.name, r.consumer.State())...)
	}
	slices.SortStableFunc(all, worse)
	return all
}

// worse has first what stops more, then what more messages wait for, then what
// has lasted longer.
func worse(a, b fault) int {
	return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(b.waiting(), a.waiting()), a.Since.Compare(b.Since))
}

func (f fault) waiting() int {
	if f.Waiting == nil {
		return 0
	}
	return *f.Waiting
}

// newFault is a fault of the worker or of NATS, with what to do about it.
func newFault(by weight, what, says string, reason job.Reason) fault {
	return fault{weight: by, says: says, Problem: admin.Problem{What: what, Reason: string(reason), Remedy: remedy.OfNATS(reason)}}
}

func (w *worker) natsFaults() (all []fault) {
	routes, link := w.running(), w.linkNow()
	if !w.connected() {
		f := newFault(wholeWorker, "nats", "no connection to NATS", remedy.Disconnected).of(link)
		if len(routes) > 0 {
			f.Waiting = new(lastKnown(routes))
		}
		return append(all, f)
	}
	if len(routes) == 0 {
		return append(all, newFault(wholeWorker, "nats", "the stream and the consumers are not there yet", remedy.Starting).of(link))
	}
	all = append(all, deniedFaults(w.denied())...)
	for _, r := range routes {
		if s := r.consumer.State(); s.Missing != nil {
			all = append(all, consumerFault(r.name, s))
		}
	}
	return all
}

// of is the fault with what the link knows of it: the remedy of what was met last
// is better than one for all that there may be.
func (f fault) of(l link) fault {
	text, cure := l.news()
	f.Since, f.Detail, f.Remedy = l.since, keepsTrying(text), cmp.Or(cure, f.Remedy)
	return f
}

// deniedFor is how long a refusal of the server is shown: longer than the longest
// wait until the same is tried again. A new connection ends it at once.
const deniedFor = 10 * time.Minute

// deniedFaults is what the NATS user may not do, though there is a connection.
func deniedFaults(what string, at time.Time) (all []fault) {
	if what == "" || time.Since(at) > deniedFor {
		return nil
	}
	f := newFault(jetStream, "nats", "the NATS user lacks a permission", remedy.PermissionDenied)
	f.Since, f.Detail = at, "the server refuses to let it "+what
	return append(all, f)
}

func consumerFault(route string, s consumer.State) fault {
	f := newFault(oneConsumer, "route "+route, "route "+route+" has no consumer", remedy.ConsumerLost)
	f.Since, f.Detail, f.Waiting = s.Missing.Since, keepsTrying(s.Missing.Detail), new(s.Pending)
	return f
}

func keepsTrying(lastError string) string {
	if lastError == "" {
		return "the worker keeps trying"
	}
	return "the worker keeps trying; the last error: " + lastError
}

// lastKnown is how many messages were in hand or waited when the server was last asked.
func lastKnown(routes []*route) (n int) {
	for _, r := range routes {
		s := r.consumer.State()
		n += s.InHand + s.Pending
	}
	return n
}

// glance is a connection at one moment.
type glance struct {
	name    string
	gate    orchestrator.GateState
	circuit string
	reopens time.Time // of an open circuit
	tokens  authpool.State
	pending int // messages in the stream for it; negative: not known
}

func (w *worker) glance(c *connection) glance {
	g := glance{name: c.name, gate: c.target.Gate(), tokens: c.pool.State(), pending: w.pendingOf(c.name)}
	g.circuit, g.reopens = c.target.Circuit()
	return g
}

// gateFaults are the shut gate and the credentials that do not work. A credential
// that the gate is shut for is not told of a second time.
func gateFaults(g glance) (all []fault) {
	if !g.gate.Open {
		all = append(all, fault{weight: oneGate, says: "the gate of " + g.name + " is shut", Problem: admin.Problem{
			What: "gate " + g.name, Since: g.gate.Since, Reason: string(g.gate.Reason), Detail: g.gate.Detail,
			Remedy: g.remedy(), NextTry: g.nextTry(), Waiting: new(g.gate.Held + max(g.pending, 0)),
		}})
	}
	for _, c := range g.tokens.Credentials {
		if c.Reason == "" || !g.gate.Open && c.Reason == g.gate.Reason {
			continue
		}
		what := "credential " + g.name + "/" + c.Name
		all = append(all, fault{weight: oneCredential, says: what + " does not work", Problem: admin.Problem{
			What: what, Since: c.Since, Reason: string(c.Reason), Detail: c.Detail, Remedy: remedy.OfLogIn(c.Reason, c.Code), NextTry: c.NextTry,
		}})
	}
	return all
}

// remedy is what to do about the shut gate: by the credential that it waits for,
// where it waits for one.
func (g glance) remedy() string {
	if g.tokens.Reason == g.gate.Reason {
		return remedy.OfLogIn(g.tokens.Reason, g.tokens.Code)
	}
	return remedy.OfHold(g.gate.Reason)
}

// nextTry is when the shut gate is tried next: once it may be, and its circuit
// too, and, where it waits for a token, once a credential is. Zero: at any moment.
func (g glance) nextTry() time.Time {
	next := g.gate.Until
	if g.reopens.After(next) {
		next = g.reopens
	}
	if g.tokens.Reason == g.gate.Reason && g.tokens.NextTry.After(next) {
		next = g.tokens.NextTry
	}
	return next
}

func holdFaults(route string, s consumer.State) (all []fault) {
	if !s.Hold.Held {
		return nil
	}
	return append(all, fault{weight: oneRoute, says: "route " + route + " is held", Problem: admin.Problem{
		What: "route " + route, Since: s.Hold.Since, Reason: string(s.Hold.Reason), Detail: s.Hold.Detail,
		Remedy: remedy.OfHold(s.Hold.Reason), NextTry: s.Hold.Until, Waiting: new(s.Held + s.Pending),
	}})
}

// readiness lists the faults, ready or not.
func (w *worker) readiness() admin.Readiness {
	r := admin.Readiness{Ready: w.ready()}
	for _, f := range w.faults() {
		r.Problems = append(r.Problems, f.Problem)
	}
	return r
}
