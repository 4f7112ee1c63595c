package deadletter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/queueferry/queueferry/internal/ledger"
)

// A replay that is told to stop finishes its batch and gives the lock back.
func TestReplayStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 20, time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	r := d.replay()
	r.batch = 5
	r.Told = func(Replayed) { cancel() }
	got, err := r.Run(ctx, Filter{})
	if !errors.Is(err, context.Canceled) || got.Replayed != 5 || d.letters() != 15 {
		t.Errorf("%+v, %v, %d letters", got, err, d.letters())
	}
	r.Told = nil
	if got := d.run(r, Filter{}); got.Replayed != 15 {
		t.Errorf("then %+v", got)
	}
	if n := len(d.published()); n != 20 {
		t.Errorf("%d requests", n)
	}
}

// A replay whose lock was taken over publishes nothing more.
func TestReplayThatWasTakenOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 20, time.Minute)
	r := d.replay()
	r.batch = 5
	r.Told = func(Replayed) {
		e, err := d.ledger.LoadReplay(context.Background())
		if err != nil {
			t.Error(err)
		}
		e.Replay.Nonce = "another"
		if _, err := d.ledger.StoreReplay(context.Background(), e.Revision, e.Replay); err != nil {
			t.Error(err)
		}
	}
	got, err := r.Run(t.Context(), Filter{})
	if !errors.Is(err, errTakenOver) || got.Replayed != 5 || d.letters() != 15 {
		t.Errorf("%+v, %v, %d letters", got, err, d.letters())
	}
	if err.Error() != errTakenOver.Error() {
		t.Errorf("it is told more than once: %v", err)
	}
	if n := len(d.published()); n != 5 {
		t.Errorf("%d requests", n)
	}
}

// A process that stood still does not publish what it had noted.
func TestReplayThatStoodStill(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 3, time.Minute)
	u, end, err := d.replay().start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	u.journal.renewed = u.journal.renewed.Add(-lease/2 - time.Second)
	p := &pick{Stored: listed(t, d.store, Filter{}, true)[0], to: Destination{Subject: "jobs.new"}}
	u.publish(t.Context(), p)
	if !errors.Is(p.left, errStoodStill) || len(d.published()) != 0 {
		t.Errorf("%v, %d requests", p.left, len(d.published()))
	}
}

// With a rate no more than the letters of a second go at once.
func TestReplayRate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 9, time.Minute)
	r := d.replay()
	r.Rate = 4
	began := time.Now()
	if got := d.run(r, Filter{}); got.Replayed != 9 {
		t.Errorf("%+v", got)
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("9 letters at 4 per second took %v", took)
	}
}

// doubt notes letters as a run does that was killed before it published them, or
// after.
func (d *desk) doubt(published bool, letters ...int) {
	d.t.Helper()
	info, err := d.requests.Info(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	b := ledger.ReplayBatch{First: info.TimeStamp, Begun: info.TimeStamp, Last: info.State.LastSeq, Lineage: lineage(info, d.js.Conn())}
	for _, i := range letters {
		l := aLetter(i)
		b.Hashes = append(b.Hashes, l.Hash())
		if !published {
			continue
		}
		if _, err := d.js.Publish(d.t.Context(), l.Subject, l.Data, jetstream.WithMsgID(MessageID(l.Hash()))); err != nil {
			d.t.Fatal(err)
		}
	}
	if _, err := d.ledger.StoreReplay(d.t.Context(), 0, ledger.Replay{Owner: "killed", Nonce: "n", Batches: []ledger.ReplayBatch{b}}); err != nil {
		d.t.Fatal(err)
	}
}

// What is in doubt stays so until somebody replays it, or it is found.
func TestDoubtsThatNobodyChooses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		published bool
		window    time.Duration
		doubts    int // after the first run
		unchosen  int // told by it
	}{
		"never published":                       {false, 2 * time.Minute, 0, 0},
		"published, and the window covers it":   {true, 2 * time.Minute, 1, 0},
		"published, and found after the window": {true, 100 * time.Millisecond, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, 4, tt.window)
			d.doubt(tt.published, 0, 2)
			if got := d.run(d.replay(), Filter{Routes: []string{"jobs"}}); got != (Result{Replayed: 2, Unchosen: tt.unchosen}) {
				t.Errorf("%+v", got)
			}
			e, err := d.ledger.LoadReplay(t.Context())
			if err != nil || len(e.Replay.Batches) != tt.doubts || !e.Replay.Until.IsZero() {
				t.Errorf("%+v, %v", e, err)
			}
			if got := d.run(d.replay(), Filter{}); got.Left != 0 || d.letters() != 0 {
				t.Errorf("%+v, %d letters", got, d.letters())
			}
			n := 0
			for _, all := range d.published() {
				n += len(all)
			}
			if n != 4 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A server that was frozen stores late what it was sent: it is found all the same.
func TestADoubtThatWasStoredLate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, 100*time.Millisecond)
	d.doubt(true, 0)
	e, err := d.ledger.LoadReplay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &e.Replay.Batches[0]
	b.First, b.Begun = b.First.Add(-time.Hour), b.Begun.Add(-time.Hour)
	if _, err := d.ledger.StoreReplay(t.Context(), e.Revision, e.Replay); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // the window
	d.run(d.replay(), Filter{})
	if info, err := d.requests.Info(t.Context()); err != nil || info.State.Msgs != 1 || d.letters() != 0 {
		t.Errorf("%+v, %v, %d letters", info.State, err, d.letters())
	}
}

// A batch that the window covered when it was looked for, and covers no more when
// it is to be published: the process slept in between.
func TestADoubtThatOutlivesTheWindow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, 2*time.Minute)
	u, end, err := d.replay().start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	now, err := u.look()
	if err != nil {
		t.Fatal(err)
	}
	old := ledger.ReplayBatch{First: now.at.Add(-time.Hour), Begun: now.at.Add(-time.Hour), Last: now.last, Lineage: now.lineage}
	p := &pick{Stored: listed(t, d.store, Filter{}, true)[0], to: Destination{Subject: "jobs.new"}, doubted: true, covered: true}
	if err := u.send([]*pick{p}, &old); !errors.Is(err, errStoodStill) || len(d.published()) != 0 || len(u.doubts) != 1 {
		t.Errorf("%v, %d requests, doubts %v", err, len(d.published()), u.doubts)
	}
}

// A letter that an earlier run may have published is looked for although the
// operator says that it did not run: that was before.
func TestResendOfADoubt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 2, 100*time.Millisecond)
	d.doubt(true, 0, 1)
	if err := d.requests.Purge(t.Context()); err != nil { // the worker took them
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	key := ledger.RequestKey("acme", "id-1")
	own := ledger.MessageKey("jobs", 2, anHour).String()
	if _, err := d.ledger.StoreClaim(t.Context(), key, 0, ledger.Claim{State: ledger.Claimed, Hash: "x", Message: own}, 0); err != nil {
		t.Fatal(err)
	}
	r := d.replay()
	r.Resend = true
	if got := d.run(r, Filter{}); got.Replayed != 2 {
		t.Errorf("%+v", got)
	}
	for i := range 2 {
		if d.past(i).Revision == 0 {
			t.Errorf("letter %d has no past", i)
		}
	}
	if e, err := d.ledger.LoadClaim(t.Context(), key); err != nil || e.Revision == 0 {
		t.Errorf("claim %+v, %v", e, err)
	}
}

// A server that was started again may have forgotten what it took: then the
// window proves nothing.
func TestDoubtsOverARestart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 1, 2*time.Minute)
	d.doubt(true, 0)
	if err := d.requests.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.server.Restart(t)
	for !d.js.Conn().IsConnected() {
		time.Sleep(time.Millisecond)
	}
	if got := d.run(d.replay(), Filter{}); got.Replayed != 1 {
		t.Errorf("%+v", got)
	}
	if d.past(0).Revision == 0 {
		t.Error("no past is noted")
	}
}

// An outage of NATS ends a replay with a word on what to do, and loses nothing.
func TestReplayAndAnOutage(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 20, 2*time.Minute)
	r := d.replay()
	r.batch = 5
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	n := 0
	r.Told = func(Replayed) {
		if n++; n == 5 {
			d.server.Shutdown()
		}
	}
	if got, err := r.Run(ctx, Filter{}); err == nil || got.Replayed != 5 || strings.Contains(err.Error(), "\n") {
		t.Errorf("%+v, %v", got, err)
	}
	d.server.Restart(t)
	for !d.js.Conn().IsConnected() {
		time.Sleep(time.Millisecond)
	}
	o := office{desk: d}
	o.expire()
	r.Told = nil
	if got := d.run(r, Filter{}); got.Left != 0 || d.letters() != 0 {
		t.Errorf("%+v, %d letters", got, d.letters())
	}
	for id, all := range d.published() {
		if len(all) != 1 || !strings.HasPrefix(id, "id-") {
			t.Errorf("%s: %d messages", id, len(all))
		}
	}
	if n := len(d.published()); n != 20 {
		t.Error(fmt.Sprint(n, " requests"))
	}
}
