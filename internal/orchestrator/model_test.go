package orchestrator

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/retry"
)

// noDeadline hides the methods of testing.T that a bubble forbids.
type noDeadline struct{ testing.TB }

// plan is what one try will do.
type plan struct {
	result  Result
	takes   time.Duration
	begins  bool
	panics  bool
	patient bool // its waiting ends with the model only
}

// model drives a connection by chance and knows what it must never do.
type model struct {
	*rig
	tries   sync.WaitGroup
	ended   atomic.Int64
	begun   int64
	holds   []context.CancelFunc
	answers atomic.Int64 // when the last call ended, unix nanoseconds
	mood    atomic.Pointer[Result]
	wrong   atomic.Pointer[string]
	denied  bool
}

var results = []Result{well(), well(), well(), ill(), throttled(0), throttled(7 * time.Second), refused(), {},
	{Health: Ill, RetryAfter: 3 * time.Second, Outcome: job.Outcome{Reason: job.ServiceUnavailable}}}

func (m *model) draw(t *rapid.T) plan {
	return plan{
		result:  rapid.SampledFrom(results).Draw(t, "result"),
		takes:   time.Duration(rapid.Int64Range(1, int64(20*time.Second)).Draw(t, "takes")),
		begins:  rapid.IntRange(0, 9).Draw(t, "begins") > 0,
		panics:  rapid.IntRange(0, 9).Draw(t, "panics") == 0,
		patient: rapid.Bool().Draw(t, "patient"),
	}
}

type planKey struct{}

// submit looks whether the call may be made at all: nothing but what happened at
// this very instant is an excuse.
func (m *model) submit(ctx context.Context, _ Try) Result {
	g, now := m.Gate(), time.Now()
	calm := g.Since.Before(now) && m.answers.Load() < now.UnixNano()
	if calm && !g.Open {
		m.blame("a call through a shut gate")
	}
	if calm && g.Calls > g.Limit {
		m.blame("more calls at once than the limit")
	}
	if m.fake.underWay() > 8 {
		m.blame("more calls at once than configured")
	}
	p := ctx.Value(planKey{}).(plan)
	time.Sleep(p.takes)
	m.answers.Store(time.Now().UnixNano())
	if p.panics {
		panic("by plan")
	}
	return p.result
}

func (m *model) blame(text string) { m.wrong.CompareAndSwap(nil, &text) }

func (m *model) begin(p plan) {
	ctx := context.WithValue(context.Background(), planKey{}, p)
	hold, cancel := context.WithCancel(context.Background())
	if !p.patient {
		m.holds = append(m.holds, cancel)
	}
	m.begun++
	m.tries.Go(func() {
		defer cancel()
		defer m.ended.Add(1)
		defer func() {
			if r := recover(); r != nil && r != any("by plan") {
				panic(r)
			}
		}()
		held := 0
		_, err := m.Do(ctx, hold, Try{
			Request: &job.Request{},
			Held:    func() { held++ },
			Begin:   func(context.Context, *Try) bool { return p.begins },
		})
		if err != nil && !errors.Is(err, ErrNotBegun) && !errors.Is(err, context.Canceled) {
			m.blame(err.Error())
		}
		if held > 1 {
			m.blame("held twice")
		}
	})
}

func (m *model) check(t *rapid.T) {
	synctest.Wait()
	if wrong := m.wrong.Load(); wrong != nil {
		t.Fatal(*wrong)
	}
	g := m.Gate()
	if g.Calls < m.fake.underWay() || g.Limit < 1 || g.Limit > 8 || g.Open != (g.Reason == "") {
		t.Fatalf("gate %+v, %d calls", g, m.fake.underWay())
	}
	if waiting := m.begun - m.ended.Load() - int64(m.fake.underWay()); int64(m.line()) != waiting {
		t.Fatalf("%d in the line, %d wait", m.line(), waiting)
	}
	if g.Open && m.line() > 0 && g.Calls < g.Limit && m.gate.rate == nil {
		t.Fatalf("tries wait, and nothing keeps them: %+v", g)
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"try": func(t *rapid.T) { m.begin(m.draw(t)) },
		"crowd": func(t *rapid.T) {
			p := m.draw(t)
			for range 20 {
				m.begin(p)
			}
		},
		"cancel": func(t *rapid.T) {
			if len(m.holds) == 0 {
				return // nobody waits
			}
			m.holds[0]()
			m.holds = m.holds[1:]
		},
		"sleep": func(t *rapid.T) {
			time.Sleep(time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "sleep")))
		},
		"mood": func(t *rapid.T) { m.mood.Store(&results[rapid.IntRange(0, len(results)-1).Draw(t, "mood")]) },
		"alive": func(*rapid.T) {
			m.Alive(context.Background())
			m.answers.Store(time.Now().UnixNano())
		},
		"tokens": func(*rapid.T) {
			if m.denied = !m.denied; m.denied {
				m.tokens.deny(denied)
			} else {
				m.tokens.grant()
			}
		},
		"": m.check,
	}
}

// The gate never sticks, and never lets more through than it may.
func TestGateModel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		rapid.Check(noDeadline{t}, func(t *rapid.T) {
			rate := rapid.SampledFrom([]float64{0, 0, 3}).Draw(t, "rate")
			m := &model{rig: newRig(func(s *Settings) {
				s.MaxConcurrent, s.Rate = 8, rate
				s.Breaker = retry.Breaker{Failures: 3, Open: 10 * time.Second}
			})}
			m.mood.Store(&results[0])
			m.fake.submit = m.submit
			m.fake.probe = func(context.Context) Result { return *m.mood.Load() }
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() { m.Run(ctx); close(done) }()
			t.Repeat(m.actions())

			m.mood.Store(&results[0]) // all is well from now on
			if m.denied {
				m.tokens.grant()
			}
			m.begin(plan{result: well(), begins: true, takes: 1, patient: true})
			for m.ended.Load() < m.begun {
				before := m.ended.Load()
				time.Sleep(longestThrottle + 30*time.Second) // each try may still shut it
				m.check(t)
				if m.ended.Load() == before {
					t.Fatalf("%d tries stick: %+v", m.begun-before, m.Gate())
				}
			}
			if m.Gate().Calls != 0 {
				t.Fatalf("gate %+v", m.Gate())
			}
			m.tries.Wait()
			cancel()
			<-done
			for _, cancel := range m.holds {
				cancel()
			}
		})
	})
}
