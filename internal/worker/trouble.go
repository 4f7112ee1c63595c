package worker

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/queueferry/queueferry/internal/broker"
	"github.com/queueferry/queueferry/internal/deadletter"
	"github.com/queueferry/queueferry/internal/ledger"
	"github.com/queueferry/queueferry/internal/remedy"
)

// troubles are the parts of JetStream that do not work as they should, although
// there is a connection. Each is said once when it begins and once when it ends.
// It is safe for concurrent use.
type troubles struct {
	log *zap.Logger

	mu  sync.Mutex
	now map[string]trouble
}

type trouble struct {
	since time.Time
	text  string
	cure  string // if it is known
}

// note takes the result of one operation of a part.
func (t *troubles) note(part string, err error) {
	if err != nil && noTrouble(err) {
		return
	}
	text, cure := "", ""
	if err != nil {
		text, cure = explained(err)
	}
	t.mu.Lock()
	had, ongoing := t.now[part]
	switch {
	case err == nil:
		delete(t.now, part)
	case ongoing:
		t.now[part] = trouble{had.since, text, cure}
	default:
		if t.now == nil {
			t.now = map[string]trouble{}
		}
		t.now[part] = trouble{time.Now(), text, cure}
	}
	t.mu.Unlock()
	switch {
	case err != nil && !ongoing:
		t.log.Warn("jetstream.trouble", zap.String("part", part), zap.String("error", text))
	case err == nil && ongoing:
		t.log.Warn("jetstream.recovered", zap.String("part", part), zap.Float64("down_ms", float64(time.Since(had.since).Milliseconds())))
	}
}

// noTrouble tells what has other causes: the connection, a stop, or another
// worker that was quicker.
func noTrouble(err error) bool {
	for _, other := range []error{ledger.ErrDisconnected, deadletter.ErrDisconnected, broker.ErrDisconnected, ledger.ErrConflict, context.Canceled} {
		if errors.Is(err, other) {
			return true
		}
	}
	return false
}

// each calls f for every trouble that goes on, in the order of their parts.
func (t *troubles) each(f func(part string, what trouble)) {
	t.mu.Lock()
	now := maps.Clone(t.now)
	t.mu.Unlock()
	for _, part := range slices.Sorted(maps.Keys(now)) {
		f(part, now[part])
	}
}

func (t *troubles) faults() (all []fault) {
	t.each(func(part string, what trouble) {
		f := newFault(jetStream, part, part+": trouble with JetStream", remedy.JetStreamTrouble)
		f.Since, f.Detail, f.Remedy = what.since, what.text, cmp.Or(what.cure, f.Remedy)
		all = append(all, f)
	})
	return all
}

// status is never null.
func (t *troubles) status() []troubleStatus {
	all := []troubleStatus{}
	t.each(func(part string, what trouble) {
		all = append(all, troubleStatus{Part: part, Since: when(what.since), Error: what.text})
	})
	return all
}
