package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/job"
	"github.com/queueferry/queueferry/internal/ledger"
)

// office takes what is replayed as a worker does: what was carried out before is
// found, if the ledger says that it must be looked for.
type office struct {
	*desk
	delivered map[string]int
}

func (o *office) take() {
	o.t.Helper()
	for id, all := range o.published() {
		for _, m := range all {
			o.carryOut(id, m)
		}
	}
}

func (o *office) carryOut(id string, m *jetstream.RawStreamMsg) {
	o.t.Helper()
	hash := ReplayedHash(m.Header.Get(jetstream.MsgIDHeader))
	key := ledger.PastKey(hash)
	e, err := o.ledger.Load(o.t.Context(), key)
	if err == nil {
		err = o.requests.DeleteMsg(o.t.Context(), m.Sequence)
	}
	if err == nil {
		err = o.ledger.Delete(o.t.Context(), key, e.Revision)
	}
	if err != nil {
		o.t.Fatal(err)
	}
	looks := e.Revision > 0
	if strings.HasSuffix(id, "?") && !looks && o.delivered[id] == 0 {
		o.t.Errorf("%s is in doubt, and nobody looks", id)
	}
	if o.delivered[id] == 0 || !looks {
		o.delivered[id]++
	}
}

// stack puts three letters on the shelf that no other round has; of the second
// nobody knows whether it was carried out.
func (o *office) stack(round int) (f Filter) {
	o.t.Helper()
	for i := range 3 {
		l := aLetter(10*round + i)
		l.Reason, l.RequestID = job.NotFound, fmt.Sprint(round, "-", i)
		if i == 1 {
			l.Reason, l.RequestID = job.UnknownOutcome, l.RequestID+"?"
		}
		f.IDs = append(f.IDs, l.RequestID)
		if err := o.pub.Publish(o.t.Context(), l); err != nil {
			o.t.Fatal(err)
		}
	}
	return f
}

// expire has the lock of a run that was killed end now.
func (o *office) expire() {
	o.t.Helper()
	e, err := o.ledger.LoadReplay(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	if e.Revision == 0 {
		return
	}
	e.Replay.Until = time.Time{}
	if _, err := o.ledger.StoreReplay(o.t.Context(), e.Revision, e.Replay); err != nil {
		o.t.Fatal(err)
	}
}

// killed runs a replay whose process ends at its n-th request. It reports
// whether it came as far.
func (o *office) killed(n int, answered bool, f Filter, change func(*Replay)) bool {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	defer cancel()
	c := newCutter(o.t, strings.TrimPrefix(o.server.URL(), "nats://"), n, answered, cancel)
	defer c.close()
	closed := make(chan struct{})
	nc, err := nats.Connect(c.url(), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() {
		nc.Close()
		<-closed
	}()
	js, err := jetstream.New(nc)
	if err != nil {
		o.t.Fatal(err)
	}
	store, err := Open(ctx, js, "JOBS_DEAD", "jobs-dead")
	if err == nil {
		var book *ledger.Ledger
		if book, err = ledger.Open(ctx, js, "LEDGER"); err == nil {
			r := &Replay{Store: store, Ledger: book, JetStream: js, Stream: "JOBS", Owner: "killed", Target: home, batch: 2}
			change(r)
			_, err = r.Run(ctx, f)
		}
	}
	if !c.happened() && err != nil {
		o.t.Fatalf("request %d: %v", n, err)
	}
	return c.happened()
}

// A replay that is killed at any moment, and run again, delivers each request
// exactly once.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		for _, window := range []time.Duration{2 * time.Minute, 100 * time.Millisecond} {
			for _, taken := range []bool{false, true} {
				t.Run(fmt.Sprintf("answered=%t,window=%v,taken=%t", answered, window, taken), func(t *testing.T) {
					t.Parallel()
					o := &office{newDesk(t, 0, window), map[string]int{}}
					n := 1
					for o.round(n, answered, window, taken, func(*Replay) {}) {
						n++
					}
					if n < 20 {
						t.Errorf("the replay made only %d requests", n)
					}
					o.check(n)
				})
			}
		}
	}
}

func (o *office) round(n int, answered bool, window time.Duration, taken bool, change func(*Replay)) (cut bool) {
	o.t.Helper()
	f := o.stack(n)
	cut = o.killed(n, answered, f, change)
	time.Sleep(10 * time.Millisecond) // what was on its way arrives
	if taken {
		o.take()
	}
	if window < time.Second {
		time.Sleep(2 * window)
	}
	o.expire()
	r := o.replay()
	r.batch = 2
	change(r)
	if got := o.run(r, f); got.Left != 0 {
		o.t.Errorf("round %d: %+v", n, got)
	}
	o.take()
	if left := o.letters(); left != 0 {
		o.t.Errorf("round %d: %d letters are left", n, left)
	}
	return cut
}

func (o *office) check(rounds int) {
	o.t.Helper()
	if len(o.delivered) != 3*rounds {
		o.t.Errorf("%d requests were delivered, want %d", len(o.delivered), 3*rounds)
	}
	for id, times := range o.delivered {
		if times != 1 {
			o.t.Errorf("%s was delivered %d times", id, times)
		}
	}
	if e, err := o.ledger.LoadReplay(o.t.Context()); err != nil || e.Revision != 0 {
		o.t.Errorf("the journal is there still: %+v, %v", e, err)
	}
}

// Of two that replay at once one is refused, or both do their part.
func TestTwoReplaysAtOnce(t *testing.T) {
	t.Parallel()
	o := &office{newDesk(t, 300, 2*time.Minute), map[string]int{}}
	var wg sync.WaitGroup
	results := make([]Result, 4)
	for i := range results {
		r := o.replay()
		r.batch = 7
		wg.Go(func() {
			for range 100 {
				got, err := r.Run(context.Background(), Filter{})
				results[i].Replayed += got.Replayed
				if err == nil {
					return
				}
				if !errors.Is(err, ErrUnderWay) {
					t.Error(err)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	for o.letters() > 0 {
		o.run(o.replay(), Filter{})
	}
	total := 0
	for _, r := range results {
		total += r.Replayed
	}
	if all := o.published(); len(all) != 300 || total != 300 {
		t.Errorf("%d requests, %d counted", len(all), total)
	}
	for id, all := range o.published() {
		if len(all) != 1 {
			t.Errorf("%s: %d messages", id, len(all))
		}
	}
}
