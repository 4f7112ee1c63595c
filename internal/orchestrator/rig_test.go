package orchestrator

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// rig is a connection with fakes around it, for use inside a bubble.
type rig struct {
	*Connection
	fake   *fakeConnector
	tokens *fakeTokens

	mu     sync.Mutex
	events []GateState
}

// newRig makes a connection of 32 calls at once whose circuit opens after 5
// failures for 30 s, give or take a fifth.
func newRig(set func(*Settings)) *rig {
	r := &rig{fake: &fakeConnector{}, tokens: &fakeTokens{}}
	s := Settings{
		Name: "acme", Connector: r.fake, Tokens: r.tokens, MaxConcurrent: 32,
		Breaker: retry.Breaker{Failures: 5, Open: 30 * time.Second}, ProbeAs: job.AddQueueItem,
		GateChanged: func(s GateState) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.events = append(r.events, s)
		},
	}
	if set != nil {
		set(&s)
	}
	r.Connection = NewConnection(s)
	return r
}

// run runs the connection until the test ends.
func (r *rig) run(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
}

// try makes one try that nothing ends.
func (r *rig) try() Result {
	result, err := r.Do(context.Background(), context.Background(), Try{Request: &job.Request{}})
	if err != nil {
		panic(err)
	}
	return result
}

// insist makes n tries at once, and each again until it is delivered.
func (r *rig) insist(n int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for r.try().Verdict != job.Delivered {
				time.Sleep(time.Second)
			}
		})
	}
	return &wg
}

// told are the events so far, as "reason" or "open".
func (r *rig) told() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, s := range r.events {
		if s.Open {
			all = append(all, "open")
		} else {
			all = append(all, string(s.Reason))
		}
	}
	return all
}

// pace is a copy of the gate's.
func (r *rig) pace() pace {
	r.gate.mu.Lock()
	defer r.gate.mu.Unlock()
	return r.gate.pace
}

// line is how many tries stand in the line, be the gate shut or not.
func (r *rig) line() int {
	r.gate.mu.Lock()
	defer r.gate.mu.Unlock()
	return len(r.gate.waiting)
}

// trip opens the circuit.
func (r *rig) trip(t *testing.T) {
	t.Helper()
	submit := r.fake.submit
	r.fake.submit = func(context.Context, Try) Result { return ill() }
	for range 5 {
		r.try()
	}
	r.fake.submit = submit
	if r.Gate().Open {
		t.Fatal("five failures did not shut the gate")
	}
}

// outage is an API that is down until it is up.
type outage struct{ up time.Time }

func (o *outage) answer(Result) Result {
	if time.Now().Before(o.up) {
		return ill()
	}
	return well()
}

// near reports whether d is want, give or take a fifth and the time of a call.
func near(d, want time.Duration) bool {
	return d >= want*4/5 && d <= want*6/5+time.Second
}

func bubble(t *testing.T, f func(*testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}
