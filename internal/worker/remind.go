package worker

import (
	"context"
	"time"
)

// reminder is how often a trouble with NATS that goes on is spoken of, as of a
// shut gate and a held route; remindEach is how often it is seen to.
const (
	reminder   = 5 * time.Minute
	remindEach = 15 * time.Second
)

// remind says again what keeps the worker from NATS or JetStream, until ctx ends.
// Gates and routes that are held have lines of their own.
func (w *worker) remind(ctx context.Context) error {
	tick := time.NewTicker(remindEach)
	defer tick.Stop()
	told := reminders{}
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		now := time.Now()
		for _, f := range told.due(w.faults(), now) {
			w.warn(f.sentence(now) + ". " + f.Remedy)
		}
	}
}

// reminders are when each fault was last spoken of.
type reminders map[ongoing]time.Time

// ongoing is a fault from its beginning to its end.
type ongoing struct {
	what  string
	since time.Time
}

// due picks what is to be said again now, and forgets what is over. Each fault
// was said when it began.
func (r reminders) due(faults []fault, now time.Time) (due []fault) {
	still := map[ongoing]bool{}
	for _, f := range faults {
		if f.weight > oneConsumer || f.Since.IsZero() {
			continue
		}
		key := ongoing{f.What, f.Since}
		still[key] = true
		last, told := r[key]
		if !told {
			last = f.Since
		}
		if now.Sub(last) >= reminder {
			r[key] = now
			due = append(due, f)
		}
	}
	for key := range r {
		if !still[key] {
			delete(r, key)
		}
	}
	return due
}
