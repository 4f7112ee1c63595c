package orchestrator

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/queueferry/queueferry/internal/authpool"
	"github.com/queueferry/queueferry/internal/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands for what must never be seen outside: a body's text, a token, a
// URL's query.
const canary = "c4n4ry"

// fakeConnector answers as its functions say; nil: all is well.
type fakeConnector struct {
	submit func(context.Context, Try) Result
	probe  func(context.Context) Result

	mu     sync.Mutex
	calls  []time.Time // when each submit began
	probes []time.Time
	now    int // submits under way
	most   int // at once, since reset
}

func (f *fakeConnector) Claims(*job.Request) bool { return false }

func (f *fakeConnector) Check(*job.Request) (job.Outcome, bool) { return job.Outcome{}, true }

func (f *fakeConnector) Submit(ctx context.Context, t Try) Result {
	f.mu.Lock()
	f.calls = append(f.calls, time.Now())
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.now--
		f.mu.Unlock()
	}()
	if f.submit == nil {
		return well()
	}
	return f.submit(ctx, t)
}

func (f *fakeConnector) Probe(ctx context.Context, _ job.Action) Result {
	f.mu.Lock()
	f.probes = append(f.probes, time.Now())
	f.mu.Unlock()
	if f.probe == nil {
		return well()
	}
	return f.probe(ctx)
}

// seen tells how many calls and probes there were.
func (f *fakeConnector) seen() (calls, probes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls), len(f.probes)
}

// times tells when the calls and the probes began.
func (f *fakeConnector) times() (calls, probes []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls), slices.Clone(f.probes)
}

func (f *fakeConnector) underWay() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// fakeTokens has a token unless denied is set.
type fakeTokens struct {
	mu      sync.Mutex
	denied  *authpool.Error
	granted chan struct{} // closed when denied is lifted
	waits   int           // calls of Ready that had to wait
}

func (f *fakeTokens) Ready(ctx context.Context) error {
	f.mu.Lock()
	denied, granted := f.denied, f.granted
	if denied != nil {
		f.waits++
	}
	f.mu.Unlock()
	if denied == nil {
		return nil
	}
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeTokens) Lease(context.Context) (authpool.Lease, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied != nil {
		return authpool.Lease{}, f.denied
	}
	return authpool.Lease{}, nil
}

func (f *fakeTokens) deny(e *authpool.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied, f.granted = e, make(chan struct{})
}

func (f *fakeTokens) grant() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied = nil
	close(f.granted)
}

func well() Result {
	return Result{Health: Well, Outcome: job.Outcome{Verdict: job.Delivered, Status: 201, Called: true}}
}

func ill() Result {
	return Result{Health: Ill, Outcome: job.Outcome{Verdict: job.Unknown, Reason: job.ServiceUnavailable, Detail: "status 500", Called: true}}
}

func throttled(after time.Duration) Result {
	return Result{Health: Throttled, RetryAfter: after, Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.Throttled, Detail: "status 429"}}
}

func refused() Result {
	return Result{Health: Refused, Outcome: job.Outcome{Verdict: job.Unavailable, Reason: job.TokenRefused, Detail: "status 401"}}
}
