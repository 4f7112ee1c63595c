package deadletter

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/queueferry/queueferry/internal/ledger"
)

const (
	// lease is how long the lock of a replay outlasts its last renewal.
	lease = 30 * time.Second
	// lateness is by how much a batch must be younger than the duplicate window for
	// the server to know it surely: so long may a publish be on its way.
	lateness = time.Minute
)

var (
	// ErrUnderWay means that another replay has the lock. Nothing was changed.
	ErrUnderWay   = errors.New("another replay is under way")
	errTakenOver  = errors.New("deadletter: this replay stood still for so long that another one took over: nothing is lost; see whether that one is done, and run it again")
	errStoodStill = errors.New("deadletter: this replay stood still for too long, and stopped before it published more: run it again")
)

// journal is the lock that a run holds, and what it noted.
type journal struct {
	ledger   *ledger.Ledger
	lease    time.Duration
	now      ledger.Replay
	revision uint64
	renewed  time.Time // by the wall clock, which goes on while the machine sleeps
}

// acquire takes the lock, with the doubts of those who had it before.
func acquire(ctx context.Context, l *ledger.Ledger, owner string) (*journal, error) {
	found, err := l.LoadReplay(ctx)
	if err != nil {
		return nil, fmt.Errorf("deadletter: %w", err)
	}
	now := wall()
	if old := found.Replay; now.Before(old.Until) {
		return nil, fmt.Errorf("deadletter: %w: by %s, since %s: wait for its end; if it was killed, try again in %v",
			ErrUnderWay, old.Owner, old.Since.UTC().Format(time.RFC3339), old.Until.Sub(now).Round(time.Second)+time.Second)
	}
	j := &journal{ledger: l, lease: lease, revision: found.Revision, now: ledger.Replay{
		Owner: owner, Nonce: rand.Text(), Since: now, Batches: found.Replay.Batches,
	}}
	err = j.write(ctx)
	if errors.Is(err, errTakenOver) {
		return nil, fmt.Errorf("deadletter: %w: it began in this very moment: wait for its end", ErrUnderWay)
	}
	return j, err
}

func wall() time.Time { return time.Now().Round(0) }

// write notes the journal as it is now, and so renews the lock.
func (j *journal) write(ctx context.Context) error {
	now := wall()
	j.now.Until = now.Add(j.lease)
	if err := j.store(ctx); err != nil {
		return err
	}
	j.renewed = now
	return nil
}

func (j *journal) store(ctx context.Context) error {
	revision, err := j.ledger.StoreReplay(ctx, j.revision, j.now)
	if errors.Is(err, ledger.ErrUncertain) {
		revision, err = j.find(ctx, err)
	}
	if errors.Is(err, ledger.ErrConflict) {
		return errTakenOver
	}
	if err != nil {
		return fmt.Errorf("deadletter: %w", err)
	}
	j.revision = revision
	return nil
}

// find makes sure of a write whose answer is missing: it stands there, or is
// made once more.
func (j *journal) find(ctx context.Context, uncertain error) (uint64, error) {
	found, err := j.ledger.LoadReplay(ctx)
	switch {
	case err != nil:
		return 0, uncertain
	case found.Revision == j.revision:
		return j.ledger.StoreReplay(ctx, j.revision, j.now)
	case found.Replay.Nonce == j.now.Nonce && found.Replay.Until.Equal(j.now.Until):
		return found.Revision, nil
	}
	return 0, ledger.ErrConflict
}

// keep renews the lock when a third of its time has passed.
func (j *journal) keep(ctx context.Context) error {
	if wall().Sub(j.renewed) < j.lease/3 {
		return nil
	}
	return j.write(ctx)
}

// fresh reports whether the lock was renewed so lately that nobody has taken it
// over: a process may stand still at any moment.
func (j *journal) fresh() bool {
	age := wall().Sub(j.renewed)
	return age >= 0 && age < j.lease/2
}

// release gives the lock back. What is in doubt stays noted.
func (j *journal) release(ctx context.Context) error {
	j.now.Until = time.Time{}
	if len(j.now.Batches) > 0 {
		return j.store(ctx)
	}
	if err := j.ledger.Delete(ctx, ledger.ReplayKey(), j.revision); err != nil && !errors.Is(err, ledger.ErrConflict) {
		return fmt.Errorf("deadletter: %w", err)
	}
	return nil
}
